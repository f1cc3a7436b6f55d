"""One message's life as a pure machine: events in, the next state and commands out. No I/O.

- queued: `Try` puts it in flight. `Taken` makes it sent, and `Arrived` for every part delivered.
- in flight: `NotTaken` puts it back for later, or ends it as failed; after `Lost` (nobody knows) it is tried
  again where the provider knows our reference, and has failed where it does not.
- held: `Released` queues it, `Rejected` blocks it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from gateway.contact.model import Outcome
from gateway.messages.model import MessageState
from gateway.messages.screening.model import Action


class Cause(StrEnum):
    """Why a message did not leave or did not arrive. For people: `causes.py` has the sentences."""

    VERDICT = "verdict"  # a rule of contacts said no
    SCREENING = "screening"  # what it says may not leave
    REJECTED = "rejected"  # a supervisor said no
    REFUSED = "refused"  # the provider refused it for good
    UNREACHABLE = "unreachable"  # tries used up or too late
    UNKNOWN_OUTCOME = "unknown-outcome"  # nobody knows whether the provider took it
    UNDELIVERED = "undelivered"  # the provider took it and could not deliver it
    CHANNEL_GONE = "channel-gone"  # this deployment has no such channel any more


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a message stands. `parts` is 0 until it is known; `arrived` counts parts that arrived."""

    state: MessageState
    attempts: int = 0
    in_flight: bool = False
    parts: int = 0
    arrived: int = 0
    next_try_at: datetime | None = None
    first_try_at: datetime | None = None
    cause: Cause | None = None
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What the machine must know of policy and channel."""

    pauses_s: tuple[float, ...]
    give_up_after_s: float
    dedupes: bool
    receipts: bool


@dataclass(frozen=True, slots=True)
class Released:
    """A supervisor let a held message go."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Rejected:
    """A supervisor stopped a held message."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The verdict, asked again right before sending, is no."""


@dataclass(frozen=True, slots=True)
class Try:
    """The dispatcher begins a try."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider took all parts."""

    parts: int


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The provider did not take it. `retry_after_s` is its own wish, if it had one."""

    at: datetime
    permanent: bool
    retry_after_s: float = 0.0
    jitter: float = 0.0
    cause: Cause = Cause.REFUSED
    counts: bool = True
    """False for throttling: being slowed down is not a failed try."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A try began and nobody knows how it ended: we died, or the answer never came."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """A receipt says that one part arrived."""


@dataclass(frozen=True, slots=True)
class NotArrived:
    """A receipt says that one part did not arrive."""


@dataclass(frozen=True, slots=True)
class NoReceipt:
    """The receipt did not come within its time."""


Event = Released | Rejected | Refused | Try | Taken | NotTaken | Lost | Arrived | NotArrived | NoReceipt


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Write the outbox message of the next try."""


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand it to the channel."""


@dataclass(frozen=True, slots=True)
class CloseContact:
    """Close the contact."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Finish:
    """Tell everybody that this message is over."""


Command = Enqueue | Submit | CloseContact | Finish
Step = tuple[Progress, tuple[Command, ...]]


def begin(action: Action, *, allowed: bool) -> Step:
    """Give the first state of a message of staff, from the verdict and the screening."""
    if not allowed:
        # The verdict closed its own contact as refused.
        return Progress(MessageState.BLOCKED, cause=Cause.VERDICT, finished=True), (Finish(),)
    if action is Action.BLOCK:
        return _end(Progress(MessageState.BLOCKED, cause=Cause.SCREENING), Outcome.REFUSED)
    if action is Action.HOLD:
        return Progress(MessageState.HELD), ()
    return Progress(MessageState.QUEUED), (Enqueue(),)


def step(now: Progress, event: Event, limits: Limits) -> Step:
    """Give the next progress and what is to be done. An event that does not fit changes nothing."""
    if isinstance(event, Released | Rejected):
        return _reviewed(now, event)
    if isinstance(event, Arrived | NotArrived | NoReceipt):
        return _receipt(now, event, limits)
    if now.state is not MessageState.QUEUED:
        return now, ()
    return _in_flight(now, event, limits) if now.in_flight else _waiting(now, event)


def _reviewed(now: Progress, event: Released | Rejected) -> Step:
    if now.state is not MessageState.HELD:
        return now, ()
    if isinstance(event, Released):
        return replace(now, state=MessageState.QUEUED, next_try_at=event.at), (Enqueue(),)
    return _end(replace(now, state=MessageState.BLOCKED, cause=Cause.REJECTED), Outcome.REFUSED)


def _waiting(now: Progress, event: Refused | Try | Taken | NotTaken | Lost) -> Step:
    if isinstance(event, Refused):
        blocked = replace(now, state=MessageState.BLOCKED, cause=Cause.VERDICT, next_try_at=None)
        return _end(blocked, Outcome.REFUSED)
    if isinstance(event, Try):
        begun = now.first_try_at or event.at
        return replace(now, in_flight=True, attempts=now.attempts + 1, first_try_at=begun), (Submit(),)
    return now, ()


def _in_flight(now: Progress, event: Refused | Try | Taken | NotTaken | Lost, limits: Limits) -> Step:
    if isinstance(event, Taken):
        taken = replace(
            now, state=MessageState.SENT, in_flight=False, parts=event.parts, next_try_at=None, cause=None
        )
        # Without receipts nobody will ever say whether it arrived.
        return _all_arrived(taken) if limits.receipts else _end(taken, Outcome.UNANSWERED)
    if isinstance(event, NotTaken):
        return _failed(now, event.cause) if event.permanent else _later(now, event, limits)
    if isinstance(event, Lost):
        if limits.dedupes:
            return _later(now, NotTaken(event.at, permanent=False), limits, Cause.UNKNOWN_OUTCOME)
        return _failed(now, Cause.UNKNOWN_OUTCOME)
    return now, ()


def _later(now: Progress, event: NotTaken, limits: Limits, cause: Cause = Cause.UNREACHABLE) -> Step:
    attempts = now.attempts if event.counts else now.attempts - 1
    begun = now.first_try_at or event.at
    index = max(attempts - 1, 0)
    if index >= len(limits.pauses_s):
        return _failed(replace(now, attempts=attempts), cause)
    # After a loss the pauses do not grow: it was we who died, or an answer that got lost.
    grown = limits.pauses_s[0 if cause is Cause.UNKNOWN_OUTCOME else index]
    pause = max(grown * (1 + event.jitter), event.retry_after_s)
    again = event.at + timedelta(seconds=pause)
    if again - begun > timedelta(seconds=limits.give_up_after_s):
        return _failed(replace(now, attempts=attempts), cause)
    return replace(now, in_flight=False, attempts=attempts, next_try_at=again), (Enqueue(),)


def _failed(now: Progress, cause: Cause) -> Step:
    # Whether the customer has it is not known after `unknown-outcome`: it counts as an attempt on them.
    outcome = Outcome.UNANSWERED if cause is Cause.UNKNOWN_OUTCOME else Outcome.FAILED
    failed = replace(now, state=MessageState.FAILED, in_flight=False, next_try_at=None, cause=cause)
    return _end(failed, outcome)


def _receipt(now: Progress, event: Arrived | NotArrived | NoReceipt, limits: Limits) -> Step:
    if now.state is MessageState.FAILED and now.cause is Cause.UNKNOWN_OUTCOME and isinstance(event, Arrived):
        # The provider had taken it after all. The contact stays as it was closed.
        return replace(now, state=MessageState.DELIVERED, cause=None, arrived=now.arrived + 1), ()
    if now.state is MessageState.QUEUED and now.in_flight and isinstance(event, Arrived):
        # A receipt that overtook the answer to the submission: counted, and used when that comes.
        return replace(now, arrived=now.arrived + 1), ()
    if now.state is not MessageState.SENT or not limits.receipts:
        return now, ()
    if isinstance(event, Arrived):
        return _all_arrived(replace(now, arrived=now.arrived + 1))
    if isinstance(event, NotArrived):
        failed = replace(now, state=MessageState.FAILED, cause=Cause.UNDELIVERED)
        return _end(failed, Outcome.UNANSWERED)
    return _end(now, Outcome.UNANSWERED)


def _all_arrived(now: Progress) -> Step:
    if now.arrived < now.parts or not now.parts:
        return now, ()
    return _end(replace(now, state=MessageState.DELIVERED), Outcome.CONNECTED)


def _end(now: Progress, outcome: Outcome) -> Step:
    """Close the contact and tell everybody, once: a receipt after the end changes the state only."""
    if now.finished:
        return now, ()
    return replace(now, finished=True), (CloseContact(outcome), Finish())
