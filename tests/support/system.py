"""The whole system as a user starts it: real processes on a data folder and ports of their own."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine

from core.config import Settings
from core.heartbeat import processes
from core.vault import Keyring
from maskline.ground import Ground, open_ground
from maskline.preflight import make_folders
from maskline.tables import load_metadata
from tests.support.ports import HOST, free_port, free_range

ROOT = Path(__file__).parents[2]
MEDIA_PORTS = 200
START_WITHIN_S = 240.0
STOP_WITHIN_S = 60.0
BEATING = frozenset({"web", "calls", "messages", "worker", "relay"})
T = TypeVar("T")


def outside(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop in another thread: for fixtures that are not asynchronous."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def until(check: Callable[[], bool], *, what: str, timeout_s: float = 60.0) -> None:
    """Wait for something outside of this process that no event tells of."""
    try:
        async with asyncio.timeout(timeout_s):
            while not check():  # noqa: ASYNC110 see above
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


class System:
    """One deployment. Use it as a context manager; leave it with every process ended in order."""

    def __init__(
        self,
        names: Iterable[str] = ("calls", "switch"),
        *,
        log_level: str = "DEBUG",
        **settings: dict[str, Any],
    ) -> None:
        """`settings` are nested parts, e.g. `sip={"ring_timeout_s": 5}`."""
        self.names = tuple(names)
        self.data = Path(tempfile.mkdtemp(prefix="mk-", dir="/tmp"))
        low, high = free_range(MEDIA_PORTS)
        parts: dict[str, dict[str, Any]] = {
            "sip": {"port": free_port(), "trunk_port": free_port()},
            "media": {"port_low": low, "port_high": high},
            "web": {"port": free_port()},
            "chat": {"port": free_port()},
        }
        for part, values in settings.items():
            parts.setdefault(part, {}).update(values)
        self.log_level = log_level
        self._environment = {"MASKLINE_DATA_DIR": str(self.data), "MASKLINE_LOG_LEVEL": log_level}
        for part, values in parts.items():
            for name, value in values.items():
                text = json.dumps(value) if isinstance(value, list | tuple | dict | bool) else str(value)
                self._environment[f"MASKLINE_{part}__{name}".upper()] = text
        self._environment["MASKLINE_CONFIG"] = str(self.data / "none.toml")
        self.settings = Settings(data_dir=self.data, log_level=log_level, **parts)  # type: ignore[arg-type]
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    # --- before the start

    def prepare(self) -> None:
        """Make folders, keys and tables."""
        make_folders(self.settings)
        Keyring.create(self.settings.keyring_path)
        engine = create_engine(f"sqlite:///{self.data / 'maskline.db'}")
        load_metadata().metadata.create_all(engine)
        engine.dispose()

    # --- life

    def start(self, *names: str) -> None:
        """Start processes (all without a name) and wait until each says that it is well."""
        begun = names or self.names
        for name in begun:
            with self.log_path(name).open("ab") as log:
                self.children[name] = subprocess.Popen(
                    [sys.executable, "-m", "maskline", name],
                    cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
        outside(self.ready(begun))

    async def ready(self, names: Iterable[str]) -> None:
        """Wait for a sign of life that each new process gave itself, `calls` with its switch connected."""
        wanted = {self.children[name].pid: name for name in names if name in BEATING}
        if "switch" in names and "calls" in self.children:
            wanted[self.children["calls"].pid] = "calls"
        async with self.ground() as ground:
            try:
                async with asyncio.timeout(START_WITHIN_S):
                    while True:
                        self.assert_alive()
                        seen = await processes(ground.database, ground.clock)
                        well = {
                            view.pid for view in seen if view.state == "ok" or "switch" not in self.children
                        }
                        if well >= set(wanted):
                            return
                        await asyncio.sleep(0.1)
            except TimeoutError:
                raise AssertionError(f"not ready: {sorted(wanted.values())}\n{self.logs()}") from None

    def kill(self, name: str) -> None:
        """End a process as a crash would."""
        child = self.children.pop(name)
        child.kill()
        child.wait()

    def stop(self) -> None:
        """Stop what runs, `calls` before `switch`, and require that each ends in order."""
        codes = {}
        for name in ("web", "relay", "worker", "messages", "calls", "switch"):
            child = self.children.pop(name, None)
            if child is None:
                continue
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
            try:
                codes[name] = child.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
                codes[name] = f"did not stop, {child.wait()}"
        assert not any(codes.values()), f"exit codes {codes}\n{self.logs()}"

    def assert_alive(self) -> None:
        """Require that no process has ended by itself."""
        dead = {name: child.returncode for name, child in self.children.items() if child.poll() is not None}
        assert not dead, f"ended: {dead}\n{self.logs()}"

    def remove(self) -> None:
        """Delete the data folder; processes that are left die first."""
        for child in self.children.values():
            with suppress(ProcessLookupError):
                child.kill()
            child.wait()
        shutil.rmtree(self.data, ignore_errors=True)

    # --- what one may look at

    @asynccontextmanager
    async def ground(self) -> AsyncIterator[Ground]:
        """Open the same database and keys in this process."""
        async with open_ground(self.settings) as ground:
            yield ground

    @property
    def sip(self) -> tuple[str, int]:
        return (HOST, self.settings.sip.port)

    @property
    def trunk_port(self) -> int:
        return self.settings.sip.trunk_port

    def environment(self) -> dict[str, str]:
        """Give what the processes are started with: nothing of the caller's own settings."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MASKLINE_")}
        return {**kept, **self._environment, "MASKLINE_SUPERVISOR_PID": str(os.getpid())}

    def log_path(self, name: str) -> Path:
        return self.data / "logs" / f"{name}.log"

    def log(self, name: str) -> str:
        return self.log_path(name).read_text(encoding="utf-8", errors="replace")

    def logs(self, characters: int = 6000) -> str:
        """Give the end of every log, for a failed test's report."""
        files = sorted((self.data / "logs").glob("*.log"))
        return "\n".join(f"--- {file.stem}\n{self.log(file.stem)[-characters:]}" for file in files)


@contextmanager
def running(*names: str, **settings: Any) -> Iterator[System]:
    """Give a system that runs `names`; it must be whole at the end, and its folder is deleted."""
    system = System(names or ("calls", "switch"), **settings)
    try:
        system.prepare()
        system.start()
        yield system
        system.assert_alive()
        system.stop()
    finally:
        system.remove()
