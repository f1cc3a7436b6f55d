"""Reads the access log: brought up to date from the ledger, filtered, and held against the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.audit.digest import DIGEST_KIND, digest_batch, hash_of
from core.audit.model import (
    GROUP_OF,
    TOLD_BY_LEDGER,
    Access,
    AccessFilter,
    ExactLines,
    LogCheck,
    Seen,
    Told,
)
from core.audit.models import AccessRow
from core.audit.permissions import AUDIT_READ
from core.audit.ports import AccessNotes
from core.db import Database
from core.ids import new_id
from core.ledger import Entry, Ledger
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.web.paging import CursorInvalid, decode_cursor, encode_cursor

BATCH = 500
ALL = "all"


class AuditService:
    """The reading side, and the chore that covers the log's own lines."""

    def __init__(self, database: Database, *, ledger: Ledger, notes: AccessNotes) -> None:
        self._database = database
        self._ledger = ledger
        self._notes = notes

    async def find(
        self, principal: Principal, wanted: AccessFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[Access], str | None]:
        """List accesses, the newest first, with the next cursor. Asking is an access too.

        Raises:
            Forbidden, CursorInvalid
        """
        principal.require(AUDIT_READ)
        await self._notes.note(
            principal,
            Seen.ACCESS_LOG,
            wanted.actor_id or wanted.customer_id or ALL,
            customer_id=wanted.customer_id,
        )
        await self.catch_up()
        query = _filtered(select(AccessRow), wanted).order_by(AccessRow.at.desc(), AccessRow.id.desc())
        if cursor is not None:
            query = query.where(await self._before(cursor))
        async with self._database.read() as session:
            rows = list(await session.scalars(query.limit(limit + 1)))
        following = encode_cursor(rows[limit - 1].id) if len(rows) > limit else None
        return [_access(row) for row in rows[:limit]], following

    async def catch_up(self) -> int:
        """Repeat what the ledger has gained in accesses; gives how many. Safe to run twice at once."""
        gained = 0
        while True:
            async with self._database.read() as session:
                entries = await _new_entries(session)
            if not entries:
                return gained
            async with self._database.begin() as session:
                dialect = session.get_bind().dialect.name
                upsert = (postgresql if dialect == "postgresql" else sqlite).insert(AccessRow)
                await session.execute(upsert.on_conflict_do_nothing(), [_line(entry) for entry in entries])
            gained += len(entries)

    async def cover(self) -> None:
        """Bring the log up to date and cover its own lines with digests. A chore of the relay."""
        await self.catch_up()
        while True:
            async with self._database.begin() as session:
                if not await digest_batch(session, self._ledger):
                    return

    async def check(self, principal: Principal) -> LogCheck:
        """Recompute every digest from the lines, and count the entries that should have a line."""
        principal.require(AUDIT_READ)
        await self.catch_up()
        altered: list[int] = []
        async with self._database.read() as session:
            digests = await _digests(session)
            for entry in digests:
                rows = list(await session.scalars(select(AccessRow).where(AccessRow.digest_seq == entry.seq)))
                if len(rows) != entry.body["lines"] or hash_of(rows) != entry.body["sha256"]:
                    altered.append(entry.seq)
            lines = await session.scalar(select(func.count()).select_from(AccessRow)) or 0
            waiting = await session.scalar(
                select(func.count())
                .select_from(AccessRow)
                .where(AccessRow.digest_seq.is_(None), AccessRow.ledger_seq.is_(None))
            )
            missing, wrong = await _held_against_entries(session)
            altered += [*wrong, *await _unfounded(session)]
        return LogCheck(len(digests), lines, waiting or 0, tuple(sorted({*altered})), missing)

    async def _before(self, cursor: str) -> Any:
        (last,) = decode_cursor(cursor, 1)
        async with self._database.read() as session:
            at = await session.scalar(select(AccessRow.at).where(AccessRow.id == last))
        if at is None:
            raise CursorInvalid
        return (AccessRow.at < at) | ((AccessRow.at == at) & (AccessRow.id < last))


def _filtered(query: Select[Any], wanted: AccessFilter) -> Select[Any]:
    if wanted.actor_id is not None:
        query = query.where(AccessRow.actor_id == wanted.actor_id)
    if wanted.customer_id is not None:
        query = query.where(AccessRow.customer_id == wanted.customer_id)
    if wanted.group is not None:
        kinds = [kind for kind, group in GROUP_OF.items() if group is wanted.group]
        query = query.where(AccessRow.kind.in_(kinds))
    if wanted.exactly is not None:
        query = query.where(lines_of(wanted.exactly))
    if wanted.since is not None:
        query = query.where(AccessRow.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AccessRow.at < wanted.until)
    return query


def lines_of(wanted: ExactLines) -> ColumnElement[bool]:
    """Select the very lines that a finding is about."""
    spans = or_(*(and_(AccessRow.at >= since, AccessRow.at < until) for since, until in wanted.spans))
    if wanted.other_id is None:
        return and_(AccessRow.actor_id == wanted.actor_id, spans, of_acts(wanted.acts))
    pair = (wanted.actor_id, wanted.other_id)
    return and_(AccessRow.actor_id.in_(pair), AccessRow.target_id.in_(pair), spans, of_acts(wanted.acts))


def of_acts(acts: Iterable[tuple[str, str | None]]) -> ColumnElement[bool]:
    """Select lines of these acts; none, if there are none."""
    return or_(
        false(),
        *(
            AccessRow.kind == kind
            if detail is None
            else and_(AccessRow.kind == kind, AccessRow.detail == detail)
            for kind, detail in acts
        ),
    )


async def _new_entries(session: AsyncSession) -> list[Entry]:
    """Read what came after the last entry that has a line. Entries commit in the order of their numbers."""
    last = await session.scalar(select(func.max(AccessRow.ledger_seq)))
    query = (
        select(EntryRow.record)
        .where(EntryRow.kind.in_(TOLD_BY_LEDGER), EntryRow.seq > (-1 if last is None else last))
        .order_by(EntryRow.seq)
        .limit(BATCH)
    )
    return [read_entry(record) for record in await session.scalars(query)]


def _line(entry: Entry) -> dict[str, Any]:
    """Make the line of an entry that is an access itself."""
    told, body = TOLD_BY_LEDGER[entry.kind], entry.body
    return {
        "id": new_id(),
        "at": entry.at,
        "kind": entry.kind,
        "actor_id": body.get(told.actor),
        "target_id": body.get(told.target) if told.target else None,
        "contact_id": body.get(told.contact) if told.contact else None,
        "customer_id": body.get(told.customer) if told.customer else None,
        "detail": _detail(told, body),
        "amount": body.get(told.amount) if told.amount else None,
        "ledger_seq": entry.seq,
    }


def _detail(told: Told, body: Mapping[str, Any]) -> str | None:
    if told.detail is not None:
        return str(body[told.detail])
    return "locked" if body.get("locked") is True else None


async def _digests(session: AsyncSession) -> list[Entry]:
    query = select(EntryRow.record).where(EntryRow.kind == DIGEST_KIND).order_by(EntryRow.seq)
    return [read_entry(record) for record in await session.scalars(query)]


async def _held_against_entries(session: AsyncSession) -> tuple[int, list[int]]:
    """Compare lines that repeat an entry with that entry: how many lack one, and which say something else."""
    missing, wrong, last = 0, list[int](), -1
    while True:
        query = (
            select(EntryRow.record, AccessRow)
            .outerjoin(AccessRow, AccessRow.ledger_seq == EntryRow.seq)
            .where(EntryRow.kind.in_(TOLD_BY_LEDGER), EntryRow.seq > last)
            .order_by(EntryRow.seq)
            .limit(BATCH)
        )
        found: Sequence[Any] = (await session.execute(query)).all()
        if not found:
            return missing, wrong
        for record, row in found:
            entry = read_entry(record)
            last = entry.seq
            if row is None:
                missing += 1
            elif any(getattr(row, name) != value for name, value in _line(entry).items() if name != "id"):
                wrong.append(entry.seq)


async def _unfounded(session: AsyncSession) -> Sequence[int]:
    """Find lines that name an entry which is none, or not of the kind that could prove them."""
    named = func.coalesce(AccessRow.ledger_seq, AccessRow.digest_seq)
    repeats = AccessRow.ledger_seq.is_not(None)
    founded = or_(
        and_(repeats, EntryRow.kind == AccessRow.kind), and_(~repeats, EntryRow.kind == DIGEST_KIND)
    )
    query = (
        select(named)
        .select_from(AccessRow)
        .outerjoin(EntryRow, EntryRow.seq == named)
        .where(named.is_not(None), or_(EntryRow.seq.is_(None), ~founded))
        .distinct()
    )
    return (await session.scalars(query)).all()


def _access(row: AccessRow) -> Access:
    return Access(
        id=row.id,
        at=row.at,
        kind=row.kind,
        actor_id=row.actor_id,
        target_id=row.target_id,
        contact_id=row.contact_id,
        customer_id=row.customer_id,
        detail=row.detail,
        proof_seq=row.ledger_seq if row.ledger_seq is not None else row.digest_seq,
        own_entry=row.ledger_seq is not None,
    )
