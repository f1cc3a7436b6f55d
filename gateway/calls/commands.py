"""What the call machine wants done; after the arrow stand the events that a command is answered with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from gateway.calls.causes import Cause, EndedBy
from gateway.calls.flow import Mark, Timer
from gateway.media.model import NoticePlayed, Side


@dataclass(frozen=True, slots=True)
class Judge:
    """Find the binding, ask for the verdict, open the record -> Allowed, Denied, NoTarget, StepFailed."""


@dataclass(frozen=True, slots=True)
class OpenMedia:
    """Take ports, arm the recorder, read the caller's offer -> MediaReady, BadSdp, StepFailed."""

    caller: Side | None = None
    offer: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CallStaff:
    """Dial the employee's registered phone -> StepFailed, Failed(480) if it is not registered."""


@dataclass(frozen=True, slots=True)
class CallCustomer:
    """Second look, number out of the vault, originate -> CustomerDialled, Denied, StepFailed."""


@dataclass(frozen=True, slots=True)
class RingCaller:
    """Tell the leg that called us that it rings."""

    side: Side


@dataclass(frozen=True, slots=True)
class AnswerCaller:
    """Answer the leg that called us with our own SDP."""

    side: Side


@dataclass(frozen=True, slots=True)
class SetRemote:
    """Give a side's answer to the media plane -> RemoteSet, BadSdp."""

    side: Side
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StartRingback:
    side: Side


@dataclass(frozen=True, slots=True)
class StopRingback:
    side: Side


@dataclass(frozen=True, slots=True)
class PlayNotice:
    """Play the recording notice to both legs -> NoticeDone, StepFailed."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Let the voices through."""


@dataclass(frozen=True, slots=True)
class AcceptReoffer:
    """Answer a new offer of one side by ourselves -> ReofferDone, ReofferRejected."""

    side: Side
    sdp: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RefuseReoffer:
    side: Side
    status: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse the leg that called us and was not answered."""

    side: Side
    status: int
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Hangup:
    side: Side


@dataclass(frozen=True, slots=True)
class StartTimer:
    timer: Timer
    seconds: int


@dataclass(frozen=True, slots=True)
class StopTimer:
    timer: Timer


@dataclass(frozen=True, slots=True)
class NoteProgress:
    """Write a moment that matters to the caps if this process dies now."""

    mark: Mark


@dataclass(frozen=True, slots=True)
class CloseMedia:
    """Stop whatever is still under way, close the recording, free the ports -> MediaClosed."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """How the call went, for the call detail record."""

    ended_by: EndedBy
    cause: Cause
    sip_status: int | None
    marks: Mapping[Mark, datetime]
    notice: NoticePlayed | None


@dataclass(frozen=True, slots=True)
class WriteCdr:
    """Close record and contact, append to the ledger, tell the outbox -> Filed."""

    record: CallRecord


Command: TypeAlias = (
    Judge
    | OpenMedia
    | CallStaff
    | CallCustomer
    | RingCaller
    | AnswerCaller
    | SetRemote
    | StartRingback
    | StopRingback
    | PlayNotice
    | Bridge
    | AcceptReoffer
    | RefuseReoffer
    | Refuse
    | Hangup
    | StartTimer
    | StopTimer
    | NoteProgress
    | CloseMedia
    | WriteCdr
)
