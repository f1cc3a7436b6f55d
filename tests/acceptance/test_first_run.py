"""The first start and the second, and every mistake that a person can make before them."""

import json
import os
import re
import socket
import stat
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import create_engine, select, text

from core.ledger.models import EntryRow
from core.vault import Keyring
from tests.acceptance.command import Machine, Said
from tests.support.system import HOST

pytestmark = pytest.mark.timeout(600)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PASSWORD = re.compile(r"(?:管理员|Administrator)\s+admin\s+(\S+)")
SECRET = "rKq7-do-not-show"


@pytest.fixture
def machine():
    with Machine() as made:
        yield made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def first_records(machine: Machine) -> list[bytes]:
    engine = create_engine(f"sqlite:///{machine.data / 'maskline.db'}")
    with engine.connect() as connection:
        records = list(connection.scalars(select(EntryRow.record).order_by(EntryRow.seq)))
    engine.dispose()
    return records


async def log_in(machine: Machine, password: str) -> int:
    wish = {"username": "admin", "password": password, "deliver": "token"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{machine.url}/api/v1/session", json=wish) as answer,
    ):
        return answer.status


@pytest.mark.slow
async def test_the_first_start_and_the_second(machine):
    del machine.variables["MASKLINE_SPEECH__WHISPER_MODEL_PATH"]
    first = machine.run("up", "--no-demo")
    assert first.code == 0, first
    shown = PASSWORD.findall(first.out)
    assert len(shown) == 1
    assert machine.url in first.out
    assert {mode(machine.data / name) for name in (".", "keys", "run", "blobs", "ledger")} == {0o700}
    assert mode(machine.data / "keys" / "keyring.json") == 0o600
    assert not [path for path in machine.data.rglob("*") if path.is_file() and mode(path) & 0o077]
    assert await log_in(machine, shown[0]) in {200, 201}
    for path in machine.data.rglob("*"):
        if path.is_file() and "models" not in path.parts:
            assert shown[0].encode() not in path.read_bytes(), path.name

    again = machine.run("up", "--no-demo", language="en")
    assert again.code == 0
    assert "Already running" in again.out
    assert machine.run("stop", language="en").out.strip() == "Stopped"
    assert machine.run("stop").out.strip() == "没有在运行"
    kept = first_records(machine)
    assert kept

    second = machine.run("up", "--no-demo")
    assert second.code == 0, second
    assert not PASSWORD.search(second.out)
    assert shown[0] not in second.out + second.err
    assert first_records(machine)[: len(kept)] == kept
    assert await log_in(machine, shown[0]) in {200, 201}
    assert await log_in(machine, "something else") == 401
    assert machine.run("ledger", "verify").code == 0
    assert machine.run("stop").code == 0


def test_init_prepares_and_starts_nothing(machine):
    done = machine.run("init")
    assert done.code == 0, done
    assert len(PASSWORD.findall(done.out)) == 1
    assert not PASSWORD.search(machine.run("init").out)
    with socket.socket() as probe:
        assert probe.connect_ex((HOST, machine.port)) != 0
    made = machine.run("admin", "create", "second", language="en")
    assert made.code == 0, made
    assert re.search(r"Administrator\s+second\s+\S+", made.out)
    taken = machine.run("admin", "create", "second", language="en")
    assert_one_line(taken, "en", code=1)


# --- mistakes


def assert_one_line(said: Said, language: str, *hints: str, code: int = 78) -> None:
    """One line that says what and what to do, in the language asked for; never a stack trace."""
    lines = said.err.strip().splitlines()
    assert said.code == code, said
    assert len(lines) == 1, said.err
    assert "Traceback" not in said.out + said.err
    assert bool(CHINESE.search(lines[0])) == (language == "zh"), lines[0]
    assert re.match(r"错误：|Error: |[a-z]+: ", lines[0])
    for hint in hints:
        assert hint in lines[0]


@pytest.fixture(params=["zh", "en"])
def language(request) -> str:
    return request.param


@pytest.mark.parametrize(
    ("kind", "variable", "language"),
    [
        (socket.SOCK_STREAM, "MASKLINE_WEB__PORT", "zh"),
        (socket.SOCK_STREAM, "MASKLINE_CHAT__PORT", "zh"),
        (socket.SOCK_DGRAM, "MASKLINE_SIP__PORT", "en"),
    ],
    ids=["web", "chat", "sip"],
)
def test_a_port_is_busy(machine, kind, variable, language):
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind((HOST, int(machine.variables[variable])))
        if kind is socket.SOCK_STREAM:
            other.listen()
        checked = machine.run("config", "check", language=language)
        said = machine.run("up", "--no-demo", language=language)
    assert_one_line(said, language, machine.variables[variable], variable)
    assert_one_line(checked, language, machine.variables[variable], variable)


def test_the_folder_cannot_be_written(machine, language):
    closed = machine.folder / "closed"
    closed.mkdir(mode=0o555)
    if os.geteuid() == 0:  # for whom modes do not count, but nobody makes folders in /proc
        closed = Path("/proc")
    place = {"MASKLINE_DATA_DIR": str(closed / "maskline")}
    said = machine.run("up", "--no-demo", language=language, variables=place)
    assert_one_line(said, language, str(closed / "maskline"), "MASKLINE_DATA_DIR")


@pytest.mark.parametrize(
    ("toml", "hint", "command", "language"),
    [
        ("web = {", "maskline.toml", ["up", "--no-demo"], "zh"),
        ("colour = 'red'", "colour", ["up", "--no-demo"], "en"),
        ("timezone = 'Mars/Olympus'", "timezone", ["serve"], "zh"),
        ("[media]\nport_low = 20000\nport_high = 20001", "media", ["calls"], "en"),
    ],
    ids=["no toml", "unknown", "zone", "both ends"],
)
def test_a_wrong_setting(machine, toml, hint, command, language):
    for name in ("MASKLINE_MEDIA__PORT_LOW", "MASKLINE_MEDIA__PORT_HIGH"):
        del machine.variables[name]
    (machine.folder / "maskline.toml").write_text(toml)
    assert_one_line(machine.run(*command, language=language), language, hint)


@pytest.mark.parametrize("language", ["zh"])
def test_a_variable_that_sets_nothing(machine, language):
    said = machine.run("config", "check", language=language, variables={"MASKLINE_WEB_PORT": "9"})
    assert_one_line(said, language, "MASKLINE_WEB_PORT", "MASKLINE_WEB__PORT")


@pytest.mark.parametrize("language", ["en"])
def test_the_path_is_too_long_for_a_socket(machine, language):
    long = {"MASKLINE_DATA_DIR": str(machine.folder / ("x" * 100))}
    said = machine.run("up", "--no-demo", language=language, variables=long)
    assert_one_line(said, language, "107", "MASKLINE_DATA_DIR")


def test_others_can_read_the_keyring(machine):
    Keyring.create(machine.data / "keys" / "keyring.json")
    (machine.data / "keys" / "keyring.json").chmod(0o644)
    for command, language in ((["up", "--no-demo"], "zh"), (["config", "check"], "en"), (["web"], "zh")):
        assert_one_line(machine.run(*command, language=language), language, "0644", "600")


@pytest.mark.parametrize("language", ["zh"])
def test_there_is_no_keyring(machine, language):
    assert_one_line(machine.run("web", language=language), language)


# --- settings


def test_secrets_are_not_shown(machine):
    machine.variables |= {
        "MASKLINE_DATABASE_URL": f"postgresql+psycopg://maskline:{SECRET}@db/maskline",
        "MASKLINE_BROKER_URL": f"amqp://maskline:{SECRET}@mq//",
        "MASKLINE_KEYRING": SECRET,
    }
    said = machine.run("config", "show", "--redacted")
    assert said.code == 0, said
    assert SECRET not in said.out + said.err
    shown = json.loads(said.out)
    assert shown["web"]["port"] == machine.port
    assert {*shown["database_url"], *shown["broker_url"], *shown["keyring"]} == {"*"}


def test_the_settings_are_checked(machine):
    Keyring.create(machine.data / "keys" / "keyring.json")
    assert machine.run("config", "check", language="en").out.strip() == "The settings are valid"


# --- the ledger


def test_tampering_with_the_ledger_is_named(machine):
    assert machine.run("init").code == 0
    holds = machine.run("ledger", "verify")
    assert holds.code == 0, holds
    engine = create_engine(f"sqlite:///{machine.data / 'maskline.db'}")
    with engine.begin() as connection:
        record = connection.execute(text("SELECT record FROM core_ledger_entries WHERE seq = 0")).scalar_one()
        changed = record.replace(b'"kind":"', b'"kind":"x', 1)
        assert changed != record
        connection.execute(
            text("UPDATE core_ledger_entries SET record = :record WHERE seq = 0"), {"record": changed}
        )
    engine.dispose()
    for language in ("zh", "en"):
        broken = machine.run("ledger", "verify", language=language)
        assert broken.code == 1
        assert "Traceback" not in broken.err
        assert bool(CHINESE.search(broken.err)) == (language == "zh")
        assert "entry-edited #0: " in broken.err, broken.err
