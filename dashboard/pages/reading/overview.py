"""The first page: what happened today within one's reach, and what must be looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.access.model import Principal
from core.clock import Clock
from core.status import StatusProvider, overview
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.system import STATUS_DETAIL
from dashboard.call_filters import CallOutcome, CallsQuery
from dashboard.day import Calendar
from dashboard.pages.preferences import Seen
from dashboard.render import Renderer
from gateway.calls.figures import CallCounts, CallFigures
from gateway.calls.permissions import CALL_READ
from gateway.calls.queries import CallFilter, CallQueries, CallView
from gateway.contact.model import Channel
from gateway.contact.verdicts import VerdictReader
from qa.inspection.figures import InspectionCounts, InspectionFigures
from qa.inspection.model import Band
from qa.inspection.reading import InspectionReader
from qa.inspection.views import AlertView
from qa.lexicon.model import Severity
from qa.permissions import ALERT_READ, INSPECTION_READ

ALERTS_SHOWN = 8
RULES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class OverviewSources:
    """Where the figures come from."""

    clock: Clock
    calendar: Calendar
    calls: CallQueries
    call_figures: CallFigures
    inspections: InspectionReader
    inspection_figures: InspectionFigures
    verdicts: VerdictReader
    providers: Sequence[StatusProvider]


@dataclass(frozen=True, slots=True)
class ShownAlert:
    """An alert and the call that it is about; None for a message or an unseen call."""

    alert: AlertView
    call: CallView | None


@dataclass(frozen=True, slots=True)
class RefusingRule:
    """A rule, its name for people, how often it refused, and the list of those calls."""

    title: str
    count: int
    address: str


@dataclass(frozen=True, slots=True)
class BandCount:
    band: Band
    count: int
    address: str


def endpoints(renderer: Renderer, sources: OverviewSources) -> list[Endpoint]:
    """Give the page."""

    @endpoint("GET", "/", permission=CALL_READ, summary_zh="概览", summary_en="Overview", kind="page")
    async def show(*, principal: Principal, context: RequestContext, headers: Seen) -> Html:
        today = sources.calendar.today(sources.clock.now())
        span = sources.calendar.begin(today), sources.calendar.end(today)
        counts = await sources.call_figures.count(principal, *span)
        inspected = None
        if principal.allows(INSPECTION_READ):
            inspected = await sources.inspection_figures.count(principal, *span, channel=Channel.CALL)
        links = _links(today)
        return Html(
            renderer.page(
                "overview.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                today=today,
                scope=principal.scope(CALL_READ),
                counts=counts,
                links=links,
                rules=_rules(counts, sources.verdicts, today, context.language),
                inspected=inspected,
                share=_share(counts, inspected),
                bands=_bands(inspected, today),
                alerts=await _alerts(sources, principal),
                system=await overview(sources.providers),
                shows_parts=principal.allows(STATUS_DETAIL),
            )
        )

    return [show]


def _links(today: date) -> dict[str, str]:
    """Give the list behind each figure."""
    found = {"total": CallsQuery(since=today, until=today).address()}
    for outcome in CallOutcome:
        found[outcome.value] = CallsQuery(since=today, until=today, outcome=outcome).address()
    return found


def _rules(counts: CallCounts, verdicts: VerdictReader, today: date, language: str) -> list[RefusingRule]:
    return [
        RefusingRule(
            verdicts.title(rule.rule_id, language),
            rule.count,
            CallsQuery(since=today, until=today, rule=rule.rule_id).address(),
        )
        for rule in counts.refused_by[:RULES_SHOWN]
    ]


def _bands(inspected: InspectionCounts | None, today: date) -> list[BandCount]:
    if inspected is None:
        return []
    return [
        BandCount(band, inspected.bands[band], CallsQuery(since=today, until=today, band=band).address())
        for band in reversed(Band)
    ]


def _share(counts: CallCounts, inspected: InspectionCounts | None) -> int | None:
    """Give the percentage of connected calls whose recording was inspected; None without any."""
    if inspected is None or not counts.connected:
        return None
    return min(100, round(100 * inspected.inspected / counts.connected))


@dataclass(frozen=True, slots=True)
class AlertPanel:
    """Open alerts, the most severe first, and how many there are of each severity."""

    shown: tuple[ShownAlert, ...]
    open: dict[Severity, int]

    @property
    def total(self) -> int:
        return sum(self.open.values())


async def _alerts(sources: OverviewSources, principal: Principal) -> AlertPanel | None:
    if not principal.allows(ALERT_READ):
        return None
    shown = await sources.inspections.most_severe_alerts(principal, limit=ALERTS_SHOWN)
    contacts = [alert.contact_id for alert in shown if alert.contact_id is not None]
    calls: dict[str, CallView] = {}
    if contacts:
        views, _ = await sources.calls.find(principal, CallFilter(contacts=contacts), limit=ALERTS_SHOWN)
        calls = {view.row.contact_id: view for view in views}
    return AlertPanel(
        shown=tuple(ShownAlert(alert, calls.get(alert.contact_id or "")) for alert in shown),
        open=await sources.inspection_figures.open_alerts(principal),
    )
