"""Words of the media plane that other slices use: sides, counters, what a call left behind."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from core.blobs import BlobInfo

SAMPLE_RATE = 8000
"""Frames a second of every leg, prompt and recording (G.711)."""


class Side(StrEnum):
    """One end of a call. Channel 0 of a recording is staff, channel 1 customer."""

    STAFF = "staff"
    CUSTOMER = "customer"

    @property
    def other(self) -> "Side":
        return Side.CUSTOMER if self is Side.STAFF else Side.STAFF

    @property
    def channel(self) -> int:
        return 0 if self is Side.STAFF else 1


class Law(StrEnum):
    """The companding law of ITU-T G.711."""

    ULAW = "PCMU"
    ALAW = "PCMA"


class FailureReason(StrEnum):
    """Why the media plane wants a call to end."""

    RECORDER_WRITE_FAILED = "recorder-write-failed"
    RECORDER_STALLED = "recorder-stalled"
    RTP_TIMEOUT = "rtp-timeout"


@dataclass(frozen=True, slots=True)
class LegStats:
    """Packets of one leg. Each packet that arrives is in exactly one of the counters of `accounted`."""

    received: int = 0
    relayed: int = 0
    """Audio sent on to the other leg."""
    unbridged: int = 0
    """Audio that came while the legs were not bridged, or the other leg did not want to hear."""
    dtmf: int = 0
    comfort_noise: int = 0
    rtcp: int = 0
    foreign: int = 0
    """From an address that the leg is not latched to."""
    wrong_payload_type: int = 0
    malformed: int = 0
    duplicates: int = 0
    late: int = 0
    """No place on the time line, too late or a flood: neither relayed nor recorded."""
    recorded: int = 0
    """Audio whose samples are safely in the recording, relayed or not (the notice is not bridged)."""
    trimmed: int = 0
    """Silent packets left out to hold the time line after a burst; they count as recorded."""
    lost: int = 0
    """Sequence numbers that never came (RFC 3550 A.3), never below 0."""
    restarts: int = 0
    """New SSRC, new numbering or a leap of the timestamps."""
    sent: int = 0
    """Packets sent to this leg: relayed audio and keys, ringback and notice."""
    send_errors: int = 0

    @property
    def accounted(self) -> int:
        """Equals `received`."""
        kept = self.relayed + self.unbridged + self.dtmf + self.comfort_noise
        dropped = self.rtcp + self.foreign + self.wrong_payload_type + self.malformed
        return kept + dropped + self.duplicates + self.late


@dataclass(frozen=True, slots=True)
class MediaStats:
    """Counters of a call that is going on."""

    staff: LegStats
    customer: LegStats
    recorded_packets: int
    """Relayed audio packets of both legs whose samples are safely in the blob."""
    relayed_packets: int
    duration_ms: int
    """Length of the recording's time line so far."""
    bridged: bool


@dataclass(frozen=True, slots=True)
class NoticePlayed:
    """Proof for the books that the recording notice was played to both legs."""

    ms: int
    staff_packets: int
    customer_packets: int
    prompt_sha256: str
    """SHA-256 of the prompt's file."""


@dataclass(frozen=True, slots=True)
class DtmfEvent:
    """A key that was pressed (RFC 4733). Its repr hides the digit: keys may be a PIN or a number."""

    side: Side
    digit: str = field(repr=False)
    at_ms: int
    """On the recording's time line."""


@dataclass(frozen=True, slots=True)
class MediaReport:
    """What a call's media left behind; all figures of `MediaStats` at the end, and the recording's hashes."""

    recording: BlobInfo | None
    """The stored blob. `recording.sha256` is the hash of the stored plaintext (container), not of the WAV.
    None if the call was never answered (nothing recorded) or the recording could not be kept."""
    wav_sha256: str | None
    """SHA-256 of the WAV rendition (`RecordingReader.wav()`): what an auditor recomputes from an export."""
    staff: LegStats
    customer: LegStats
    recorded_packets: int
    relayed_packets: int
    duration_ms: int
    notice: NoticePlayed | None = None
    failure: FailureReason | None = None

    @property
    def completeness(self) -> float:
        """Packets in the recording / packets relayed; 1.0 if none was relayed."""
        return self.recorded_packets / self.relayed_packets if self.relayed_packets else 1.0


FailureHandler = Callable[[FailureReason], None]
"""Called at most once, on the event loop, after the legs have been unbridged."""
DtmfHandler = Callable[[DtmfEvent], None]
