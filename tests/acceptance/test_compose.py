"""docker-compose.yml: valid, and every command, variable and secret in it means something to us."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import compose_spec
import pytest
import typer.main
import yaml
from sqlalchemy import make_url

from core import config
from core.vault import Keyring
from maskline.secret_files import OWNERS
from tests.acceptance.command import run_command
from tests.support.system import ROOT

FILE = ROOT / "docker-compose.yml"
OURS = {"web", "calls", "switch", "messages", "worker", "relay"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


@pytest.fixture(scope="module")
def compose() -> compose_spec.ComposeSpecification:
    """The file as Compose sees it: merges and variables filled in, held against the specification."""
    plain = _VARIABLE.sub(lambda found: found[2] or "", FILE.read_text("utf-8"))
    merged = yaml.safe_dump(yaml.safe_load(plain), allow_unicode=True)
    return compose_spec.PyCompose.from_yaml(merged).to_spec()


def services(compose) -> dict[str, dict]:
    return {name: one.model_dump(mode="json", exclude_none=True) for name, one in compose.services.items()}


def test_the_check_of_the_specification_can_fail():
    for wrong in (
        "services:\n  a:\n    imag: x\n",
        "services:\n  a:\n    restart: perhaps\n",
        "services: []\n",
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            compose_spec.PyCompose.from_yaml(wrong).to_spec()


def test_every_process_is_described(compose):
    assert set(services(compose)) >= OURS | {"postgres", "rabbitmq"}


def test_every_command_exists(compose):
    import maskline.cli

    for name, service in services(compose).items():
        if not service.get("image", "").startswith("maskline"):
            continue
        known = typer.main.get_command(maskline.cli.app)
        for word in service["command"]:
            assert word in known.commands, f"{name}: {word}"
            known = known.commands[word]
        assert not hasattr(known, "commands"), f"{name}: a group, not a command"


def environments(compose) -> dict[str, dict[str, str]]:
    """Give the variables that each of our services is started with."""
    return {
        name: {key: str(value) for key, value in dict(service["environment"]).items()}
        for name, service in services(compose).items()
        if service.get("image", "").startswith("maskline")
    }


@pytest.fixture
def secrets_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    assert run_command(tmp_path, "init", "--secrets", str(folder)).code == 0
    return folder


def test_every_variable_is_a_setting(compose, secrets_folder, monkeypatch):
    for name in [key for key in os.environ if key.startswith("MASKLINE_")]:
        monkeypatch.delenv(name)
    found = environments(compose)
    assert set(found) == OURS | {"migrate"}
    for variables in found.values():
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                assert name.startswith("MASKLINE_")
                patch.setenv(name, value)
            patch.setenv("MASKLINE_SECRETS_DIR", str(secrets_folder))
            settings = config.load()
        for name, value in variables.items():
            where = name.removeprefix("MASKLINE_").lower().split("__")
            if where == ["secrets_dir"]:
                continue
            shown = settings
            for part in where:
                shown = getattr(shown, part)
            assert str(shown) == value, name


def test_our_settings_refuse_a_variable_that_is_none(compose, monkeypatch):
    monkeypatch.setenv("MASKLINE_WEB__HOSTS", "0.0.0.0")  # noqa: S104
    with pytest.raises(config.SettingsInvalid):
        config.load()


def test_no_secret_is_in_the_file(compose):
    text = FILE.read_text("utf-8")
    assert not re.search(r"://[^\s:/]+:[^\s@]+@", text)
    for name, secret in compose.secrets.items():
        assert secret.model_dump(mode="json", exclude_none=True)["file"] == f"./secrets/{name}"
    for service in services(compose).values():
        for key, value in dict(service.get("environment", {})).items():
            hidden = re.search(r"PASSWORD|SECRET|KEY|TOKEN", key) and not key.endswith(("_FILE", "_DIR"))
            assert not hidden, f"{key}={value}"


def test_every_secret_is_used_and_declared(compose):
    used = set()
    for service in services(compose).values():
        for one in service.get("secrets", []):
            used.add(one if isinstance(one, str) else one["source"])
    assert used == set(compose.secrets)


def test_ports_match_what_is_listened_on(compose):
    found = environments(compose)
    calls, switch = services(compose)["calls"], services(compose)["switch"]
    high = found["calls"]["MASKLINE_MEDIA__PORT_HIGH"]
    low = config.MediaSettings().port_low
    assert f"{low}-{high}:{low}-{high}/udp" in str(calls["ports"])
    sip = config.Settings().sip.port
    assert f"{sip}:{sip}/udp" in str(switch["ports"])


# --- the files that the secrets section names


def test_init_writes_the_secrets(compose, secrets_folder):
    assert {path.name for path in secrets_folder.iterdir()} == set(compose.secrets) == set(OWNERS)
    assert stat.S_IMODE(secrets_folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets_folder.iterdir()} == {0o600}
    read = {path.name: path.read_text() for path in secrets_folder.iterdir()}
    Keyring.parse(read["maskline_keyring"])
    database, broker = make_url(read["maskline_database_url"]), make_url(read["maskline_broker_url"])
    assert database.password == read["postgres_password"]
    assert f"default_user = {broker.username}\ndefault_pass = {broker.password}\n" == read["rabbitmq_conf"]
    assert (database.host, broker.host) == ("postgres", "rabbitmq")
    assert database.password != broker.password
    assert len(database.password) >= 32


def test_the_secrets_are_never_overwritten(secrets_folder):
    before = {path.name: path.read_bytes() for path in secrets_folder.iterdir()}
    again = run_command(secrets_folder.parent, "init", "--secrets", str(secrets_folder))
    assert again.code == 0
    assert {path.name: path.read_bytes() for path in secrets_folder.iterdir()} == before
    for content in before.values():
        assert content.decode() not in again.out + again.err

    (secrets_folder / "postgres_password").unlink()
    (secrets_folder / "maskline_keyring").unlink()
    half = run_command(secrets_folder.parent, "init", "--secrets", str(secrets_folder), language="en")
    assert half.code == 1
    assert len(half.err.strip().splitlines()) == 1
    assert "postgres_password" in half.err
    assert not (secrets_folder / "maskline_keyring").exists(), "nothing is half written"


def test_docker_compose_accepts_it():
    docker = shutil.which("docker")
    if (
        docker is None
        or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no Docker Compose v2: install docker-compose-plugin to have the file read by it as well")
    done = subprocess.run(
        [docker, "compose", "-f", str(FILE), "config", "-q"], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
