"""Lets go of whereabouts: what is old, and what an employee took back. What is held for evidence stays."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.blobs import BlobStore, BlobUnknown
from core.clock import Clock
from core.db import Database
from core.ledger import JSON, Ledger
from core.phone_settings import WhereaboutsSettings
from core.vault import SubjectErased, SubjectKeys, SubjectUnknown
from devicepolicy.uploads.ports import Holds
from devicepolicy.whereabouts.model import ConsentEnd
from devicepolicy.whereabouts.models import (
    CheckInRow,
    LocationConsentRow,
    LocationFixRow,
    LocationRefusalRow,
)

BATCH = 200
Row: TypeAlias = LocationFixRow | CheckInRow


class WhereaboutsUpkeep:
    """A chore of the relay. Whether something is held is asked in the transaction that deletes it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        blobs: BlobStore,
        ledger: Ledger,
        subject_keys: SubjectKeys,
        holds: Holds,
        settings: WhereaboutsSettings,
        time_zone: str,
    ) -> None:
        self._db = database
        self._clock = clock
        self._blobs = blobs
        self._ledger = ledger
        self._keys = subject_keys
        self._holds = holds
        self._settings = settings
        self._zone = ZoneInfo(time_zone)

    async def __call__(self) -> None:
        """Do all of it."""
        now = self._clock.now()
        track_before = now - timedelta(days=self._settings.keep_tracks_days)
        await self._expire(LocationFixRow, "tracks", track_before)
        check_ins = self._settings.keep_check_ins_days
        await self._expire(CheckInRow, "check-ins", now - timedelta(days=check_ins))
        await self._forget_counts(track_before.astimezone(self._zone).date())
        await self._erase_taken_back()
        await self._destroy_unused_keys()

    async def _expire(self, table: type[Any], name: str, before: datetime) -> None:
        """Delete what is older than its class is kept, by when it came."""
        after = ""
        while True:
            async with self._db.begin() as session:
                query = select(table).where(table.received_at < before, table.id > after)
                found = list(await session.scalars(query.order_by(table.id).limit(BATCH).with_for_update()))
                if not found:
                    return
                after = found[-1].id
                free = await self._free(session, found)
                await self._delete(session, table, free)
                if free:
                    ids: list[JSON] = [row.id for row in free]
                    body: dict[str, JSON] = {"class": name, "before": before.isoformat(), "ids": ids}
                    await self._ledger.append(session, "location.expired", body)

    async def _delete(self, session: AsyncSession, table: type[Any], rows: Sequence[Row]) -> None:
        for row in rows:
            if isinstance(row, CheckInRow) and row.blob_id is not None:
                with suppress(BlobUnknown):  # this chore died after it and before its commit
                    await self._blobs.delete(row.blob_id)
        await session.execute(delete(table).where(table.id.in_([row.id for row in rows])))

    async def _free(self, session: AsyncSession, rows: Sequence[Row]) -> list[Row]:
        employees = {row.employee_id for row in rows}
        customers = {one for row in rows if (one := _customer(row)) is not None}
        held = await self._held(session, employees)
        held |= {one for one in customers if await self._holds.is_customer_held(session, one)}
        return [row for row in rows if row.employee_id not in held and _customer(row) not in held]

    async def _held(self, session: AsyncSession, employees: Collection[str]) -> set[str]:
        return {one for one in employees if await self._holds.is_employee_held(session, one)}

    async def _forget_counts(self, before: date) -> None:
        async with self._db.begin() as session:
            await session.execute(delete(LocationRefusalRow).where(LocationRefusalRow.day < before))

    async def _erase_taken_back(self) -> None:
        """Delete the tracks of consents that were withdrawn, and destroy their keys (PIPL Article 47)."""
        async with self._db.begin() as session:
            query = select(LocationConsentRow).where(
                LocationConsentRow.end_reason == ConsentEnd.WITHDRAWN,
                LocationConsentRow.track_erased_at.is_(None),
            )
            rows = list(await session.scalars(query.order_by(LocationConsentRow.id).with_for_update()))
            held = await self._held(session, {row.employee_id for row in rows})
            for row in rows:
                if row.employee_id in held:
                    continue
                await session.execute(delete(LocationFixRow).where(LocationFixRow.consent_id == row.id))
                await self._destroy(session, row, "tracks")

    async def _destroy_unused_keys(self) -> None:
        """Destroy keys of ended consents under which nothing is left."""
        row = LocationConsentRow
        async with self._db.begin() as session:
            open_ = or_(row.track_erased_at.is_(None), row.check_ins_erased_at.is_(None))
            query = select(row).where(row.ended_at.is_not(None), open_).order_by(row.id)
            for one in await session.scalars(query.with_for_update()):
                for table, name, gone in (
                    (LocationFixRow, "tracks", one.track_erased_at),
                    (CheckInRow, "check-ins", one.check_ins_erased_at),
                ):
                    left = select(exists().where(table.consent_id == one.id))
                    if gone is None and not await session.scalar(left):
                        await self._destroy(session, one, name)

    async def _destroy(self, session: AsyncSession, row: LocationConsentRow, name: str) -> None:
        now = self._clock.now()
        subject = row.track_key if name == "tracks" else row.check_in_key
        with suppress(SubjectErased, SubjectUnknown):
            await self._keys.destroy(session, subject)
        if name == "tracks":
            row.track_erased_at = now
        else:
            row.check_ins_erased_at = now
        await session.flush()
        body: dict[str, JSON] = {"consent": row.id, "employee": row.employee_id, "class": name}
        await self._ledger.append(session, "location.erased", body)


def _customer(row: Row) -> str | None:
    return row.customer_id if isinstance(row, CheckInRow) else None
