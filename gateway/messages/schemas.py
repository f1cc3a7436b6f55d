"""Threads, messages, templates and opt-outs at the HTTP edge. No text here is unmasked."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from gateway.contact.model import Direction, Purpose
from gateway.messages.machine import Cause
from gateway.messages.model import BodyKind, ChannelKind, MessageRole, MessageState
from gateway.messages.queries import AttachmentView, MessageView, ThreadView
from gateway.messages.screening.model import Action
from gateway.messages.templates import TemplateView
from gateway.messages.templating import VariableKind

Key = Annotated[str, Field(min_length=1, max_length=128)]
Value = Annotated[str, Field(max_length=60)]


class ThreadPath(ApiModel):
    thread_id: IdStr


class MessagePath(ApiModel):
    message_id: IdStr


class ReviewBody(ApiModel):
    """What the reviewer tells the author."""

    comment: str = Field(default="", max_length=300)


class AttachmentPath(ApiModel):
    attachment_id: IdStr


class TemplatePath(ApiModel):
    template_id: IdStr


class VersionPath(ApiModel):
    version_id: IdStr


class MessageCreate(ApiModel):
    """A text, or a template with its values. The same key gives the same message again."""

    binding_id: IdStr
    channel: ChannelKind
    text: str = Field(default="", max_length=4000)
    template_version_id: IdStr | None = None
    values: dict[str, Value] = Field(default={}, max_length=20)
    idempotency_key: Key | None = None


class FileQuery(ApiModel):
    """Where an uploaded file goes."""

    binding_id: IdStr
    channel: ChannelKind
    idempotency_key: Key | None = None


class ThreadListQuery(PageQuery):
    employee_id: IdStr | None = None
    customer_id: IdStr | None = None
    channel: ChannelKind | None = None
    purpose: Purpose | None = None
    unread: bool | None = None


class ThreadOut(ApiModel):
    """A thread. The customer is masked."""

    id: str
    channel: ChannelKind
    purpose: Purpose
    binding_id: str
    employee_id: str
    employee_name: str
    department_id: str | None
    customer_id: str
    customer_name: str
    customer_phone: str
    line_number: str
    messages: int
    unread: int
    created_at: AwareDatetime
    last_at: AwareDatetime

    @classmethod
    def of(cls, view: ThreadView) -> "ThreadOut":
        row = view.row
        return cls(
            id=row.id,
            channel=row.channel,
            purpose=row.purpose,
            binding_id=row.binding_id,
            employee_id=row.employee_id,
            employee_name=view.employee_name,
            department_id=row.department_id,
            customer_id=row.customer_id,
            customer_name=view.customer_name,
            customer_phone=view.customer_phone,
            line_number=view.line_number,
            messages=row.messages,
            unread=row.unread,
            created_at=row.created_at,
            last_at=row.last_at,
        )


class FindingOut(ApiModel):
    """Why something was masked, held or blocked; `begin` and `end` count characters of what was written."""

    category: str
    action: Action
    rule_id: str
    count: int
    zh: str
    en: str
    begin: int
    end: int


class AttachmentOut(ApiModel):
    """A file; `shown` says whether the one who asks may open it now.

    `text` is what a machine read in it, masked. `read_result` is of voice messages: read, silent or
    unreadable; null while no machine has tried.
    """

    id: str
    kind: BodyKind
    media_type: str
    size: int
    file_name: str
    shown: bool
    refused: str | None
    text: str
    read_result: str | None

    @classmethod
    def of(cls, view: AttachmentView) -> "AttachmentOut":
        row = view.row
        return cls(
            id=row.id,
            kind=row.kind,
            media_type=row.media_type,
            size=row.size,
            file_name=view.file_name,
            shown=view.shown,
            refused=row.refused,
            text=view.text,
            read_result=row.read_result,
        )


class EventOut(ApiModel):
    """One thing that happened to a message."""

    at: AwareDatetime
    kind: str
    state: MessageState
    code: str | None
    by: str | None


_NOT_OF_ROW = {"text", "masked", "findings", "attachments", "events", "review_note"}


class MessageOut(ApiModel):
    """A message: its masked text, where it is, and why."""

    id: str
    thread_id: str
    contact_id: str | None
    channel: ChannelKind
    direction: Direction
    role: MessageRole
    kind: BodyKind
    state: MessageState
    cause: Cause | None
    action: Action | None
    text: str
    masked: bool
    findings: list[FindingOut]
    reason_code: str | None
    reason_zh: str
    reason_en: str
    rule_id: str | None
    next_allowed_at: AwareDatetime | None
    provider_code: str | None
    attempts: int
    next_try_at: AwareDatetime | None
    author_id: str | None
    reviewed_by: str | None
    review_note: str
    created_at: AwareDatetime
    sent_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    recalled_at: AwareDatetime | None
    attachments: list[AttachmentOut]
    events: list[EventOut]

    @classmethod
    def of(cls, view: MessageView) -> "MessageOut":
        row = view.row
        names = set(cls.model_fields) - _NOT_OF_ROW
        plain: dict[str, Any] = {name: getattr(row, name) for name in names}
        return cls(
            **plain,
            text=view.text,
            masked=view.masked,
            review_note=view.review_note,
            findings=[FindingOut.model_validate(finding) for finding in row.findings],
            attachments=[AttachmentOut.of(file) for file in view.attachments],
            events=[EventOut.model_validate(event) for event in view.events],
        )


class VariableBody(ApiModel):
    """A variable that the sender fills."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    kind: VariableKind


class TemplateCreate(ApiModel):
    name: str = Field(min_length=1, max_length=80)
    purpose: Purpose
    text: str = Field(min_length=1, max_length=1000)
    variables: list[VariableBody] = Field(default=[], max_length=20)


class TemplateWrite(ApiModel):
    text: str = Field(min_length=1, max_length=1000)
    variables: list[VariableBody] = Field(default=[], max_length=20)


class DecisionBody(ApiModel):
    approve: bool
    comment: str = Field(default="", max_length=300)


class TemplateListQuery(ApiModel):
    purpose: Purpose | None = None
    in_force: bool = False


class TemplateOut(ApiModel):
    """A version of a template."""

    id: str
    template_id: str
    name: str
    purpose: Purpose
    version: int
    text: str
    variables: list[VariableBody]
    state: str
    author_id: str
    created_at: AwareDatetime
    approved_by: str | None
    approved_at: AwareDatetime | None
    rejected_by: str | None
    comment: str
    wording_version: str

    @classmethod
    def of(cls, view: TemplateView) -> "TemplateOut":
        return cls.model_validate(view)


class TemplateList(ApiModel):
    items: list[TemplateOut]


class OptOutOut(ApiModel):
    """A customer's refusal by message. `purpose` null: all purposes."""

    id: str
    customer_id: str
    employee_id: str
    channel: ChannelKind
    purpose: Purpose | None
    word: str
    rules_version: str
    block_id: str
    message_id: str | None
    confirmation_id: str | None
    at: AwareDatetime


class Cleared(ApiModel):
    cleared_at: AwareDatetime
