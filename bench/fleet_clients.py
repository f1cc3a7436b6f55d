"""The client processes as the benchmark sees them: one line of JSON to each, one from each."""

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.figure import Missing
from tests.support.system import ROOT

EACH = 2500
"""Phones of one process."""
SPARE = 500


def raise_limits(phones: int) -> None:
    """Let this process and its children open enough files: one for each phone, and some for its questions.

    Raises:
        Missing: the machine does not allow it.
    """
    wanted = phones + min(phones, 4000) + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise Missing(f"{wanted} open files are needed for {phones} phones and {hard} allowed: ulimit -n")
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Clients:
    """All client processes together."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process], sizes: Sequence[int]) -> None:
        self._processes = processes
        self._sizes = sizes
        self._turn = asyncio.Lock()

    async def ask(self, do: str, **more: Any) -> list[dict[str, Any]]:
        """Ask each the same."""
        async with self._turn:
            line = json.dumps({"do": do, **more}).encode() + b"\n"
            return list(await asyncio.gather(*(self._ask(process, line) for process in self._processes)))

    async def _ask(self, process: asyncio.subprocess.Process, line: bytes) -> dict[str, Any]:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a client process has no pipes")
        process.stdin.write(line)
        answer = await process.stdout.readline()
        if not answer:
            raise RuntimeError("a client process has ended")
        found: dict[str, Any] = json.loads(answer)
        return found

    async def connect(self, way: str, count: int) -> None:
        """Keep so many connected, evenly over the processes, and no more."""
        shares = [count * size // sum(self._sizes) for size in self._sizes]
        shares[0] += count - sum(shares)
        async with self._turn:
            for process, share in zip(self._processes, shares, strict=True):
                await self._ask(process, json.dumps({"do": "leave", "keep": share}).encode() + b"\n")
                line = json.dumps({"do": "connect", "way": way, "first": share}).encode() + b"\n"
                await self._ask(process, line)

    async def state(self) -> dict[str, int]:
        found = await self.ask("state")
        return {name: sum(one[name] for one in found) for name in ("connected", "busy")}

    async def counted(self) -> tuple[Counter[str], Counter[str]]:
        """Give what happened, and which refusals there were."""
        counts, refusals = Counter[str](), Counter[str]()
        for one in await self.ask("state"):
            counts.update(one["counts"])
            refusals.update(one["refusals"])
        return counts, refusals

    async def settled(self, connected: int, timeout_s: float) -> None:
        """Wait until so many are connected and none is in the middle of something."""

        def quiet(state: Mapping[str, int]) -> bool:
            return state["connected"] == connected and not state["busy"]

        await self._until(self.state, quiet, timeout_s, f"{connected} phones connected and idle")

    async def applied(self, mark: str, count: int, timeout_s: float) -> None:
        """Wait until so many have proved a push."""

        async def look() -> dict[str, int]:
            return {"applied": sum(one["applied"] for one in await self.ask("pushed", mark=mark))}

        await self._until(look, lambda state: state["applied"] >= count, timeout_s, f"{count} applied")

    async def times(self, mark: str) -> list[tuple[float, float]]:
        """Give when each phone had fetched and when it had proved a push."""
        return [(one[0], one[1]) for part in await self.ask("times", mark=mark) for one in part["applied"]]

    async def when(self, what: str, count: int, timeout_s: float) -> list[float]:
        """Give when each was "woken" by the peer, or had its questions "answered"."""
        found: list[float] = []

        async def look() -> int:
            found[:] = [at for part in await self.ask("when", what=what) for at in part["at"]]
            return len(found)

        await self._until(look, lambda there: there >= count, timeout_s, f"{count} {what}")
        return found

    async def order(self, name: str, timeout_s: float = 60.0) -> dict[str, float]:
        """Wait until a phone has carried an order out; give when it had it verified and when done."""
        found: dict[str, float] = {}

        async def look() -> dict[str, int]:
            for part in await self.ask("order", name=name):
                found.update(part)
            return {"done": int("done" in found)}

        await self._until(look, lambda state: bool(state["done"]), timeout_s, "the order carried out")
        return found

    async def effects(self) -> Counter[str]:
        found = Counter[str]()
        for one in await self.ask("effects"):
            found.update(one["effects"])
        return found

    async def _until(
        self, look: Callable[[], Any], well: Callable[[Any], bool], timeout_s: float, what: str
    ) -> None:
        state: Any = None
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            state = await look()
            if well(state):
                return
            await asyncio.sleep(0.1)
        counts, refusals = await self.counted()
        raise TimeoutError(f"not within {timeout_s:.0f} s: {what}; {state}, {dict(counts)}, {dict(refusals)}")


@asynccontextmanager
async def clients(plans: Sequence[Mapping[str, Any]], folder: Path) -> AsyncIterator[Clients]:
    """Start a process for each plan; all end with the block."""
    processes = []
    try:
        for number, plan in enumerate(plans):
            path = folder / f"client-{number}.json"
            path.write_text(json.dumps(plan), encoding="utf-8")
            with (folder / f"client-{number}.log").open("ab") as log:
                processes.append(
                    await asyncio.create_subprocess_exec(
                        sys.executable, "-m", "bench.fleet_client", str(path), cwd=ROOT,
                        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                        limit=2**24,
                    )
                )  # fmt: skip
        yield Clients(processes, [len(plan["phones"]) for plan in plans])
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
