"""What stands in the panel of one employee: rights in words, sessions, phone, what suspending ends."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.access.grants import SESSION_READ
from core.access.model import Principal, Role, Scope
from core.access.people import EmployeeView
from core.access.permissions import PermissionRegistry, PermissionSpec
from core.access.sessions import SessionView
from dashboard.parts import DashboardParts
from gateway.calls.accounts import AccountView
from gateway.calls.errors import SipAccountNotFound
from gateway.calls.permissions import CALL_READ, SIP_ACCOUNT_READ
from gateway.calls.queries import CallFilter
from gateway.numbers.model import BindingFilter
from gateway.permissions import BINDING_READ

LIVE_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an employee has open now; None where the reader may not know."""

    sessions: tuple[SessionView, ...] | None
    live_calls: int | None
    bindings: int | None
    account: AccountView | None


async def holdings(parts: DashboardParts, principal: Principal, employee_id: str) -> Holdings:
    """Gather it within the reader's rights."""
    sessions = None
    if principal.allows(SESSION_READ):
        sessions = tuple(await parts.access.session_admin.of(principal, employee_id))
    calls = None
    if principal.allows(CALL_READ):
        wanted = CallFilter(employee_id=employee_id, live=True)
        calls = len((await parts.calls.find(principal, wanted, limit=LIVE_SHOWN))[0])
    bindings = None
    if principal.allows(BINDING_READ):
        bindings = await parts.bindings.count(principal, BindingFilter(employee_id=employee_id))
    account = None
    if principal.allows(SIP_ACCOUNT_READ):
        try:
            account = await parts.accounts.view(principal, employee_id)
        except SipAccountNotFound:
            account = None
    return Holdings(sessions, calls, bindings, account)


@dataclass(frozen=True, slots=True)
class ScopedRights:
    """What somebody may do within one scope."""

    scope: Scope
    titles: tuple[str, ...]


def rights(registry: PermissionRegistry, person: EmployeeView, language: str) -> list[ScopedRights]:
    """Say in words what an employee's roles let them do, the widest scope first.

    What everybody may do with their own account is left out.
    """
    grants = registry.grants_for(person.roles)
    found = []
    for scope in sorted(Scope, key=lambda one: one.rank, reverse=True):
        titles = tuple(
            title(spec, language)
            for spec in registry
            if grants.get(spec.name) is scope and not _everybodys(spec)
        )
        if titles:
            found.append(ScopedRights(scope, titles))
    return found


@dataclass(frozen=True, slots=True)
class RightsRow:
    """One permission and how far each role has it."""

    title: str
    scopes: tuple[Scope | None, ...]


def matrix(registry: PermissionRegistry, roles: Iterable[Role], language: str) -> list[RightsRow]:
    """Give every permission against every role."""
    roles = tuple(roles)
    return [
        RightsRow(title(spec, language), tuple(spec.grants.get(role) for role in roles))
        for spec in registry
        if not _everybodys(spec)
    ]


def title(spec: PermissionSpec, language: str) -> str:
    return spec.zh if language == "zh" else spec.en


def _everybodys(spec: PermissionSpec) -> bool:
    """Whether a permission is about one's own account, which everybody has."""
    return spec.name.startswith("account.")
