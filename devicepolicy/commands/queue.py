"""What a phone does with its commands: fetches them in order, acknowledges them, and says how they went.

Every call may come twice, late, or never: at least once in both directions, and each effect once.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.vault import Vault
from devicepolicy.commands.books import CommandBooks, cursor_of, field_of, hold_phone, move_cursor
from devicepolicy.commands.errors import AckAhead
from devicepolicy.commands.kinds import load
from devicepolicy.commands.machine import Acked, CommandState, Delivered, Reported
from devicepolicy.commands.model import Pulled, Told
from devicepolicy.commands.models import CommandRow
from devicepolicy.commands.ports import Signer
from devicepolicy.identity.documents import DocumentKind

BATCH = 50
_WAITING = (CommandState.QUEUED, CommandState.DELIVERED)


class CommandQueue:
    """The phones' side."""

    def __init__(
        self, *, database: Database, clock: Clock, vault: Vault, books: CommandBooks, signer: Signer
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._books = books
        self._signer = signer

    async def pull(self, device_id: str, after: int) -> Pulled:
        """Give a phone its commands in order of their numbers.

        All that it has not acknowledged, whatever it says; of what it has acknowledged, those after `after`
        (it lost them) and those whose result is missed.
        """
        if not await self._anything(device_id):
            async with self._db.read() as session:
                last_seq, _, _ = await cursor_of(session, device_id)
            return Pulled((), (), last_seq, more=False)
        async with self._db.begin() as session:
            await hold_phone(session, device_id)
            rows = await self._open(session, device_id, after)
            # Before any ledger entry: everybody locks commands, then the cursor, then the ledger's head.
            delivered = max((row.seq or 0 for row in rows[:BATCH]), default=0)
            await move_cursor(session, device_id, delivered=delivered)
            tokens, wanted = [], []
            for row in rows[:BATCH]:
                await self._books.apply(session, row, Delivered(self._clock.now()))
                if row.finished_at is not None:
                    continue  # it had expired
                whole = row.parameters is not None and not _over(row, self._clock.now())
                if whole:
                    tokens.append(self._token(row))
                if row.state is CommandState.ACKED and (row.asked or not whole):
                    wanted.append(row.id)
            last_seq, _, _ = await cursor_of(session, device_id)
        return Pulled(tuple(tokens), tuple(wanted), last_seq, more=len(rows) > BATCH)

    async def acknowledge(self, device_id: str, up_to: int) -> tuple[str, ...]:
        """Note that a phone keeps all commands up to a number; give those that it may begin now, in order.

        A command that was canceled or has expired is not among them and must not be begun.

        Raises:
            AckAhead: a number that the phone never got; the last one that it did get is in the facts.
        """
        async with self._db.begin() as session:
            await hold_phone(session, device_id)
            _, delivered, _ = await cursor_of(session, device_id)
            if up_to > delivered:
                raise AckAhead(delivered_seq=delivered)
            found = await session.scalars(
                select(CommandRow)
                .where(
                    CommandRow.device_id == device_id,
                    CommandRow.seq <= up_to,
                    CommandRow.finished_at.is_(None),
                )
                .order_by(CommandRow.seq)
                .with_for_update()
            )
            rows = found.all()
            await move_cursor(session, device_id, acked=up_to)
            begin = []
            for row in rows:
                await self._books.apply(session, row, Acked(self._clock.now()))
                if row.state is CommandState.ACKED:
                    begin.append(row.id)
        return tuple(begin)

    async def report(self, device_id: str, told: Iterable[Told]) -> dict[str, CommandState | None]:
        """Note how commands went; give where each stands now, None for one that this phone never got.

        A result that is already known changes nothing.
        """
        known: dict[str, CommandState | None] = {}
        by_id = {one.command_id: one for one in told}
        async with self._db.begin() as session:
            await hold_phone(session, device_id)
            rows = await session.scalars(
                select(CommandRow)
                .where(
                    CommandRow.device_id == device_id,
                    CommandRow.id.in_(by_id),
                    CommandRow.deliveries > 0,
                )
                .order_by(CommandRow.id)
                .with_for_update()
            )
            for row in rows.all():
                one = by_id[row.id]
                if one.status is not None and row.status is None:
                    text = json.dumps(one.status, ensure_ascii=False, separators=(",", ":"))
                    row.status = self._vault.cipher().seal(field_of(row, "status"), text)
                await self._books.apply(session, row, Reported(one.state, one.error))
                known[row.id] = row.state
        return {command_id: known.get(command_id) for command_id in by_id}

    async def _anything(self, device_id: str) -> bool:
        """Look first without a lock: most of the time there is nothing."""
        async with self._db.read() as session:
            found = await session.scalar(
                select(CommandRow.id)
                .where(
                    CommandRow.device_id == device_id,
                    CommandRow.seq.is_not(None),
                    CommandRow.finished_at.is_(None),
                )
                .limit(1)
            )
        return found is not None

    async def _open(self, session: AsyncSession, device_id: str, after: int) -> list[CommandRow]:
        rows = await session.scalars(
            select(CommandRow)
            .where(
                CommandRow.device_id == device_id,
                CommandRow.seq.is_not(None),
                CommandRow.finished_at.is_(None),
                or_(CommandRow.state.in_(_WAITING), CommandRow.seq > after, CommandRow.asked > 0),
            )
            .order_by(CommandRow.seq)
            .limit(BATCH + 1)
            .with_for_update()
        )
        return list(rows.all())

    def _token(self, row: CommandRow) -> str:
        """Sign a command for its phone, its number and its time alone."""
        if row.parameters is None or row.seq is None or row.released_at is None or row.expires_at is None:
            raise AssertionError("only a released command with its parameters is given out")
        parameters = load(self._vault.open(field_of(row, "parameters"), row.parameters))
        return self._signer.sign(
            DocumentKind.COMMAND,
            {"command_id": row.id, **parameters},
            device_id=row.device_id,
            sequence=row.seq,
            issued_at=row.released_at,
            expires_at=row.expires_at,
        ).token


def _over(row: CommandRow, now: datetime) -> bool:
    """Whether a phone would refuse the token: then only its result is asked for."""
    return row.expires_at is not None and now >= row.expires_at
