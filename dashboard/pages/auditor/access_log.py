"""Who saw what: each sensitive thing that somebody looked at or took along, and the entry that proves it."""

from dataclasses import dataclass
from typing import ClassVar

from core.access.model import Principal
from core.audit import Access, AccessFilter, AccessGroup, AuditService
from core.audit.permissions import AUDIT_READ
from core.audit.unusual import UnusualReader
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.day import Calendar
from dashboard.filters import PeriodQuery
from dashboard.pages.preferences import Seen
from dashboard.people import Directory, People
from dashboard.render import Renderer
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import CallFilter, CallQueries
from gateway.customers.model import CustomerView
from gateway.customers.service import CustomerService
from gateway.permissions import CUSTOMER_READ

LIMIT = 50


class AccessQuery(PeriodQuery):
    """The address of the list."""

    page_path: ClassVar[str] = "/access-log"

    group: AccessGroup | None = None
    employee: IdStr | None = None
    customer: IdStr | None = None
    found: IdStr | None = None
    """A finding of unusual access: its lines and no others."""


@dataclass(frozen=True, slots=True)
class AccessSources:
    """Where the page comes from."""

    audit: AuditService
    unusual: UnusualReader
    calendar: Calendar
    people: People
    customers: CustomerService
    calls: CallQueries


@dataclass(frozen=True, slots=True)
class AccessLine:
    """One line with names. `link` leads to what was seen; None where there is no page of it."""

    access: Access
    who: str
    department: str
    customer: CustomerView | None
    link: str | None


def endpoints(renderer: Renderer, sources: AccessSources) -> list[Endpoint]:
    """Give the page, and the check of the whole list."""
    return [_list(renderer, sources), _check(renderer, sources.audit)]


def _list(renderer: Renderer, sources: AccessSources) -> Endpoint:
    @endpoint(
        "GET",
        "/access-log",
        permission=AUDIT_READ,
        summary_zh="谁看了什么页",
        summary_en="Page of who saw what",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: AccessQuery, context: RequestContext, headers: Seen
    ) -> Html:
        finding = await sources.unusual.get(principal, query.found) if query.found else None
        wanted = AccessFilter(
            actor_id=query.employee,
            customer_id=query.customer,
            group=query.group,
            since=sources.calendar.begin(query.since) if query.since else None,
            until=sources.calendar.end(query.until) if query.until else None,
            exactly=sources.unusual.lines(finding) if finding else None,
        )
        found, following = await sources.audit.find(principal, wanted, cursor=query.cursor, limit=LIMIT)
        directory = await sources.people.directory(principal)
        lines = await _lines(sources, principal, directory, found)
        return Html(
            renderer.page(
                "access_log.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(),
                query=query,
                given=query.given(),
                groups=tuple(AccessGroup),
                directory=directory,
                lines=lines,
                finding=finding,
                told=sources.unusual.told(finding) if finding else None,
                customer=await _chosen(sources, principal, query.customer),
                next_address=query.address(cursor=following) if following else None,
            )
        )

    return show


def _check(renderer: Renderer, audit: AuditService) -> Endpoint:
    @endpoint(
        "GET",
        "/access-log/check",
        permission=AUDIT_READ,
        summary_zh="核对查看记录页",
        summary_en="Page of the access log's check",
        kind="page",
        timeout_s=300.0,
    )
    async def check(*, principal: Principal, context: RequestContext, headers: Seen) -> Html:
        return Html(
            renderer.page(
                "access_log_check.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                check=await audit.check(principal),
            )
        )

    return check


async def _lines(
    sources: AccessSources, principal: Principal, directory: Directory, found: list[Access]
) -> list[AccessLine]:
    people = {person.id: person for person in directory.employees}
    customers = await _customers(sources, principal, {one.customer_id for one in found if one.customer_id})
    calls = await _calls(sources, principal, {one.contact_id for one in found if one.contact_id})
    return [
        AccessLine(
            one,
            person.display_name if (person := people.get(one.actor_id or "")) else "",
            directory.department(person.department_id) if person else "",
            customers.get(one.customer_id or ""),
            _link(one, calls),
        )
        for one in found
    ]


async def _customers(
    sources: AccessSources, principal: Principal, customer_ids: set[str]
) -> dict[str, CustomerView]:
    if not customer_ids or not principal.allows(CUSTOMER_READ):
        return {}
    return await sources.customers.many(principal, customer_ids)


async def _chosen(
    sources: AccessSources, principal: Principal, customer_id: str | None
) -> CustomerView | None:
    return (await _customers(sources, principal, {customer_id} if customer_id else set())).get(
        customer_id or ""
    )


async def _calls(sources: AccessSources, principal: Principal, contact_ids: set[str]) -> dict[str, str]:
    """Find the calls of contacts: contact id to call id."""
    if not contact_ids or not principal.allows(CALL_READ):
        return {}
    wanted = CallFilter(contacts=sorted(contact_ids))
    views, _ = await sources.calls.find(principal, wanted, limit=len(contact_ids))
    return {view.row.contact_id: view.row.id for view in views}


def _link(one: Access, calls: dict[str, str]) -> str | None:
    """Lead to what was seen. Opening it is an access too, of the one who follows."""
    if one.contact_id in calls:
        return f"/calls/{calls[one.contact_id]}"
    match one.group, one.target_id:
        case AccessGroup.CUSTOMER, str(target) if one.kind == "customer.opened":
            return f"/customers/{target}"
        case AccessGroup.MESSAGE, str(target) if one.kind == "thread.read":
            return f"/threads/{target}"
        case AccessGroup.ADMINISTRATION, str(target) if one.kind == "command.issued":
            return f"/phones/{target}"
        case AccessGroup.EVIDENCE, str(target) if one.kind.startswith("evidence."):
            return f"/evidence/{target}"
    return None
