"""How many calls one core relays and records at once with at most 0.1 % of the packets lost.

    .venv/bin/python -m bench.recorded_calls [--quick]

One process of relay and recorder, which is one asyncio loop and so at most about one core; two phones a call,
50 packets a second each way, from a child. The load is raised step by step until, twice, more than 0.1 % of
the packets do not reach the other phone or are not in the recording; then the middle of the last step is.
The peer is the bare asyncio UDP forwarder under the same search. Where it was the sender that could not keep
up, the figure is a lower bound, and the note says so.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bench import rtp
from bench.figure import Figure, Options, Result, alone

ALLOWED = 0.001
SENDER_LATE_MS = 60.0
FIRST, STEPS = 0.6, 8
Trial = Callable[[int], Awaitable[tuple[rtp.Heard, bool]]]


@dataclass(frozen=True, slots=True)
class Limit:
    """The highest load that held, its CPU in cores, and what stopped the search."""

    calls: int
    cores: float
    stopped_by: str


async def _peer(calls: int, seconds: float) -> tuple[rtp.Heard, bool]:
    heard = await rtp.forwarded(calls, seconds)
    return heard, heard.loss <= ALLOWED


async def _ours(calls: int, seconds: float) -> tuple[rtp.Heard, bool]:
    with tempfile.TemporaryDirectory() as folder:
        heard, reports = await rtp.relayed(calls, seconds, Path(folder))
    relayed = sum(report.relayed_packets for report in reports)
    recorded = sum(report.recorded_packets for report in reports)
    return heard, heard.loss <= ALLOWED and recorded >= relayed * (1 - ALLOWED)


async def _limit(trial: Trial, step: float) -> Limit:
    """Raise the load from what the CPU time of a packet promises (at little load it promises too little)."""
    heard, _ = await trial(20)
    calls = int(FIRST * 1e6 / (heard.cpu_us * 2 * rtp.PACKETS_A_SECOND))
    best = Limit(20, heard.cpu_s / heard.seconds, "")
    for _ in range(STEPS):
        best = await _try(trial, calls, best)
        if best.stopped_by:
            break
        calls = int(calls * step)
    if best.stopped_by == "loss":
        between = await _try(trial, (best.calls + calls) // 2, best)
        return Limit(between.calls, between.cores, "loss")
    return best if best.stopped_by else Limit(best.calls, best.cores, "the end of the search")


async def _try(trial: Trial, calls: int, best: Limit) -> Limit:
    """Try a load, and a second time if it does not hold: a hiccup of the machine is not a limit."""
    late = False
    for _ in range(2):
        heard, held = await trial(calls)
        if held:
            return Limit(calls, heard.cpu_s / heard.seconds, "")
        late = heard.late_ms > SENDER_LATE_MS
    return Limit(best.calls, best.cores, "the sender" if late else "loss")


async def _measure(seconds: float, step: float) -> Result:
    ours = await _limit(lambda calls: _ours(calls, seconds), step)
    peer = await _limit(lambda calls: _peer(calls, seconds), step)
    note = (
        f"with {ours.cores:.2f} cores, stopped by {ours.stopped_by}; "
        f"peer with {peer.cores:.2f} cores, stopped by {peer.stopped_by}"
    )
    figure = Figure(
        "calls recorded at once by one process, loss ≤ 0.1 %",
        ours.calls,
        "calls",
        "asyncio UDP forwarder",
        peer.calls,
        note,
    )
    per_core = Figure(
        "the same for each core of CPU time",
        ours.calls / ours.cores,
        "calls",
        "asyncio UDP forwarder",
        peer.calls / peer.cores,
    )
    return Result((figure, per_core))


def measure(options: Options) -> Result:
    return asyncio.run(_measure(2.0, 1.6) if options.quick else _measure(4.0, 1.25))


if __name__ == "__main__":
    alone(measure, __doc__)
