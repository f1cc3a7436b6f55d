"""Why a call ended, and the one status each cause becomes on a leg that was not answered yet.

Nothing that a carrier or a phone says crosses to the other side except through these tables.
"""

from enum import StrEnum

from gateway.contact.model import Outcome


class EndedBy(StrEnum):
    """Who ended a call."""

    STAFF = "staff"
    CUSTOMER = "customer"
    SUPERVISOR = "supervisor"
    RULE = "rule"
    LIMIT = "limit"
    SYSTEM = "system"


class Cause(StrEnum):
    """Why a call ended; the fixed table of the call detail record."""

    COMPLETED = "completed"
    ABANDONED = "abandoned"  # hung up after the answer, before the voices were let through
    CANCELLED = "cancelled"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    NETWORK = "network-error"
    BAD_MEDIA = "bad-media"
    DENIED = "denied"
    NO_TARGET = "no-target"
    KILLED = "killed"
    TIME_LIMIT = "time-limit"
    NO_MEDIA = "media-unavailable"  # no ports, no recorder or no notice: no call
    RECORDER_FAILED = "recorder-failed"
    NO_AUDIO = "no-audio"
    SWITCH_LOST = "switch-lost"
    SYSTEM = "system-error"
    INTERRUPTED = "interrupted"


_STATUS = {
    Cause.COMPLETED: 480,
    Cause.ABANDONED: 480,
    Cause.CANCELLED: 487,
    Cause.BUSY: 486,
    Cause.NO_ANSWER: 480,
    Cause.DECLINED: 480,
    Cause.UNREACHABLE: 480,
    Cause.NETWORK: 503,
    Cause.BAD_MEDIA: 488,
    Cause.DENIED: 403,
    Cause.NO_TARGET: 404,
    Cause.KILLED: 403,
    Cause.TIME_LIMIT: 480,
    Cause.NO_MEDIA: 503,
    Cause.RECORDER_FAILED: 503,
    Cause.NO_AUDIO: 503,
    Cause.SWITCH_LOST: 503,
    Cause.SYSTEM: 503,
    Cause.INTERRUPTED: 503,
}

_FROM_STATUS = {
    403: Cause.DECLINED,
    404: Cause.UNREACHABLE,
    408: Cause.NO_ANSWER,
    410: Cause.UNREACHABLE,
    480: Cause.NO_ANSWER,
    484: Cause.UNREACHABLE,
    486: Cause.BUSY,
    487: Cause.NO_ANSWER,
    488: Cause.BAD_MEDIA,
    600: Cause.BUSY,
    603: Cause.DECLINED,
    604: Cause.UNREACHABLE,
    606: Cause.BAD_MEDIA,
}


def refusal_status(cause: Cause) -> int:
    """Give the SIP status that a waiting leg is refused with (RFC 3261 section 21)."""
    return _STATUS[cause]


def cause_of(status: int) -> Cause:
    """Read the status a leg failed with; an unknown one is the network's fault."""
    return _FROM_STATUS.get(status, Cause.NETWORK)


def outcome_of(cause: Cause, *, customer_dialled: bool, customer_answered: bool) -> Outcome:
    """Tell what a call means for the caps: an answered customer counts as connected whatever came after."""
    if customer_answered:
        return Outcome.CONNECTED
    if cause is Cause.DENIED:
        return Outcome.REFUSED
    return Outcome.UNANSWERED if customer_dialled else Outcome.FAILED
