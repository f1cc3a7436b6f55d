"""Signs of life of this process for as long as a block runs."""

import asyncio

from core.heartbeat import Heartbeat, ReportSource, healthy
from core.tasks import cancel, spawn
from maskline.ground import Ground


class beating:  # noqa: N801 - reads as a verb where it is used
    """Give signs of life while the block runs."""

    def __init__(self, ground: Ground, process: str, report: ReportSource = healthy) -> None:
        self._heartbeat = Heartbeat(ground.database, ground.clock, process, ground.settings.node, report)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        self._task = spawn(self._heartbeat.run(), name="heartbeat")

    async def __aexit__(self, *_: object) -> None:
        await cancel(self._task)
