"""A process full of simulated phones, told what to do by lines of JSON: `python -m bench.fleet_client FILE`.

Answers one line to each line. Moments are of the monotonic clock, the same in all processes of a machine.
"""

import asyncio
import contextlib
import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.fleet_phone import Phone, World
from core.tasks import spawn

AT_ONCE = 64
"""Phones of one process that connect at the same time."""


class Client:
    """The phones, and what happened to them."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.world = World(plan["port"], plan["keys"], plan["mqtt_port"], plan["source"], self._note)
        self.phones = [
            Phone(
                self.world,
                one["index"],
                one["id"],
                Ed25519PrivateKey.from_private_bytes(bytes.fromhex(one["seed"])),
                one["password"],
                tuple(one["topics"]),
            )
            for one in plan["phones"]
        ]
        self._staying: dict[int, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)
        self.counts: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.moments: dict[str, dict[int, float]] = defaultdict(dict)
        self.applied: dict[str, dict[int, tuple[float, float]]] = defaultdict(dict)
        self.orders: dict[str, dict[str, float]] = defaultdict(dict)

    def _note(self, what: str, index: int, *facts: Any) -> None:
        now = time.monotonic()
        self.counts[what] += 1
        if what in {"woken", "answered"}:
            self.moments[what][index] = now
        elif what == "applied":
            mark, compliance, fetched = facts
            if compliance == "COMPLIANT":
                self.applied[mark].setdefault(index, (fetched, now))
            else:
                self.refusals[f"compliance {compliance}"] += 1
        elif what in {"heard", "done"}:
            self.orders[facts[0]].setdefault(what, now)
        elif what == "refused":
            self.refusals[facts[0]] += 1

    # --- what may be asked

    def connect(self, way: str, first: int) -> dict[str, Any]:
        """Keep the first so many phones connected, all others not."""
        for number, phone in enumerate(self.phones):
            task = self._staying.get(number)
            if number < first and task is None:
                self._staying[number] = spawn(phone.stay(way, self._turn), name="phone")
        return {}

    async def leave(self, keep: int) -> dict[str, Any]:
        """Disconnect all but the first so many."""
        gone = [self._staying.pop(number) for number in list(self._staying) if number >= keep]
        for task in gone:
            task.cancel()
        for task in gone:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        return {}

    def state(self) -> dict[str, Any]:
        """Count who is connected, and who is in the middle of something."""
        return {
            "connected": sum(phone.line is not None for phone in self.phones),
            "busy": sum(phone.round is not None for phone in self.phones),
            "counts": dict(self.counts),
            "refusals": dict(self.refusals),
        }

    def pushed(self, mark: str) -> dict[str, Any]:
        return {"applied": len(self.applied[mark])}

    def times(self, mark: str) -> dict[str, Any]:
        return {"applied": list(self.applied[mark].values())}

    def forget(self) -> dict[str, Any]:
        self.moments.clear()
        self.counts.clear()
        self.refusals.clear()
        return {}

    def when(self, what: str) -> dict[str, Any]:
        return {"at": list(self.moments[what].values())}

    def order(self, name: str) -> dict[str, Any]:
        return dict(self.orders.get(name, {}))

    def effects(self) -> dict[str, Any]:
        found: Counter[str] = Counter()
        for phone in self.phones:
            found.update(phone.effects)
        return {"effects": dict(found)}


async def serve(plan: dict[str, Any]) -> None:
    client = Client(plan)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        asked = json.loads(line)
        answer = getattr(client, asked.pop("do"))(**asked)
        if asyncio.iscoroutine(answer):
            answer = await answer
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
