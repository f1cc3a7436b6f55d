"""Phone accounts of employees: made and rotated, the password shown once and kept as sealed hashes only."""

import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from sqlalchemy import Table, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee, EmployeeState
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.errors import NotFound
from core.ids import new_id
from core.ledger import Ledger
from core.vault import Field, Vault
from gateway.calls.digest import Ha1
from gateway.calls.errors import SipAccountNotFound, SipAccountTaken
from gateway.calls.models import RegistrationRow, SipAccountRow
from gateway.calls.permissions import SIP_ACCOUNT_READ, SIP_ACCOUNT_WRITE

PASSWORD_CHARACTERS = 24
_ALPHABET = string.ascii_letters + string.digits
# Every call and every registration asks this: made once, and without the ORM.
_ACCOUNT, _PERSON = cast("Table", SipAccountRow.__table__).c, cast("Table", Employee.__table__).c
_KNOWN = (
    select(
        _ACCOUNT.id, _ACCOUNT.employee_id, _ACCOUNT.username, _ACCOUNT.ha1_md5, _ACCOUNT.ha1_sha256,
        _PERSON.state,
    )
    .where(_ACCOUNT.username == bindparam("username"), _PERSON.id == _ACCOUNT.employee_id)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FreshAccount:
    """A phone account right after it was made or rotated: the only moment its password is known."""

    employee_id: str
    username: str
    realm: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccountView:
    """A phone account and where its phone is registered now."""

    employee_id: str
    username: str
    realm: str
    created_at: datetime
    rotated_at: datetime
    registered_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """What authentication needs of an account."""

    account_id: str
    employee_id: str
    username: str
    active: bool
    ha1: Ha1


class SipAccountService:
    """Makes phone accounts; one for each employee."""

    def __init__(self, database: Database, clock: Clock, *, vault: Vault, ledger: Ledger, realm: str) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self._realm = realm

    async def create(self, principal: Principal, employee_id: str) -> FreshAccount:
        """Make the account of an employee. Raises `SipAccountTaken`, `NotFound`."""
        async with self._database.begin() as session:
            employee = await self._employee(session, principal, employee_id)
            known = await session.scalar(
                select(SipAccountRow.id).where(SipAccountRow.employee_id == employee_id)
            )
            if known is not None:
                raise SipAccountTaken
            fresh = await self._make(session, employee.id)
            await self._log(session, "sip-account.created", principal.employee_id, employee_id)
            return fresh

    async def ensure_in(self, session: AsyncSession, employee_id: str, *, by: str) -> FreshAccount | None:
        """Make an account within a larger transaction (a rebinding); None if there is one already."""
        known = select(SipAccountRow.id).where(SipAccountRow.employee_id == employee_id)
        if await session.scalar(known) is not None:
            return None
        fresh = await self._make(session, employee_id)
        await self._log(session, "sip-account.created", by, employee_id)
        return fresh

    async def drop_registration(self, session: AsyncSession, employee_id: str) -> None:
        """Forget where somebody's phone is registered, in the caller's transaction: no call goes there."""
        await session.execute(delete(RegistrationRow).where(RegistrationRow.employee_id == employee_id))

    async def _make(self, session: AsyncSession, employee_id: str) -> FreshAccount:
        fresh = FreshAccount(employee_id, f"u{secrets.token_hex(5)}", self._realm, new_password())
        row = SipAccountRow(
            id=new_id(),
            employee_id=employee_id,
            username=fresh.username,
            realm=self._realm,
            created_at=self._clock.now(),
        )
        self._set_password(row, fresh.password)
        session.add(row)
        await session.flush()
        return fresh

    async def rotate(self, principal: Principal, employee_id: str) -> FreshAccount:
        """Give the account a new password and forget where its phone is registered."""
        async with self._database.begin() as session:
            await self._employee(session, principal, employee_id)
            row = await session.scalar(
                select(SipAccountRow).where(SipAccountRow.employee_id == employee_id).with_for_update()
            )
            if row is None:
                raise SipAccountNotFound
            fresh = FreshAccount(employee_id, row.username, self._realm, new_password())
            row.realm = self._realm
            self._set_password(row, fresh.password)
            await session.execute(delete(RegistrationRow).where(RegistrationRow.account_id == row.id))
            await self._log(session, "sip-account.rotated", principal.employee_id, employee_id)
            return fresh

    async def view(self, principal: Principal, employee_id: str) -> AccountView:
        """Show an account, never its secret."""
        seen = scope_clause(
            principal, SIP_ACCOUNT_READ, owner=SipAccountRow.employee_id, department=Employee.department_id
        )
        alive = (RegistrationRow.account_id == SipAccountRow.id) & (
            RegistrationRow.expires_at > self._clock.now()
        )
        async with self._database.read() as session:
            found = (
                await session.execute(
                    select(SipAccountRow, RegistrationRow.registered_at, RegistrationRow.expires_at)
                    .join(Employee, Employee.id == SipAccountRow.employee_id)
                    .outerjoin(RegistrationRow, alive)
                    .where(SipAccountRow.employee_id == employee_id, seen)
                )
            ).one_or_none()
        if found is None:
            raise SipAccountNotFound
        account, registered_at, expires_at = found
        return AccountView(
            account.employee_id,
            account.username,
            account.realm,
            account.created_at,
            account.rotated_at,
            registered_at,
            expires_at,
        )

    async def known(self, username: str) -> KnownAccount | None:
        """Find the account of a user name, with the hashes that its answers are checked against."""
        row = next(iter(await self._database.run(_KNOWN, {"username": username})), None)
        if row is None:
            return None
        ha1 = Ha1(
            self._vault.open_text(_place(row.id, "ha1_md5"), row.ha1_md5),
            self._vault.open_text(_place(row.id, "ha1_sha256"), row.ha1_sha256),
        )
        return KnownAccount(row.id, row.employee_id, row.username, row.state is EmployeeState.ACTIVE, ha1)

    def _set_password(self, row: SipAccountRow, password: str) -> None:
        ha1 = Ha1.of(row.username, row.realm, password)
        cipher = self._vault.cipher()
        row.ha1_md5 = cipher.seal(_place(row.id, "ha1_md5"), ha1.md5)
        row.ha1_sha256 = cipher.seal(_place(row.id, "ha1_sha256"), ha1.sha256)
        row.rotated_at = self._clock.now()

    async def _employee(self, session: AsyncSession, principal: Principal, employee_id: str) -> Employee:
        seen = scope_clause(
            principal, SIP_ACCOUNT_WRITE, owner=Employee.id, department=Employee.department_id
        )
        employee = await session.scalar(select(Employee).where(Employee.id == employee_id, seen))
        if employee is None:
            raise NotFound
        return employee

    async def _log(self, session: AsyncSession, kind: str, by: str, employee_id: str) -> None:
        await self._ledger.append(session, kind, {"employee_id": employee_id, "by": by})


def new_password() -> str:
    """Make a password of about 142 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_CHARACTERS))


def _place(account_id: str, column: str) -> Field:
    return Field("gw_sip_accounts", column, account_id)
