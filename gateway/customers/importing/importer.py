"""Imports customers from a file: a report of every refused row, and one transaction for the rest."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.sheets.faults import Fault, RowRefusal, refusal
from core.sheets.layout import Layout
from core.sheets.table import read_table
from core.vault import SubjectKeys
from gateway import permissions
from gateway.customers import repository
from gateway.customers.errors import OwnerInvalid
from gateway.customers.fields import FieldChecker
from gateway.customers.importing.errors import ImportRaced
from gateway.customers.importing.history import keep
from gateway.customers.importing.plan import Plan, PlannedRow, make_plan
from gateway.customers.importing.report import ImportMode, ImportReport
from gateway.customers.models import CustomerTagRow
from gateway.customers.owners import Owner, find_owner
from gateway.customers.sealing import CustomerSealing


class CustomerImporter:
    """Reads and checks outside any transaction, then writes in one."""

    def __init__(
        self,
        *,
        database: Database,
        subject_keys: SubjectKeys,
        sealing: CustomerSealing,
        ledger: Ledger,
        clock: Clock,
        checker: FieldChecker,
        layout: Layout,
    ) -> None:
        self._db = database
        self._keys = subject_keys
        self._sealing = sealing
        self._ledger = ledger
        self._clock = clock
        self._checker = checker
        self._layout = layout

    @property
    def max_bytes(self) -> int:
        return self._layout.limits.max_bytes

    async def run(
        self,
        principal: Principal,
        content: bytes,
        *,
        mode: ImportMode = ImportMode.ALL_OR_NOTHING,
        dry_run: bool = False,
        owner_id: str | None = None,
    ) -> ImportReport:
        """Import a CSV or XLSX file. The file itself is kept nowhere, its report is.

        Raises what a whole file can be refused for (importing.errors), and OwnerInvalid.
        """
        principal.require(permissions.CUSTOMER_IMPORT)
        plan = await asyncio.to_thread(self._plan, content)
        async with self._db.begin() as session:
            good, refusals, owners = await self._against_database(session, principal, plan, owner_id)
            stopped = dry_run or (mode is ImportMode.ALL_OR_NOTHING and refusals)
            written = 0 if stopped else await self._write(session, principal, good, refusals, owners, mode)
            report = ImportReport(
                import_id=new_id(),
                dry_run=dry_run,
                mode=mode,
                rows_read=plan.rows_read,
                good=len(good),
                written=written,
                refusals=tuple(sorted(refusals, key=lambda found: found.row)),
                ignored_columns=plan.ignored_columns,
            )
            keep(session, principal, report, owner_id, self._clock.now())
        return report

    @property
    def layout(self) -> Layout:
        """The limits and the headings that are understood."""
        return self._layout

    def _plan(self, content: bytes) -> Plan:
        return make_plan(read_table(content, self._layout.limits), self._layout, self._checker)

    async def _write(
        self,
        session: AsyncSession,
        principal: Principal,
        good: Sequence[PlannedRow],
        refusals: Sequence[RowRefusal],
        owners: Mapping[str, Owner],
        mode: ImportMode,
    ) -> int:
        """Write the good rows and tell the ledger; gives how many."""
        if not good:
            return 0
        ids = await self._insert(session, principal, good, owners)
        body: dict[str, JSON] = {
            "count": len(ids),
            "refused": len({found.row for found in refusals}),
            "customers_sha256": hashlib.sha256("\n".join(ids).encode()).hexdigest(),
            "mode": mode.value,
            "by": principal.employee_id,
        }
        await self._ledger.append(session, "customer.imported", body)
        return len(ids)

    async def _against_database(
        self, session: AsyncSession, principal: Principal, plan: Plan, owner_id: str | None
    ) -> tuple[list[PlannedRow], list[RowRefusal], Mapping[str, Owner]]:
        """Sort out who is already a customer, and whose owner cannot be."""
        owners = {"": await find_owner(session, principal, permissions.CUSTOMER_IMPORT, owner_id)}
        for name in sorted({row.owner for row in plan.rows} - {""}):
            owner = await self._owner_named(session, principal, name)
            if owner is not None:
                owners[name] = owner
        phones = [self._sealing.phone_index(row.draft.phone) for row in plan.rows]
        known_phones = await repository.known_phones(session, phones)
        external = [row.draft.external_id for row in plan.rows if row.draft.external_id]
        known_external = await repository.known_external_ids(session, external)
        good: list[PlannedRow] = []
        refusals = list(plan.refusals)
        for row, phone in zip(plan.rows, phones, strict=True):
            faults = []
            if phone in known_phones:
                faults.append(_taken("phone"))
            if row.draft.external_id in known_external:
                faults.append(_taken("external_id"))
            if row.owner not in owners:
                zh, en = OwnerInvalid.title("zh"), OwnerInvalid.title("en")
                faults.append(Fault("owner", OwnerInvalid.code, zh, en))
            refusals += [refusal(row.number, fault) for fault in faults]
            if not faults:
                good.append(row)
        return good, refusals, owners

    async def _owner_named(self, session: AsyncSession, principal: Principal, name: str) -> Owner | None:
        employee_id = await session.scalar(select(Employee.id).where(Employee.username == name))
        if employee_id is None:
            return None
        try:
            return await find_owner(session, principal, permissions.CUSTOMER_IMPORT, employee_id)
        except OwnerInvalid:
            return None

    async def _insert(
        self,
        session: AsyncSession,
        principal: Principal,
        rows: Sequence[PlannedRow],
        owners: Mapping[str, Owner],
    ) -> list[str]:
        now = self._clock.now()
        ids = [new_id() for _ in rows]
        ciphers = [await self._keys.create(session, customer_id) for customer_id in ids]
        for planned, customer_id, cipher in zip(rows, ids, ciphers, strict=True):
            session.add(
                self._sealing.new_row(
                    planned.draft,
                    customer_id,
                    cipher,
                    owner=owners[planned.owner],
                    by=principal.employee_id,
                    now=now,
                )
            )
            session.add_all(CustomerTagRow(customer_id=customer_id, tag=tag) for tag in planned.draft.tags)
        try:
            await session.flush()
        except IntegrityError:
            raise ImportRaced from None
        return ids


def _taken(column: str) -> Fault:
    return Fault(column, "duplicate-in-database", "系统中已有该客户。", "This customer is already there.")
