"""Waking by MQTT: a publisher that reads the log of wakes, and keeps its place across restarts.

Each phone has topics of its own, `<prefix>/phones/<device id>/commands` and `/policy`, retained: what was
said before it first came, or while it was away, is said when it subscribes. `<prefix>/all/policy` is for all.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import aiomqtt

from core.db import Database
from core.errors import MasklineError
from core.ids import new_id
from core.logging import get_logger
from core.phone_settings import MqttSettings
from core.tasks import cancel, spawn
from devicepolicy.wake.client import WINDOW, connect
from devicepolicy.wake.dynsec import MosquittoDoor
from devicepolicy.wake.log import Tail, Wake, cursor, move_cursor
from devicepolicy.wake.look import Place
from devicepolicy.wake.topics import SAID, Topics

READER = "mqtt"
PAUSES_S = (0.2, 1.0, 5.0, 15.0)
_log = get_logger(__name__)


class MqttWaker:
    """Publishes wakes. One is enough; two say everything twice, which phones do not mind."""

    def __init__(
        self, database: Database, settings: MqttSettings, door: MosquittoDoor, *, poll_s: float = 0.2
    ) -> None:
        self._database = database
        self._settings = settings
        self._door = door
        self._topics = Topics(settings.topic)
        self._poll_s = poll_s
        self.connected = False

    async def run(self) -> None:
        """Publish until cancelled; a broker or a database that is away comes back, and nothing is skipped."""
        failures = 0
        while True:
            try:
                await self._session()
                _log.warning("mqtt.away", error_type="broken")
            except (aiomqtt.MqttError, MasklineError, OSError) as error:
                if not failures:
                    _log.warning("mqtt.away", error_type=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - the database; see above
                _log.error("mqtt.failed", error_type=type(error).__name__)
            failures = 0 if self.connected else failures + 1
            self.connected = False
            await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])

    async def _session(self) -> None:
        """Connect once, and publish until the connection breaks."""
        await self._door.prepare()
        name, password = self._door.publisher
        client = connect(self._settings, name, password.reveal_text(), f"{name}-{new_id()[-8:]}")
        tail = Tail(self._database)
        async with self._database.read() as session:
            kept = await cursor(session, READER)
        await tail.start(kept or 0)
        kept = tail.floor
        async with client:
            self.connected = True
            broken = spawn(_broken(client), name="mqtt-connection")
            try:
                while not broken.done():
                    wakes = await tail.read()
                    await self._publish(client, wakes)
                    if tail.floor > kept:
                        kept = tail.floor
                        async with self._database.begin() as session:
                            await move_cursor(session, READER, kept)
                    if not wakes:
                        await asyncio.wait({broken}, timeout=self._poll_s)
            finally:
                await cancel(broken)

    async def _publish(self, client: aiomqtt.Client, wakes: Sequence[Wake]) -> None:
        """Say it, and wait until the broker has it. Of several to one topic only the newest."""
        said: dict[str, str] = {}
        for wake in wakes:
            if wake.look.place is Place.BYE:
                if wake.device_id is not None:
                    await self._forget(client, wake.device_id)
            elif wake.device_id is None:
                said[self._topics.all(wake.look.place)] = wake.look.text()
            else:
                said[self._topics.phone(wake.device_id, wake.look.place)] = wake.look.text()
        pairs = list(said.items())
        for begin in range(0, len(pairs), WINDOW):
            await asyncio.gather(
                *(
                    client.publish(topic, text, qos=1, retain=True)
                    for topic, text in pairs[begin : begin + WINDOW]
                )
            )

    async def _forget(self, client: aiomqtt.Client, device_id: str) -> None:
        """Shut a phone out, and take back what was kept for it."""
        await self._door.dismiss(device_id)
        for place in SAID:
            await client.publish(self._topics.phone(device_id, place), b"", qos=1, retain=True)


async def _broken(client: aiomqtt.Client) -> None:
    """Wait until the connection is gone: nothing is subscribed, and who says nothing would not notice."""
    with suppress(aiomqtt.MqttError):
        async for _ in client.messages:
            pass
