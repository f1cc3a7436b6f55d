"""What the calls process needs of its neighbours: the switch, the media plane, timers."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.contact.model import ContactRequest, Outcome, Verdict
from gateway.customers.phone import PhoneNumber
from gateway.media.model import FailureHandler, MediaReport, MediaStats, NoticePlayed, Side
from gateway.media.plane import PlaneStatus
from gateway.media.sdp import RemoteMedia
from gateway.numbers.model import BindingView
from gateway.switch.link import LinkEvent
from gateway.switch.protocol import SwitchCommand


class SwitchLink(Protocol):
    """Our end of the sockets to the SIP engines; `gateway.switch` has the real one and its twin."""

    @property
    def connected(self) -> bool: ...

    def send(self, command: SwitchCommand) -> None:
        """Queue a command, or raise `Unavailable`: no switch, or the leg is not alive any more."""

    def events(self) -> AsyncIterator[LinkEvent]:
        """Give everything the switches say, in order, until the link is closed."""


class MediaSession(Protocol):
    """The two RTP legs of one call, their relay and their recorder."""

    @property
    def recording_id(self) -> str:
        """Blob id of the recording, known before the first packet so that a crash can find it."""

    def local_sdp(self, side: Side) -> str:
        """Build our offer, or our answer once the remote of that side is set."""

    def set_remote(self, side: Side, sdp: str) -> RemoteMedia:
        """Read a remote's SDP by the white list, or raise `Invalid`."""

    def hold(self, side: Side, sdp: str) -> RemoteMedia:
        """Take a new offer within the call (hold, resume, new address), or raise `Invalid`."""

    def play_ringback(self, side: Side) -> None: ...

    def stop_ringback(self, side: Side) -> None: ...

    async def play_notice(self) -> NoticePlayed:
        """Play the recording notice to both legs; returns the proof when it has finished."""

    def bridge(self) -> None:
        """Let the voices through; not before the notice has played."""

    def stats(self) -> MediaStats: ...

    def on_failure(self, callback: FailureHandler) -> None:
        """Tell once that the recorder stopped or that no RTP comes."""

    async def close(self) -> MediaReport:
        """Stop relay and recorder and free the ports. A second call gives the same report."""


class MediaPlane(Protocol):
    """Ports and recorders."""

    async def open(self, call_id: str, recording_key: bytes) -> MediaSession:
        """Take two ports and arm the recorder, or raise `Unavailable`: no recorder, no call."""

    def status(self) -> PlaneStatus: ...


class Contacts(Protocol):
    """The verdict and the books of contacts."""

    async def judge(self, session: AsyncSession, request: ContactRequest) -> Verdict: ...

    async def recheck(self, session: AsyncSession, contact_id: str) -> Verdict: ...

    async def reveal_for_dialling(self, session: AsyncSession, contact_id: str) -> PhoneNumber: ...

    async def close(
        self, session: AsyncSession, contact_id: str, outcome: Outcome, *, answered_at: datetime | None = None
    ) -> None: ...


class Bindings(Protocol):
    """Who is tied to whom by which line."""

    async def resolve_dial(
        self, session: AsyncSession, employee_id: str, dialled: str
    ) -> BindingView | None: ...

    async def resolve_inbound(
        self, session: AsyncSession, line_number: str, caller: PhoneNumber
    ) -> BindingView | None: ...


class Alarm(Protocol):
    """A timer that was started."""

    def cancel(self) -> None: ...


class Timers(Protocol):
    """Starts timers; the event loop's `call_later` has this shape."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Alarm: ...
