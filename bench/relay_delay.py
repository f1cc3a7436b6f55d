"""How much later a packet arrives because the relay is between, against the same packets sent directly.

    .venv/bin/python -m bench.relay_delay [--quick]

Each packet carries the time at which it was sent; the kernel stamps the time at which it reached the other
phone's socket (SO_TIMESTAMPNS), so how fast the phone reads does not matter. Direct: phone to phone over
loopback. Relay: the same through relay and recorder. The bare asyncio forwarder stands in the notes.
"""

import asyncio
import tempfile
from pathlib import Path

from bench import rtp
from bench.figure import Figure, Options, Result, alone


async def _at(calls: int, seconds: float) -> list[Figure]:
    bare = await rtp.direct(calls, seconds)
    forwarded = await rtp.forwarded(calls, seconds)
    with tempfile.TemporaryDirectory() as folder:
        ours, _ = await rtp.relayed(calls, seconds, Path(folder))
    return [
        Figure(
            f"delay through the relay, {calls} call{'s' if calls > 1 else ''}, p{percent}",
            ours.delay_us(percent),
            "µs",
            "direct loopback UDP",
            bare.delay_us(percent),
            f"added {ours.delay_us(percent) - bare.delay_us(percent):,.0f} µs; "
            f"asyncio forwarder {forwarded.delay_us(percent):,.0f} µs",
            less_is_better=True,
        )
        for percent in (50, 99)
    ]


async def _measure(seconds: float, loads: tuple[int, ...]) -> Result:
    figures: list[Figure] = []
    for calls in loads:
        figures += await _at(calls, seconds)
    return Result(tuple(figures))


def measure(options: Options) -> Result:
    return asyncio.run(_measure(2.0, (1, 20)) if options.quick else _measure(4.0, (1, 50)))


if __name__ == "__main__":
    alone(measure, __doc__)
