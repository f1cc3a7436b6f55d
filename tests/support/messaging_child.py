"""A process that sends messages by SMPP until somebody kills it: for tests of what survives."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.db import Database
from core.logging import configure
from core.vault import Keyring
from gateway.messages.channels.smpp.channel import SmppChannel, SmppOptions
from tests.support import desk
from tests.support.messaging import Post


class RunningClock:
    """Wall time that began where the test says and runs ten times as fast: pauses are minutes."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began = asyncio.get_event_loop_policy().get_event_loop().time()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=10 * self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_event_loop_policy().get_event_loop().time() - self._began


async def main(url: str, keyring: Path, port: int, life: int) -> None:
    class OneKeyring:
        """The test's own keyring instead of a fresh one."""

        @staticmethod
        def generate() -> Keyring:
            return Keyring.load(keyring)

    desk.Keyring = OneKeyring
    # Each life begins half an hour later: leases of the dead one and the longest pause have run out.
    clock = RunningClock(datetime(2026, 11, 21, 2, tzinfo=UTC) + timedelta(minutes=31 * life))
    options = SmppOptions("127.0.0.1", port, "me", "secret", dedupes=True, reconnect_s=(0.05,))
    channel = SmppChannel(options, clock, lambda text: text[:8])
    post = Post(Database(url), clock, channels=[channel], worker=f"life-{life}")
    await channel.start()
    await channel.wait_bound()
    await post.host.run(asyncio.Event())


if __name__ == "__main__":
    configure("child", level="ERROR")
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
