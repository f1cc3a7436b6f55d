"""One command's life as a pure machine: events in, the next progress and effects out. No I/O.

- queued: waits for a second person where one is needed, then for the phone. `Delivered` as often as it asks.
- delivered: the phone has it and may not act yet. It can be canceled, and it expires.
- acked: the phone keeps it, and our answer let it begin. From here on nobody can take it back.
- succeeded, failed, rejected: the phone's own word. expired: no word in time; the phone's later word counts.

A phone acts on a command only after its acknowledgement was answered with leave to begin. So a command that
was canceled or had expired before that never takes effect, whatever gets lost on the way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from devicepolicy.commands.kinds import ErrorCode


class CommandState(StrEnum):
    """Where a command stands."""

    QUEUED = "QUEUED"
    DELIVERED = "DELIVERED"
    ACKED = "ACKED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"


_S = CommandState
_WORD = frozenset({_S.SUCCEEDED, _S.FAILED, _S.REJECTED})
OPEN = frozenset({_S.QUEUED, _S.DELIVERED, _S.ACKED})
"""Something may still happen by itself."""

TRANSITIONS: Mapping[CommandState, frozenset[CommandState]] = {
    _S.QUEUED: frozenset({_S.DELIVERED, _S.CANCELED, _S.EXPIRED, _S.REJECTED}),
    _S.DELIVERED: frozenset({_S.ACKED, _S.CANCELED, _S.EXPIRED}) | _WORD,
    _S.ACKED: frozenset({_S.EXPIRED}) | _WORD,
    _S.EXPIRED: _WORD,
    _S.CANCELED: frozenset({_S.SUCCEEDED, _S.FAILED}),
    _S.SUCCEEDED: frozenset(),
    _S.FAILED: frozenset(),
    _S.REJECTED: frozenset(),
}
"""Every legal step. Out of EXPIRED and CANCELED only a phone's word leads: it acted after all."""


class Approval(StrEnum):
    """Where the second person's word stands."""

    NOT_NEEDED = "not-needed"
    WAITING = "waiting"
    GIVEN = "given"
    REFUSED = "refused"
    LATE = "late"


class Cause(StrEnum):
    """Why a command ended without success."""

    APPROVAL_REFUSED = "approval-refused"
    APPROVAL_LATE = "approval-late"
    NOT_FETCHED = "not-fetched"
    NOT_ACKED = "not-acked"
    NO_RESULT = "no-result"
    """The phone acknowledged it and fell silent: whether it was done is not known."""
    CANCELED = "canceled"
    BY_DEVICE = "by-device"
    """The phone's own word; `error` says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the machine must know of policy. `ask_s` are the pauses before the phone is asked again."""

    validity_s: float
    approval_s: float
    ask_s: tuple[float, ...] = (30.0, 120.0, 600.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a command stands. `expires_at` is None until it is released; `ask_at` when to ask again."""

    state: CommandState
    approval: Approval
    approve_by: datetime | None = None
    expires_at: datetime | None = None
    deliveries: int = 0
    asked: int = 0
    ask_at: datetime | None = None
    cause: Cause | None = None
    error: ErrorCode | None = None

    @property
    def released(self) -> bool:
        """Whether a phone may get it at all."""
        return self.approval in {Approval.NOT_NEEDED, Approval.GIVEN}


@dataclass(frozen=True, slots=True)
class Approved:
    at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """The second person said no."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The phone fetched it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Acked:
    """The phone keeps it."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """The phone's word: SUCCEEDED, FAILED or REJECTED."""

    state: CommandState
    error: ErrorCode | None = None


@dataclass(frozen=True, slots=True)
class Canceled:
    """An administrator took it back."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The phone is no longer ours: nobody will give it out, and nobody will say how it went."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""

    at: datetime


Event = Approved | Refused | Delivered | Acked | Reported | Canceled | Gone | Tick


@dataclass(frozen=True, slots=True)
class Release:
    """Give it the next number of its phone, and wake the phone."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Ask the phone to look again."""


@dataclass(frozen=True, slots=True)
class EraseSecrets:
    """What must not stay longer than needed is destroyed now."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Write how it ended, and tell everybody. Comes again if the phone's word corrects the end."""


Effect = Release | Wake | EraseSecrets | Finish
Step = tuple[Progress, tuple[Effect, ...]]


def begin(at: datetime, limits: Limits, *, second_person: bool) -> Step:
    """Give a new command's first state."""
    if second_person:
        until = at + timedelta(seconds=limits.approval_s)
        return Progress(_S.QUEUED, Approval.WAITING, approve_by=until), ()
    return _release(Progress(_S.QUEUED, Approval.NOT_NEEDED), at, limits)


def step(now: Progress, event: Event, limits: Limits) -> Step:
    """Give the next progress and what is to be done. An event that does not fit changes nothing."""
    if isinstance(event, Approved | Refused):
        return _decided(now, event, limits)
    if isinstance(event, Delivered):
        return _delivered(now, event.at, limits)
    if isinstance(event, Acked):
        return _acked(now, event.at, limits)
    if isinstance(event, Reported):
        return _reported(now, event)
    if isinstance(event, Canceled | Gone):
        return _taken_back(now, event)
    return _ticked(now, event.at, limits)


def _taken_back(now: Progress, event: Canceled | Gone) -> Step:
    if now.state in {_S.QUEUED, _S.DELIVERED}:
        return _end(now, _S.CANCELED, Cause.CANCELED)
    if isinstance(event, Gone) and now.state is _S.ACKED:
        return _run_out(now)
    return now, ()


def _release(now: Progress, at: datetime, limits: Limits) -> Step:
    # Whole seconds, as in the token that the phone gets (RFC 7519 NumericDate): both end at the same moment.
    expires_at = (at + timedelta(seconds=limits.validity_s)).replace(microsecond=0)
    return replace(now, expires_at=expires_at, ask_at=_next_ask(at, 0, limits)), (Release(), Wake())


def _decided(now: Progress, event: Approved | Refused, limits: Limits) -> Step:
    if now.state is not _S.QUEUED or now.approval is not Approval.WAITING:
        return now, ()
    if isinstance(event, Refused):
        return _end(replace(now, approval=Approval.REFUSED), _S.REJECTED, Cause.APPROVAL_REFUSED)
    if now.approve_by is not None and event.at >= now.approve_by:
        return _end(replace(now, approval=Approval.LATE), _S.EXPIRED, Cause.APPROVAL_LATE)
    return _release(replace(now, approval=Approval.GIVEN), event.at, limits)


def _delivered(now: Progress, at: datetime, limits: Limits) -> Step:
    if now.state not in OPEN or not now.released:
        return now, ()
    if now.state is not _S.ACKED and _over(now, at):
        return _run_out(now)
    again = replace(now, deliveries=now.deliveries + 1)
    if now.state is _S.QUEUED:
        return replace(again, state=_S.DELIVERED, asked=0, ask_at=_next_ask(at, 0, limits)), ()
    return again, ()


def _acked(now: Progress, at: datetime, limits: Limits) -> Step:
    if now.state is not _S.DELIVERED:
        return now, ()
    if _over(now, at):
        return _run_out(now)
    kept = replace(now, state=_S.ACKED, asked=0, ask_at=_next_ask(at, 0, limits))
    return kept, (EraseSecrets(),)


def _reported(now: Progress, event: Reported) -> Step:
    if event.state not in _WORD or event.state not in TRANSITIONS[now.state] or not now.deliveries:
        return now, ()
    cause = None if event.state is _S.SUCCEEDED else Cause.BY_DEVICE
    return _end(replace(now, error=event.error), event.state, cause)


def _ticked(now: Progress, at: datetime, limits: Limits) -> Step:
    if now.state not in OPEN:
        return now, ()
    if not now.released:
        if now.approve_by is not None and at >= now.approve_by:
            return _end(replace(now, approval=Approval.LATE), _S.EXPIRED, Cause.APPROVAL_LATE)
        return now, ()
    if _over(now, at) and (now.state is not _S.ACKED or now.ask_at is None):
        return _run_out(now)
    if now.ask_at is None or at < now.ask_at:
        return now, ()
    asked = now.asked + 1
    return replace(now, asked=asked, ask_at=_next_ask(at, asked, limits)), (Wake(),)


def _over(now: Progress, at: datetime) -> bool:
    return now.expires_at is not None and at >= now.expires_at


def _run_out(now: Progress) -> Step:
    causes = {_S.QUEUED: Cause.NOT_FETCHED, _S.DELIVERED: Cause.NOT_ACKED, _S.ACKED: Cause.NO_RESULT}
    return _end(now, _S.EXPIRED, causes[now.state])


def _next_ask(at: datetime, asked: int, limits: Limits) -> datetime | None:
    """When to ask again. None after the last pause: a phone that comes back gets it anyway."""
    return at + timedelta(seconds=limits.ask_s[asked]) if asked < len(limits.ask_s) else None


def _end(now: Progress, state: CommandState, cause: Cause | None) -> Step:
    ended = replace(now, state=state, cause=cause, ask_at=None)
    return ended, (EraseSecrets(), Finish())
