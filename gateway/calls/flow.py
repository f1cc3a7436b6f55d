"""The words of a call: how it begins, where it is, what takes time, which moments are kept."""

from enum import StrEnum


class Flow(StrEnum):
    """How a call begins."""

    STAFF = "staff"  # the staff phone dials a token or a line
    CALLBACK = "callback"  # both legs are dialled out, the staff leg first
    INBOUND = "inbound"  # the customer dials a line


class Phase(StrEnum):
    """Where a call is."""

    NEW = "new"
    JUDGING = "judging"
    OPENING = "opening"
    CALLING_STAFF = "calling-staff"
    CALLING_CUSTOMER = "calling-customer"
    CONNECTING = "connecting"
    ANNOUNCING = "announcing"
    TALKING = "talking"
    CLOSING = "closing"  # the legs are gone, the recording is being closed
    FILING = "filing"  # the record is being written
    ENDED = "ended"


class Step(StrEnum):
    """A command that takes time and may fail."""

    JUDGE = "judge"
    OPEN_MEDIA = "open-media"
    CALL_STAFF = "call-staff"
    CALL_CUSTOMER = "call-customer"
    ANSWER = "answer"
    NOTICE = "notice"
    BRIDGE = "bridge"


class Mark(StrEnum):
    """A moment that the call detail record keeps."""

    JUDGED = "judged"
    MEDIA_OPEN = "media_open"
    STAFF_RINGING = "staff_ringing"
    STAFF_ANSWERED = "staff_answered"
    CUSTOMER_DIALLED = "customer_dialled"
    CUSTOMER_RINGING = "customer_ringing"
    CUSTOMER_ANSWERED = "customer_answered"
    NOTICE_PLAYED = "notice_played"
    BRIDGED = "bridged"
    ENDED = "ended"


class Timer(StrEnum):
    """What the machine waits for at most so long."""

    STAFF_RING = "staff-ring"
    CUSTOMER_RING = "customer-ring"
    LIMIT = "limit"
