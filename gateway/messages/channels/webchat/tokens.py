"""The right to a web chat: a random token in the fragment of a link, known to us by a blind index only."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.vault import SubjectErased, SubjectKeys, Vault
from gateway.messages.errors import ChatTokenInvalid, ThreadUnknown
from gateway.messages.model import ChannelKind
from gateway.messages.models import ChatTokenRow, MessageRow, ThreadRow
from gateway.messages.threads import open_thread
from gateway.numbers.models import BindingRow

TOKEN_BYTES = 32
MAX_TOKEN = 64


@dataclass(frozen=True, slots=True)
class ChatRight:
    """Who has the link: the customer of this thread, and nobody else."""

    token_id: str
    thread_id: str
    customer_id: str


class ChatTokens:
    """Makes and checks tokens (`gateway.messages.ports.ChatLinks`). `base_url` ends with a slash.

    The token stands behind `#`: a browser never sends that part, so it is in no log on the way.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        vault: Vault,
        subject_keys: SubjectKeys,
        ledger: Ledger,
        base_url: str,
        days: int,
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._keys = subject_keys
        self._ledger = ledger
        self._base_url = base_url
        self._life = timedelta(days=days)

    async def make(self, session: AsyncSession, message: MessageRow) -> str:
        """Make a link for the customer of a message that is leaving, to a web chat over the same binding."""
        thread = await session.get(ThreadRow, message.thread_id)
        binding = await session.get(BindingRow, thread.binding_id) if thread else None
        if binding is None:
            raise ThreadUnknown
        now = self._clock.now()
        chat = await open_thread(session, binding, ChannelKind.WEBCHAT, now)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = ChatTokenRow(
            id=new_id(),
            thread_id=chat.id,
            token_index=self._vault.blind("chat.token", token),
            message_id=message.id,
            created_at=now,
            expires_at=now + self._life,
        )
        session.add(row)
        await session.flush()
        body = {"token": row.id, "thread": chat.id, "message": message.id}
        await self._ledger.append(session, "chat.invited", body)
        return f"{self._base_url}#{token}"

    async def check(self, token: str) -> ChatRight:
        """Give what a token is good for; raise `ChatTokenInvalid`, whatever is wrong with it."""
        if not 20 <= len(token) <= MAX_TOKEN or not token.isascii():
            raise ChatTokenInvalid
        now = self._clock.now()
        async with self._db.begin() as session:
            index = self._vault.blind("chat.token", token)
            row = await session.scalar(select(ChatTokenRow).where(ChatTokenRow.token_index == index))
            if row is None or row.revoked_at is not None or row.expires_at <= now:
                raise ChatTokenInvalid
            thread = await session.get(ThreadRow, row.thread_id)
            if thread is None:
                raise ChatTokenInvalid
            try:
                await self._keys.cipher(session, thread.customer_id)
            except SubjectErased:
                raise ChatTokenInvalid from None
            row.opened_at = row.opened_at or now
            return ChatRight(row.id, thread.id, thread.customer_id)

    async def revoke(self, thread_id: str) -> int:
        """End every link to a thread; give how many there were."""
        async with self._db.begin() as session:
            query = select(ChatTokenRow).where(
                ChatTokenRow.thread_id == thread_id, ChatTokenRow.revoked_at.is_(None)
            )
            rows = list(await session.scalars(query))
            for row in rows:
                row.revoked_at = self._clock.now()
            return len(rows)
