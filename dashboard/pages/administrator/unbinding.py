"""Unbinding (一键解绑): choose a successor, see everything that will happen, do it, watch each step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.access.model import Principal, Role
from core.access.models import EmployeeState
from core.access.people import EmployeeView
from core.errors import MasklineError
from core.ledger.permissions import LEDGER_READ
from core.web.replies import Html
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, failure_of
from dashboard.pages.kit import DeskQuery, Kit
from dashboard.people import Directory
from dashboard.render import line
from devicepolicy.devices.queries import DeviceFilter
from devicepolicy.permissions import DEVICE_READ
from gateway.customers.model import CustomerFilter
from gateway.numbers.model import BindingFilter
from gateway.offboarding.errors import AlreadyUnbound
from gateway.offboarding.model import Effect, Offboarding, Preview, StepKind
from gateway.offboarding.reading import OffboardingFilter
from gateway.permissions import (
    BINDING_READ,
    CUSTOMER_READ,
    OFFBOARDING_ACT,
    OFFBOARDING_UNDO,
    OFFBOARDING_WIPE,
    REBINDING_WRITE,
)

SHOWN_NAMES = 6
HOME = "/offboarding"


class UnbindingPath(ApiModel):
    offboarding_id: IdStr


class UnbindingsQuery(DeskQuery):
    """The address of the list, and what an undoing brought back and had to leave."""

    employee: IdStr | None = None
    open: bool = False
    cursor: str | None = None
    returned: int | None = None
    kept: int | None = None


class ChoiceQuery(DeskQuery):
    """Who leaves, who takes over, and whether the phones are to be wiped as well."""

    employee: IdStr | None = None
    successor: IdStr | None = None
    wipe: bool = False


class UnbindForm(FormModel):
    """The preview that was seen, and the choice that led to it."""

    preview: IdStr
    digest: str
    employee: IdStr
    successor: IdStr | None = None
    wipe: bool = False

    def choice(self) -> ChoiceQuery:
        return ChoiceQuery(employee=self.employee, successor=self.successor, wipe=self.wipe)


@dataclass(frozen=True, slots=True)
class Named:
    """Who or what a line of the preview means: the first names, how many more, and where all of them are."""

    names: Sequence[str]
    more: int = 0
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the preview."""

    effect: Effect
    named: Named | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview as it is read: what can be undone apart from what cannot."""

    preview: Preview
    lines: tuple[Line, ...]

    @property
    def final(self) -> tuple[Line, ...]:
        return tuple(one for one in self.lines if one.effect.undo != "yes" and one.effect.count)


@dataclass(frozen=True, slots=True)
class Faster:
    """Somebody else has unbound this employee already."""

    offboarding_id: str
    by: str
    at: datetime


class UnbindingPages:
    """What the pages of unbinding share."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.service = kit.parts.offboardings.service
        self.bundles = kit.parts.offboardings.bundles

    async def show(
        self,
        asked: Asked,
        query: UnbindingsQuery | None = None,
        *,
        act_id: str | None = None,
        choice: ChoiceQuery | None = None,
        shown: Shown | None = None,
        faster: Faster | None = None,
        told: Failure | None = None,
    ) -> Html:
        """Render the list; beside it one unbinding, a choice, or the preview of one."""
        query, principal = query or UnbindingsQuery(), asked.principal
        chosen = await self.service.reader.get(principal, act_id) if act_id else None
        wanted = OffboardingFilter(query.employee, query.open)
        acts, following = await self.service.reader.page(principal, wanted, cursor=query.cursor)
        directory = await self.kit.parts.people.directory(principal)
        panel = "act" if chosen else "preview" if shown else "choose" if choice else None
        return self.kit.show(
            "offboarding.html",
            asked,
            back=_back(panel, chosen, choice),
            query=query,
            told=told,
            panel=panel,
            acts=acts,
            following=following,
            chosen=chosen,
            choice=choice,
            shown=shown,
            faster=faster,
            names=_names(directory, principal),
            phones=await self.phone_names(principal, chosen),
            leavers=[one for one in directory.employees if one.id != principal.employee_id],
            successors=fit(directory, but=choice.employee if choice else None),
            leaver=next((one for one in directory.employees if choice and one.id == choice.employee), None),
            undo_minutes=self.kit.parts.settings.offboarding.undo_s // 60,
            hold_days=self.kit.parts.settings.offboarding.hold_days,
            soon=timedelta(seconds=1),
            may={
                "act": principal.allows(OFFBOARDING_ACT),
                "wipe": principal.allows(OFFBOARDING_WIPE),
                "undo": principal.allows(OFFBOARDING_UNDO),
                "rebind": principal.allows(REBINDING_WRITE),
                "ledger": principal.allows(LEDGER_READ),
            },
        )

    async def preview(self, asked: Asked, choice: ChoiceQuery, *, told: Failure | None = None) -> Html:
        """Preview a choice; what is refused is told beside the choice, which stays as it was."""
        if choice.employee is None:
            return await self.show(asked, choice=choice)
        try:
            preview = await self.service.preview(
                asked.principal, choice.employee, choice.successor, wipe=choice.wipe
            )
        except AlreadyUnbound as error:
            refused = failure_of(error, asked.context.language)
            return await self.show(asked, choice=choice, faster=faster_of(error), told=refused)
        except MasklineError as error:
            refused = failure_of(error, asked.context.language)
            return await self.show(asked, choice=choice, told=refused)
        shown = Shown(preview, await self._lines(asked.principal, preview))
        return await self.show(asked, choice=choice, shown=shown, told=told)

    async def phone_names(self, principal: Principal, act: Offboarding | None) -> Mapping[str, str]:
        """Name the phones of an unbinding; some may have gone to somebody else since."""
        if act is None or not principal.allows(DEVICE_READ):
            return {}
        wanted = {step.reference for step in act.steps if step.reference}
        found: dict[str, str] = {}
        for device_id in sorted(one for one in wanted if one):
            try:
                found[device_id] = (await self.kit.parts.fleet.queries.detail(principal, device_id)).view.name
            except MasklineError:
                continue
        return found

    async def _lines(self, principal: Principal, preview: Preview) -> tuple[Line, ...]:
        leaver = preview.employee.id
        named: dict[StepKind, Named] = {StepKind.CALLS: Named((), address=f"/calls?employee={leaver}")}
        if principal.allows(CUSTOMER_READ):
            page = await self.kit.parts.customers.find(principal, CustomerFilter(owner_id=leaver))
            names = [one.name_masked for one in page.items]
            named[StepKind.CUSTOMERS] = Named(names[:SHOWN_NAMES], address=f"/customers?owner={leaver}")
        if principal.allows(BINDING_READ):
            bound = await self.kit.parts.bindings.find(principal, BindingFilter(employee_id=leaver))
            lines = sorted({line(one.line_number) for one in bound.items})
            named[StepKind.BINDINGS] = Named(lines[:SHOWN_NAMES], address=f"/bindings?employee={leaver}")
        if principal.allows(DEVICE_READ):
            phones, _ = await self.kit.parts.fleet.queries.find(principal, DeviceFilter(employee_id=leaver))
            called = [one.name for one in phones if one.ended_at is None][:SHOWN_NAMES]
            address = f"/phones?employee={leaver}"
            named |= dict.fromkeys((StepKind.FREEZE, StepKind.WIPE), Named(called, address=address))
        return tuple(Line(effect, _named(named, effect)) for effect in preview.effects)


def _named(named: Mapping[StepKind, Named], effect: Effect) -> Named | None:
    """Give the names of a line that concerns anything; `more` is what its count says beyond them."""
    found = named.get(effect.kind)
    if found is None or not effect.count:
        return None
    more = effect.count - len(found.names)
    counted = effect.kind is not StepKind.BINDINGS  # those are named by their lines
    return Named(found.names, max(more, 0) if found.names and counted else 0, found.address)


def faster_of(error: AlreadyUnbound) -> Faster | None:
    """Say who was faster, where the service says it."""
    facts = error.facts
    if "offboarding_id" not in facts:
        return None
    return Faster(str(facts["offboarding_id"]), str(facts["by"]), datetime.fromisoformat(str(facts["at"])))


def fit(directory: Directory, *, but: str | None = None) -> list[EmployeeView]:
    """Give who can take customers over; the service has the last word."""
    calling = {Role.AGENT, Role.SUPERVISOR}
    return [
        one
        for one in directory.employees
        if one.id != but and one.state is EmployeeState.ACTIVE and calling & set(one.roles)
    ]


def _names(directory: Directory, principal: Principal) -> dict[str, str]:
    return {principal.employee_id: principal.display_name} | {
        one.id: one.display_name for one in directory.employees
    }


def _back(panel: str | None, chosen: Offboarding | None, choice: ChoiceQuery | None) -> str:
    if chosen is not None:
        return f"{HOME}/{chosen.id}"
    if choice is None:
        return HOME
    given = {"employee": choice.employee, "successor": choice.successor, "wipe": choice.wipe or None}
    query = "&".join(f"{name}={str(value).lower()}" for name, value in given.items() if value)
    return f"{HOME}/{'preview' if panel == 'preview' else 'new'}?{query}"
