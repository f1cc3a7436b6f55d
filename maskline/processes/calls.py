"""The calls process: call control, media relay and recorder."""

import asyncio

from core.config import Settings
from core.heartbeat import Report
from gateway.calls import process
from maskline.beating import beating
from maskline.gateway_wiring import build_gateway, open_calls
from maskline.ground import open_ground
from maskline.processes import until_told


async def calls(settings: Settings, stop: asyncio.Event) -> None:
    """Recover what an earlier life left open, then carry calls until told to stop."""
    async with open_ground(settings) as ground, open_calls(ground, build_gateway(ground)) as parts:

        async def report() -> Report:
            connected = parts.link.connected
            return ("ok" if connected else "degraded"), {"switch": connected}

        async with beating(ground, "calls", report):
            await process.run(parts, stop)


def main(settings: Settings) -> None:
    """Run until SIGTERM."""
    until_told(calls, settings)
