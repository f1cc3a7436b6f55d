"""The phones that are expected: who came, who is missing, and what is decided about many at once."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.errors import MasklineError
from core.ledger import Ledger
from core.ledger.record import JSON
from core.sealed import Field
from core.vault import Vault
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import Register
from devicepolicy.enrolment.service import EnrolmentService
from devicepolicy.roster.claims import claims_of
from devicepolicy.roster.hardware import blind, tail
from devicepolicy.roster.model import (
    Claim,
    Decision,
    Done,
    HardwareKind,
    ListedPhone,
    RosterFilter,
    Standing,
)
from devicepolicy.roster.models import DeviceListRow, ListedHardwareRow, ListedPhoneRow

MAX_AT_ONCE = 200
_NOBODY = Claim()


class RosterDesk:
    """Reads within the reader's reach; decides within that of who may let phones in."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        vault: Vault,
        ledger: Ledger,
        register: Register,
        enrolment: EnrolmentService,
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self._register = register
        self._enrolment = enrolment

    async def find(
        self, principal: Principal, wanted: RosterFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[ListedPhone], str | None]:
        """List the phones that are expected, those added last first."""
        query = select(ListedPhoneRow).where(*self._conditions(principal, wanted))
        async with self._db.read() as session:
            rows, following = await paginate(
                session, query, key=ListedPhoneRow.id, cursor=cursor, limit=limit
            )
            return await self._views(session, rows), following

    async def counts(self, principal: Principal, list_id: str | None = None) -> dict[Standing, int]:
        """Count them by how they stand."""
        standing = _standing().label("standing")
        query = (
            select(standing, func.count())
            .where(*self._conditions(principal, RosterFilter(list_id=list_id)))
            .group_by(standing)
        )
        async with self._db.read() as session:
            return {Standing(name): count for name, count in (await session.execute(query)).all()}

    async def claims(self, principal: Principal, device_ids: Collection[str]) -> dict[str, Claim]:
        """Say what these phones' ids amount to, as far as the phones are within reach."""
        reach = scope_clause(
            principal,
            permissions.DEVICE_READ,
            owner=DeviceRow.employee_id,
            department=DeviceRow.department_id,
        )
        async with self._db.read() as session:
            rows = list(await session.scalars(select(DeviceRow).where(DeviceRow.id.in_(device_ids), reach)))
            return await claims_of(session, rows) if rows else {}

    async def decide(self, principal: Principal, phone_ids: Collection[str], decision: Decision) -> Done:
        """Decide about many; what a decision does not fit is skipped and counted.

        CONFIRM lets in the phone that waits. REJECT turns it away and every later one with its ids; a phone
        that is trusted is released first. RESTORE takes a rejection back. REMOVE takes off the list.
        """
        principal.require(permissions.DEVICE_WRITE)
        ids = sorted(set(phone_ids))[:MAX_AT_ONCE]
        if decision is Decision.CONFIRM:
            done = await self._confirm(principal, ids)
        else:
            done = await self._mark(principal, ids, decision)
        return Done(done, len(set(phone_ids)) - done)

    async def _confirm(self, principal: Principal, ids: Sequence[str]) -> int:
        """Approve phone by phone, as one is: what one of them lacks does not stop the others."""
        waiting = (
            select(DeviceRow.id)
            .join(ListedHardwareRow, ListedHardwareRow.hardware == DeviceRow.hardware)
            .join(ListedPhoneRow, ListedPhoneRow.id == ListedHardwareRow.phone_id)
            .where(
                ListedPhoneRow.id.in_(ids),
                ListedPhoneRow.rejected_at.is_(None),
                DeviceRow.trust == Trust.PENDING,
                _reach(principal, permissions.DEVICE_WRITE),
            )
            .order_by(DeviceRow.id)
        )
        async with self._db.read() as session:
            found = list(await session.scalars(waiting))
            claims = await claims_of(
                session, list(await session.scalars(select(DeviceRow).where(DeviceRow.id.in_(found))))
            )
        done = 0
        for device_id in found:
            if claims[device_id].flags:
                continue  # an odd one is looked at by itself, on its own page
            try:
                await self._enrolment.approve(principal, device_id)
            except MasklineError:
                continue
            done += 1
        return done

    async def _mark(self, principal: Principal, ids: Sequence[str], decision: Decision) -> int:
        async with self._db.begin() as session:
            fit = {
                Decision.REJECT: (Standing.EXPECTED, Standing.ENROLLED),
                Decision.RESTORE: (Standing.REJECTED,),
                Decision.REMOVE: (Standing.EXPECTED, Standing.REJECTED),
            }[decision]
            query = (
                select(ListedPhoneRow)
                .where(ListedPhoneRow.id.in_(ids), _reach(principal, permissions.DEVICE_WRITE))
                .where(_standing().in_([standing.value for standing in fit]), *_still(decision))
                .order_by(ListedPhoneRow.id)
                .with_for_update()
            )
            rows = list(await session.scalars(query.execution_options(populate_existing=True)))
            for row in rows:
                await self._mark_one(session, principal, row, decision)
            await session.flush()
            if rows:
                body: dict[str, JSON] = {
                    "decision": decision.value,
                    "phones": [row.id for row in rows],
                    "by": principal.employee_id,
                }
                await self._ledger.append(session, "device.list-decided", body)
            return len(rows)

    async def _mark_one(
        self, session: AsyncSession, principal: Principal, row: ListedPhoneRow, decision: Decision
    ) -> None:
        if decision is Decision.RESTORE:
            row.rejected_at = row.rejected_by = None
        elif decision is Decision.REMOVE:
            await session.execute(delete(ListedHardwareRow).where(ListedHardwareRow.phone_id == row.id))
            await session.delete(row)
        else:
            row.rejected_at, row.rejected_by = self._clock.now(), principal.employee_id
            waiting = (
                select(DeviceRow)
                .join(ListedHardwareRow, ListedHardwareRow.hardware == DeviceRow.hardware)
                .where(ListedHardwareRow.phone_id == row.id, DeviceRow.trust == Trust.PENDING)
                .with_for_update(of=DeviceRow)
            )
            for device in await session.scalars(waiting):
                await self._register.end(
                    session, device, Trust.REJECTED, "rejected-on-list", by=principal.employee_id
                )

    def _conditions(self, principal: Principal, wanted: RosterFilter) -> list[ColumnElement[bool]]:
        found = [_reach(principal, permissions.DEVICE_READ)]
        if wanted.standing is not None:
            found.append(_standing() == wanted.standing.value)
        if wanted.list_id is not None:
            found.append(ListedPhoneRow.list_id == wanted.list_id)
        if wanted.employee_id is not None:
            found.append(ListedPhoneRow.employee_id == wanted.employee_id)
        if wanted.department_ids is not None:
            found.append(ListedPhoneRow.department_id.in_(wanted.department_ids))
        if wanted.hardware is not None:
            asked = ListedHardwareRow.hardware == blind(self._vault, wanted.hardware)
            found.append(exists().where(ListedHardwareRow.phone_id == ListedPhoneRow.id, asked))
        return found

    async def _views(self, session: AsyncSession, rows: Sequence[ListedPhoneRow]) -> list[ListedPhone]:
        ids = [row.id for row in rows]
        lists = dict(
            (
                await session.execute(
                    select(DeviceListRow.id, DeviceListRow.name).where(
                        DeviceListRow.id.in_({row.list_id for row in rows})
                    )
                )
            ).all()
        )
        hardware: dict[str, dict[HardwareKind, str]] = {}
        query = select(ListedHardwareRow).where(ListedHardwareRow.phone_id.in_(ids))
        for one in await session.scalars(query.order_by(ListedHardwareRow.id)):
            opened = self._vault.open_text(Field(ListedHardwareRow.__tablename__, "value", one.id), one.value)
            hardware.setdefault(one.phone_id, {})[one.kind] = tail(opened)
        devices = await _devices(session, ids)
        claims = await claims_of(session, list(devices.values())) if devices else {}
        return [_view(row, lists, hardware, devices.get(row.id), claims) for row in rows]


async def _devices(session: AsyncSession, ids: Sequence[str]) -> dict[str, DeviceRow]:
    """Give the phone that stands for each listed one: the one that waits, or else the trusted."""
    query = (
        select(ListedHardwareRow.phone_id, DeviceRow)
        .join(DeviceRow, DeviceRow.hardware == ListedHardwareRow.hardware)
        .where(ListedHardwareRow.phone_id.in_(ids), DeviceRow.trust.in_((Trust.TRUSTED, Trust.PENDING)))
        .order_by(case((DeviceRow.trust == Trust.PENDING, 1), else_=0), DeviceRow.id)
    )
    return dict((await session.execute(query)).all())


def _view(
    row: ListedPhoneRow,
    lists: dict[str, str],
    hardware: dict[str, dict[HardwareKind, str]],
    device: DeviceRow | None,
    claims: dict[str, Claim],
) -> ListedPhone:
    standing = Standing.EXPECTED
    if row.rejected_at is not None:
        standing = Standing.REJECTED
    elif device is not None:
        standing = Standing.CONFIRMED if device.trust is Trust.TRUSTED else Standing.ENROLLED
    return ListedPhone(
        id=row.id,
        list_id=row.list_id,
        list_name=lists[row.list_id],
        hardware=hardware.get(row.id, {}),
        asset_number=row.asset_number,
        model=row.model,
        employee_id=row.employee_id,
        department_id=row.department_id,
        standing=standing,
        added_at=row.added_at,
        rejected_at=row.rejected_at,
        device_id=device.id if device else None,
        device_name=device.name if device else None,
        flags=claims.get(device.id, _NOBODY).flags if device else (),
    )


def _reach(principal: Principal, permission: str) -> ColumnElement[bool]:
    return scope_clause(
        principal, permission, owner=ListedPhoneRow.employee_id, department=ListedPhoneRow.department_id
    )


def _still(decision: Decision) -> list[ColumnElement[bool]]:
    """What must hold besides: who rejects a phone that is trusted releases it first."""
    return [~_has(Trust.TRUSTED)] if decision is Decision.REJECT else []


def _has(trust: Trust) -> ColumnElement[bool]:
    return (
        exists()
        .where(
            and_(
                ListedHardwareRow.phone_id == ListedPhoneRow.id,
                DeviceRow.hardware == ListedHardwareRow.hardware,
                DeviceRow.trust == trust,
            )
        )
        .correlate(ListedPhoneRow)
    )


def _standing() -> ColumnElement[str]:
    """Tell in SQL what `_view` tells of one: one that waits comes before a trusted one."""
    return case(
        (ListedPhoneRow.rejected_at.is_not(None), Standing.REJECTED.value),
        (_has(Trust.PENDING), Standing.ENROLLED.value),
        (_has(Trust.TRUSTED), Standing.CONFIRMED.value),
        else_=Standing.EXPECTED.value,
    )
