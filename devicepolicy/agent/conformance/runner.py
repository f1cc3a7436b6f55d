"""Runs the cases against an agent: ours in this process, or any other by a command that starts it."""

import asyncio
import shlex
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import aiohttp
from aiohttp import web

from ..agent import Agent, Invitation, run
from ..life import DeedsFile
from ..phone import SimulatedPhone
from ..signing import JSON
from ..store import FileStore
from ..texts import say
from .cases import CASES, Case
from .location_cases import LOCATION_CASES
from .stage import Stage
from .upload_cases import UPLOAD_CASES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVERY_S = 0.05
ALL_CASES = (*CASES, *UPLOAD_CASES, *LOCATION_CASES)
DEEDS = "deeds.jsonl"
Launch: TypeAlias = Callable[[Path, Path], AbstractAsyncContextManager[None]]
"""Starts an agent on a file with the QR code's text and an empty folder, and ends it."""


async def conform(
    command: str | None = None,
    *,
    only: str | None = None,
    write: Callable[[str], None],
    launch: Launch | None = None,
) -> int:
    """Run the cases and write how each went; give the exit code."""
    start = launch or (ours if command is None else by_command(command))
    chosen = [case for case in ALL_CASES if only in {None, case.name}]
    if command is not None and "{deeds}" not in command:
        for case in [case for case in chosen if case.deeds]:
            chosen.remove(case)
            write(f"{case.name:18} {say('case-left', zh=case.zh, en=case.en)}")
    failed = 0
    for case in chosen:
        why = await check(case, start)
        failed += why is not None
        name = "case-passed" if why is None else "case-failed"
        write(f"{case.name:18} {say(name, zh=case.zh, en=case.en, why=why)}")
    write(say("conform-sum", passed=len(chosen) - failed, failed=failed))
    return 1 if failed or not chosen else 0


async def check(case: Case, launch: Launch) -> str | None:
    """Run one case; give what is wrong, or None."""
    stage = Stage(clock_s=case.clock_s)
    runner = web.AppRunner(stage.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    with tempfile.TemporaryDirectory(prefix="conform-") as folder:
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            stage.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            qr, disk = _hand_out(stage, Path(folder))
            stage.deeds = qr.with_name(DEEDS)
            async with launch(qr, disk):
                await case.check(stage)
        except AssertionError as wrong:
            return "; ".join([str(wrong), *stage.faults[:3]])
        finally:
            await runner.cleanup()
    return stage.faults[0] if stage.faults else None


@asynccontextmanager
async def ours(qr: Path, folder: Path) -> "AsyncIterator[None]":
    """Start the reference agent in this process."""
    invitation = _invitation(qr)

    def consent(_: Mapping[str, JSON]) -> str:
        return "zh"

    async def wake(_: Agent, __: asyncio.Event) -> None:
        await asyncio.Event().wait()

    async def live(agent: Agent) -> None:
        await agent.enrol(invitation, consent)
        await run(agent, wake, every_s=EVERY_S)

    async with aiohttp.ClientSession() as http:
        store = FileStore(folder)
        agent = Agent(store, SimulatedPhone(store), http)
        agent.live(DeedsFile(qr.with_name(DEEDS)))
        living = asyncio.ensure_future(live(agent))
        try:
            yield
        finally:
            living.cancel()
            await asyncio.wait([living])
            if not living.cancelled():
                living.exception()  # an agent that failed has been seen to fail


def by_command(command: str) -> Launch:
    """Start an agent by a command with `{qr}`, `{folder}`, `{server}`, `{deeds}`; it is killed at the end."""

    @asynccontextmanager
    async def launch(qr: Path, folder: Path) -> "AsyncIterator[None]":
        server = _invitation(qr).server
        told = {"qr": qr, "folder": folder, "server": server, "deeds": qr.with_name(DEEDS)}
        filled = [part.format(**told) for part in shlex.split(command)]
        child = await asyncio.create_subprocess_exec(*filled, stdin=asyncio.subprocess.DEVNULL)
        try:
            yield
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()

    return launch


def _invitation(qr: Path) -> Invitation:
    return Invitation.read(qr.read_text("utf-8"))


def _hand_out(stage: Stage, folder: Path) -> tuple[Path, Path]:
    """Give the file with the code's text, and an empty folder."""
    qr, disk = folder / "qr.txt", folder / "disk"
    qr.write_text(stage.qr(), "utf-8")
    disk.mkdir()
    return qr, disk
