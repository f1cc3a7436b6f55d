"""Reads the facts that the rules look at, in the caller's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import Table, bindparam, literal_column, null, select, union_all
from sqlalchemy import cast as cast_sql
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from core.access.models import Employee, EmployeeState
from core.clock import Clock
from core.columns import words
from core.db import UtcDateTime
from gateway.contact.errors import BindingUnknown
from gateway.contact.facts import BindingFact, BlockFact, ConsentFact, Facts, PastContact
from gateway.contact.model import Channel, ContactRequest, Decision, Direction, Outcome
from gateway.contact.models import ContactRow
from gateway.contact.ports import PhoneCompliance
from gateway.customers.models import BlockRow, ConsentRow, CustomerRow
from gateway.numbers.model import LineStatus
from gateway.numbers.models import BindingRow, LineRow

# A local day begins at most 26 h before any moment of it, a day of 25 h (clock put back) included.
LOOK_BACK = timedelta(hours=26)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The facts, and the ids that go into the contact's row."""

    facts: Facts
    binding_id: str
    line_id: str
    customer_id: str
    department_id: str | None


# Every contact goes through these: made once, and without the ORM.
_TIE, _LINE, _CUSTOMER, _PERSON, _CONSENT, _BLOCK, _CONTACT = (
    cast("Table", model.__table__).c
    for model in (BindingRow, LineRow, CustomerRow, Employee, ConsentRow, BlockRow, ContactRow)
)
_LOCK = (
    select(_CUSTOMER.id)
    .where(_CUSTOMER.id == select(_TIE.customer_id).where(_TIE.id == bindparam("binding")).scalar_subquery())
    .with_for_update()
)
_PARTIES = (
    select(
        _TIE.id, _TIE.line_id, _TIE.customer_id, _TIE.employee_id, _TIE.purpose, _TIE.expires_at,
        _TIE.released_at, _LINE.status, _CUSTOMER.time_zone, _CUSTOMER.erased_at,
        _PERSON.state, _PERSON.department_id,
    )
    .select_from(
        BindingRow.__table__.join(LineRow.__table__, _LINE.id == _TIE.line_id)
        .join(CustomerRow.__table__, _CUSTOMER.id == _TIE.customer_id)
        .outerjoin(Employee.__table__, _PERSON.id == bindparam("employee"))
    )
    .where(_TIE.id == bindparam("binding"))
)  # fmt: skip
_HISTORY, _CONSENTS, _BLOCKS = "history", "consents", "blocks"
_NO_CHANNEL, _NO_TIME = cast_sql(null(), words(Channel)), cast_sql(null(), UtcDateTime)
_NO_DIRECTION, _NO_OUTCOME = cast_sql(null(), words(Direction)), cast_sql(null(), words(Outcome))
_PAST = union_all(
    select(
        literal_column(f"'{_HISTORY}'"), _CONTACT.purpose, _CONTACT.channel, _CONTACT.direction,
        _CONTACT.outcome, _CONTACT.requested_at, _NO_TIME,
    ).where(
        _CONTACT.customer_id == bindparam("customer"),
        _CONTACT.requested_at >= bindparam("since"),
        _CONTACT.decision == Decision.ALLOW,
        _CONTACT.id != bindparam("without"),
    ),
    select(
        literal_column(f"'{_CONSENTS}'"), _CONSENT.purpose, _NO_CHANNEL, _NO_DIRECTION,
        _NO_OUTCOME, _CONSENT.given_at, _CONSENT.withdrawn_at,
    ).where(_CONSENT.customer_id == bindparam("customer")),
    select(
        literal_column(f"'{_BLOCKS}'"), _BLOCK.purpose, _BLOCK.channel, _NO_DIRECTION,
        _NO_OUTCOME, _BLOCK.until, _NO_TIME,
    ).where(_BLOCK.customer_id == bindparam("customer"), _BLOCK.lifted_at.is_(None)),
)  # fmt: skip


async def lock_customer(session: AsyncSession, binding_id: str) -> str:
    """Lock the customer of a binding until the transaction ends; raise `BindingUnknown`.

    Two employees who dial one customer stand in line here. PostgreSQL locks the row; on SQLite the
    write transaction (BEGIN IMMEDIATE) already excludes every other writer.
    """
    customer_id: str | None = await session.scalar(_LOCK, {"binding": binding_id})
    if customer_id is None:
        raise BindingUnknown
    return customer_id


async def unflushed(session: AsyncSession) -> AsyncConnection:
    """Give the session's connection, with everything written that the session still holds back."""
    if session.new or session.dirty or session.deleted:
        await session.flush()
    return await session.connection()


class Gatherer:
    """Collects circumstances with two statements."""

    def __init__(self, *, clock: Clock, phones: PhoneCompliance) -> None:
        self._clock = clock
        self._phones = phones

    async def gather(
        self,
        session: AsyncSession,
        request: ContactRequest,
        *,
        without_contact: str | None = None,
        connection: AsyncConnection | None = None,
    ) -> Circumstances:
        """Read everything about a request; `without_contact` leaves one contact out of the history.

        `connection`: the session's own, from who has it at hand.
        """
        if connection is None:
            connection = await unflushed(session)
        now = self._clock.now()
        asked = {"binding": request.binding_id, "employee": request.employee_id}
        tie = (await connection.execute(_PARTIES, asked)).one_or_none()
        if tie is None:
            raise BindingUnknown
        looked_at = {
            "customer": tie.customer_id, "since": now - LOOK_BACK, "without": without_contact or "",
        }  # fmt: skip
        past = _Past.of(await connection.execute(_PAST, looked_at))
        facts = Facts(
            now=now,
            zone=ZoneInfo(tie.time_zone),
            employee_id=request.employee_id,
            purpose=request.purpose,
            channel=request.channel,
            direction=request.direction,
            employee_active=tie.state is EmployeeState.ACTIVE,
            phone_refusal=(await self._phones.refusals(session, [request.employee_id])).get(
                request.employee_id
            ),
            customer_erased=tie.erased_at is not None,
            binding=BindingFact(
                employee_id=tie.employee_id,
                purpose=tie.purpose,
                expires_at=tie.expires_at,
                released=tie.released_at is not None,
                line_active=tie.status is LineStatus.ACTIVE,
            ),
            consents=tuple(past.consents),
            blocks=tuple(past.blocks),
            history=tuple(past.history),
        )
        return Circumstances(facts, tie.id, tie.line_id, tie.customer_id, tie.department_id)


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of a customer from before, taken apart by its kind."""

    history: list[PastContact] = field(default_factory=list)
    consents: list[ConsentFact] = field(default_factory=list)
    blocks: list[BlockFact] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[Any]) -> "_Past":
        past = cls()
        for kind, purpose, channel, direction, outcome, at, until in rows:
            if kind == _HISTORY:
                past.history.append(PastContact(purpose, channel, direction, outcome, at))
            elif kind == _CONSENTS:
                past.consents.append(ConsentFact(purpose, at, until))
            else:
                past.blocks.append(BlockFact(purpose, channel, at))
        return past
