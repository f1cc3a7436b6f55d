"""Lists of the institution's own phones: brought as a file, looked at line by line, then taken."""

from typing import Annotated

from pydantic import Field

from core.access.model import Principal
from core.errors import MasklineError
from core.sheets import template
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect, StreamReply
from core.web.schema import ApiModel, IdStr
from core.web.upload import Upload
from dashboard.asked import Asked
from dashboard.forms import DoneQuery, Failure, FormModel, act, failure_of
from dashboard.pages.phones.kit import PhoneKit, names_of
from dashboard.pages.preferences import Seen
from dashboard.refused import download, refusals_csv, summary
from devicepolicy.permissions import DEVICE_ENROL
from devicepolicy.roster.errors import DeviceListUnknown
from devicepolicy.roster.plan import EXAMPLE
from devicepolicy.texts import PhoneText

HOME = "/expected-phones/lists"
SHOWN = 200
MEGABYTE = 1024 * 1024


class ListPath(ApiModel):
    device_list_id: IdStr


class ListsQuery(DoneQuery):
    cursor: Annotated[str, Field(max_length=512)] | None = None


class BringForm(FormModel):
    """What is said beside the file."""

    name: PhoneText = Field(min_length=1, max_length=100)
    admits: bool = False


class AdmitForm(FormModel):
    admits: bool = False


class PlainForm(FormModel):
    """Nothing is asked: the address says which."""


class ListPages:
    """What the pages of lists share."""

    def __init__(self, kit: PhoneKit) -> None:
        self.kit = kit
        self.lists = kit.parts.fleet.lists

    async def show(
        self,
        asked: Asked,
        query: ListsQuery | None = None,
        *,
        list_id: str | None = None,
        told: Failure | None = None,
        form: BringForm | None = None,
    ) -> Html:
        """Render the form and the lists, with one of them beside."""
        query, principal = query or ListsQuery(), asked.principal
        views, following = await self.lists.find(principal, cursor=query.cursor)
        chosen = await self.lists.one(principal, list_id) if list_id else None
        directory = await self.kit.parts.people.directory(principal)
        layout = self.lists.layout
        return self.kit.show(
            "lists.html",
            asked,
            back=f"{HOME}/{list_id}" if list_id else HOME,
            query=query,
            told=told,
            views=views,
            next_address=f"{HOME}?cursor={following}" if following else None,
            chosen=chosen,
            lines=await self.lists.lines(principal, list_id) if list_id else [],
            reasons=summary(chosen.refusals, asked.context.language) if chosen else [],
            bad_rows=len({found.row for found in chosen.refusals}) if chosen else 0,
            shown=SHOWN,
            names={**names_of(directory), principal.employee_id: principal.display_name},
            directory=directory,
            form=form,
            columns=list(layout.columns.items()),
            megabytes=layout.limits.max_bytes // MEGABYTE,
            max_rows=layout.limits.max_rows,
        )


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the pages. Fixed addresses come before the one of a list."""
    pages = ListPages(kit)
    return [*_templates(pages), *_reading(pages), _bring(pages), *_acts(pages)]


def _templates(pages: ListPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        f"{HOME}/template.csv",
        permission=DEVICE_ENROL,
        summary_zh="手机清单模板（CSV）",
        summary_en="Template for lists of phones (CSV)",
        produces="text/csv",
        kind="page",
    )
    async def as_csv() -> StreamReply:
        return download(template.as_csv(pages.lists.layout, EXAMPLE), template.CSV, "phones.csv")

    @endpoint(
        "GET",
        f"{HOME}/template.xlsx",
        permission=DEVICE_ENROL,
        summary_zh="手机清单模板（XLSX）",
        summary_en="Template for lists of phones (XLSX)",
        produces=template.XLSX,
        kind="page",
    )
    async def as_xlsx() -> StreamReply:
        return download(template.as_xlsx(pages.lists.layout, EXAMPLE), template.XLSX, "phones.xlsx")

    return [as_csv, as_xlsx]


def _reading(pages: ListPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        HOME,
        permission=DEVICE_ENROL,
        summary_zh="手机清单页",
        summary_en="Page of the lists of phones",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: ListsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        f"{HOME}/{{device_list_id}}",
        permission=DEVICE_ENROL,
        summary_zh="单份手机清单页",
        summary_en="Page of one list of phones",
        errors=(DeviceListUnknown,),
        kind="page",
    )
    async def one(
        *, principal: Principal, path: ListPath, query: ListsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, list_id=path.device_list_id)

    @endpoint(
        "GET",
        f"{HOME}/{{device_list_id}}/report.csv",
        permission=DEVICE_ENROL,
        summary_zh="下载清单的逐行问题",
        summary_en="Download what is wrong with a list, line by line",
        errors=(DeviceListUnknown,),
        produces="text/csv",
        kind="page",
    )
    async def report(*, principal: Principal, path: ListPath, context: RequestContext) -> StreamReply:
        view = await pages.lists.one(principal, path.device_list_id)
        content = refusals_csv(view.refusals, context.language)
        return download(content, template.CSV, f"phones-{view.id}.csv")

    return [listing, one, report]


def _bring(pages: ListPages) -> Endpoint:
    @endpoint(
        "POST",
        HOME,
        permission=DEVICE_ENROL,
        summary_zh="上传手机清单并预览",
        summary_en="Bring a list of phones and look at it",
        max_body_bytes=pages.lists.layout.limits.max_bytes,
        timeout_s=120,
        kind="page",
    )
    async def bring(
        *, principal: Principal, body: BringForm, upload: Upload, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        try:
            seen = await pages.lists.preview(
                principal, await upload.read(), name=body.name, admits=body.admits
            )
        except MasklineError as error:
            told = failure_of(error, context.language)
            return await pages.show(Asked(principal, context, headers), told=told, form=body)
        return Redirect(f"{HOME}/{seen.id}")

    return bring


def _acts(pages: ListPages) -> list[Endpoint]:
    @endpoint(
        "POST",
        f"{HOME}/{{device_list_id}}/take",
        permission=DEVICE_ENROL,
        summary_zh="导入预览过的手机清单",
        summary_en="Take a list of phones that was looked at",
        kind="page",
    )
    async def take(
        *, principal: Principal, path: ListPath, body: PlainForm, context: RequestContext
    ) -> Html | Redirect:
        del body
        taking = pages.lists.take(principal, path.device_list_id)
        to = f"{HOME}/{path.device_list_id}"
        return await act(taking, to=to, done="roster.taken", language=context.language)

    @endpoint(
        "POST",
        f"{HOME}/{{device_list_id}}/discard",
        permission=DEVICE_ENROL,
        summary_zh="放弃预览中的手机清单",
        summary_en="Discard a list of phones that was only looked at",
        kind="page",
    )
    async def discard(
        *, principal: Principal, path: ListPath, body: PlainForm, context: RequestContext
    ) -> Html | Redirect:
        del body
        discarding = pages.lists.discard(principal, path.device_list_id)
        return await act(discarding, to=HOME, done="roster.discarded", language=context.language)

    @endpoint(
        "POST",
        f"{HOME}/{{device_list_id}}/admission",
        permission=DEVICE_ENROL,
        summary_zh="清单上的手机登记时是否免审批",
        summary_en="Say whether a list's phones need no approval",
        kind="page",
    )
    async def admit(
        *, principal: Principal, path: ListPath, body: AdmitForm, context: RequestContext
    ) -> Html | Redirect:
        admitting = pages.lists.admit(principal, path.device_list_id, admits=body.admits)
        to = f"{HOME}/{path.device_list_id}"
        done = "roster.admits" if body.admits else "roster.admits-not"
        return await act(admitting, to=to, done=done, language=context.language)

    return [take, discard, admit]
