"""One phone: each setting with its proof, orders, what it handed in, consent, what happened to it."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.access.model import Principal
from core.ledger.record import JSON
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from dashboard.asked import Asked
from dashboard.forms import DoneQuery
from dashboard.pages.phones.kit import PhoneKit, PhonePath, claims_of, line_of, names_of
from dashboard.pages.phones.orders import NAME_OF, SimpleOrder
from dashboard.pages.phones.said import Said, said
from dashboard.pages.phones.uploads import newest
from dashboard.pages.preferences import Seen
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.commands.machine import Approval, CommandState
from devicepolicy.commands.model import CommandDetail, CommandView
from devicepolicy.devices.compliance import SettingState
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.model import Trust
from devicepolicy.devices.queries import SettingLine
from devicepolicy.permissions import (
    COMMAND_APPROVE,
    COMMAND_ISSUE,
    COMMAND_READ,
    COMMAND_RELINQUISH,
    COMMAND_WIPE,
    DEVICE_READ,
    DEVICE_WRITE,
    LOCATION_READ,
)

ORDERS_SHOWN = 20
_WORST_FIRST = (SettingState.FAILED, SettingState.PENDING, SettingState.EXPECTED, SettingState.APPLIED)


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """A setting as judged from the phone's last report, and what is wanted of it in words."""

    line: SettingLine
    said: Said


@dataclass(frozen=True, slots=True)
class ShownOrder:
    """A command; what the reader may do with it."""

    detail: CommandDetail
    may_cancel: bool
    may_decide: bool
    own: bool

    @property
    def view(self) -> CommandView:
        return self.detail.command


def shown_settings(
    lines: tuple[SettingLine, ...], values: Mapping[str, JSON], table: CapabilityTable, language: str
) -> list[ShownSetting]:
    """Give the settings in people's words, what is wrong first."""
    shown = [ShownSetting(line, said(line.name, values.get(line.name), language, table)) for line in lines]
    return sorted(shown, key=lambda one: (_WORST_FIRST.index(one.line.state), one.line.name))


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the page."""

    @endpoint(
        "GET",
        "/phones/{device_id}",
        permission=DEVICE_READ,
        summary_zh="单台手机页",
        summary_en="Page of one phone",
        errors=(DeviceNotFound,),
        kind="page",
    )
    async def one(
        *,
        principal: Principal,
        path: PhonePath,
        query: DoneQuery,
        context: RequestContext,
        headers: Seen,
    ) -> Html:
        parts = kit.parts
        picture = await kit.picture(principal)
        detail = await parts.fleet.queries.detail(principal, path.device_id)
        wanted = await parts.wanted.of(principal, path.device_id)
        directory = await parts.people.directory(principal)
        names = names_of(directory)
        table = parts.policies.table
        trusted = detail.view.trust is Trust.TRUSTED
        issues = trusted and principal.allows(COMMAND_ISSUE)
        return kit.show(
            "device.html",
            Asked(principal, context, headers),
            query=query,
            picture=picture,
            detail=detail,
            phone=line_of(detail.view, directory, names),
            claims=await claims_of(kit, principal, [detail.view]),
            directory=directory,
            wanted=wanted,
            settings=shown_settings(
                detail.settings, wanted.values if wanted else {}, table, context.language
            ),
            handed_in=await newest(kit, principal, path.device_id),
            consents=await parts.fleet.consent.given(principal, path.device_id),
            terms=parts.fleet.consent.current(),
            orders=await _orders(kit, principal, path.device_id),
            reads_orders=principal.allows(COMMAND_READ),
            names=names,
            kind_names=NAME_OF,
            simple=tuple(SimpleOrder) if issues else (),
            employees=directory.employees,
            may={
                "wipe": trusted and principal.allows(COMMAND_WIPE),
                "relinquish": trusted and principal.allows(COMMAND_RELINQUISH),
                "write": principal.allows(DEVICE_WRITE),
                "locate": principal.allows(LOCATION_READ),
            },
        )

    return [one]


async def _orders(kit: PhoneKit, principal: Principal, device_id: str) -> list[ShownOrder]:
    if not principal.allows(COMMAND_READ):
        return []
    queries = kit.parts.commands.queries
    views, _ = await queries.listing(principal, device_id=device_id, limit=ORDERS_SHOWN)
    found = []
    for view in views:
        own = view.issued_by == principal.employee_id
        waits = view.approval is Approval.WAITING and view.finished_at is None
        found.append(
            ShownOrder(
                await queries.one(principal, view.id),
                may_cancel=principal.allows(COMMAND_ISSUE)
                and view.state in {CommandState.QUEUED, CommandState.DELIVERED},
                may_decide=waits and not own and principal.allows(COMMAND_APPROVE),
                own=own,
            )
        )
    return found
