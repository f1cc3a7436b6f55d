"""Shows requests: what waits for me, what I asked for, what there was. Masked, for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.clock import Clock
from core.db import Database
from core.vault import Cipher, SubjectKeys
from core.web.paging import paginate
from gateway import permissions
from gateway.customers.approvals.deciding import wish_of
from gateway.customers.approvals.exporting import is_ready
from gateway.customers.approvals.model import (
    ErasureGround,
    ExportFile,
    RequestKind,
    RequestState,
    RequestView,
)
from gateway.customers.approvals.models import ExportRow, RequestRow
from gateway.customers.approvals.reach import decidable, fetch, reached, requests
from gateway.customers.approvals.sealing import RequestSealing
from gateway.customers.model import CustomerView
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests. `decidable`: only what waits for the reader; `mine`: only what the reader asked for."""

    decidable: bool = False
    mine: bool = False
    state: RequestState | None = None
    kind: RequestKind | None = None
    customer_id: str | None = None


class RequestReader:
    """The reading side."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        sealing: RequestSealing,
        customers: CustomerSealing,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._sealing = sealing
        self._customers = customers

    async def get(self, principal: Principal, request_id: str) -> RequestView:
        """Show one; raise `RequestUnknown`."""
        async with self._db.read() as session:
            row = await fetch(session, principal, permissions.CUSTOMER_REQUEST_READ, request_id)
            return (await self._views(session, principal, [row]))[0]

    async def find(
        self, principal: Principal, wanted: RequestFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[RequestView], str | None]:
        """List requests within reach and one's own, the newest first, with the next cursor."""
        mine = RequestRow.asked_by == principal.employee_id
        query = requests().where(or_(mine, reached(principal, permissions.CUSTOMER_REQUEST_READ)))
        if wanted.mine:
            query = query.where(mine)
        if wanted.decidable:
            if not principal.allows(permissions.CUSTOMER_APPROVE):
                return [], None
            query = query.where(decidable(principal), RequestRow.expires_at > self._clock.now())
        if wanted.state is not None:
            query = query.where(RequestRow.state == wanted.state)
        if wanted.kind is not None:
            query = query.where(RequestRow.kind == wanted.kind)
        if wanted.customer_id is not None:
            query = query.where(RequestRow.customer_id == wanted.customer_id)
        async with self._db.read() as session:
            rows, following = await paginate(session, query, key=RequestRow.id, cursor=cursor, limit=limit)
            return await self._views(session, principal, rows), following

    async def count_decidable(self, principal: Principal) -> int:
        """Count what waits for this person."""
        if not principal.allows(permissions.CUSTOMER_APPROVE):
            return 0
        query = requests().where(decidable(principal), RequestRow.expires_at > self._clock.now())
        async with self._db.read() as session:
            return await session.scalar(query.with_only_columns(func.count(RequestRow.id))) or 0

    async def _views(
        self, session: AsyncSession, principal: Principal, rows: Sequence[RequestRow]
    ) -> list[RequestView]:
        ids = {row.customer_id for row in rows if row.customer_id is not None}
        ciphers = await self._keys.ciphers(session, ids)
        found = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(ids)))
        customers = {row.id: self._customers.view(row, ciphers.get(row.id), ()) for row in found}
        people = {row.asked_by for row in rows} | {row.decided_by for row in rows if row.decided_by}
        named = await session.execute(
            select(Employee.id, Employee.display_name).where(Employee.id.in_(people))
        )
        names = {found.id: found.display_name for found in named}
        files = await session.scalars(
            select(ExportRow).where(ExportRow.request_id.in_({row.id for row in rows}))
        )
        file_of = {file.request_id: file for file in files}
        waits = await self._waiting_for(session, principal, rows)
        return [
            self._view(
                row,
                principal,
                ciphers.get(row.customer_id or ""),
                customers.get(row.customer_id or ""),
                names,
                file_of.get(row.id),
                row.id in waits,
            )
            for row in rows
        ]

    async def _waiting_for(
        self, session: AsyncSession, principal: Principal, rows: Sequence[RequestRow]
    ) -> set[str]:
        """Give the ids of those that this person may decide."""
        if not principal.allows(permissions.CUSTOMER_APPROVE):
            return set()
        query = requests().where(RequestRow.id.in_([row.id for row in rows]), decidable(principal))
        return set(await session.scalars(query.with_only_columns(RequestRow.id)))

    def _view(
        self,
        row: RequestRow,
        principal: Principal,
        cipher: Cipher | None,
        customer: CustomerView | None,
        names: dict[str, str],
        file: ExportRow | None,
        decidable: bool,
    ) -> RequestView:
        now = self._clock.now()
        late = row.state is RequestState.WAITING and row.expires_at <= now  # the sweep has not come by
        own = row.asked_by == principal.employee_id
        return RequestView(
            id=row.id,
            kind=row.kind,
            state=RequestState.EXPIRED if late else row.state,
            asked_by=row.asked_by,
            asked_by_name=names.get(row.asked_by, ""),
            asked_at=row.asked_at,
            expires_at=row.expires_at,
            second_person=row.second_person,
            own=own,
            may_decide=decidable and not late,
            customer_id=row.customer_id,
            customer_name=customer.name_masked if customer else "",
            customer_phone=customer.phone_masked if customer else "",
            fields=tuple(row.fields.split(",")) if row.fields else (),
            differences=self._sealing.differences(row, cipher),
            ground=None if row.ground is None else ErasureGround(row.ground),
            wish=wish_of(row) if row.kind is RequestKind.EXPORT else None,
            rows=row.rows,
            file=None
            if file is None
            else ExportFile(
                file.rows, file.size, file.sha256, file.until, file.taken_at, own and is_ready(file, now)
            ),
            reason=self._sealing.text(row, "reason", cipher),
            decided_by=row.decided_by,
            decided_by_name=names.get(row.decided_by or "", ""),
            decided_at=row.decided_at,
            note=self._sealing.text(row, "note", cipher),
        )
