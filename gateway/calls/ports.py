"""What the calls process needs of its neighbours: the switch, the media plane, timers."""

from collections.abc import Callable
from typing import Protocol

from core.blobs import BlobInfo
from gateway.media.model import MediaReport, MediaStats, Side
from gateway.switch.protocol import SwitchCommand, SwitchEvent

__all__ = [
    "Alarm",
    "BlobInfo",
    "MediaPlane",
    "MediaReport",
    "MediaSession",
    "MediaStats",
    "Side",
    "SwitchLink",
    "SwitchListener",
    "Timers",
]


class SwitchListener(Protocol):
    """Who hears what the switch says. Neither method may block or raise."""

    def on_event(self, event: SwitchEvent) -> None:
        """Take one event; events of one leg come in order."""

    def on_lost(self) -> None:
        """The switch went away: every leg it held is gone."""


class SwitchLink(Protocol):
    """Our end of the socket to the SIP engine."""

    @property
    def connected(self) -> bool: ...

    def listen(self, listener: SwitchListener) -> None:
        """Name the one listener, before the first event can come."""

    async def send(self, command: SwitchCommand) -> None:
        """Send one command, or raise `Unavailable` when no switch is connected."""


class MediaSession(Protocol):
    """The two RTP legs of one call, their relay and their recorder."""

    @property
    def recording_id(self) -> str:
        """Blob id of the recording, known before the first packet so that a crash can find it."""

    def local_sdp(self, side: Side) -> str:
        """Build our offer, or our answer once the remote of that side is set."""

    def set_remote(self, side: Side, sdp: str) -> None:
        """Read a remote's SDP by the white list, or raise `Invalid`."""

    def hold(self, side: Side, sdp: str) -> None:
        """Take a new offer within the call (hold, resume, new address), or raise `Invalid`."""

    def play_ringback(self, side: Side) -> None: ...

    def stop_ringback(self) -> None: ...

    async def play_notice(self) -> int:
        """Play the recording notice to both legs; give the milliseconds played."""

    def bridge(self) -> None:
        """Let the voices through; not before the notice has played."""

    def stats(self) -> MediaStats: ...

    def on_failure(self, callback: Callable[[str], None]) -> None:
        """Tell once, by a reason code, that the recorder stopped or that no RTP comes."""

    async def close(self) -> MediaReport:
        """Stop relay and recorder and free the ports. A second call gives the same report."""


class MediaPlane(Protocol):
    """Ports and recorders."""

    async def open(self, call_id: str, recording_key: bytes) -> MediaSession:
        """Take two ports and arm the recorder, or raise `Unavailable`: no recorder, no call."""

    async def recover(self, call_id: str, recording_id: str, recording_key: bytes) -> MediaReport | None:
        """Close the recording of a call whose process died; None if nothing was written."""


class Alarm(Protocol):
    """A timer that was started."""

    def cancel(self) -> None: ...


class Timers(Protocol):
    """Starts timers; the event loop's `call_later` has this shape."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Alarm: ...
