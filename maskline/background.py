"""A supervisor in the background: started by `make run`, found again by its lock, stopped by `make stop`."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp

from core.clock import SystemClock
from core.config import Settings
from core.db import Database
from core.errors import Conflict
from core.heartbeat import processes as heartbeats
from maskline.preflight import CannotStart
from maskline.supervisor import PROCESSES
from maskline.texts import text

READY_WITHIN_S = 600.0
BROKEN_AFTER_S = 90.0
"""How long a start may take where processes die: on a busy machine it is slow, but then nobody dies."""
BROKEN_AFTER_DEATHS = 3
TELL_AFTER_S = 10.0
STOP_WITHIN_S = 40.0
LAST_LINES = 50


class AlreadySupervised(Conflict):
    """Another supervisor runs on this data folder."""

    code = "already-supervised"
    zh = "该数据目录上已有一个监督进程在运行。"


def _lock_path(settings: Settings) -> Path:
    return settings.run_dir / "supervisor.lock"


@contextlib.contextmanager
def supervising(settings: Settings) -> Iterator[None]:
    """Hold the lock of the data folder, with our process id in it; the kernel drops it when we die.

    Raises:
        AlreadySupervised: another one holds it.
    """
    handle = os.open(_lock_path(settings), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadySupervised from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def supervisor_pid(settings: Settings) -> int | None:
    """Give the process id of the supervisor that runs on this data folder."""
    try:
        handle = os.open(_lock_path(settings), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(handle, 20, 0) or b"0") or None
    else:
        return None
    finally:
        os.close(handle)


def start(settings: Settings) -> "subprocess.Popen[bytes]":
    """Start `maskline serve` apart from this terminal; its output goes to the log folder."""
    log = os.open(
        settings.data_dir / "logs" / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )
    try:
        return subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "maskline", "serve", "--log-dir", str(settings.data_dir / "logs")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)


async def wait_until_ready(
    settings: Settings, process: "subprocess.Popen[bytes]", tell: Callable[[str], None] = lambda _: None
) -> None:
    """Wait until every process says that it works; `tell` hears for whom, once it takes long.

    Raises:
        CannotStart: one of them does not, with the last line of its log; or which ones have not come.
    """
    began, log = time.monotonic(), settings.data_dir / "logs" / "supervisor.log"
    buried = _deaths(log)
    timeout = aiohttp.ClientTimeout(total=3)
    database = Database(settings.database)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            while True:
                if process.poll() is not None:
                    raise _why(settings)
                missing = await _missing(settings, database, http)
                waited = time.monotonic() - began
                if not missing:
                    return
                names = ", ".join(missing)
                if waited > READY_WITHIN_S or (
                    waited > BROKEN_AFTER_S and _deaths(log) - buried >= BROKEN_AFTER_DEATHS
                ):
                    raise _why(settings, names)
                if waited > TELL_AFTER_S:
                    tell(text("waiting-for", names=names, seconds=waited))
                await asyncio.sleep(0.1)
    finally:
        await database.close()


async def _missing(settings: Settings, database: Database, http: aiohttp.ClientSession) -> list[str]:
    """Name the processes that do not say yet that they work. A missing provider of messages keeps nobody."""
    state = None
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with http.get(f"http://{settings.web.host}:{settings.web.port}/status") as answer:
            state = (await answer.json())["state"]
    if state == "ok":
        return []
    states = {view.process: view.state for view in await heartbeats(database, SystemClock())}
    if state is None:
        states["web"] = "silent"
    asked = [name for name in PROCESSES if name != "switch"]  # it speaks through calls
    missing = [
        name
        for name in asked
        if states.get(name) != "ok" and not (name == "messages" and states.get(name) == "degraded")
    ]
    return missing if missing or state == "degraded" else ["status"]


def _deaths(log: Path) -> int:
    """Count the processes that the supervisors of this folder have seen die."""
    return log.read_text("utf-8", "replace").count('"process.died"') if log.exists() else 0


def stop(settings: Settings) -> bool:
    """Stop the supervisor and all its processes; False if none was running."""
    pid = supervisor_pid(settings)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN_S
    while supervisor_pid(settings) is not None and time.monotonic() < deadline:
        time.sleep(0.1)
    return True


def _why(settings: Settings, missing: str = "") -> CannotStart:
    """Find the process that could not start, and the last thing that it said; else who has not come."""
    for name in PROCESSES:
        log = settings.data_dir / "logs" / f"{name}.log"
        lines = log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:] if log.exists() else []
        for line in reversed(lines):
            if line.startswith(f"{name}: "):
                return CannotStart(line, detail_zh=line)
            if '"process.broke"' in line:
                broke = json.loads(line)
                return _failed(f"{name} ({broke.get('error_type')}, {broke.get('where')})", log)
    return _failed(missing or "maskline", settings.data_dir / "logs")


def _failed(what: str, log: Path) -> CannotStart:
    where = text("process-failed", name=what, log=log)
    return CannotStart(where, detail_zh=where)
