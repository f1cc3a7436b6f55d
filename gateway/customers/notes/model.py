"""A note and a next step as people see them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

MAX_TEXT = 2000


class StepKind(StrEnum):
    """What is to be done next."""

    CALL = "call"
    MESSAGE = "message"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class StepAsked:
    """A next step to plan. `text` is sealed."""

    kind: StepKind
    due_at: datetime
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class NoteView:
    """A note. `masked`: contact data in it was covered when it was written. A withdrawn one has no text."""

    id: str
    customer_id: str
    author_id: str
    author_name: str
    created_at: datetime
    masked: bool
    withdrawn_at: datetime | None
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StepView:
    """A next step; open until `done_at`."""

    id: str
    customer_id: str
    kind: StepKind
    due_at: datetime
    created_at: datetime
    created_by: str
    masked: bool
    done_at: datetime | None
    done_by: str | None
    text: str = field(repr=False)
