"""Puts inbound messages in several parts together. Every part is on disk before its provider forgets it."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.sealed import Field
from core.vault import Vault
from gateway.customers.phone import PhoneNumber
from gateway.messages.channels.smpp import segments
from gateway.messages.inbox import Inbox
from gateway.messages.model import ChannelKind, Fragment, Received
from gateway.messages.models import FragmentRow
from gateway.messages.senders import Senders

TABLE = "gw_message_fragments"
WAIT = timedelta(hours=1)
"""How long a message waits for its missing parts; then what there is of it is kept."""
MISSING = " […] "
SWEEP = 100


class Fragments:
    """Keeps parts; the last one makes the message."""

    def __init__(
        self, *, database: Database, clock: Clock, vault: Vault, senders: Senders, inbox: Inbox
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._senders = senders
        self._inbox = inbox

    async def take(self, fragment: Fragment) -> None:
        """Write a part down; if it was the last one keep the whole message and drop its parts."""
        former = await self._rows(fragment.channel, fragment.group)
        # A phone counts its references modulo 256: old parts belong to another message.
        if former and former[0].at < self._clock.now() - WAIT:
            await self._finish(former)
        async with self._db.begin() as session:
            await self._add(session, fragment)
        rows = await self._rows(fragment.channel, fragment.group)
        if len(rows) >= fragment.total:
            await self._finish(rows)

    async def sweep(self) -> int:
        """Keep what came of messages whose other parts never did; give how many messages."""
        before = self._clock.now() - WAIT
        query = select(FragmentRow.channel, FragmentRow.group).where(FragmentRow.at < before)
        async with self._db.read() as session:
            stale = list(await session.execute(query.distinct().limit(SWEEP)))
        for channel, group in stale:
            await self._finish(await self._rows(channel, group))
        return len(stale)

    async def _add(self, session: AsyncSession, fragment: Fragment) -> None:
        if await session.get(FragmentRow, (fragment.channel, fragment.group, fragment.part)) is not None:
            return
        cipher, part_id = self._vault.cipher(), new_id()
        row = FragmentRow(
            channel=fragment.channel,
            group=fragment.group,
            part=fragment.part,
            id=part_id,
            total=fragment.total,
            coding=fragment.coding,
            payload=cipher.seal(Field(TABLE, "payload", part_id), fragment.payload),
            line_number=await self._senders.line(session, fragment.line_number),
            at=self._clock.now(),
        )
        if fragment.sender is not None:
            row.sender = cipher.seal(Field(TABLE, "sender", part_id), fragment.sender.e164)
        session.add(row)

    async def _rows(self, channel: ChannelKind, group: str) -> list[FragmentRow]:
        query = select(FragmentRow).where(FragmentRow.channel == channel, FragmentRow.group == group)
        async with self._db.read() as session:
            return list(await session.scalars(query.order_by(FragmentRow.part)))

    async def _finish(self, rows: Sequence[FragmentRow]) -> None:
        """Keep the message and drop its parts. A crash in between repeats it under the same name."""
        if not rows:
            return
        first = rows[0]
        sender = None
        if first.sender is not None:
            sender = PhoneNumber(self._vault.open_text(Field(TABLE, "sender", first.id), first.sender))
        await self._inbox.keep(
            Received(
                channel=first.channel,
                reference=f"f-{first.id}",
                sender=sender,
                line_number=first.line_number,
                text=self._text(rows),
            )
        )
        async with self._db.begin() as session:
            await session.execute(delete(FragmentRow).where(FragmentRow.id.in_([row.id for row in rows])))

    def _text(self, rows: Sequence[FragmentRow]) -> str:
        """Join the bytes before decoding, a character may lie across parts; mark what is missing."""
        pieces: list[str] = []
        run, following = b"", 0
        for row in rows:
            if row.part != following and (run or not pieces):
                pieces += [segments.decode(row.coding, run), MISSING]
                run = b""
            run += self._vault.open(Field(TABLE, "payload", row.id), row.payload)
            following = row.part + 1
        pieces.append(segments.decode(rows[-1].coding, run))
        if following < rows[-1].total:
            pieces.append(MISSING)
        return "".join(pieces)
