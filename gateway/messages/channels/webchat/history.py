"""What the customer sees of their own thread."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select

from core.db import Database
from core.vault import SubjectKeys
from gateway.messages import sealing
from gateway.messages.channels.webchat.tokens import ChatRight
from gateway.messages.model import MessageRole, MessageState
from gateway.messages.models import MessageRow

LATEST = 50
_LEFT = (MessageState.SENT, MessageState.DELIVERED)


@dataclass(frozen=True, slots=True)
class ChatLine:
    """One message as the customer sees it: what they wrote, or what left towards them."""

    message_id: str
    mine: bool
    at: datetime
    text: str = field(repr=False)
    waiting: bool = False
    """Not yet acknowledged by the customer's browser."""


class ChatHistory:
    """Reads the last messages of a thread."""

    def __init__(self, *, database: Database, subject_keys: SubjectKeys) -> None:
        self._db = database
        self._keys = subject_keys

    async def latest(self, right: ChatRight) -> list[ChatLine]:
        """Give the last messages, oldest first; what is held or blocked is not among them."""
        async with self._db.read() as session:
            cipher = await self._keys.cipher(session, right.customer_id)
            query = (
                select(MessageRow)
                .where(
                    MessageRow.thread_id == right.thread_id,
                    or_(MessageRow.state.in_(_LEFT), MessageRow.role == MessageRole.CUSTOMER),
                )
                .order_by(MessageRow.id.desc())
                .limit(LATEST)
            )
            rows = list(await session.scalars(query))
        return [
            ChatLine(
                row.id,
                row.role is MessageRole.CUSTOMER,
                row.created_at,
                sealing.sent_body_of(row, cipher),
                waiting=row.state is MessageState.SENT,
            )
            for row in reversed(rows)
        ]
