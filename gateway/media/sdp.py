"""SDP by white list: read a remote description into facts, write our own from scratch (RFC 8866, RFC 3264)."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from gateway.media.errors import SdpInvalid
from gateway.media.model import Law

MAX_SDP_CHARS = 8192
MAX_LINES = 256
_PTIMES = range(10, 61, 10)
_STATIC = {0: Law.ULAW, 8: Law.ALAW}
_MEDIA_KINDS = frozenset({"audio", "video", "text", "application", "message", "image"})
_LOCAL_EVENT_PT = 101


class Direction(StrEnum):
    """Who sends, seen from the one who wrote the description (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        return self in {Direction.SENDRECV, Direction.RECVONLY}

    def mirrored(self) -> "Direction":
        """What the answer to this direction says (RFC 3264 §6.1)."""
        return {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}.get(
            self, self
        )


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """Everything that survives of a remote description."""

    address: IPv4Address | IPv6Address
    port: int
    codecs: tuple[Law, ...]
    """In the remote's order of preference."""
    telephone_event_pt: int | None
    ptime_ms: int
    direction: Direction
    other_media: tuple[str, ...] = ("audio",)
    """Kinds of all m-lines in order; an answer repeats them, all refused but the chosen audio."""
    audio_index: int = 0

    @property
    def held(self) -> bool:
        """The remote put us on hold: it does not want to hear us (RFC 3264 §8.4)."""
        return not self.direction.receives or self.address.is_unspecified
