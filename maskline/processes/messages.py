"""The messages process: holds the channels to customers, sends what is due, takes what comes in."""

import asyncio

from core.alone import alone
from core.config import Settings
from core.errors import Conflict
from core.heartbeat import Report
from gateway.messages.build import build_host, build_messages
from maskline.beating import beating
from maskline.ground import open_ground
from maskline.processes import until_told
from maskline.relay import owner
from maskline.wiring.channels import open_channels
from maskline.wiring.gateway import build_gateway
from maskline.wiring.messages import chat_tokens, message_ground, read_words

LOCK = "messages.lock"


class MessagesRunning(Conflict):
    """Another messages process already runs on this data folder."""

    code = "messages-already-running"
    zh = "此数据目录上已有一个消息进程在运行。"


async def messages(settings: Settings, stop: asyncio.Event) -> None:
    """Serve all channels until told to stop. One process: a web chat's browser is connected to it alone."""
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with alone(settings.run_dir / LOCK, MessagesRunning):
        async with open_ground(settings) as ground:
            stands_on = message_ground(ground, build_gateway(ground))
            if settings.wecom.source != "off":  # what staff wrote there is screened here
                await asyncio.to_thread(read_words)
            services, tokens = build_messages(stands_on), chat_tokens(ground)
            async with open_channels(ground, stands_on, services, tokens) as channels:
                host, _ = build_host(stands_on, services, channels.all(), worker=owner(), links=tokens)

                async def report() -> Report:
                    return ("ok" if all(channels.facts().values()) else "degraded"), {**channels.facts()}

                for channel in channels.all():
                    await channel.start()  # a port that is taken is told before the first sign of life
                async with beating(ground, "messages", report):
                    await host.run(stop)


def main(settings: Settings) -> None:
    """Run until SIGTERM."""
    until_told(messages, settings)
