"""Starts every process, restarts one that dies, and stops them all together."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.logging import get_logger
from core.tasks import cancel, spawn

PROCESSES = ("web", "calls", "switch", "messages", "worker", "relay")
EXIT_CONFIGURATION = 78  # EX_CONFIG of sysexits.h: starting again would not help
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_AFTER_S = 30.0
STOP_WITHIN_S = 20.0
_log = get_logger(__name__)


@dataclass(slots=True)
class Child:
    """One supervised process."""

    name: str
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    failed: bool = False
    quick_deaths: int = field(default=0)


class Supervisor:
    """Runs `python -m maskline NAME` for each name; ends when told to, or when one cannot run at all."""

    def __init__(
        self,
        names: Sequence[str] = PROCESSES,
        *,
        log_dir: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.children = {name: Child(name) for name in names}
        self._log_dir = log_dir
        self._env = dict(os.environ if env is None else env)
        self._stopping = asyncio.Event()

    async def run(self) -> int:
        """Supervise until SIGTERM or SIGINT. Gives 0, or the code of a process that refused to start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        keepers = [spawn(self._keep(child), name=f"keep-{name}") for name, child in self.children.items()]
        await self._stopping.wait()
        await cancel(*keepers)
        await asyncio.gather(*(self._stop(child) for child in self.children.values()))
        return EXIT_CONFIGURATION if any(child.failed for child in self.children.values()) else 0

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            born = loop.time()
            code = await self._run_once(child)
            if self._stopping.is_set():
                return
            if code == EXIT_CONFIGURATION:
                child.failed = True
                self._stopping.set()
                return
            child.quick_deaths = 0 if loop.time() - born > STEADY_AFTER_S else child.quick_deaths + 1
            pause = PAUSES_S[min(child.quick_deaths, len(PAUSES_S) - 1)]
            _log.warning("process.died", name=child.name, exit_code=code, delay_s=pause)
            await asyncio.sleep(pause)

    async def _run_once(self, child: Child) -> int:
        output = self._open_log(child.name)
        try:
            child.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "maskline", child.name,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self._env, "MASKLINE_SUPERVISOR_PID": str(os.getpid())},
            )  # fmt: skip
        finally:
            if output is not None:
                os.close(output)
        child.starts += 1
        _log.info("process.started", name=child.name, pid=child.process.pid, attempt=child.starts)
        return await child.process.wait()

    def _open_log(self, name: str) -> int | None:
        if self._log_dir is None:
            return None
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.open(self._log_dir / f"{name}.log", flags, 0o600)

    @staticmethod
    async def _stop(child: Child) -> None:
        process = child.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def die_with_supervisor() -> None:
    """Ask the kernel to end this process when its supervisor is gone, even by kill -9 (prctl(2))."""
    parent = os.environ.get("MASKLINE_SUPERVISOR_PID")
    if not parent or not sys.platform.startswith("linux"):
        return
    import ctypes

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    if os.getppid() != int(parent):  # it was gone before we asked
        sys.exit(0)
