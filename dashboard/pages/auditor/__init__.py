"""An auditor's pages: ledger, evidence, who saw what; and the analysis that all checkers share."""

from core.web.endpoint import Endpoint
from dashboard.pages.auditor import access_log, analysis, evidence, file_operations, ledger
from dashboard.pages.kit import Kit
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.calls.analysis import CallAnalysis
from qa.review.analysis import QualityAnalysis


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the pages."""
    return [
        *ledger.endpoints(renderer, ledger.LedgerSources(parts.ledger, parts.timestamps, parts.calendar)),
        *evidence.endpoints(
            renderer,
            evidence.EvidenceSources(
                clock=parts.clock,
                calendar=parts.calendar,
                exports=parts.exports,
                customers=parts.customers,
            ),
        ),
        *access_log.endpoints(
            renderer,
            access_log.AccessSources(
                audit=parts.audit,
                unusual=parts.unusual,
                calendar=parts.calendar,
                people=parts.people,
                customers=parts.customers,
                calls=parts.calls,
            ),
        ),
        *file_operations.endpoints(Kit(renderer, parts, "auditor"), parts.file_operations),
        *analysis.endpoints(
            renderer,
            analysis.AnalysisSources(
                clock=parts.clock,
                calendar=parts.calendar,
                people=parts.people,
                calls=CallAnalysis(parts.database),
                messages=parts.message_listing,
                quality=QualityAnalysis(parts.database),
                reviews=parts.reviews.reader,
                verdicts=parts.verdicts,
                rulebook=parts.rulebook,
            ),
        ),
    ]
