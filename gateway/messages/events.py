"""What happened to messages, told in the same transaction; the quality wing listens."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from gateway.messages.model import MessageState

MESSAGE_SEND = "message.send"
MESSAGE_FINISHED = "message.finished"
DAY_CLOSED = "thread.day_closed"
VOICE_RECEIVED = "message.voice"
CONDUCT_SEEN = "message.conduct"
"""Topics in the outbox; payloads hold ids, dates and words of fixed lists only."""


class ConductKind(StrEnum):
    """A sensitive behaviour that a channel shows, or a phone under management."""

    CONTACT_DELETED_BY_STAFF = "deleted_by_staff"
    CONTACT_DELETED_BY_CUSTOMER = "deleted_by_customer"
    CHAT_DELETED = "chat_deleted"
    MESSAGE_RECALLED = "message_recalled"
    NAME_CARD = "name_card"
    RED_PACKET = "red_packet"
    PRIVATE_GROUP = "private_group"
    LOCATION = "location"
    TRANSFER = "transfer"
    ARCHIVE_REFUSED = "archive_refused"
    CODE_SCANNED = "code_scanned"
    SCREENSHOT_TRIED = "screenshot_tried"
    BLOCKED_APP = "blocked_app"
    SIM_CHANGED = "sim_changed"
    ROOT_FOUND = "root_found"
    DEVELOPER_MODE = "developer_mode"
    SIM_CALL = "sim_call"
    UPLOAD_CONTRADICTS = "upload_contradicts"
    RECORDING_MISSING = "recording_missing"
    UPLOAD_GAP = "upload_gap"
    MOCK_LOCATION = "mock_location"
    IMPOSSIBLE_SPEED = "impossible_speed"
    OUTSIDE_PLACES = "outside_places"
    CONTACT_BLOCKED = "contact_blocked"
    MESSAGE_EDITED = "message_edited"
    CHAT_APP_NEW_LOGIN = "chat_app_new_login"


@dataclass(frozen=True, slots=True)
class MessageFinished:
    """A message reached its end (or was received)."""

    message_id: str
    thread_id: str
    contact_id: str | None
    employee_id: str
    state: MessageState
    at: datetime


@dataclass(frozen=True, slots=True)
class MessageArrived:
    """The customer wrote: for live screens."""

    message_id: str
    thread_id: str
    employee_id: str
    department_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ThreadDayClosed:
    """A thread's day is over and may be inspected."""

    thread_day_id: str
    thread_id: str
    day: date
    employee_id: str
    department_id: str | None
    customer_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OptedOut:
    """The customer ended contacts by a word."""

    customer_id: str
    employee_id: str
    thread_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ConductSeen:
    """A sensitive behaviour; `conduct_id` is unique, so that one behaviour makes one finding."""

    conduct_id: str
    kind: ConductKind
    employee_id: str | None
    department_id: str | None
    customer_id: str | None
    thread_id: str | None
    message_id: str | None
    at: datetime
