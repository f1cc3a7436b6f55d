"""Bindings: who reaches whom through which line until when; made, renewed, released and bound again."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field

from core.access.model import Principal
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, act, address, failure_of
from dashboard.pages.kit import DeskQuery, Kit, Line
from dashboard.pages.preferences import Seen
from gateway.contact.model import Purpose
from gateway.customers.model import CustomerFilter, CustomerView
from gateway.numbers.errors import BindingInvalid, BindingUnknown
from gateway.numbers.model import BindingFilter, BindingView, BindRequest, CityMatch, DirectDial, LineStatus
from gateway.permissions import BINDING_READ, BINDING_WRITE, CUSTOMER_READ

LIMIT = 50
SEARCHED = 20
SOON = timedelta(days=7)
USUAL_LIFE = timedelta(days=30)


class Ends(StrEnum):
    """Which bindings by their end: those alive, those that end within a week, all that ever were."""

    LIVE = "live"
    SOON = "soon"
    ALL = "all"


class BindingPath(ApiModel):
    binding_id: IdStr


class BindingsQuery(DeskQuery):
    """The address of the list: every filter has its name here."""

    employee: IdStr | None = None
    customer: IdStr | None = None
    line: IdStr | None = None
    purpose: Purpose | None = None
    ends: Ends = Ends.LIVE
    cursor: Annotated[str, Field(max_length=512)] | None = None

    def given(self) -> dict[str, str]:
        """Give the filters that are set, as they stand in the address."""
        kept = {"employee", "customer", "line", "purpose", "ends"}
        values = self.model_dump(mode="json", include=kept, exclude_none=True, exclude_defaults=True)
        return {name: str(value) for name, value in values.items()}

    def address(self, path: str = "/bindings", **changes: str | None) -> str:
        """Give an address that keeps these filters, with some of them changed."""
        found = {name: value for name, value in {**self.given(), **changes}.items() if value is not None}
        return f"{path}?{urlencode(found)}" if found else path

    def filter(self, now: datetime) -> BindingFilter:
        return BindingFilter(
            employee_id=self.employee,
            customer_id=self.customer,
            line_id=self.line,
            purpose=self.purpose,
            live_only=self.ends is not Ends.ALL,
            ends_before=now + SOON if self.ends is Ends.SOON else None,
        )


class NewForm(FormModel):
    """A binding as chosen. Without a line the best free one is taken."""

    employee: IdStr | None = None
    customer: IdStr | None = None
    purpose: Purpose | None = None
    until: date | None = None
    line: IdStr | None = None


class SearchForm(FormModel):
    """A search goes in a body, so that no name gets into an address."""

    name: Line | None = Field(default=None, repr=False)
    last_four: str | None = Field(default=None, pattern=r"^[0-9]{4}$", repr=False)


class UntilForm(FormModel):
    until: date


@dataclass(frozen=True, slots=True)
class Row:
    """A binding with the names that people know; `customer` is None where it is out of reach."""

    view: BindingView
    employee: str
    customer: CustomerView | None
    alive: bool
    ends_soon: bool


class BindingPages:
    """What the pages of bindings share."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.bindings = kit.parts.bindings

    async def show(
        self,
        asked: Asked,
        query: BindingsQuery | None = None,
        *,
        binding_id: str | None = None,
        new: bool = False,
        told: Failure | None = None,
        given: NewForm | None = None,
        found: list[CustomerView] | None = None,
    ) -> Html:
        """Render the list, with one binding or the form for a new one beside it."""
        query, parts, principal = query or BindingsQuery(), self.kit.parts, asked.principal
        now = parts.clock.now()
        page = await self.bindings.find(principal, query.filter(now), cursor=query.cursor, limit=LIMIT)
        directory = await parts.people.directory(principal)
        names = {person.id: person.display_name for person in directory.employees}
        names.setdefault(principal.employee_id, principal.display_name)
        chosen = await self.bindings.get(principal, binding_id) if binding_id else None
        views = [*page.items, *([chosen] if chosen else [])]
        wanted = {view.customer_id for view in views} | {
            query.customer or "",
            (given and given.customer) or "",
        }
        customers = await parts.customers.many(principal, wanted) if principal.allows(CUSTOMER_READ) else {}

        def row(view: BindingView) -> Row:
            alive = view.released_at is None and view.expires_at > now
            return Row(
                view,
                names.get(view.employee_id, ""),
                customers.get(view.customer_id),
                alive,
                alive and view.expires_at < now + SOON,
            )

        policy, today = self.bindings.policy, parts.calendar.today(now)
        return self.kit.show(
            "bindings.html",
            asked,
            back=query.address(
                "/bindings/new" if new else f"/bindings/{binding_id}" if chosen else "/bindings"
            ),
            query=query,
            told=told,
            given=query.given(),
            rows=[row(view) for view in page.items],
            next_address=query.address(cursor=page.next_cursor) if page.next_cursor else None,
            employees=[person for person in directory.employees if person.state == "active"],
            names=names,
            customers=customers,
            lines=await parts.lines.list(principal),
            active=LineStatus.ACTIVE,
            purposes=tuple(Purpose),
            ends=tuple(Ends),
            chosen=row(chosen) if chosen else None,
            new=new,
            form=given or NewForm(customer=query.customer, employee=query.employee, line=query.line),
            found=found,
            usual=today + min(USUAL_LIFE, policy.max_life - timedelta(days=1)),
            earliest=today,
            latest=today + policy.max_life - timedelta(days=1),
            policy=policy,
            writes=principal.allows(BINDING_WRITE),
        )

    async def bind(self, principal: Principal, form: NewForm) -> BindingView:
        """Make the binding; a choice that is missing is refused in words."""
        if form.employee is None or form.customer is None or form.purpose is None or form.until is None:
            raise BindingInvalid(
                "Choose the employee, the customer, the purpose and the last day.",
                detail_zh="请选择员工、客户、用途和截止日期。",
            )
        customer = await self.kit.parts.customers.get(principal, form.customer)
        return await self.bindings.bind(
            principal,
            BindRequest(
                employee_id=form.employee,
                customer_id=form.customer,
                purpose=form.purpose,
                expires_at=self.kit.end_of(form.until),
                line_id=form.line,
                city=customer.city,
                city_match=CityMatch.LOOSE,
                direct_dial=DirectDial.PREFERRED,
            ),
        )

    async def again(self, principal: Principal, binding_id: str) -> BindingView:
        """Bind the same people once more over the same line, until the same end."""
        old = await self.bindings.get(principal, binding_id)
        request = BindRequest(
            employee_id=old.employee_id,
            customer_id=old.customer_id,
            purpose=old.purpose,
            expires_at=old.expires_at,
            line_id=old.line_id,
        )
        try:
            return await self.bindings.bind(principal, request)
        except MasklineError:
            # The line was taken meanwhile: any other does, and the employee sees which.
            return await self.bindings.bind(principal, replace(request, line_id=None))


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages."""
    pages = BindingPages(kit)
    return [*_reading(pages), *_making(pages), *_changing(pages)]


def _reading(pages: BindingPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/bindings",
        permission=BINDING_READ,
        summary_zh="绑定页",
        summary_en="Page of bindings",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: BindingsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        "/bindings/new",
        permission=BINDING_WRITE,
        summary_zh="新建绑定页",
        summary_en="Page to make a binding",
        kind="page",
    )
    async def new(
        *, principal: Principal, query: BindingsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, new=True)

    @endpoint(
        "GET",
        "/bindings/{binding_id}",
        permission=BINDING_READ,
        summary_zh="单个绑定页",
        summary_en="Page of one binding",
        errors=(BindingUnknown,),
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: BindingPath,
        query: BindingsQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, binding_id=path.binding_id)

    return [listing, new, one]


def _making(pages: BindingPages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/bindings/new",
        permission=BINDING_WRITE,
        summary_zh="新建绑定",
        summary_en="Make a binding",
        kind="page",
    )
    async def make(
        *, principal: Principal, body: NewForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        try:
            made = await pages.bind(principal, body)
        except MasklineError as error:
            told = failure_of(error, context.language)
            return await pages.show(asked, new=True, told=told, given=body)
        return Redirect(f"/bindings/{made.id}?done=binding-made")

    @endpoint(
        "POST",
        "/bindings/new/search",
        permission=BINDING_WRITE,
        summary_zh="为绑定查找客户",
        summary_en="Find the customer to bind",
        kind="page",
    )
    async def search(
        *, principal: Principal, body: SearchForm, context: RequestContext, headers: Seen
    ) -> Html:
        wanted = CustomerFilter(name=body.name, last_four=body.last_four)
        found = await pages.kit.parts.customers.find(principal, wanted, limit=SEARCHED)
        asked = Asked(principal, context, headers)
        return await pages.show(asked, new=True, found=[one for one in found.items if not one.erased_at])

    return [make, search]


def _changing(pages: BindingPages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/bindings/{binding_id}/renew",
        permission=BINDING_WRITE,
        summary_zh="绑定续期",
        summary_en="Renew a binding",
        kind="page",
    )
    async def renew(
        *, principal: Principal, path: BindingPath, body: UntilForm, context: RequestContext
    ) -> Html | Redirect:
        return await act(
            pages.bindings.renew(principal, path.binding_id, pages.kit.end_of(body.until)),
            to=f"/bindings/{path.binding_id}",
            done="binding-renewed",
            language=context.language,
        )

    @endpoint(
        "POST",
        "/bindings/{binding_id}/release",
        permission=BINDING_WRITE,
        summary_zh="解除绑定",
        summary_en="Release a binding",
        kind="page",
    )
    async def release(*, principal: Principal, path: BindingPath, context: RequestContext) -> Html | Redirect:
        return await act(
            pages.bindings.release(principal, path.binding_id),
            to=address("/bindings", undo=path.binding_id),
            done="binding-released",
            language=context.language,
        )

    @endpoint(
        "POST",
        "/bindings/{binding_id}/again",
        permission=BINDING_WRITE,
        summary_zh="撤销解除，重新绑定",
        summary_en="Bind again what was released",
        kind="page",
    )
    async def again(*, principal: Principal, path: BindingPath, context: RequestContext) -> Html | Redirect:
        try:
            made = await pages.again(principal, path.binding_id)
        except MasklineError as error:
            return Redirect(address(f"/bindings/{path.binding_id}", failed=error.code))
        del context
        return Redirect(f"/bindings/{made.id}?done=binding-again")

    return [renew, release, again]
