"""The filters of the list of calls: from the address to what the gateway asks for, and back."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from core.access.model import Principal
from core.web.schema import IdStr
from dashboard.day import Calendar
from dashboard.filters import PeriodQuery
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


class CallsQuery(PeriodQuery):
    """The address of the list: every filter has its name here. `until` is the last day that counts."""

    page_path: ClassVar[str] = "/calls"

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
