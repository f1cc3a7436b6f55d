"""Models of conduct events over HTTP: how people find them and what they do about them."""

from typing import Any

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from devicepolicy.uploads.conduct_desk import MAX_AT_ONCE, Batch, EventFilter
from devicepolicy.uploads.model import ConductActKind, EventKind, MoneyDirection, Severity
from devicepolicy.uploads.schemas import LineOut, RecordLineOut


class EventPath(ApiModel):
    upload_event_id: IdStr


class EventListQuery(PageQuery):
    """`since` and `until` (not included) are of the moment by our clock."""

    kind: EventKind | None = None
    severity: Severity | None = None
    handled: bool | None = None
    employee_id: IdStr | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    direction: MoneyDirection | None = None
    once: bool = Field(default=False, description="Leave out what contradicts an earlier event")

    def wanted(self, device_id: str | None = None) -> EventFilter:
        """Give what the desk is asked."""
        return EventFilter(
            kind=self.kind,
            severity=self.severity,
            handled=self.handled,
            device_id=device_id,
            employee_id=self.employee_id,
            since=self.since,
            until=self.until,
            direction=self.direction,
            once=self.once,
        )


class AllEventsQuery(EventListQuery):
    device_id: IdStr | None = None


class NoteIn(ApiModel):
    """Contact data in a note is covered before it is kept."""

    note: str = Field(min_length=1, max_length=500, pattern=r"\S", repr=False)


class HandleIn(NoteIn):
    """What was found out and done."""


class HandleManyIn(NoteIn):
    event_ids: list[IdStr] = Field(min_length=1, max_length=MAX_AT_ONCE)


class ReopenIn(ApiModel):
    note: str = Field(default="", max_length=500, repr=False)


class BatchPath(ApiModel):
    batch_id: IdStr


class BatchDoneOut(ApiModel):
    """What was done in one go; `left` had been handled before."""

    batch_id: str
    event_ids: tuple[str, ...]
    left: tuple[str, ...]

    @classmethod
    def of(cls, batch: Batch) -> "BatchDoneOut":
        return cls(batch_id=batch.id, event_ids=batch.event_ids, left=batch.left)


class EventLineOut(LineOut):
    """A conduct event."""

    kind: EventKind
    title_zh: str
    title_en: str
    severity: Severity
    received_at: AwareDatetime
    seq: int
    marked: int
    conduct_id: str | None
    evidence: dict[str, Any]
    handled_at: AwareDatetime | None
    handled_by: str | None
    ledger_seq: int | None


class ActOut(ApiModel):
    """What somebody did about an event. `note` is empty for whom the event is about."""

    kind: ConductActKind
    at: AwareDatetime
    by: str
    batch_id: str
    ledger_seq: int
    note: str


class EventDetailOut(EventLineOut):
    """An event with what was done about it, and the records that it says are gone from the phone."""

    acts: tuple[ActOut, ...]
    records: tuple[RecordLineOut, ...]
