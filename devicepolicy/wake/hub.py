"""The phones that this process keeps connected, and how each is told to look.

State, not history: of each place a phone is told the newest version only, so one small dictionary is all that
waits for a slow one, and a lost connection costs nothing: whoever connects is told what is there now.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from core.logging import get_logger
from core.status import PartStatus, State
from core.tasks import cancel, spawn
from devicepolicy.wake.errors import WakeFull
from devicepolicy.wake.log import Tail, Wake
from devicepolicy.wake.look import Look, Place

_log = get_logger(__name__)
CHUNK = 100
"""Phones told at one go before others get a turn, when all are woken."""


@dataclass(frozen=True, slots=True)
class HubLimits:
    """How many phones, how often the log is read, and how fast all are woken."""

    connections: int = 20_000
    poll_s: float = 0.2
    per_s: int = 2000


@dataclass(eq=False, slots=True)
class Connection:
    """One phone that waits. `waiting` is the newest version of each place that it was not told yet.

    `ring` is called when there is something; an idle phone costs nothing but this object and its socket.
    """

    device_id: str
    waiting: dict[Place, int] = field(default_factory=dict)
    ring: Callable[[], None] | None = None

    def tell(self, look: Look) -> None:
        self.waiting[look.place] = max(look.version, self.waiting.get(look.place, 0))
        if self.ring is not None:
            self.ring()

    def take(self) -> tuple[Look, ...]:
        """Give what waits, once."""
        looks = tuple(Look(place, version) for place, version in self.waiting.items())
        self.waiting.clear()
        return looks

    async def next(self, timeout_s: float) -> tuple[Look, ...]:
        """Wait until there is something to look at; nothing if `timeout_s` passed."""
        if not self.waiting:
            rung = asyncio.Event()
            self.ring = rung.set
            try:
                async with asyncio.timeout(timeout_s):
                    await rung.wait()
            except TimeoutError:
                pass
            finally:
                self.ring = None
        return self.take()


class WakeHub:
    """All waiting phones of this process. The newest connection of a phone replaces the one before."""

    name = "phones"

    def __init__(self, tail: Tail, limits: HubLimits | None = None) -> None:
        self.limits = limits or HubLimits()
        self._tail = tail
        self._waiting: dict[str, Connection] = {}
        self._closed = False
        self._unread = False
        self._watching: asyncio.Task[None] | None = None
        self._all: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, device_id: object) -> bool:
        return device_id in self._waiting

    @property
    def closed(self) -> bool:
        """Whether this process lets every phone go: it ends."""
        return self._closed

    def check_room(self, device_id: str) -> None:
        """Raise `WakeFull` where there is no room for this phone."""
        if self._closed or (len(self._waiting) >= self.limits.connections and device_id not in self):
            raise WakeFull

    def join(self, device_id: str) -> Connection:
        """Begin to keep a phone; raise `WakeFull` where there is no room."""
        self.check_room(device_id)
        before = self._waiting.pop(device_id, None)
        if before is not None:
            before.tell(Look(Place.BYE))
        connection = self._waiting[device_id] = Connection(device_id)
        return connection

    def leave(self, connection: Connection) -> None:
        if self._waiting.get(connection.device_id) is connection:
            del self._waiting[connection.device_id]

    def tell(self, wakes: Iterable[Wake]) -> None:
        """Wake those concerned who are connected here. Cheap, never waits, never raises."""
        for wake in wakes:
            if wake.device_id is None:
                self._tell_all(wake.look)
            elif (connection := self._waiting.get(wake.device_id)) is not None:
                connection.tell(wake.look)

    def _tell_all(self, look: Look) -> None:
        """Tell everybody, a few at a time: they all come with a question."""
        everybody = list(self._waiting.values())
        if len(everybody) <= CHUNK:
            for connection in everybody:
                connection.tell(look)
            return
        self._all = spawn(self._spread(everybody, look), name="wake all phones")

    async def _spread(self, everybody: list[Connection], look: Look) -> None:
        for begin in range(0, len(everybody), CHUNK):
            for connection in everybody[begin : begin + CHUNK]:
                connection.tell(look)
            await asyncio.sleep(CHUNK / self.limits.per_s)

    async def start(self) -> None:
        """Begin to read what other processes write, as soon as the database answers."""
        await self._look()
        self._watching = spawn(self._watch(), name="wake log")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.limits.poll_s)
            await self._look()

    async def _look(self) -> None:
        late = self._unread and not self._tail.started
        try:
            self.tell(await self._tail.read())
        except Exception as error:  # noqa: BLE001 - a database that is away comes back
            if not self._unread:
                _log.warning("wake.log_unread", error_type=type(error).__name__)
            self._unread = True
            return
        self._unread = False
        if late:  # whatever was written before the log could first be read
            self.tell([Wake(None, Look(Place.COMMANDS)), Wake(None, Look(Place.POLICY))])

    async def status(self) -> PartStatus:
        """Say how many phones are connected here, and whether the log can be read."""
        state = State.DEGRADED if self._unread else State.OK
        return PartStatus(state, {"connected": len(self._waiting)})

    async def close(self) -> None:
        """Let every phone go; none may join any more."""
        self._closed = True
        await cancel(self._watching, self._all)
        for connection in list(self._waiting.values()):
            connection.tell(Look(Place.BYE))
