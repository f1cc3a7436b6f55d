"""The fleet: every phone, how it stands and how we know; filters that stay in the address."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import IdStr
from dashboard.asked import Asked
from dashboard.filters import FilterQuery
from dashboard.forms import DoneQuery
from dashboard.pages.phones.kit import PhoneKit, line_of, names_of
from dashboard.pages.preferences import Seen
from dashboard.people import Directory
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.queries import DeviceFilter, FleetFigures
from devicepolicy.permissions import DEVICE_ENROL, DEVICE_READ, UPLOAD_READ
from devicepolicy.uploads.queries import MissingFilter

SHOWN = 50
_AWAY = (DeviceState.DISABLED, DeviceState.LOST)


class PhoneState(StrEnum):
    """Where a phone stands, as people filter for it."""

    MANAGED = "managed"
    WAITING = "waiting"
    SILENT = "silent"
    BEHIND = "behind"
    LOCKED = "locked"
    ENDED = "ended"


class FleetQuery(FilterQuery, DoneQuery):
    """The address of the list. Without a state, phones that are gone are left out."""

    page_path: ClassVar[str] = "/phones"

    state: PhoneState | None = None
    compliance: ComplianceState | None = None
    department: IdStr | None = None
    employee: IdStr | None = None
    q: Annotated[str, Field(max_length=64)] | None = None


def device_filter(query: FleetQuery, directory: Directory) -> DeviceFilter:
    """Translate the address into what the register is asked."""
    trusts: tuple[Trust, ...] = (Trust.PENDING, Trust.TRUSTED)
    if query.state is PhoneState.ENDED:
        trusts = (Trust.REJECTED, Trust.RELEASED)
    elif query.state is PhoneState.WAITING:
        trusts = (Trust.PENDING,)
    elif query.state is not None or query.compliance is not None:
        trusts = (Trust.TRUSTED,)
    path = directory.path_of(query.department) if query.department else None
    below = [place.id for place in directory.departments if path and place.path.startswith(path)]
    wanted = query.q.casefold() if query.q else None
    return DeviceFilter(
        compliance=query.compliance,
        online=False if query.state is PhoneState.SILENT else None,
        behind=True if query.state is PhoneState.BEHIND else None,
        employee_id=query.employee,
        text=query.q,
        trusts=trusts,
        states=_AWAY if query.state is PhoneState.LOCKED else None,
        department_ids=below if query.department else None,
        holders=[
            person.id for person in directory.employees if wanted and wanted in person.display_name.casefold()
        ],
    )


async def _missing(kit: PhoneKit, principal: Principal) -> list[tuple[str, int, str]]:
    """Count what is missing of the phones' records, where there is any and the reader may know."""
    if not principal.allows(UPLOAD_READ):
        return []
    gaps = await kit.parts.uploads.queries.count_missing(principal, MissingFilter(open=True))
    return [("gaps", gaps, "/phones/gaps")] if gaps else []


def counts(figures: FleetFigures, behind: int) -> list[tuple[str, int, str]]:
    """Give what stands on top: its name, how many, and the address that lists exactly these."""
    trusted, compliance = figures.trust.get(Trust.TRUSTED, 0), figures.compliance
    return [
        ("managed", trusted, "/phones?state=managed"),
        ("bad", compliance.get(ComplianceState.NOT_COMPLIANT, 0), "/phones?compliance=NOT_COMPLIANT"),
        ("pending", compliance.get(ComplianceState.PENDING, 0), "/phones?compliance=PENDING"),
        ("unknown", compliance.get(ComplianceState.UNKNOWN, 0), "/phones?compliance=UNKNOWN"),
        ("behind", behind, "/phones?state=behind"),
        ("silent", figures.offline, "/phones?state=silent"),
        ("waiting", figures.trust.get(Trust.PENDING, 0), "/phones?state=waiting"),
    ]


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/phones",
        permission=DEVICE_READ,
        summary_zh="手机总览页",
        summary_en="Page of the fleet of phones",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: FleetQuery, context: RequestContext, headers: Seen
    ) -> Html:
        asked, queries = Asked(principal, context, headers), kit.parts.fleet.queries
        picture = await kit.picture(principal)
        directory = await kit.parts.people.directory(principal)
        names = names_of(directory)
        wanted = device_filter(query, directory)
        views, following = await queries.find(principal, wanted, cursor=query.cursor, limit=SHOWN)
        figures = await queries.figures(principal)
        behind = await queries.count(principal, DeviceFilter(trust=Trust.TRUSTED, behind=True))
        return kit.show(
            "fleet.html",
            asked,
            query=query,
            picture=picture,
            directory=directory,
            counts=[*counts(figures, behind), *await _missing(kit, principal)],
            anybody=bool(sum(figures.trust.values())),
            lines=[line_of(view, directory, names) for view in views],
            given=query.given(),
            next_address=query.address(cursor=following) if following else None,
            states=tuple(PhoneState),
            compliances=tuple(ComplianceState),
            may_enrol=principal.allows(DEVICE_ENROL),
        )

    return [listing]
