"""Puts a new binding on the best line that takes it."""

import secrets

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.ids import new_id
from gateway.customers.owners import Owner
from gateway.numbers.choice import Candidate, LineChooser, Wish
from gateway.numbers.errors import IdempotencyMismatch, NoLineFree
from gateway.numbers.model import BindRequest, DirectDial, LineStatus
from gateway.numbers.models import BindingRow, LineRow

TOKEN_BYTES = 10


class Placement:
    """Ranks the free lines and tries them; the unique indexes have the last word."""

    def __init__(self, *, chooser: LineChooser, clock: Clock) -> None:
        self._chooser = chooser
        self._clock = clock

    async def place(
        self, session: AsyncSession, request: BindRequest, employee: Owner, created_by: str, digest: str
    ) -> str:
        """Insert the binding and give its id. The caller holds the customer's lock.

        Raises: NoLineFree, IdempotencyMismatch (the key was taken meanwhile, for another customer).
        """
        for candidate in await self._ranked(session, request):
            for direct in _options(request.direct_dial, candidate):
                row = self._row(request, employee, created_by, digest, candidate.line_id, direct=direct)
                try:
                    async with session.begin_nested():
                        session.add(row)
                except IntegrityError:
                    # Another transaction was faster: it took the key, or the employee's place on this line.
                    await _refuse_taken_key(session, created_by, request.idempotency_key)
                    continue
                return row.id
        raise NoLineFree

    def _row(
        self,
        request: BindRequest,
        employee: Owner,
        created_by: str,
        digest: str,
        line_id: str,
        *,
        direct: bool,
    ) -> BindingRow:
        return BindingRow(
            id=new_id(),
            token=new_token(),
            line_id=line_id,
            employee_id=employee.employee_id,
            department_id=employee.department_id,
            customer_id=request.customer_id,
            purpose=request.purpose,
            direct_dial=direct,
            idempotency_key=request.idempotency_key,
            request_digest=digest if request.idempotency_key else None,
            created_at=self._clock.now(),
            created_by=created_by,
            expires_at=request.expires_at,
        )

    async def _ranked(self, session: AsyncSession, request: BindRequest) -> list[Candidate]:
        live = BindingRow.released_at.is_(None)
        taken = select(BindingRow.line_id).where(BindingRow.customer_id == request.customer_id, live)
        dialled = select(BindingRow.line_id).where(
            BindingRow.employee_id == request.employee_id, BindingRow.direct_dial.is_(True), live
        )
        query = select(LineRow.id, LineRow.city, LineRow.id.not_in(dialled)).where(
            LineRow.status == LineStatus.ACTIVE, LineRow.id.not_in(taken)
        )
        if request.line_id is not None:
            query = query.where(LineRow.id == request.line_id)
        candidates = [
            Candidate(line_id, city, bool(free)) for line_id, city, free in await session.execute(query)
        ]
        last = await session.scalar(
            select(BindingRow.line_id)
            .where(BindingRow.customer_id == request.customer_id)
            .order_by(BindingRow.id.desc())
            .limit(1)
        )
        wish = Wish(request.city, request.city_match, request.stickiness, request.direct_dial, last)
        return self._chooser.rank(candidates, wish, draw=request.customer_id)


def new_token() -> str:
    """Make a dialling token. It tells nothing, and works only for the employee it was made for."""
    return "t" + secrets.token_hex(TOKEN_BYTES)


def _options(wish: DirectDial, candidate: Candidate) -> tuple[bool, ...]:
    if wish is DirectDial.TOKEN or not candidate.direct_free:
        return (False,)
    return (True,) if wish is DirectDial.REQUIRED else (True, False)


async def _refuse_taken_key(session: AsyncSession, created_by: str, key: str | None) -> None:
    if key is None:
        return
    taken = select(BindingRow.id).where(
        BindingRow.created_by == created_by, BindingRow.idempotency_key == key
    )
    if await session.scalar(taken) is not None:
        raise IdempotencyMismatch
