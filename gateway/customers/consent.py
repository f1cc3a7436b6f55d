"""Consent and do-not-contact: recorded with evidence, withdrawn or lifted, never deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.sealed import Field
from core.vault import SubjectKeys
from gateway import permissions
from gateway.contact.model import Channel, Purpose
from gateway.customers import repository
from gateway.customers.errors import BlockUnknown, ConsentUnknown, CustomerUnknown, TimeInvalid
from gateway.customers.model import BlockReason, BlockView, ConsentSource, ConsentView
from gateway.customers.models import BlockRow, ConsentRow, CustomerRow

BY_CUSTOMER = "customer"
"""Who made an entry that the customer made by a word of their own."""
_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ConsentGiven:
    """A consent to record. `evidence` (where the proof lies, what was said) is sealed."""

    purpose: Purpose
    source: ConsentSource
    given_at: datetime
    evidence: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class BlockAsked:
    """A do-not-contact entry to make. `note` is sealed."""

    reason: BlockReason
    purpose: Purpose | None = None
    channel: Channel | None = None
    until: datetime | None = None
    note: str = field(default="", repr=False)


class ConsentService:
    """Writes what the customer agreed to and what they refused."""

    def __init__(
        self, *, database: Database, subject_keys: SubjectKeys, ledger: Ledger, clock: Clock
    ) -> None:
        self._db = database
        self._keys = subject_keys
        self._ledger = ledger
        self._clock = clock

    async def give(self, principal: Principal, customer_id: str, given: ConsentGiven) -> ConsentView:
        """Record a consent; raise `CustomerUnknown`, or `TimeInvalid` if it lies in the future."""
        now = self._clock.now()
        if given.given_at > now + _SKEW:
            raise TimeInvalid("A consent cannot be given in the future.", detail_zh="同意时间不能在未来。")
        async with self._db.begin() as session:
            await self._customer(session, principal, permissions.CONSENT_WRITE, customer_id)
            cipher = await self._keys.cipher(session, customer_id)
            row = ConsentRow(
                id=new_id(),
                customer_id=customer_id,
                purpose=given.purpose,
                source=given.source,
                given_at=given.given_at,
                recorded_at=now,
                recorded_by=principal.employee_id,
            )
            if given.evidence:
                row.evidence = cipher.seal(Field("gw_consents", "evidence", row.id), given.evidence)
            session.add(row)
            await session.flush()
            body = {
                "consent": row.id,
                "customer": customer_id,
                "purpose": given.purpose.value,
                "source": given.source.value,
                "given_at": given.given_at.isoformat(),
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "consent.given", body)
            return _consent_view(row)

    async def withdraw(self, principal: Principal, customer_id: str, purpose: Purpose) -> list[ConsentView]:
        """Withdraw every consent to a purpose: as easy as giving it (PIPL Art. 15)."""
        now = self._clock.now()
        async with self._db.begin() as session:
            await self._customer(session, principal, permissions.CONSENT_WITHDRAW, customer_id)
            query = select(ConsentRow).where(
                ConsentRow.customer_id == customer_id,
                ConsentRow.purpose == purpose,
                ConsentRow.withdrawn_at.is_(None),
            )
            rows = list(await session.scalars(query))
            if not rows:
                raise ConsentUnknown
            for row in rows:
                row.withdrawn_at, row.withdrawn_by = now, principal.employee_id
            await session.flush()
            body: dict[str, JSON] = {
                "consents": [row.id for row in rows],
                "customer": customer_id,
                "purpose": purpose.value,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "consent.withdrawn", body)
            return [_consent_view(row) for row in rows]

    async def block(self, principal: Principal, customer_id: str, asked: BlockAsked) -> BlockView:
        """Put a customer on the do-not-contact list; at once, for every employee."""
        now = self._clock.now()
        if asked.until is not None and asked.until <= now:
            raise TimeInvalid("The end must lie in the future.", detail_zh="截止时间必须在未来。")
        async with self._db.begin() as session:
            await self._customer(session, principal, permissions.BLOCK_WRITE, customer_id)
            cipher = await self._keys.cipher(session, customer_id)
            row = BlockRow(
                id=new_id(),
                customer_id=customer_id,
                purpose=asked.purpose,
                channel=asked.channel,
                reason=asked.reason,
                until=asked.until,
                created_at=now,
                created_by=principal.employee_id,
            )
            if asked.note:
                row.note = cipher.seal(Field("gw_do_not_contact", "note", row.id), asked.note)
            session.add(row)
            await session.flush()
            body = {
                "block": row.id,
                "customer": customer_id,
                "purpose": asked.purpose.value if asked.purpose else None,
                "channel": asked.channel.value if asked.channel else None,
                "reason": asked.reason.value,
                "until": asked.until.isoformat() if asked.until else None,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "do-not-contact.added", body)
            return _block_view(row)

    async def refuse(
        self,
        session: AsyncSession,
        customer_id: str,
        *,
        purpose: Purpose | None,
        channel: Channel | None,
        withdraw: Purpose | None,
        note: str,
    ) -> str:
        """Write down the customer's own refusal (an opt-out word), in the caller's transaction; give its id.

        None means all purposes, all channels. `withdraw` also withdraws the consents to that purpose.
        """
        now = self._clock.now()
        cipher = await self._keys.cipher(session, customer_id)
        row = BlockRow(
            id=new_id(),
            customer_id=customer_id,
            purpose=purpose,
            channel=channel,
            reason=BlockReason.CUSTOMER_REQUEST,
            created_at=now,
            created_by=BY_CUSTOMER,
        )
        row.note = cipher.seal(Field("gw_do_not_contact", "note", row.id), note)
        session.add(row)
        consents: list[JSON] = []
        if withdraw is not None:
            query = select(ConsentRow).where(
                ConsentRow.customer_id == customer_id,
                ConsentRow.purpose == withdraw,
                ConsentRow.withdrawn_at.is_(None),
            )
            for consent in await session.scalars(query):
                consent.withdrawn_at, consent.withdrawn_by = now, BY_CUSTOMER
                consents.append(consent.id)
        await session.flush()
        body: dict[str, JSON] = {
            "block": row.id,
            "customer": customer_id,
            "purpose": purpose.value if purpose else None,
            "channel": channel.value if channel else None,
            "reason": row.reason.value,
            "until": None,
            "by": BY_CUSTOMER,
            "consents_withdrawn": consents,
        }
        await self._ledger.append(session, "do-not-contact.added", body)
        return row.id

    async def lift(self, principal: Principal, customer_id: str, block_id: str) -> BlockView:
        """End a do-not-contact entry."""
        async with self._db.begin() as session:
            await self._customer(session, principal, permissions.BLOCK_LIFT, customer_id)
            row = await session.scalar(
                select(BlockRow).where(
                    BlockRow.id == block_id,
                    BlockRow.customer_id == customer_id,
                    BlockRow.lifted_at.is_(None),
                )
            )
            if row is None:
                raise BlockUnknown
            row.lifted_at, row.lifted_by = self._clock.now(), principal.employee_id
            await session.flush()
            body = {"block": row.id, "customer": customer_id, "by": principal.employee_id}
            await self._ledger.append(session, "do-not-contact.lifted", body)
            return _block_view(row)

    async def consents(self, principal: Principal, customer_id: str) -> list[ConsentView]:
        """List a customer's consents, newest first, withdrawn ones too."""
        async with self._db.read() as session:
            await repository.fetch(session, principal, permissions.CUSTOMER_READ, customer_id)
            query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
            rows: Sequence[ConsentRow] = (await session.scalars(query.order_by(ConsentRow.id.desc()))).all()
            return [_consent_view(row) for row in rows]

    async def blocks(self, principal: Principal, customer_id: str) -> list[BlockView]:
        """List a customer's do-not-contact entries, newest first, lifted ones too."""
        async with self._db.read() as session:
            await repository.fetch(session, principal, permissions.CUSTOMER_READ, customer_id)
            query = select(BlockRow).where(BlockRow.customer_id == customer_id)
            rows: Sequence[BlockRow] = (await session.scalars(query.order_by(BlockRow.id.desc()))).all()
            return [_block_view(row) for row in rows]

    async def _customer(
        self, session: AsyncSession, principal: Principal, permission: str, customer_id: str
    ) -> CustomerRow:
        """Lock the customer: a verdict that is being made waits, or this waits for it."""
        row = await repository.fetch(session, principal, permission, customer_id, lock=True)
        if row.erased_at is not None:
            raise CustomerUnknown
        return row


def _consent_view(row: ConsentRow) -> ConsentView:
    return ConsentView(
        id=row.id,
        customer_id=row.customer_id,
        purpose=row.purpose,
        source=row.source,
        has_evidence=row.evidence is not None,
        given_at=row.given_at,
        withdrawn_at=row.withdrawn_at,
        recorded_by=row.recorded_by,
    )


def _block_view(row: BlockRow) -> BlockView:
    return BlockView(
        id=row.id,
        customer_id=row.customer_id,
        purpose=row.purpose,
        channel=row.channel,
        reason=row.reason,
        until=row.until,
        created_at=row.created_at,
        created_by=row.created_by,
        lifted_at=row.lifted_at,
    )
