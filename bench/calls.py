"""Completed calls a second for each core through gateway and switch, against bare sippy.

    .venv/bin/python -m bench.calls [--quick]

SIPp dials and SIPp answers: digest, 180, 200, a tone both ways, BYE. The same scenarios, count and pace go
through `calls` and `switch` as they run in a deployment, and through `bench.bare_sippy`. What counts is the
CPU time of those processes (user + system) for one completed call; its inverse is calls a second for each
core. Every call must complete, and for ours every record must say *completed* and its recording hold what
was relayed.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figure import Figure, Missing, Options, Result, alone
from gateway.media.model import Law
from tests.support.system import HOST, ROOT, System, free_port, outside, running, until
from tests.support.system_desk import Bound, SystemDesk, desk_of
from tests.telephony.sipp import NO_SIPP, SIPP, is_bound, sipp
from tests.telephony.sound import CUSTOMER_HZ, STAFF_HZ

TALK_MS = 3200  # the notice takes 2.3 s
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    calls: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds by process, and the seconds on the wall."""

    cpu_s: dict[str, float]
    seconds: float
    calls: int

    @property
    def each_ms(self) -> float:
        return sum(self.cpu_s.values()) / self.calls * 1000

    @property
    def per_core(self) -> float:
        return 1000 / self.each_ms


def cpu_s(pid: int) -> float:
    """Give the CPU time that a process has used, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


async def _play(
    load: Load, server: tuple[str, int], trunk_port: int, tokens: Sequence[str], user: str, password: str
) -> None:
    """Let SIPp dial and SIPp answer; it must be satisfied with every call."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        async with (
            sipp(
                folder / "customers", "full_uas", calls=load.calls, at_once=load.at_once, hertz=CUSTOMER_HZ,
                law=Law.ALAW, port=trunk_port,
            ) as customers,
            sipp(
                folder / "staff", "full_uac", calls=load.calls, at_once=load.at_once, hertz=STAFF_HZ,
                law=Law.ALAW, server=server, fields=tokens, user=user, password=password,
                talk_ms=str(TALK_MS),
            ) as phones,
        ):  # fmt: skip
            await phones.done(TALK_MS / 1000 * load.calls / load.at_once + 60)
            await customers.done(20)


async def _ours(system: System, load: Load) -> tuple[Spent, str]:
    async with desk_of(system) as desk:
        await desk.lines()
        staff = await desk.hire()
        bounds = [await desk.bind(staff) for _ in range(load.calls // 2)]
        pids = {name: child.pid for name, child in system.children.items()}
        before, begun = {name: cpu_s(pid) for name, pid in pids.items()}, time.perf_counter()
        tokens = [bound.token for bound in bounds]
        await _play(load, system.sip, system.trunk_port, tokens, staff.sip.username, staff.sip.password)
        seconds = time.perf_counter() - begun
        told = await _books(desk, bounds, load.calls)
        spent = {name: cpu_s(pid) - before[name] for name, pid in pids.items()}
        return Spent(spent, seconds, load.calls), told


async def _books(desk: SystemDesk, bounds: Sequence[Bound], count: int) -> str:
    """Require that every call completed and was recorded; tell so."""
    rows = await desk.closed(*bounds, count=count, timeout_s=60)
    causes = Counter(row.cause for row in rows)
    if causes != {"completed": count}:
        raise RuntimeError(f"not all calls completed: {dict(causes)}")
    relayed, recorded = sum(row.relayed_packets for row in rows), sum(row.recorded_packets for row in rows)
    return f"{count} calls completed; recorded / relayed packets {recorded / max(1, relayed):.4f}"


@asynccontextmanager
async def _bare_sippy(port: int, trunk_port: int) -> AsyncIterator[int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare_sippy", str(port), str(trunk_port), cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: is_bound(port) or process.returncode is not None, what="bare sippy listens")
        yield process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _peer(load: Load) -> Spent:
    port, trunk_port = free_port(), free_port()
    async with _bare_sippy(port, trunk_port) as pid:
        before, begun = cpu_s(pid), time.perf_counter()
        await _play(load, (HOST, port), trunk_port, ["t1"], "staff", "secret")
        return Spent({"sippy": cpu_s(pid) - before}, time.perf_counter() - begun, load.calls)


def measure(options: Options) -> Result:
    if SIPP is None:
        raise Missing(NO_SIPP)
    load = Load(40, 16) if options.quick else Load(180, 24)
    peer = asyncio.run(_peer(load))
    with running("calls", "switch", log_level="WARNING") as system:
        ours, told = outside(_ours(system, load))
    parts = ", ".join(f"{name} {spent / load.calls * 1000:.1f} ms" for name, spent in ours.cpu_s.items())
    note = f"{parts} CPU a call; peer {peer.each_ms:.1f} ms; {load.calls / ours.seconds:.1f} calls/s offered"
    figure = Figure("completed calls", ours.per_core, "calls/s per core", "bare sippy", peer.per_core, note)
    return Result((figure,), told)


if __name__ == "__main__":
    alone(measure, __doc__)
