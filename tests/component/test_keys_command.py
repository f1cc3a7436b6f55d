"""`maskline keys rotate-orders`: a new key signs for the phones, the old one stays known, the ledger says so."""

import json
import stat
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select
from typer.testing import CliRunner

from core.config import Settings
from core.ledger.models import EntryRow
from core.vault import Keyring, Vault
from devicepolicy.identity.signer import DocumentSigner
from maskline.background import supervising
from maskline.cli import app
from maskline.preflight import make_folders
from maskline.tables import load_metadata

COMMAND = ["keys", "rotate-orders"]


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An institution on a data folder of its own, before its first start."""
    monkeypatch.setenv("MASKLINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MASKLINE_CONFIG", str(tmp_path / "none.toml"))
    for name in ("MASKLINE_DATABASE_URL", "MASKLINE_KEYRING"):
        monkeypatch.delenv(name, raising=False)
    settings = Settings(data_dir=tmp_path / "data")
    make_folders(settings)
    Keyring.create(settings.keyring_path)
    engine = create_engine(f"sqlite:///{settings.data_dir / 'maskline.db'}")
    load_metadata().metadata.create_all(engine)
    engine.dispose()
    return settings


def signer(chosen: Settings) -> DocumentSigner:
    return DocumentSigner(Vault(Keyring.load(chosen.keyring_path)))


def entries(chosen: Settings) -> list[dict[str, object]]:
    engine = create_engine(f"sqlite:///{chosen.data_dir / 'maskline.db'}")
    with engine.connect() as connection:
        query = select(EntryRow.record).where(EntryRow.kind == "device.signing-key").order_by(EntryRow.seq)
        records = [json.loads(record)["body"] for record in connection.scalars(query)]
    engine.dispose()
    return records


def test_each_rotation_adds_a_key_and_is_in_the_ledger(chosen: Settings) -> None:
    known = [signer(chosen).key_id]
    for number in (2, 3):
        said = CliRunner().invoke(app, COMMAND)
        assert said.exit_code == 0, said.output
        now = signer(chosen)
        assert now.key_id not in known
        assert now.key_id in said.output
        known.append(now.key_id)
        assert list(now.keys) == known, "phones that were away need each of them"
        assert entries(chosen)[-1] == {"key": now.key_id, "number": number}
    assert stat.S_IMODE(chosen.keyring_path.stat().st_mode) == 0o600


def test_it_is_refused_while_the_processes_hold_the_old_keyring(chosen: Settings) -> None:
    before = chosen.keyring_path.read_bytes()
    with supervising(chosen):
        said = CliRunner().invoke(app, COMMAND)
    assert said.exit_code == 1
    assert chosen.keyring_path.read_bytes() == before
    assert entries(chosen) == []
