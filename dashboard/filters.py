"""The filters of the list of calls: from the address to what the gateway asks for, and back."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field, model_validator

from core.access.model import Principal
from core.web.schema import ApiModel, FieldProblem, IdStr
from dashboard.day import Calendar
from dashboard.people import Directory
from gateway.calls.causes import Cause
from gateway.calls.queries import CallFilter
from gateway.contact.model import Decision, Direction, Purpose
from qa.inspection.figures import InspectionFigures
from qa.inspection.model import Band


class CallOutcome(StrEnum):
    """How a call went, as people filter for it."""

    CONNECTED = "connected"
    UNANSWERED = "unanswered"
    REFUSED = "refused"
    LIVE = "live"


Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,63}$")]


class CallsQuery(ApiModel):
    """The address of the list: every filter has its name here. `until` is the last day that counts."""

    since: date | None = None
    until: date | None = None
    employee: IdStr | None = None
    department: IdStr | None = None
    purpose: Purpose | None = None
    direction: Direction | None = None
    outcome: CallOutcome | None = None
    cause: Cause | None = None
    verdict: Decision | None = None
    rule: Slug | None = None
    band: Band | None = None
    category: Slug | None = None
    cursor: Annotated[str, Field(max_length=512)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _blank_is_none(cls, value: object) -> object:
        """A form sends every field; an empty one means no filter."""
        if not isinstance(value, dict):
            return value
        return {name: given for name, given in value.items() if given != ""}

    @model_validator(mode="after")
    def _in_order(self) -> "CallsQuery":
        if self.since and self.until and self.since > self.until:
            raise FieldProblem("开始日期不能晚于结束日期。", "The first day must not be after the last.")
        return self

    def given(self) -> dict[str, str]:
        """Give the filters that are set, as they stand in the address."""
        values = self.model_dump(mode="json", exclude={"cursor"}, exclude_none=True)
        return {name: str(value) for name, value in values.items()}

    def address(self, **changes: str | None) -> str:
        """Give the address of this list with some filters changed."""
        values = {name: value for name, value in {**self.given(), **changes}.items() if value is not None}
        return f"/calls?{urlencode(values)}" if values else "/calls"


def call_filter(
    query: CallsQuery,
    principal: Principal,
    *,
    calendar: Calendar,
    directory: Directory,
    figures: InspectionFigures,
) -> CallFilter:
    """Translate the address into what the gateway and quality assurance are asked."""
    contacts = None
    if query.band is not None or query.category is not None:
        contacts = figures.contacts_with(principal, band=query.band, category=query.category)
    path = None
    if query.department is not None:
        path = directory.path_of(query.department) or "/unknown/"
    outcome = query.outcome
    decision = query.verdict
    if outcome is CallOutcome.REFUSED:
        decision = decision or Decision.DENY
    return CallFilter(
        employee_id=query.employee,
        direction=query.direction,
        purpose=query.purpose,
        decision=decision or (Decision.ALLOW if outcome is CallOutcome.UNANSWERED else None),
        cause=query.cause,
        since=calendar.begin(query.since) if query.since else None,
        until=calendar.end(query.until) if query.until else None,
        connected=None if outcome in {None, CallOutcome.LIVE} else outcome is CallOutcome.CONNECTED,
        live={CallOutcome.LIVE: True, CallOutcome.UNANSWERED: False}.get(outcome) if outcome else None,
        rule_id=query.rule,
        department_path=path,
        contacts=contacts,
    )
