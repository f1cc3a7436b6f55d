"""What comes in to the call machine: from the switch, the media plane, the rules, the clock, people."""

from dataclasses import dataclass, field
from typing import TypeAlias

from gateway.calls.causes import EndedBy
from gateway.calls.flow import Step, Timer
from gateway.media.model import FailureReason, NoticePlayed, Side


@dataclass(frozen=True, slots=True)
class Started:
    """The call begins; `offer` is the SDP of the leg that called us, None for a callback."""

    offer: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Allowed:
    """The verdict is in the books: go on."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A rule forbids it, now or at the second look."""

    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class NoTarget:
    """What was dialled is bound to nobody."""


@dataclass(frozen=True, slots=True)
class StepFailed:
    """A collaborator did not answer, or said no: fail closed."""

    step: Step


@dataclass(frozen=True, slots=True)
class MediaReady:
    """Ports taken, recorder armed."""


@dataclass(frozen=True, slots=True)
class CustomerDialled:
    """The second look allowed it and the number is on its way to the switch."""


@dataclass(frozen=True, slots=True)
class Ringing:
    side: Side


@dataclass(frozen=True, slots=True)
class Answered:
    side: Side
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemoteSet:
    """The media plane took the answer of this side."""

    side: Side


@dataclass(frozen=True, slots=True)
class BadSdp:
    """The description of this side is not acceptable."""

    side: Side


@dataclass(frozen=True, slots=True)
class Failed:
    """An outgoing leg was not answered."""

    side: Side
    status: int


@dataclass(frozen=True, slots=True)
class Ended:
    """A leg hung up; `timed_out` when the switch ended it at its longest duration."""

    side: Side
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The caller gave up before we answered."""

    side: Side


@dataclass(frozen=True, slots=True)
class Reoffer:
    side: Side
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReofferDone:
    side: Side


@dataclass(frozen=True, slots=True)
class ReofferRejected:
    """The media plane does not accept the new offer; the call stays as it was."""

    side: Side


@dataclass(frozen=True, slots=True)
class NoticeDone:
    proof: NoticePlayed


@dataclass(frozen=True, slots=True)
class MediaFailed:
    reason: FailureReason


@dataclass(frozen=True, slots=True)
class KillRequested:
    by: EndedBy


@dataclass(frozen=True, slots=True)
class TimerFired:
    timer: Timer


@dataclass(frozen=True, slots=True)
class SwitchLost:
    """A switch went away, and these legs with it; the other leg may live on another switch."""

    sides: frozenset[Side] = frozenset(Side)


@dataclass(frozen=True, slots=True)
class MediaClosed:
    """The recording is closed, or could not be kept."""


@dataclass(frozen=True, slots=True)
class Filed:
    """The record is in the books."""


Event: TypeAlias = (
    Started
    | Allowed
    | Denied
    | NoTarget
    | StepFailed
    | MediaReady
    | CustomerDialled
    | Ringing
    | Answered
    | RemoteSet
    | BadSdp
    | Failed
    | Ended
    | Cancelled
    | Reoffer
    | ReofferDone
    | ReofferRejected
    | NoticeDone
    | MediaFailed
    | KillRequested
    | TimerFired
    | SwitchLost
    | MediaClosed
    | Filed
)
