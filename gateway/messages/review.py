"""Held messages: another person than the author releases or rejects them."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.vault import SubjectErased, SubjectKeys
from gateway.messages import permissions, sealing
from gateway.messages.books import MessageBooks, Said, limits_of
from gateway.messages.errors import MessageUnknown, NotHeld, OwnMessage
from gateway.messages.machine import Event, Rejected, Released
from gateway.messages.model import MessageState, Traits
from gateway.messages.models import AttachmentRow, MessageRow
from gateway.messages.rulefile import DeliveryPolicy

# Review needs nothing of a channel: no receipt and no try is involved.
_ANY = Traits(needs_number=False, dedupes=False, receipts=True)
AUTHOR_LEFT = "author-left"


class MessageReview:
    """Decides about held messages. A released one is judged again before it leaves."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        subject_keys: SubjectKeys,
        books: MessageBooks,
        delivery: DeliveryPolicy,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._books = books
        self._limits = limits_of(delivery, _ANY)

    async def release(self, principal: Principal, message_id: str, comment: str = "") -> None:
        """Let a held message go, with a word to its author. Raises MessageUnknown, NotHeld, OwnMessage."""
        await self._decide(principal, message_id, Released(self._clock.now()), comment)

    async def reject(self, principal: Principal, message_id: str, comment: str = "") -> None:
        """Stop a held message, with a word to its author. Raises MessageUnknown, NotHeld, OwnMessage."""
        await self._decide(principal, message_id, Rejected(), comment)

    async def withdraw_of(self, session: AsyncSession, author_id: str, *, by: str) -> int:
        """Stop every held message of somebody who leaves, in the caller's transaction; give how many.

        Nothing may leave in their name any more; who takes the thread over reads the text and writes anew.
        """
        query = (
            select(MessageRow)
            .where(MessageRow.author_id == author_id, MessageRow.state == MessageState.HELD)
            .order_by(MessageRow.id)
            .with_for_update()
        )
        rows = list(await session.scalars(query))
        for row in rows:
            await self._books.step(session, row, Rejected(), self._limits, Said("rejected", AUTHOR_LEFT, by))
        return len(rows)

    async def _decide(self, principal: Principal, message_id: str, event: Event, comment: str) -> None:
        now = self._clock.now()
        async with self._db.begin() as session:
            row = await self._held(session, principal, message_id)
            released = isinstance(event, Released)
            row.reviewed_by, row.reviewed_at = principal.employee_id, now
            if comment.strip():
                await self._comment(session, row, comment.strip())
            if released:
                files = select(AttachmentRow).where(AttachmentRow.message_id == row.id)
                for file in await session.scalars(files):
                    file.cleared_at, file.cleared_by = now, principal.employee_id
            word = "released" if released else "rejected"
            await self._books.step(session, row, event, self._limits, Said(word, by=principal.employee_id))
            await self._books.note(
                session,
                "message.reviewed",
                {"message": row.id, "contact": row.contact_id, "by": principal.employee_id, "decision": word},
            )

    async def _comment(self, session: AsyncSession, row: MessageRow, comment: str) -> None:
        """Seal the comment under the customer's key; of an erased customer nothing more is written down."""
        try:
            cipher = await self._keys.cipher(session, row.customer_id)
        except SubjectErased:
            return
        sealing.put_review_note(row, cipher, comment)

    async def _held(self, session: AsyncSession, principal: Principal, message_id: str) -> MessageRow:
        scope = scope_clause(
            principal,
            permissions.MESSAGE_REVIEW,
            owner=MessageRow.employee_id,
            department=MessageRow.department_id,
        )
        query = select(MessageRow).where(MessageRow.id == message_id, scope).with_for_update()
        row = await session.scalar(query)
        if row is None:
            raise MessageUnknown
        if row.author_id == principal.employee_id:
            raise OwnMessage
        if row.state is not MessageState.HELD:
            raise NotHeld
        return row
