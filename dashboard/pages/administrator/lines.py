"""Lines: the institution's own numbers, what hangs on each, and taking one out of service and back."""

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, act
from dashboard.pages.kit import DeskQuery, Kit, Line
from dashboard.pages.preferences import Seen
from gateway.numbers.errors import LineUnknown
from gateway.numbers.model import LineChange, LineDraft, LineStatus, LineUsage
from gateway.permissions import LINE_READ, LINE_WRITE

_DONE = {
    LineStatus.ACTIVE: "line-resumed",
    LineStatus.SUSPENDED: "line-suspended",
    LineStatus.RETIRED: "line-retired",
}


class LinePath(ApiModel):
    line_id: IdStr


class LinesQuery(DeskQuery):
    """The address of the list."""

    status: LineStatus | None = None


class LineForm(FormModel):
    """A line as typed."""

    number: Line = ""
    city: Line = ""
    owner_name: Line = ""
    registration: Line = ""


class StatusForm(FormModel):
    status: LineStatus


class LinePages:
    """What the pages of lines share."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self.lines = kit.parts.lines

    async def show(
        self,
        asked: Asked,
        query: LinesQuery | None = None,
        *,
        line_id: str | None = None,
        new: bool = False,
        told: Failure | None = None,
        given: LineForm | None = None,
    ) -> Html:
        """Render the list, with one line or the form for a new one beside it."""
        found = await self.lines.list(asked.principal)
        chosen = next((line for line in found if line.id == line_id), None)
        if line_id is not None and chosen is None:
            raise LineUnknown
        status = query.status if query else None
        return self._kit.show(
            "lines.html",
            asked,
            back="/lines/new" if new else f"/lines/{line_id}" if line_id else "/lines",
            query=query,
            told=told,
            lines=[line for line in found if status in {None, line.status}],
            total=len(found),
            status=status,
            statuses=tuple(LineStatus),
            usage=await self.lines.usage(asked.principal),
            unused=LineUsage(),
            chosen=chosen,
            new=new,
            given=given
            or (None if chosen is None else _form(chosen.city, chosen.owner_name, chosen.registration)),
            writes=asked.principal.allows(LINE_WRITE),
        )


def _form(city: str, owner_name: str, registration: str) -> LineForm:
    return LineForm(city=city, owner_name=owner_name, registration=registration)


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages."""
    pages = LinePages(kit)
    return [*_reading(pages), *_writing(pages)]


def _reading(pages: LinePages) -> list[Endpoint]:
    @endpoint(
        "GET", "/lines", permission=LINE_READ, summary_zh="号线页", summary_en="Page of lines", kind="page"
    )
    async def listing(
        *, principal: Principal, query: LinesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        "/lines/new",
        permission=LINE_WRITE,
        summary_zh="登记号线页",
        summary_en="Page to register a line",
        kind="page",
    )
    async def new(*, principal: Principal, query: LinesQuery, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), query, new=True)

    @endpoint(
        "GET",
        "/lines/{line_id}",
        permission=LINE_READ,
        summary_zh="单条号线页",
        summary_en="Page of one line",
        errors=(LineUnknown,),
        kind="page",
    )
    async def one(
        *, principal: Principal, path: LinePath, query: LinesQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, line_id=path.line_id)

    return [listing, new, one]


def _writing(pages: LinePages) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/lines/new",
        permission=LINE_WRITE,
        summary_zh="登记号线",
        summary_en="Register a line",
        kind="page",
    )
    async def add(
        *, principal: Principal, body: LineForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, new=True, told=told, given=body)

        draft = LineDraft(body.number, body.city, body.owner_name, body.registration)
        return await act(
            pages.lines.add(principal, draft),
            to="/lines",
            done="line-added",
            language=context.language,
            again=again,
        )

    @endpoint(
        "POST",
        "/lines/{line_id}",
        permission=LINE_WRITE,
        summary_zh="更正号线信息",
        summary_en="Correct a line",
        kind="page",
    )
    async def change(
        *, principal: Principal, path: LinePath, body: LineForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)

        async def again(told: Failure) -> Html:
            return await pages.show(asked, line_id=path.line_id, told=told, given=body)

        wanted = LineChange(body.city, body.owner_name, body.registration)
        return await act(
            pages.lines.change(principal, path.line_id, wanted),
            to=f"/lines/{path.line_id}",
            done="line-changed",
            language=context.language,
            again=again,
        )

    @endpoint(
        "POST",
        "/lines/{line_id}/status",
        permission=LINE_WRITE,
        summary_zh="停用、恢复或注销号线",
        summary_en="Suspend, resume or retire a line",
        kind="page",
    )
    async def status(
        *, principal: Principal, path: LinePath, body: StatusForm, context: RequestContext
    ) -> Html | Redirect:
        return await act(
            pages.lines.set_status(principal, path.line_id, body.status),
            to=f"/lines/{path.line_id}",
            done=_DONE[body.status],
            language=context.language,
        )

    return [add, change, status]
