"""Evidence to take along: choose, see what it holds, have it made, take it, check it elsewhere."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Annotated, ClassVar

from pydantic import Field

from core.access.model import Principal
from core.clock import Clock
from core.errors import MasklineError
from core.exports import Chosen, Contents, EvidenceExports, Export
from core.exports.permissions import EVIDENCE_EXPORT
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import FileReply, Html, Redirect, StreamReply
from core.web.schema import ApiModel, IdStr
from dashboard.day import Calendar
from dashboard.filters import PeriodQuery
from dashboard.forms import Failure, failure
from dashboard.pages.preferences import Seen
from dashboard.render import FOLDER, Renderer
from gateway.customers.model import CustomerFilter, CustomerView
from gateway.customers.service import CustomerService
from gateway.permissions import CUSTOMER_READ

VERIFIER = FOLDER.parent / "verifier" / "maskline_verify.py"
MATCHES = 20


class EvidenceQuery(PeriodQuery):
    """The address of the choice. `last_four` looks for a customer; `failed` says why nothing was made."""

    page_path: ClassVar[str] = "/evidence"

    contact: IdStr | None = None
    customer: IdStr | None = None
    last_four: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None
    failed: Annotated[str, Field(pattern=r"^[a-z-]{1,64}$")] | None = None


class ExportPath(ApiModel):
    export_id: IdStr


@dataclass(frozen=True, slots=True)
class EvidenceSources:
    """Where the pages come from."""

    clock: Clock
    calendar: Calendar
    exports: EvidenceExports
    customers: CustomerService


def endpoints(renderer: Renderer, sources: EvidenceSources) -> list[Endpoint]:
    """Give the pages. The literal address stands before `/evidence/{export_id}`."""
    return [
        _choice(renderer, sources),
        _verifier(),
        _start(sources),
        _one(renderer, sources),
        _bundle(sources.exports),
    ]


def _choice(renderer: Renderer, sources: EvidenceSources) -> Endpoint:
    @endpoint(
        "GET",
        "/evidence",
        permission=EVIDENCE_EXPORT,
        summary_zh="证据页",
        summary_en="Page of evidence",
        kind="page",
        timeout_s=120.0,
    )
    async def show(
        *, principal: Principal, query: EvidenceQuery, context: RequestContext, headers: Seen
    ) -> Html:
        contents, told = await _preview(sources, principal, query, context.language)
        told = told or failure(query.failed, context.language)
        return Html(
            renderer.page(
                "evidence.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(failed=None),
                query=query,
                failed=told,
                contents=contents,
                customer=await _customer(sources, principal, query.customer),
                matches=await _matches(sources, principal, query.last_four),
                exports=await sources.exports.mine(principal),
                verifier_sha256=_verifier_sha256(),
            )
        )

    return show


def _start(sources: EvidenceSources) -> Endpoint:
    @endpoint(
        "POST",
        "/evidence",
        permission=EVIDENCE_EXPORT,
        summary_zh="制作证据包",
        summary_en="Have a bundle made",
        kind="page",
        timeout_s=120.0,
    )
    async def start(*, principal: Principal, body: EvidenceQuery) -> Redirect:
        try:
            export = await sources.exports.start(principal, _chosen(sources.calendar, body))
        except MasklineError as error:
            return Redirect(body.address(failed=error.code))
        return Redirect(f"/evidence/{export.id}")

    return start


def _one(renderer: Renderer, sources: EvidenceSources) -> Endpoint:
    @endpoint(
        "GET",
        "/evidence/{export_id}",
        permission=EVIDENCE_EXPORT,
        summary_zh="证据包页",
        summary_en="Page of one bundle",
        kind="page",
    )
    async def show(*, principal: Principal, path: ExportPath, context: RequestContext, headers: Seen) -> Html:
        export = await sources.exports.get(principal, path.export_id)
        return Html(
            renderer.page(
                "evidence_one.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                export=export,
                until=_last_day(sources.calendar, export),
                file_name=_file_name(export.id),
                fault=failure(export.fault, context.language),
                customer=await _customer(sources, principal, export.chosen.customer_id),
                verifier_sha256=_verifier_sha256(),
            )
        )

    return show


def _bundle(exports: EvidenceExports) -> Endpoint:
    @endpoint(
        "GET",
        "/evidence/{export_id}/bundle.zip",
        permission=EVIDENCE_EXPORT,
        summary_zh="下载证据包",
        summary_en="Download a bundle",
        produces="application/zip",
        kind="page",
        timeout_s=None,
    )
    async def bundle(*, principal: Principal, path: ExportPath) -> FileReply:
        reader = await exports.take(principal, path.export_id)
        return FileReply(
            reader, "application/zip", _file_name(path.export_id), etag=reader.sha256, download=True
        )

    return bundle


def _verifier() -> Endpoint:
    @endpoint(
        "GET",
        "/evidence/maskline_verify.py",
        permission=EVIDENCE_EXPORT,
        summary_zh="下载独立验证程序",
        summary_en="Download the stand-alone verifier",
        produces="text/x-python",
        kind="page",
    )
    async def verifier(*, principal: Principal) -> StreamReply:  # noqa: ARG001 - the same for all
        return StreamReply(_once(VERIFIER.read_bytes()), "text/x-python; charset=utf-8", VERIFIER.name)

    return verifier


async def _preview(
    sources: EvidenceSources, principal: Principal, query: EvidenceQuery, language: str
) -> tuple[Contents | None, Failure | None]:
    """Say what the choice holds; None before there is one."""
    chosen = _chosen(sources.calendar, query)
    if chosen.empty:
        return None, None
    try:
        return await sources.exports.preview(principal, chosen), None
    except MasklineError as error:
        return None, failure(error.code, language)


async def _customer(
    sources: EvidenceSources, principal: Principal, customer_id: str | None
) -> CustomerView | None:
    if customer_id is None or not principal.allows(CUSTOMER_READ):
        return None
    return (await sources.customers.many(principal, {customer_id})).get(customer_id)


async def _matches(
    sources: EvidenceSources, principal: Principal, last_four: str | None
) -> tuple[CustomerView, ...] | None:
    """Find customers by the last four digits; None where nobody asked."""
    if last_four is None or not principal.allows(CUSTOMER_READ):
        return None
    return (await sources.customers.find(principal, CustomerFilter(last_four=last_four), limit=MATCHES)).items


def _chosen(calendar: Calendar, query: EvidenceQuery) -> Chosen:
    return Chosen(
        contact_id=query.contact,
        customer_id=query.customer,
        since=calendar.begin(query.since) if query.since else None,
        until=calendar.end(query.until) if query.until else None,
    )


def _last_day(calendar: Calendar, export: Export) -> date | None:
    """Give the last day that counted."""
    end = export.chosen.until
    return None if end is None else date.fromordinal(calendar.today(end).toordinal() - 1)


def _file_name(export_id: str) -> str:
    return f"evidence-{export_id}.zip"


@cache
def _verifier_sha256() -> str | None:
    """Give the hash of the verifier that is offered; None where this installation has none."""
    return hashlib.sha256(VERIFIER.read_bytes()).hexdigest() if VERIFIER.exists() else None


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
