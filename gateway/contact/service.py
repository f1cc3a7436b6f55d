"""Judges contacts under a lock, writes them down, lets a number out once, and closes them.

Order of locks: customer, contact, then the ledger's head.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from core.clock import Clock
from core.errors import MasklineError, NotFound
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.logging import get_logger
from core.vault import SubjectKeys
from gateway.contact.chain import evaluate
from gateway.contact.errors import (
    ContactNotOpen,
    ContactStillOpen,
    ContactUnknown,
    RevealRefused,
    VerdictUnavailable,
)
from gateway.contact.gather import Circumstances, Gatherer, lock_customer, unflushed
from gateway.contact.model import (
    Channel,
    ContactRequest,
    Decision,
    Direction,
    OpenContact,
    Outcome,
    RuleRefusal,
    Verdict,
)
from gateway.contact.models import ContactRow
from gateway.contact.rulebook import RuleBook
from gateway.contact.statements import (
    ADD_CONTACT,
    CLOSE_OPEN,
    IS_KNOWN,
    LOCK_CUSTOMER,
    PUT_RECHECK,
    PUT_REVEAL,
    PUT_SEQ,
    READ_OPEN,
    READ_PHONE,
)
from gateway.customers.events import CustomerErased
from gateway.customers.phone import PhoneNumber
from gateway.customers.sealing import CustomerSealing

RECHECK_FRESH = timedelta(seconds=30)
_log = get_logger(__name__)


class ContactService:
    """The one gate to a customer. All methods join the caller's transaction."""

    def __init__(
        self,
        *,
        book: RuleBook,
        gatherer: Gatherer,
        subject_keys: SubjectKeys,
        sealing: CustomerSealing,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._book = book
        self._gatherer = gatherer
        self._keys = subject_keys
        self._sealing = sealing
        self._ledger = ledger
        self._clock = clock

    async def judge(self, session: AsyncSession, request: ContactRequest) -> Verdict:
        """Lock the customer, count, decide, write the contact and the ledger entry (also for a deny).

        `session` must come from `db.begin()`. Raises BindingUnknown, or Unavailable: then roll back,
        the contact does not happen.
        """
        async with _fail_closed("judge"):
            connection = await _writing(session)
            if connection.dialect.name != "sqlite":  # there nobody else writes before we are through
                await lock_customer(session, request.binding_id)
            around = await self._gatherer.gather(session, request, connection=connection)
            verdict = evaluate(around.facts, self._book)
            values = self._values(request, around, verdict)
            await connection.execute(ADD_CONTACT, values)
            contact_id: str = values["id"]
            body = self._body(contact_id, request, around, verdict)
            entry = await self._ledger.append(session, "contact.verdict", body)
            await connection.execute(PUT_SEQ, {"contact": contact_id, "seq": entry.seq})
            return replace(verdict, contact_id=contact_id)

    async def dry_run(
        self, session: AsyncSession, request: ContactRequest, *, at: datetime | None = None
    ) -> Verdict:
        """Answer with the same rules; write nothing, lock nothing. `at`: if it were later than now."""
        async with _fail_closed("dry_run"):
            around = await self._gatherer.gather(session, request)
            facts = around.facts if at is None else around.facts.at(max(at, around.facts.now))
            return evaluate(facts, self._book)

    async def recheck(self, session: AsyncSession, contact_id: str) -> Verdict:
        """Judge an open contact again, before the customer leg. A deny closes it as refused.

        Raises ContactUnknown, ContactNotOpen, or Unavailable as `judge` does.
        """
        async with _fail_closed("recheck"):
            connection = await _writing(session)
            if connection.dialect.name != "sqlite":
                await connection.execute(LOCK_CUSTOMER, {"contact": contact_id})
            row = await _open(connection, contact_id)
            request = ContactRequest(
                row.employee_id, row.binding_id, row.channel, row.direction, row.purpose, row.node
            )
            around = await self._gatherer.gather(
                session, request, without_contact=contact_id, connection=connection
            )
            verdict = evaluate(around.facts, self._book)
            now = around.facts.now
            changed = {"contact": contact_id, "rechecked": now, "new_outcome": row.outcome, "closed": None}
            if not verdict.allowed:
                changed |= {"new_outcome": Outcome.REFUSED, "closed": now}
            await connection.execute(PUT_RECHECK, changed)
            body = self._body(contact_id, request, around, verdict)
            await self._ledger.append(session, "contact.recheck", body)
            return replace(verdict, contact_id=contact_id)

    async def reveal_for_dialling(self, session: AsyncSession, contact_id: str) -> PhoneNumber:
        """Give the number, once, for an open outbound call whose recheck just allowed it.

        Raises ContactUnknown, ContactNotOpen, RevealRefused, SubjectErased.
        """
        connection = await _writing(session)
        row = await _open(connection, contact_id)
        now = self._clock.now()
        wanted = row.direction is Direction.OUTBOUND and row.channel is Channel.CALL
        if not (wanted and _is_fresh(row, now)) or row.revealed_at is not None:
            raise RevealRefused
        number = await self._number(session, row)
        await connection.execute(PUT_REVEAL, {"contact": contact_id, "revealed": now})
        await self._ledger.append(session, "contact.reveal-for-dialling", _revealed(row))
        return number

    async def reveal_for_message(self, session: AsyncSession, contact_id: str) -> PhoneNumber:
        """Give the number for one try to send a message; each time is in the ledger.

        The contact is open and by message; an outbound one was just rechecked, an inbound one is answered.
        Raises ContactUnknown, ContactNotOpen, RevealRefused, SubjectErased.
        """
        row = await _open(await _writing(session), contact_id)
        wanted = row.direction is Direction.INBOUND or _is_fresh(row, self._clock.now())
        if row.channel is not Channel.MESSAGE or not wanted:
            raise RevealRefused
        number = await self._number(session, row)
        await self._ledger.append(session, "contact.reveal-for-message", _revealed(row))
        return number

    async def _number(self, session: AsyncSession, row: Any) -> PhoneNumber:
        """Let the number out of the vault."""
        cipher = await self._keys.cipher(session, row.customer_id)
        phone = await session.scalar(READ_PHONE, {"customer": row.customer_id})
        number = self._sealing.number(row.customer_id, phone, cipher)
        if number is None:
            raise RevealRefused
        return number

    async def close(
        self, session: AsyncSession, contact_id: str, outcome: Outcome, *, answered_at: datetime | None = None
    ) -> None:
        """Write how the contact ended. Idempotent: the first outcome stays. Raises ContactUnknown."""
        if outcome is Outcome.PENDING:
            raise ValueError("a contact is not closed as pending")
        connection = await unflushed(session)
        ended = {"contact": contact_id, "new_outcome": outcome, "answered": answered_at}
        closed = await connection.execute(CLOSE_OPEN, {**ended, "closed": self._clock.now()})
        if closed.rowcount == 0:
            if await connection.scalar(IS_KNOWN, {"contact": contact_id}) is None:
                raise ContactUnknown
            return
        body: dict[str, JSON] = {
            "contact": contact_id,
            "outcome": outcome.value,
            "answered_at": answered_at.isoformat() if answered_at else None,
        }
        await self._ledger.append(session, "contact.closed", body)

    async def open_contacts(
        self, session: AsyncSession, *, node: str | None = None, before: datetime | None = None
    ) -> list[OpenContact]:
        """List contacts nobody has closed: of one call process, or requested before a moment."""
        query = select(ContactRow).where(ContactRow.outcome == Outcome.PENDING)
        if node is not None:
            query = query.where(ContactRow.node == node)
        if before is not None:
            query = query.where(ContactRow.requested_at < before)
        rows = await session.scalars(query.order_by(ContactRow.requested_at))
        return [
            OpenContact(row.id, row.employee_id, row.customer_id, row.binding_id, row.requested_at, row.node)
            for row in rows
        ]

    async def on_customer_erased(self, session: AsyncSession, event: CustomerErased) -> None:
        """Refuse an erasure while a contact with the customer is open: its recording needs the key."""
        query = select(ContactRow.id).where(
            ContactRow.customer_id == event.customer_id, ContactRow.outcome == Outcome.PENDING
        )
        if await session.scalar(query.limit(1)) is not None:
            raise ContactStillOpen

    def _values(self, request: ContactRequest, around: Circumstances, verdict: Verdict) -> dict[str, Any]:
        """Give the contact's row."""
        now = around.facts.now
        return {
            "id": new_id(),
            "binding_id": around.binding_id,
            "line_id": around.line_id,
            "employee_id": request.employee_id,
            "department_id": around.department_id,
            "customer_id": around.customer_id,
            "purpose": request.purpose,
            "channel": request.channel,
            "direction": request.direction,
            "outcome": Outcome.PENDING if verdict.allowed else Outcome.REFUSED,
            "node": request.node,
            "requested_at": now,
            "time_zone": around.facts.zone.key,
            "decision": verdict.decision,
            "rule_id": verdict.rule_id,
            "rule_version": verdict.rule_version,
            "reason_code": verdict.reason_code,
            "reason_zh": verdict.reason_zh,
            "reason_en": verdict.reason_en,
            "next_allowed_at": verdict.next_allowed_at,
            "others": [_other(refusal) for refusal in verdict.others],
            "rules_digest": self._book.digest,
            "closed_at": None if verdict.allowed else now,
        }

    def _body(
        self, contact_id: str, request: ContactRequest, around: Circumstances, verdict: Verdict
    ) -> dict[str, JSON]:
        return {
            "contact": contact_id,
            "binding": around.binding_id,
            "employee": request.employee_id,
            "customer": around.customer_id,
            "purpose": request.purpose.value,
            "channel": request.channel.value,
            "direction": request.direction.value,
            "decision": verdict.decision.value,
            "rule": verdict.rule_id,
            "rule_version": verdict.rule_version,
            "code": verdict.reason_code,
            "others": [refusal.rule_id for refusal in verdict.others],
            "next_allowed_at": verdict.next_allowed_at.isoformat() if verdict.next_allowed_at else None,
            "rules_sha256": self._book.digest,
        }


@asynccontextmanager
async def _fail_closed(step: str) -> AsyncIterator[None]:
    """Turn whatever goes wrong into `VerdictUnavailable`: without an answer there is no contact."""
    try:
        yield
    except (NotFound, ContactNotOpen, VerdictUnavailable):
        raise
    except Exception as error:
        # No traceback: its text may quote what was being handled.
        _log.error("contact.verdict_unavailable", name=step, error_type=type(error).__name__)
        code = error.code if isinstance(error, MasklineError) else type(error).__name__
        raise VerdictUnavailable(cause=code) from error


async def _writing(session: AsyncSession) -> AsyncConnection:
    """Insist on `db.begin()`: SQLite has no row locks, so only its write transaction keeps others out."""
    connection = await unflushed(session)
    options = connection.sync_connection.get_execution_options() if connection.sync_connection else {}
    if connection.dialect.name == "sqlite" and not options.get("maskline_write"):
        raise VerdictUnavailable("A verdict needs a write transaction.", detail_zh="判定需要写事务。")
    return connection


async def _open(connection: AsyncConnection, contact_id: str) -> Any:
    """Lock an allowed contact that is still open."""
    row = (await connection.execute(READ_OPEN, {"contact": contact_id})).one_or_none()
    if row is None:
        raise ContactUnknown
    if row.decision is not Decision.ALLOW or row.outcome is not Outcome.PENDING:
        raise ContactNotOpen
    return row


def _is_fresh(row: Any, now: datetime) -> bool:
    return row.rechecked_at is not None and now - row.rechecked_at <= RECHECK_FRESH


def _revealed(row: Any) -> dict[str, JSON]:
    return {"contact": row.id, "customer": row.customer_id, "employee": row.employee_id}


def _other(refusal: RuleRefusal) -> dict[str, str | None]:
    return {
        "rule_id": refusal.rule_id,
        "rule_version": refusal.rule_version,
        "code": refusal.code,
        "zh": refusal.zh,
        "en": refusal.en,
        "next_allowed_at": refusal.next_allowed_at.isoformat() if refusal.next_allowed_at else None,
    }
