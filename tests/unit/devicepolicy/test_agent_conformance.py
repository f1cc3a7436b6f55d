"""The conformance runner: our own agent passes every case, and each broken one fails where it is broken."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

from devicepolicy.agent import collector, orders, policy, signing
from devicepolicy.agent.agent import Agent
from devicepolicy.agent.backlog import Backlog
from devicepolicy.agent.client import Client, Problem
from devicepolicy.agent.conformance import stage as stages
from devicepolicy.agent.conformance.runner import ALL_CASES, by_command, check, conform, ours
from devicepolicy.agent.memory import Kept
from devicepolicy.agent.orders import Orders
from devicepolicy.agent.uploads import Uploads
from devicepolicy.agent.whereabouts import Whereabouts
from devicepolicy.agent.wishes import Wishes

CASE = {case.name: case for case in ALL_CASES}
Break = Callable[[pytest.MonkeyPatch], None]


async def test_our_own_agent_passes() -> None:
    said: list[str] = []
    assert await conform(write=said.append) == 0, said
    assert len(said) == len(ALL_CASES) + 1


async def test_an_agent_is_started_by_its_command() -> None:
    command = (
        f"{sys.executable} -m devicepolicy.agent run --qr {{qr}} --agree --folder {{folder}} --every 0.1"
    )
    assert await check(CASE["command-order"], by_command(command)) is None


def _believe(token: str, kind: str, **_: object) -> signing.Document:
    payload = json.loads(signing.unb64u(token.split(".")[1]))
    return signing.Document(payload["seq"], payload["iat"], payload["exp"] + 10**6, payload["doc"])


def credulous_of_commands(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(orders, "verify", _believe)


def credulous_of_policies(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policy, "verify", _believe)
    patch.setattr(policy, "document_sha256", lambda document: document["sha256"])


def impatient(patch: pytest.MonkeyPatch) -> None:
    async def at_once(self: Orders) -> list[str]:
        return [name for name, kept in self._memory.commands.items() if kept.phase == "kept"]

    patch.setattr(Orders, "_acknowledge", at_once)


def forgetful(patch: pytest.MonkeyPatch) -> None:
    def keep(self: Orders, token: str) -> None:
        found = _believe(token, signing.COMMAND)
        self._memory.commands[str(found.doc["command_id"])] = Kept(
            found.sequence, dict(found.doc), found.expires
        )

    patch.setattr(Orders, "_keep", keep)
    patch.setattr("devicepolicy.agent.phone.SimulatedPhone.took_effect", lambda *_: False)
    original = stages.Stage._acks

    async def acks(self, request, body):  # begins whatever was acknowledged, as a server that lost its books
        self.results = [one for one in self.results if one["command_id"] != f"{1:032x}"]
        return await original(self, request, body)

    patch.setattr(stages.Stage, "_acks", acks)


def boastful(patch: pytest.MonkeyPatch) -> None:
    told = policy.Policy.told

    def boast(self: policy.Policy) -> dict[str, object]:
        report = told(self)
        wanted = (self._memory.wanted or {}).get("settings", {})
        return {**report, "settings": {name: {"sha256": digest} for name, digest in wanted.items()}}

    patch.setattr(policy.Policy, "told", boast)


def repeats_its_nonce(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("devicepolicy.agent.client.secrets.token_urlsafe", lambda _: "A" * 22)


def stubborn_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Client, "_set_clock", lambda *_, **__: None)


def backwards(patch: pytest.MonkeyPatch) -> None:
    acknowledge = Orders._acknowledge

    async def reverse(self: Orders) -> list[str]:
        return list(reversed(await acknowledge(self)))

    patch.setattr(Orders, "_acknowledge", reverse)


def careless_of_hashes(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(collector, "sha256_of", lambda _: "0" * 64)


def drops_unanswered(patch: pytest.MonkeyPatch) -> None:
    hand_in = Uploads._hand_in

    async def drop(self: Uploads, client: Client, batch) -> None:
        try:
            await hand_in(self, client, batch)
        except Problem:
            self._backlog.done(batch)

    patch.setattr(Uploads, "_hand_in", drop)


def starts_over(patch: pytest.MonkeyPatch) -> None:
    piece = Backlog.piece
    patch.setattr(Backlog, "piece", lambda self, sound, _, size: piece(self, sound, 0, size))


def collects_all(patch: pytest.MonkeyPatch) -> None:
    for wish in ("record", "recording", "event"):
        patch.setattr(Wishes, wish, lambda *_: True)


def at_any_hour(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Wishes, "open_now", lambda *_: True)


def deaf_to_consent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Agent, "_told_off", lambda *_: "refused")


def always_locates(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Whereabouts, "_may", lambda *_: True)
    agree = Whereabouts.agree

    async def unasked(self: Whereabouts, client: Client) -> None:
        self._memory.location_version = self._memory.location_version or "none"
        if self._asked:
            await agree(self, lambda _: "zh")
        self._take_fix()
        if names := self._store.names("fix-"):
            await self._hand_in(client, names)

    patch.setattr(Whereabouts, "__call__", unasked)


def hides_mock(patch: pytest.MonkeyPatch) -> None:
    fix = Whereabouts._fix

    def honest_looking(self: Whereabouts, more):
        self.position = {**(self.position or {}), "mock": False}
        return fix(self, more)

    patch.setattr(Whereabouts, "_fix", honest_looking)


def another_picture(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("devicepolicy.agent.store.FileStore.read_bytes", lambda *_: b"\xff\xd8\xff another")


@pytest.mark.parametrize(
    ("spoil", "case"),
    [
        (credulous_of_commands, "command-audience"),
        (credulous_of_commands, "command-forged"),
        (credulous_of_commands, "command-expired"),
        (credulous_of_policies, "desired-tampered"),
        (credulous_of_policies, "desired-audience"),
        (credulous_of_policies, "desired-old"),
        (credulous_of_policies, "desired-expired"),
        (credulous_of_policies, "desired-key"),
        (impatient, "command-withheld"),
        (impatient, "command-order"),
        (backwards, "command-order"),
        (forgetful, "command-once"),
        (boastful, "unknown-setting"),
        (repeats_its_nonce, "applied"),
        (stubborn_clock, "clock"),
        (careless_of_hashes, "upload-hashed"),
        (drops_unanswered, "upload-again"),
        (starts_over, "upload-resumed"),
        (collects_all, "upload-wanted"),
        (at_any_hour, "upload-hours"),
        (deaf_to_consent, "upload-consent"),
        (always_locates, "location-consent"),
        (always_locates, "location-hours"),
        (always_locates, "check-in"),
        (hides_mock, "location-honest"),
        (another_picture, "check-in"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
async def test_a_broken_agent_fails(spoil: Break, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("devicepolicy.agent.conformance.stage.Stage.until", _soon(stages.Stage.until))
    spoil(monkeypatch)
    assert await check(CASE[case], ours) is not None


def _soon(until):
    async def soon(self, what, check, within_s=2.0) -> None:
        await until(self, what, check, 2.0)

    return soon


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_command_line_speaks_both_languages(language: str, tmp_path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devicepolicy.agent", "enrol", "--folder", str(tmp_path), "--qr", "-"],
        input="not a code", capture_output=True, text=True, check=False, timeout=60,
        env={"MASKLINE_LANGUAGE": language, "PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 1
    assert ("二维码" in done.stderr) is (language == "zh")
