"""What a relayed and recorded RTP packet costs, against a bare asyncio UDP forwarder.

    .venv/bin/python -m bench.media_relay [--quick]

Both run in this process, the sender in a child. CPU is this process's own (user + system), so the sender
does not count; only packets that reached the other phone do.
"""

import asyncio
import tempfile
from pathlib import Path

from bench import rtp
from bench.figure import Figure, Options, Result, alone

PEER = "asyncio UDP forwarder"


async def _measure(calls: int, seconds: float) -> Result:
    peer = await rtp.forwarded(calls, seconds)
    with tempfile.TemporaryDirectory() as folder:
        ours, reports = await rtp.relayed(calls, seconds, Path(folder))
    recorded = sum(report.recorded_packets for report in reports)
    relayed = sum(report.relayed_packets for report in reports)
    note = f"{calls} calls, loss {ours.loss:.3%}, recorded / relayed {recorded / max(1, relayed):.4f}"
    name = "relay and record one packet"
    figure = Figure(name, ours.cpu_us, "µs CPU", PEER, peer.cpu_us, note, less_is_better=True)
    return Result((figure,))


def measure(options: Options) -> Result:
    return asyncio.run(_measure(20, 3.0 if options.quick else 8.0))


if __name__ == "__main__":
    alone(measure, __doc__)
