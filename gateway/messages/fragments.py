"""Puts inbound messages in several parts together. Every part is on disk before its provider forgets it."""

from datetime import timedelta

from sqlalchemy import delete, select

from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.sealed import Field
from core.vault import Vault
from gateway.messages.channels.smpp import segments
from gateway.messages.inbox import Inbox
from gateway.messages.model import Fragment, Received
from gateway.messages.models import FragmentRow

TABLE = "gw_message_fragments"
REUSED_AFTER = timedelta(hours=24)
"""A phone counts its references modulo 256: parts older than this belong to another message."""


class Fragments:
    """Keeps parts; the last one makes the message."""

    def __init__(self, *, database: Database, clock: Clock, vault: Vault, inbox: Inbox) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._inbox = inbox

    async def take(self, fragment: Fragment) -> None:
        """Write a part down; if it was the last one keep the whole message and drop its parts."""
        now = self._clock.now()
        of_group = (FragmentRow.channel == fragment.channel, FragmentRow.group == fragment.group)
        async with self._db.begin() as session:
            await session.execute(delete(FragmentRow).where(*of_group, FragmentRow.at < now - REUSED_AFTER))
            known = await session.get(FragmentRow, (fragment.channel, fragment.group, fragment.part))
            if known is None:
                part_id = new_id()
                payload = self._vault.cipher().seal(Field(TABLE, "payload", part_id), fragment.payload)
                session.add(
                    FragmentRow(
                        channel=fragment.channel,
                        group=fragment.group,
                        part=fragment.part,
                        id=part_id,
                        total=fragment.total,
                        coding=fragment.coding,
                        payload=payload,
                        at=now,
                    )
                )
        async with self._db.read() as session:
            query = select(FragmentRow).where(*of_group).order_by(FragmentRow.part)
            rows = list(await session.scalars(query))
        if len(rows) < fragment.total:
            return
        whole = b"".join(self._vault.open(Field(TABLE, "payload", row.id), row.payload) for row in rows)
        await self._inbox.keep(
            Received(
                channel=fragment.channel,
                # The first part's row names the message: the same parts again are the same message.
                reference=f"f-{rows[0].id}",
                sender=fragment.sender,
                line_number=fragment.line_number,
                text=segments.decode(fragment.coding, whole),
            )
        )
        async with self._db.begin() as session:
            await session.execute(delete(FragmentRow).where(FragmentRow.id.in_([row.id for row in rows])))
