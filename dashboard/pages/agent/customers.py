"""Customers: found by name, last four digits, tag or owner; a name never gets into an address."""

from typing import Annotated

from pydantic import Field

from core.access.model import Principal
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.forms import DoneQuery, Failure, FormModel, address, failure, failure_of
from dashboard.pages.kit import Kit
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.people import Directory
from dashboard.render import Renderer
from gateway.customers.model import CustomerFilter
from gateway.customers.service import CustomerPage
from gateway.permissions import CUSTOMER_READ

LIMIT = 30
Tag = Annotated[str, Field(max_length=100)]
Cursor = Annotated[str, Field(max_length=512)]


class ListQuery(DoneQuery):
    """The address of the list."""

    tag: Tag | None = None
    owner: IdStr | None = None
    cursor: Cursor | None = None


class SearchForm(FormModel):
    """A search by what names a person: it is sent, never kept in an address."""

    name: str | None = Field(default=None, max_length=100, repr=False)
    last_four: str | None = Field(default=None, max_length=20, repr=False)
    tag: Tag | None = None
    owner: IdStr | None = None
    cursor: Cursor | None = None


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the list and the search."""

    async def render(
        principal: Principal,
        context: RequestContext,
        theme: str | None,
        form: SearchForm,
        done: str | None,
        told: Failure | None,
    ) -> Html:
        wanted = CustomerFilter(form.name, form.last_four, form.tag, form.owner)
        page = CustomerPage((), None)
        try:
            page = await parts.customers.find(principal, wanted, cursor=form.cursor, limit=LIMIT)
        except MasklineError as error:
            told = failure_of(error, context.language)
        directory = await parts.people.directory(principal)
        text = renderer.page(
            "agent/customers.html",
            context=context,
            principal=principal,
            theme=theme,
            back="/customers",
            form=form,
            done=done,
            told=told,
            page=page,
            named=bool(form.name or form.last_four),
            filtered=bool(form.name or form.last_four or form.tag or form.owner),
            directory=directory,
            owner_of=owner_names(directory, principal),
            second_person=parts.approvals.settings.export,
            fresh=Kit(renderer, parts, "agent").is_fresh(principal),
            next_address=address("/customers", tag=form.tag, owner=form.owner, cursor=page.next_cursor),
        )
        return Html(text, told.status if told and done is None and form.name is not None else 200)

    @endpoint(
        "GET",
        "/customers",
        permission=CUSTOMER_READ,
        summary_zh="客户列表页",
        summary_en="Page of customers",
        kind="page",
    )
    async def show(*, principal: Principal, query: ListQuery, context: RequestContext, headers: Seen) -> Html:
        form = SearchForm(tag=query.tag, owner=query.owner, cursor=query.cursor)
        told = failure(query.failed, context.language)
        return await render(principal, context, headers.theme, form, query.done, told)

    @endpoint(
        "POST",
        "/customers",
        permission=CUSTOMER_READ,
        summary_zh="查找客户（页面）",
        summary_en="Search customers (page)",
        kind="page",
    )
    async def search(
        *, principal: Principal, body: SearchForm, context: RequestContext, headers: Seen
    ) -> Html:
        return await render(principal, context, headers.theme, body, None, None)

    return [show, search]


def owner_names(directory: Directory, principal: Principal) -> dict[str, str]:
    """Give the names of owners that this reader may know."""
    return {principal.employee_id: principal.display_name} | {
        person.id: person.display_name for person in directory.employees
    }
