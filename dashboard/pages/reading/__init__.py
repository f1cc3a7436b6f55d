"""What everybody reads: the overview, the calls, one call, and what waits for a decision."""

from core.web.endpoint import Endpoint
from dashboard.pages.kit import Kit
from dashboard.pages.reading import approval_acts, approvals, call, calls, overview
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from gateway.calls.figures import CallFigures


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the pages."""
    deciding = Kit(renderer, parts, "approvals")
    return [
        *approvals.endpoints(deciding),
        *approval_acts.endpoints(deciding),
        *overview.endpoints(
            renderer,
            overview.OverviewSources(
                clock=parts.clock,
                calendar=parts.calendar,
                calls=parts.calls,
                call_figures=CallFigures(parts.database),
                inspections=parts.inspections,
                inspection_figures=parts.figures,
                verdicts=parts.verdicts,
                providers=parts.providers,
            ),
        ),
        *calls.endpoints(
            renderer,
            calls.CallsSources(
                calendar=parts.calendar,
                calls=parts.calls,
                figures=parts.figures,
                people=parts.people,
                verdicts=parts.verdicts,
                rulebook=parts.rulebook,
            ),
        ),
        *call.endpoints(
            renderer,
            call.CallSources(
                calls=parts.calls,
                verdicts=parts.verdicts,
                inspections=parts.inspections,
                ledger=parts.ledger,
                people=parts.people,
                parts=parts,
            ),
        ),
    ]
