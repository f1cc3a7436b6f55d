"""The calls process: call control, media relay and recorder, and texts over the same switch."""

import asyncio
from dataclasses import replace

from core.config import Settings
from core.heartbeat import Report
from core.tasks import cancel, spawn
from gateway.calls import process
from gateway.calls.process import CallsParts
from gateway.messages.build import build_host, build_messages
from gateway.messages.channels.sip.channel import LinkSplit, SipTextChannel
from gateway.messages.host import ChannelHost
from maskline.beating import beating
from maskline.ground import Ground, open_ground
from maskline.processes import until_told
from maskline.relay import owner
from maskline.wiring.channels import sip_texts
from maskline.wiring.gateway import Gateway, build_gateway, open_calls
from maskline.wiring.messages import chat_tokens, message_ground


async def calls(settings: Settings, stop: asyncio.Event) -> None:
    """Recover what an earlier life left open, then carry calls until told to stop."""
    async with open_ground(settings) as ground:
        gateway = build_gateway(ground)
        async with open_calls(ground, gateway) as parts:
            link = parts.link

            async def report() -> Report:
                return ("ok" if link.connected else "degraded"), {"switch": link.connected}

            async with beating(ground, "calls", report):
                if settings.sip.texts:
                    await _with_texts(ground, gateway, parts, stop)
                else:
                    await process.run(parts, stop)


async def _with_texts(ground: Ground, gateway: Gateway, parts: CallsParts, stop: asyncio.Event) -> None:
    """Carry SIP MESSAGE beside the calls. If one of the two breaks, so does the process."""
    channel = sip_texts(parts.link, ground.settings, ground.vault)
    host = _host_of(ground, gateway, channel)
    calls_parts = replace(parts, link=LinkSplit(parts.link, channel.hear))
    ended = asyncio.Event()

    async def until_told_to_end() -> None:
        await stop.wait()
        ended.set()

    stopping = spawn(until_told_to_end(), name="stop")
    running = [
        spawn(process.run(calls_parts, ended), name="calls"),
        spawn(host.run(ended), name="texts"),
    ]
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.set()
        await cancel(stopping)
    await asyncio.wait(running)
    for one in running:
        one.result()


def _host_of(ground: Ground, gateway: Gateway, channel: SipTextChannel) -> ChannelHost:
    stands_on = message_ground(ground, gateway)
    services = build_messages(stands_on)
    host, _ = build_host(stands_on, services, [channel], worker=owner(), links=chat_tokens(ground))
    return host


def main(settings: Settings) -> None:
    """Run until SIGTERM."""
    until_told(calls, settings)
