"""Notes and next steps at the HTTP edge."""

from pydantic import AwareDatetime, Field

from core.web.schema import ApiModel, IdStr
from gateway.customers.notes.model import MAX_TEXT, StepKind


class NotePath(ApiModel):
    id: IdStr
    note_id: IdStr


class StepPath(ApiModel):
    id: IdStr
    step_id: IdStr


class NoteCreate(ApiModel):
    """A note. Contact data in it is covered before it is kept."""

    text: str = Field(min_length=1, max_length=MAX_TEXT, repr=False)


class NoteOut(ApiModel):
    """A note; a withdrawn one has no text."""

    id: str
    customer_id: str
    author_id: str
    author_name: str
    created_at: AwareDatetime
    masked: bool
    withdrawn_at: AwareDatetime | None
    text: str


class StepCreate(ApiModel):
    """A next step."""

    kind: StepKind
    due_at: AwareDatetime
    text: str = Field(default="", max_length=MAX_TEXT, repr=False)


class StepOut(ApiModel):
    """A next step; open until `done_at`."""

    id: str
    customer_id: str
    kind: StepKind
    due_at: AwareDatetime
    created_at: AwareDatetime
    created_by: str
    masked: bool
    done_at: AwareDatetime | None
    done_by: str | None
    text: str


class StepListQuery(ApiModel):
    open_only: bool = False


class StepList(ApiModel):
    items: list[StepOut]
