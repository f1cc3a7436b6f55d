"""Who the ids of an archive are: links of vendor ids to employees and customers, made by an administrator."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.clock import Clock
from core.db import Database
from core.errors import NotFound
from core.ids import new_id
from core.ledger import Ledger
from core.sealed import BlindIndex
from core.vault import Vault
from gateway.customers.models import CustomerRow
from gateway.messages import permissions
from gateway.messages.models import ArchiveMemberRow
from gateway.numbers.models import BindingRow


class MemberUnknown(NotFound):
    """There is no such employee or customer to link to."""

    code = "archive-member-unknown"
    zh = "没有可关联的员工或客户。"


@dataclass(frozen=True, slots=True)
class Parties:
    """Whom a record is about, as far as we know."""

    employee_id: str | None = None
    customer_id: str | None = None
    binding: BindingRow | None = None
    by_staff: bool = False


class ArchiveMembers:
    """Links and looks up; a vendor's id is kept as a blind index only."""

    def __init__(self, *, database: Database, clock: Clock, vault: Vault, ledger: Ledger) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger

    async def link(
        self,
        principal: Principal,
        source: str,
        member: str,
        *,
        employee_id: str | None = None,
        customer_id: str | None = None,
    ) -> None:
        """Say that an id is this employee or this customer; a later link replaces an earlier one."""
        principal.require(permissions.ARCHIVE_LINK)
        index = self.index(member)
        async with self._db.begin() as session:
            employee = await session.get(Employee, employee_id) if employee_id else None
            customer = await session.get(CustomerRow, customer_id) if customer_id else None
            if (employee is None) == (customer is None):
                raise MemberUnknown
            row = await self._find(session, source, index)
            if row is None:
                row = ArchiveMemberRow(id=new_id(), source=source, member_index=index)
                session.add(row)
            row.employee_id, row.customer_id = employee_id, customer_id
            row.linked_at, row.linked_by = self._clock.now(), principal.employee_id
            await session.flush()
            body = {
                "member": row.id,
                "employee": employee_id,
                "customer": customer_id,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "archive.member-linked", body)

    async def parties(
        self, session: AsyncSession, source: str, sender: str, receivers: tuple[str, ...]
    ) -> Parties:
        """Find the employee and the customer of a record, and the binding between them, a live one first."""
        members = [await self._find(session, source, self.index(one)) for one in (sender, *receivers) if one]
        known = [member for member in members if member is not None]
        first = members[0] if members and sender else None
        employee = next((member.employee_id for member in known if member.employee_id), None)
        customer = next((member.customer_id for member in known if member.customer_id), None)
        by_staff = first is not None and first.employee_id is not None
        if employee is None or customer is None:
            return Parties(employee, customer, None, by_staff)
        return Parties(employee, customer, await binding_between(session, employee, customer), by_staff)

    def index(self, member: str) -> BlindIndex:
        return self._vault.blind("archive.member", member)

    async def _find(self, session: AsyncSession, source: str, index: BlindIndex) -> ArchiveMemberRow | None:
        row: ArchiveMemberRow | None = await session.scalar(
            select(ArchiveMemberRow).where(
                ArchiveMemberRow.source == source, ArchiveMemberRow.member_index == index
            )
        )
        return row


async def binding_between(session: AsyncSession, employee_id: str, customer_id: str) -> BindingRow | None:
    """Find what ties an employee to a customer, a live one first, then the last that was."""
    query = select(BindingRow).where(
        BindingRow.employee_id == employee_id, BindingRow.customer_id == customer_id
    )
    rows = list(await session.scalars(query.order_by(BindingRow.id.desc())))
    rows.sort(key=lambda row: row.released_at is not None)
    return rows[0] if rows else None
