"""One call: what was said and heard, what was found in it, why it was allowed, and how that is proven."""

from dataclasses import dataclass
from typing import Any

from core.access.model import Principal
from core.ledger import LedgerService
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import ApiModel, IdStr
from dashboard.evidence import gather, proof_data, shown_facts
from dashboard.findings import worst_first
from dashboard.pages.preferences import Seen
from dashboard.pages.reviewer.desk import InspectionQuery, reviewing
from dashboard.parts import DashboardParts
from dashboard.people import People
from dashboard.render import Renderer, texts
from dashboard.transcript import turns
from gateway.calls.models import TIMES, CallRow
from gateway.calls.permissions import CALL_READ, RECORDING_LISTEN
from gateway.calls.queries import CallQueries, CallState, CallView
from gateway.contact.errors import ContactUnknown
from gateway.contact.model import Decision
from gateway.contact.verdicts import JudgedRule, VerdictDetail, VerdictReader
from gateway.permissions import CONTACT_READ
from qa.inspection.errors import InspectionUnknown
from qa.inspection.model import State
from qa.inspection.reading import InspectionReader
from qa.inspection.views import InspectionDetail
from qa.permissions import INSPECTION_READ

RECORDING_CAUSES = ("audio", "erased", "forbidden", "none", "live")


class CallPath(ApiModel):
    call_id: IdStr


@dataclass(frozen=True, slots=True)
class CallSources:
    """Where the page comes from."""

    calls: CallQueries
    verdicts: VerdictReader
    inspections: InspectionReader
    ledger: LedgerService
    people: People
    parts: DashboardParts


def endpoints(renderer: Renderer, sources: CallSources) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/calls/{call_id}",
        permission=CALL_READ,
        summary_zh="录音页",
        summary_en="Page of one call",
        kind="page",
    )
    async def show(
        *,
        principal: Principal,
        path: CallPath,
        query: InspectionQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        view = await sources.calls.get(principal, path.call_id)
        verdict = await _verdict(sources, principal, view.row)
        inspection = await _inspection(sources, principal, view.row.contact_id)
        directory = await sources.people.departments(principal)
        seqs = {
            "verdict": view.verdict_seq,
            "call": view.row.ledger_seq,
            "inspection": inspection.ledger_seq if inspection else None,
        }
        evidence = await gather(sources.ledger, principal, seqs)
        recording = _recording(view, principal, inspection)
        desk = await reviewing(
            sources.parts, principal, query, inspection, path=context.path, language=context.language
        )
        return Html(
            renderer.page(
                "call.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=desk.here,
                desk=desk,
                call=view,
                row=view.row,
                department=directory.department(view.row.department_id),
                recording=recording,
                verdict=verdict,
                rules=_rules(verdict, view.row),
                times=[(name, getattr(view.row, name)) for name in TIMES if getattr(view.row, name)],
                completeness=_completeness(view.row),
                inspection=inspection,
                inspection_state=_inspection_state(view, inspection, principal),
                turns=turns(inspection.transcript, inspection.findings)
                if inspection and inspection.transcript is not None
                else None,
                findings=worst_first(inspection),
                player=_player(view, inspection, context.language)
                | {
                    "proofs": proof_data(evidence, shown_facts(view.row, verdict, inspection)),
                    "texts": texts(context.language, "proof."),
                    "wav": view.row.wav_sha256 if recording == "audio" else None,
                },
                evidence=evidence,
            )
        )

    return [show]


async def _verdict(sources: CallSources, principal: Principal, row: CallRow) -> VerdictDetail | None:
    if not principal.allows(CONTACT_READ):
        return None
    try:
        return await sources.verdicts.of_contact(principal, row.contact_id)
    except ContactUnknown:
        return None


async def _inspection(sources: CallSources, principal: Principal, contact_id: str) -> InspectionDetail | None:
    if not principal.allows(INSPECTION_READ):
        return None
    try:
        return await sources.inspections.of_contact(principal, contact_id)
    except InspectionUnknown:
        return None


def _rules(verdict: VerdictDetail | None, row: CallRow) -> list[JudgedRule]:
    """Give the rules that were asked; one that refused only at the second look is marked by the call."""
    if verdict is None:
        return []
    if row.decision == Decision.ALLOW or verdict.decision is not Decision.ALLOW:
        return list(verdict.rules)
    late = JudgedRule(
        row.rule_id or "",
        row.rule_version or "",
        next((judged.rule for judged in verdict.rules if judged.rule_id == row.rule_id), None),
        refused=True,
        reason_zh=row.reason_zh or "",
        reason_en=row.reason_en or "",
        next_allowed_at=row.next_allowed_at,
    )
    return [late if judged.rule_id == row.rule_id else judged for judged in verdict.rules]


def _recording(view: CallView, principal: Principal, inspection: InspectionDetail | None) -> str:
    """Say what stands in the place of the recording: one of `RECORDING_CAUSES`."""
    if view.state not in {CallState.ENDED, CallState.REFUSED}:
        return "live"
    if view.row.recording_sha256 is None:
        return "none"
    if (inspection is not None and inspection.erased) or not view.customer_phone:
        return "erased"
    return "audio" if principal.allows(RECORDING_LISTEN) else "forbidden"


def _inspection_state(view: CallView, inspection: InspectionDetail | None, principal: Principal) -> str:
    """Say where the inspection stands, as the page puts it."""
    if not principal.allows(INSPECTION_READ):
        return "forbidden"
    if inspection is None:
        return "waiting" if view.row.ended_at is not None and view.row.recording_sha256 else "absent"
    if inspection.summary.state == State.DONE and inspection.summary.nothing:
        return inspection.summary.nothing
    return inspection.summary.state


def _completeness(row: CallRow) -> float | None:
    """Packets in the recording for each packet relayed, in percent."""
    return 100 * row.recorded_packets / row.relayed_packets if row.relayed_packets else None


def _player(view: CallView, inspection: InspectionDetail | None, language: str) -> dict[str, Any]:
    """Give what the player needs: addresses, length and the marks."""
    base = f"/api/v1/calls/{view.row.id}"
    marks = [
        {
            "id": found.id,
            "lane": 0 if found.role == "staff" else 1,
            "begin": found.begin_ms / 1000,
            "end": found.end_ms / 1000,
            "severity": found.severity,
            "title": found.rule_title_zh if language == "zh" else found.rule_title_en,
        }
        for found in (inspection.findings if inspection else ())
        if found.sentence_index is not None
    ]
    return {
        "recording": f"{base}/recording",
        "peaks": f"{base}/peaks",
        "duration": view.row.duration_ms / 1000,
        "marks": marks,
    }
