"""Imports: a file goes up, its report comes back at an address of its own, and stays."""

from typing import Annotated

from pydantic import Field

from core.access.model import Principal
from core.errors import MasklineError
from core.sheets.template import CSV, XLSX
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect, StreamReply
from core.web.schema import ApiModel, IdStr
from core.web.upload import Upload
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, failure_of
from dashboard.pages.kit import DeskQuery, Kit, by_department
from dashboard.pages.preferences import Seen
from dashboard.refused import download, refusals_csv, summary
from gateway.customers.importing import template
from gateway.customers.importing.errors import ImportUnknown
from gateway.customers.importing.format import COLUMNS, REQUIRED
from gateway.customers.importing.history import ImportHistory, PastImport
from gateway.customers.importing.report import ImportMode
from gateway.permissions import CUSTOMER_IMPORT

SHOWN = 200
MEGABYTE = 1024 * 1024


class ImportPath(ApiModel):
    import_id: IdStr


class ImportsQuery(DeskQuery):
    cursor: Annotated[str, Field(max_length=512)] | None = None


class ImportForm(FormModel):
    """What is chosen beside the file."""

    owner: IdStr | None = None
    mode: ImportMode = ImportMode.GOOD_ROWS
    dry_run: bool = False


def outcome(past: PastImport) -> str:
    """Name what became of a file."""
    report = past.report
    if report.written:
        return "written"
    if report.dry_run:
        return "dry"
    return "stopped" if report.good else "nothing"


class ImportPages:
    """What the pages of imports share."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.importer = kit.parts.importer
        self.history = ImportHistory(kit.parts.database)

    async def show(
        self,
        asked: Asked,
        query: ImportsQuery | None = None,
        *,
        import_id: str | None = None,
        told: Failure | None = None,
        form: ImportForm | None = None,
    ) -> Html:
        """Render the form and the earlier imports, with the report of one beside them."""
        query, principal, language = query or ImportsQuery(), asked.principal, asked.context.language
        past, following = await self.history.page(principal, cursor=query.cursor)
        chosen = await self.history.get(principal, import_id) if import_id else None
        directory = await self.kit.parts.people.directory(principal)
        names = {person.id: person.display_name for person in directory.employees}
        names[principal.employee_id] = principal.display_name
        layout = self.importer.layout
        return self.kit.show(
            "imports.html",
            asked,
            back=f"/imports/{import_id}" if import_id else "/imports",
            query=query,
            told=told,
            past=past,
            next_address=f"/imports?cursor={following}" if following else None,
            chosen=chosen,
            outcome=outcome(chosen) if chosen else None,
            reasons=summary(chosen.report.refusals, language) if chosen else [],
            refused_rows=len({found.row for found in chosen.report.refusals}) if chosen else 0,
            shown=SHOWN,
            names=names,
            groups=by_department(directory),
            modes=(ImportMode.GOOD_ROWS, ImportMode.ALL_OR_NOTHING),
            form=form or ImportForm(),
            columns=[(column, layout.columns[column], column in REQUIRED) for column in COLUMNS],
            megabytes=layout.limits.max_bytes // MEGABYTE,
            max_rows=layout.limits.max_rows,
        )


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages. The templates' addresses come before the one of an import."""
    pages = ImportPages(kit)
    return [*_templates(pages), *_reading(pages), _upload(pages)]


def _templates(pages: ImportPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/imports/template.csv",
        permission=CUSTOMER_IMPORT,
        summary_zh="导入模板（CSV）",
        summary_en="Template for imports (CSV)",
        produces="text/csv",
        kind="page",
    )
    async def as_csv() -> StreamReply:
        return download(template.as_csv(pages.importer.layout), CSV, "customers.csv")

    @endpoint(
        "GET",
        "/imports/template.xlsx",
        permission=CUSTOMER_IMPORT,
        summary_zh="导入模板（XLSX）",
        summary_en="Template for imports (XLSX)",
        produces=XLSX,
        kind="page",
    )
    async def as_xlsx() -> StreamReply:
        return download(template.as_xlsx(pages.importer.layout), XLSX, "customers.xlsx")

    return [as_csv, as_xlsx]


def _reading(pages: ImportPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/imports",
        permission=CUSTOMER_IMPORT,
        summary_zh="导入页",
        summary_en="Page of imports",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: ImportsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        "/imports/{import_id}",
        permission=CUSTOMER_IMPORT,
        summary_zh="导入报告页",
        summary_en="Page of one import's report",
        errors=(ImportUnknown,),
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: ImportPath,
        query: ImportsQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, import_id=path.import_id)

    @endpoint(
        "GET",
        "/imports/{import_id}/report.csv",
        permission=CUSTOMER_IMPORT,
        summary_zh="下载导入报告",
        summary_en="Download an import's report",
        errors=(ImportUnknown,),
        produces="text/csv",
        kind="page",
    )
    async def report(*, principal: Principal, path: ImportPath, context: RequestContext) -> StreamReply:
        """Rows, columns and reasons; no value of the file."""
        past = await pages.history.get(principal, path.import_id)
        content = refusals_csv(past.report.refusals, context.language)
        return download(content, CSV, f"import-{path.import_id}.csv")

    return [listing, one, report]


def _upload(pages: ImportPages) -> Endpoint:
    @endpoint(
        "POST",
        "/imports",
        permission=CUSTOMER_IMPORT,
        summary_zh="上传客户文件",
        summary_en="Upload a file of customers",
        max_body_bytes=pages.importer.max_bytes,
        timeout_s=120,
        kind="page",
    )
    async def upload_file(
        *,
        principal: Principal,
        body: ImportForm,
        upload: Upload,
        context: RequestContext,
        headers: Seen,
    ) -> Html | Redirect:
        try:
            report = await pages.importer.run(
                principal, await upload.read(), mode=body.mode, dry_run=body.dry_run, owner_id=body.owner
            )
        except MasklineError as error:
            told = failure_of(error, context.language)
            return await pages.show(Asked(principal, context, headers), told=told, form=body)
        return Redirect(f"/imports/{report.import_id}")

    return upload_file
