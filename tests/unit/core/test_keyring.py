"""The keyring file: private or refused, never overwritten, whole after a crash."""

import base64
import json
import os
import stat
from pathlib import Path

import pytest

from core.vault import Keyring, KeyringExists, KeyringInvalid, KeyringMissing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "keys" / "keyring.json"


def test_created_file_and_folder_are_private(path: Path) -> None:
    keyring = Keyring.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert Keyring.load(path) == keyring
    assert [file.name for file in path.parent.iterdir()] == ["keyring.json"]


def test_private_even_under_an_open_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        Keyring.create(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o601])
def test_file_that_others_can_touch_is_refused(path: Path, mode: int) -> None:
    Keyring.create(path)
    path.chmod(mode)
    with pytest.raises(KeyringInvalid, match=f"{mode:04o}"):
        Keyring.load(path)


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
def test_folder_that_others_can_write_is_refused(path: Path, mode: int) -> None:
    Keyring.create(path)
    path.parent.chmod(mode)
    with pytest.raises(KeyringInvalid, match="folder"):
        Keyring.load(path)
    path.parent.chmod(0o755)
    Keyring.load(path)


def test_missing_file_says_so(path: Path) -> None:
    with pytest.raises(KeyringMissing):
        Keyring.load(path)


def test_folder_in_place_of_the_file_is_refused(path: Path) -> None:
    path.mkdir(parents=True, mode=0o700)
    with pytest.raises(KeyringInvalid):
        Keyring.load(path)


def test_existing_keyring_is_never_overwritten_by_create(path: Path) -> None:
    keyring = Keyring.create(path)
    with pytest.raises(KeyringExists):
        Keyring.create(path)
    assert Keyring.load(path) == keyring


def test_save_replaces_atomically(path: Path) -> None:
    keyring = Keyring.create(path)
    rotated = keyring.rotate()
    rotated.save(path)
    assert Keyring.load(path) == rotated
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["keyring.json"]


def test_environment_takes_json_and_base64() -> None:
    keyring = Keyring.generate()
    assert Keyring.parse(keyring.dump()) == keyring
    assert Keyring.parse(base64.b64encode(keyring.dump().encode()).decode() + "\n") == keyring


def test_rotation_keeps_old_keys_and_roots() -> None:
    first = Keyring.generate()
    second = first.rotate()
    assert second.current not in first.keys
    assert second.keys[first.current] == first.keys[first.current]
    assert (second.blind_index, second.ledger, second.secrets) == (
        first.blind_index,
        first.ledger,
        first.secrets,
    )
    assert set(second.retire(first.current).keys) == {second.current}
    with pytest.raises(KeyringInvalid):
        second.retire(second.current)
    with pytest.raises(KeyringInvalid):
        second.retire("00" * 8)


def test_all_keys_are_different() -> None:
    keyring = Keyring.generate()
    raw = {keyring.keys[keyring.current], keyring.blind_index, keyring.ledger, keyring.secrets}
    assert len(raw) == 4


def test_named_secrets_are_stable_distinct_and_can_be_set() -> None:
    keyring = Keyring.generate()
    token = keyring.secret("internal_token")
    assert token == keyring.rotate().secret("internal_token")
    assert token != keyring.secret("session_pepper")
    assert token != Keyring.generate().secret("internal_token")
    assert len(token.reveal()) == 32
    assert len(token.reveal_text()) == 43
    stored = json.loads(keyring.dump())
    stored["named"]["internal_token"] = base64.b64encode(b"n" * 32).decode()
    assert Keyring.parse(json.dumps(stored)).secret("internal_token").reveal() == b"n" * 32


def _without(part: str) -> str:
    stored = json.loads(Keyring.generate().dump())
    del stored[part]
    return json.dumps(stored)


def _with(**changes: object) -> str:
    return json.dumps(json.loads(Keyring.generate().dump()) | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json at all",
        "{",
        "[]",
        "{}",
        "/////w==",
        _without("ledger"),
        _without("current"),
        _with(format="maskline-keyring/9"),
        _with(current="00" * 8),
        _with(ledger=base64.b64encode(b"short").decode()),
        _with(ledger="$$$"),
        _with(extra=1),
        _with(current="x", keys={"x": base64.b64encode(b"k" * 32).decode()}),
        _with(named={"internal_token": "YQ=="}),
    ],
)
def test_malformed_keyring_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(KeyringInvalid) as caught:
        Keyring.parse(text)
    stored = json.loads(text) if text.startswith('{"') else {}
    for value in stored.values():
        if isinstance(value, str) and len(value) > 30:
            assert value not in str(caught.value)
