"""Waking over HTTP: a WebSocket, a long poll, and the way to MQTT; for phones that signed the request."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import Field

from core.tasks import cancel, spawn
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import SocketReply
from core.web.schema import ApiModel
from devicepolicy.identity.gate import Admitted, DeviceGate, phone_endpoint
from devicepolicy.wake.errors import BrokerRefused, MqttOff, WakeFull
from devicepolicy.wake.hub import Connection, WakeHub
from devicepolicy.wake.look import Look, Place
from devicepolicy.wake.ports import BrokerDoor
from devicepolicy.wake.service import Standing


@dataclass(frozen=True, slots=True)
class WakeTimes:
    """How long what is held open, in seconds."""

    heartbeat_s: float = 60.0
    long_poll_s: float = 50.0


class PollQuery(ApiModel):
    """What the phone has seen already: it waits only for more than that."""

    commands: int = Field(default=0, ge=0, le=2**53)
    policy: int = Field(default=0, ge=0, le=2**53)


class LookOut(ApiModel):
    look: Place
    version: int


class PollOut(ApiModel):
    """Where to look; empty if nothing happened in time."""

    looks: list[LookOut]


class MqttOut(ApiModel):
    """Where a phone subscribes, as whom, and to what. The password is for this phone alone."""

    host: str
    port: int
    tls: bool
    username: str
    password: str
    client_id: str
    topics: list[str]


def endpoints(
    hub: WakeHub,
    standing: Standing,
    gate: DeviceGate,
    times: WakeTimes | None = None,
    door: BrokerDoor | None = None,
) -> list[Endpoint]:
    """Give the endpoints of waking. Without a `door` there is no MQTT here."""
    times = times or WakeTimes()

    @endpoint(
        "GET",
        "/agent/wake",
        summary_zh="手机保持连接，等待唤醒（WebSocket）",
        summary_en="A phone stays connected to be woken (WebSocket)",
        **phone_endpoint(gate, WakeFull),
    )
    async def wake(*, caller: Admitted) -> SocketReply:
        hub.check_room(caller.phone.device_id)
        return SocketReply(_talk(hub, standing, caller.phone.device_id), heartbeat_s=times.heartbeat_s)

    @endpoint(
        "GET",
        "/agent/wake/poll",
        summary_zh="手机长轮询，等待唤醒",
        summary_en="A phone waits to be woken (long poll)",
        timeout_s=times.long_poll_s + 30,
        **phone_endpoint(gate, WakeFull),
    )
    async def poll(*, caller: Admitted, query: PollQuery) -> PollOut:
        seen = {Place.COMMANDS: query.commands, Place.POLICY: query.policy}
        looks = await _poll(hub, standing, caller.phone.device_id, seen, times.long_poll_s)
        return PollOut(looks=[LookOut(look=look.place, version=look.version) for look in looks])

    @endpoint(
        "POST",
        "/agent/wake/mqtt",
        summary_zh="手机取得自己的 MQTT 账号",
        summary_en="A phone gets its own MQTT account",
        **phone_endpoint(gate, MqttOff, BrokerRefused),
    )
    async def mqtt(*, caller: Admitted) -> MqttOut:
        if door is None:
            raise MqttOff
        account = await door.admit(caller.phone.device_id)
        return MqttOut(
            host=account.host,
            port=account.port,
            tls=account.tls,
            username=account.username,
            password=account.password.reveal_text(),
            client_id=account.username,
            topics=list(account.topics),
        )

    return [wake, poll, mqtt]


def _talk(
    hub: WakeHub, standing: Standing, device_id: str
) -> Callable[[web.WebSocketResponse], Awaitable[None]]:
    """Give the talk with one phone: it only listens, and is told where to look."""

    async def talk(socket: web.WebSocketResponse) -> None:
        try:
            connection = hub.join(device_id)
        except WakeFull:  # the last place went while it shook hands
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return
        teller = _Teller(socket, connection, hub)
        try:
            for look in await standing.looks(device_id):
                connection.tell(look)
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:  # a phone has nothing to say here
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION)
        finally:
            hub.leave(connection)
            await teller.stop()

    return talk


class _Teller:
    """Writes to one phone's socket when there is something to say: no task of its own while there is not."""

    __slots__ = ("_connection", "_hub", "_sending", "_socket")

    def __init__(self, socket: web.WebSocketResponse, connection: Connection, hub: WakeHub) -> None:
        self._socket = socket
        self._connection = connection
        self._hub = hub
        self._sending: asyncio.Task[None] | None = None
        connection.ring = self._ring

    def _ring(self) -> None:
        if self._sending is None:
            self._sending = spawn(self._send(), name="wake phone")

    async def _send(self) -> None:
        try:
            while looks := self._connection.take():
                for look in looks:
                    if look.place is Place.BYE:
                        # Who is let go asks why; were all of a restart to ask, they would come at once.
                        code = WSCloseCode.GOING_AWAY if self._hub.closed else WSCloseCode.OK
                        await self._socket.close(code=code)
                        return
                    await self._socket.send_str(look.text())
        except (ConnectionError, RuntimeError):
            self._connection.ring = None  # it is gone; whoever reads from it sees that too
        finally:
            self._sending = None

    async def stop(self) -> None:
        self._connection.ring = None
        await cancel(self._sending)


async def _poll(
    hub: WakeHub, standing: Standing, device_id: str, seen: Mapping[Place, int], wait_s: float
) -> tuple[Look, ...]:
    """Wait for something that the phone has not seen. Joined before the books are read: nothing is missed."""
    connection = hub.join(device_id)
    try:
        there = await standing.looks(device_id)
        found = tuple(look for look in there if not look.version or look.version > seen[look.place])
        found = found or await connection.next(wait_s)
    finally:
        hub.leave(connection)
    return tuple(look for look in found if look.place is not Place.BYE)
