"""The command `maskline-agent`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from .agent import Agent, Consent, Invitation, InvitationUnreadable, NotAgreed, ServerNotTrusted, run
from .client import Problem
from .conformance.runner import conform
from .faults import POINTS, UPLOAD_POINTS, Faults, NetworkLost, PowerLost
from .life import DeedsFile
from .phone import ALL, SimulatedPhone
from .settings import Facts
from .signing import JSON
from .store import FileStore
from .texts import say
from .wake import Way, stay_awake

FAILED, CUT = 1, 75
"""Exit codes: something did not work; the power was cut (EX_TEMPFAIL, run again)."""

_SAID: Mapping[type[Exception], str] = {
    InvitationUnreadable: "bad-qr",
    ServerNotTrusted: "bad-server",
    NotAgreed: "not-agreed",
    NetworkLost: "no-network",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was typed; give the exit code."""
    told = _parser().parse_args(arguments)
    try:
        return asyncio.run(_do(told))
    except tuple(_SAID) as error:
        return _fail(_SAID[type(error)])
    except Problem as problem:
        return _fail("refused", code=problem.code, detail=problem.detail)
    except PowerLost:
        _write(say("power-lost"))
        return CUT
    except KeyboardInterrupt:
        return 130


async def _do(told: argparse.Namespace) -> int:
    if told.command == "conform":
        return await conform(told.agent_command, only=told.only, write=_write)
    store = FileStore(told.folder)
    facts = Facts(told.api_level, told.mode)
    phone = SimulatedPhone(store, facts, faults=_faults(told), hardware=told.hardware)
    async with aiohttp.ClientSession() as http:
        agent = Agent(store, phone, http)
        if told.deeds is not None:
            agent.live(DeedsFile(told.deeds))
        if told.command == "enrol":
            await _enrol(agent, told)
        elif told.command == "status":
            _write(json.dumps(agent.status(), ensure_ascii=False, indent=1))
        elif told.command == "run":
            return await _work(agent, told)
        else:
            return await _terms(agent, told)
    return 0


async def _terms(agent: Agent, told: argparse.Namespace) -> int:
    """Agree to the terms of now, or take an agreement back; whoever carries the phone may do both."""
    if not agent.memory.device_id:
        return _fail("not-enrolled")
    if told.location:
        return await _location(agent, told)
    if told.command == "withdraw":
        await agent.withdraw()
        _write(say("withdrawn"))
    elif await agent.agree(_consent(told)):
        _write(say("agreed", version=agent.memory.terms_version))
    else:
        raise NotAgreed
    return 0


async def _location(agent: Agent, told: argparse.Namespace) -> int:
    """Agree to the separate terms on location, or take that back."""
    if told.command == "withdraw":
        await agent.whereabouts.withdraw()
        _write(say("location-withdrawn"))
    elif await agent.whereabouts.agree(_consent(told)):
        _write(say("agreed", version=agent.memory.location_version))
    else:
        raise NotAgreed
    return 0


async def _work(agent: Agent, told: argparse.Namespace) -> int:
    if not agent.memory.device_id:
        if not told.qr:
            return _fail("not-enrolled")
        await _enrol(agent, told)
    if told.once:
        outcome = await agent.round(report=True)
        if outcome == "consent" and told.agree and await agent.agree(_consent(told)):
            outcome = await agent.round(report=True)
        _write(_outcome(agent, outcome))
        return 0 if outcome in {"ok", "ended"} else FAILED
    await _run(agent, told.wake, told.every)
    return 0


async def _run(agent: Agent, way: Way, every_s: float | None) -> None:
    async def wake(woken: Agent, rung: asyncio.Event) -> None:
        await stay_awake(woken, rung, way)

    try:
        await run(agent, wake, said=lambda outcome: _write(_outcome(agent, outcome)), every_s=every_s)
    except* PowerLost as group:
        raise PowerLost from group


async def _enrol(agent: Agent, told: argparse.Namespace) -> None:
    text = await asyncio.to_thread(sys.stdin.read if told.qr == "-" else Path(told.qr).read_text)
    trust = await agent.enrol(Invitation.read(text), _consent(told))
    _write(say("enrolled", id=agent.memory.device_id, trust=trust))


def _consent(told: argparse.Namespace) -> Consent:
    """Show the terms first, then ask; `--agree` answers for the employee."""

    def consent(terms: Mapping[str, JSON]) -> str | None:
        language = "en" if os.environ.get("MASKLINE_LANGUAGE", "zh").startswith("en") else "zh"
        shown = terms[language]
        _write(shown["title"], *(f"{part['title']}\n{part['text']}" for part in shown["sections"]))
        if told.agree:
            return language
        _write(say("ask-terms"))
        return language if sys.stdin.readline().strip().lower() in {"y", "yes", "是"} else None

    return consent


def _outcome(agent: Agent, outcome: str) -> str:
    memory = agent.memory
    return say(
        f"round-{outcome}",
        compliance=memory.compliance or "-",
        version=memory.applied_version or "-",
        ended=agent.ended,
    )


def _faults(told: argparse.Namespace) -> Faults:
    return Faults(
        refuse=dict(_pair(one) for one in told.refuse),
        late={name: int(rounds) for name, rounds in map(_pair, told.late)},
        lie=set(told.lie),
        refuse_commands=dict(_pair(one) for one in told.refuse_command),
        clock_s=told.clock,
        power=told.power,
        loss=told.loss,
        twice=told.twice,
        shuffled=told.shuffled,
        lies=told.lie_hash,
        changes=told.change,
    )


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="maskline-agent", description=say("about"))
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("enrol", "run", "status", "consent", "withdraw"):
        made = commands.add_parser(name, help=say(name))
        _phone_options(made)
        if name in {"enrol", "run"}:
            made.add_argument("--qr", required=name == "enrol", help=say("qr"))
        if name in {"enrol", "run", "consent"}:
            made.add_argument("--agree", action="store_true", help=say("agree"))
        if name in {"consent", "withdraw"}:
            made.add_argument("--location", action="store_true", help=say("location"))
        if name == "run":
            made.add_argument("--once", action="store_true", help=say("once"))
            made.add_argument(
                "--wake", choices=["websocket", "poll", "mqtt"], default="websocket", help=say("wake")
            )
            made.add_argument("--every", type=float, help=say("every"))
    made = commands.add_parser("conform", help=say("conform"))
    made.add_argument("--agent-command", help=say("agent-command"))
    made.add_argument("--only", help=say("only"))
    return parser


def _phone_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--folder", type=Path, required=True, help=say("folder"))
    made.add_argument("--api-level", type=int, default=33, help=say("api-level"))
    made.add_argument("--mode", choices=sorted(ALL), default="FULLY_MANAGED", help=say("mode"))
    made.add_argument("--hardware", default="SIM-0001", help=say("hardware"))
    for name in ("refuse", "late", "lie", "refuse-command"):
        made.add_argument(f"--{name}", action="append", default=[], help=say(name))
    made.add_argument("--deeds", type=Path, help=say("deeds"))
    for name in ("twice", "shuffled"):
        made.add_argument(f"--{name}", action="store_true", help=say(name))
    for name in ("lie-hash", "change"):
        made.add_argument(f"--{name}", type=int, default=0, help=say(name))
    made.add_argument("--power", choices=(*POINTS, *UPLOAD_POINTS), help=say("power"))
    made.add_argument("--clock", type=float, default=0.0, help=say("clock"))
    made.add_argument("--loss", type=float, default=0.0, help=say("loss"))


def _fail(name: str, **facts: object) -> int:
    sys.stderr.write(say(name, **facts) + "\n")
    return FAILED


def _write(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
