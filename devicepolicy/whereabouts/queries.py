"""Reads whereabouts for people, within their scope. Every look is written down before anything is shown."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal, Scope
from core.access.scope import scope_clause
from core.audit import AccessNotes, Seen
from core.blobs import BlobReader, BlobStore, BlobUnknown
from core.clock import Clock
from core.db import Database
from core.vault import Cipher, SubjectKeys
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.models import DeviceRow
from devicepolicy.whereabouts import sealing
from devicepolicy.whereabouts.errors import CheckInUnknown, PhotoGone
from devicepolicy.whereabouts.model import PhotoState
from devicepolicy.whereabouts.models import (
    CheckInRow,
    LocationConsentRow,
    LocationFixRow,
    LocationRefusalRow,
)
from devicepolicy.whereabouts.view import CheckInView, Point, Track, crossings

MOST_CONSENTS = 20
MOST = 2000
"""Fixes of a day: at five minutes there are 288."""


class WhereaboutsQueries:
    """What people read of one phone's whereabouts."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        subject_keys: SubjectKeys,
        blobs: BlobStore,
        notes: AccessNotes,
        time_zone: str,
    ) -> None:
        self._db = database
        self._clock = clock
        self._keys = subject_keys
        self._blobs = blobs
        self._notes = notes
        self._zone = ZoneInfo(time_zone)

    def today(self) -> date:
        """Give today by the institution's clock."""
        return self._clock.now().astimezone(self._zone).date()

    async def track(self, principal: Principal, device_id: str, day: date | None = None) -> Track:
        """Give a phone's fixes of a day, by time; raise `DeviceNotFound` if it is out of reach."""
        day = day or self.today()
        await self.require(principal, device_id)
        await self._notes.note(principal, Seen.TRACK, f"{device_id}/{day.isoformat()}")
        begin = datetime.combine(day, time(), self._zone)
        end = datetime.combine(day + timedelta(days=1), time(), self._zone)
        row = LocationFixRow
        async with self._db.read() as session:
            query = select(row).where(
                row.device_id == device_id, row.at >= begin, row.at < end, _within(principal, row)
            )
            rows = list(await session.scalars(query.order_by(row.at, row.id).limit(MOST)))
            consents = await self._consents(session, {one.consent_id for one in rows})
            ciphers = await self._keys.ciphers(session, [one.track_key for one in consents.values()])
            points = [
                Point(
                    one.at, sealing.position(cipher, sealing.FIXES, one.id, one.body), one.too_fast, one.away
                )
                for one in rows
                if (cipher := ciphers.get(consents[one.consent_id].track_key)) is not None
            ]
            counts = await session.scalars(
                select(LocationRefusalRow).where(
                    LocationRefusalRow.device_id == device_id, LocationRefusalRow.day == day
                )
            )
            refused = {one.reason: one.count for one in counts}
        versions = sorted({one.terms_version for one in consents.values()})
        return Track(day, points, crossings(points), refused, versions)

    async def agreements(self, principal: Principal, device_id: str) -> list[LocationConsentRow]:
        """List who agreed to location on a phone and until when, newest first; raise `DeviceNotFound`."""
        await self.require(principal, device_id)
        row = LocationConsentRow
        query = select(row).where(row.device_id == device_id, self._own(principal))
        async with self._db.read() as session:
            return list(await session.scalars(query.order_by(row.id.desc()).limit(MOST_CONSENTS)))

    def _own(self, principal: Principal) -> ColumnElement[bool]:
        """Of a phone that changed hands an employee sees their own agreements only; others its history."""
        scope = principal.scope(permissions.LOCATION_READ)
        if scope is Scope.OWN:
            return LocationConsentRow.employee_id == principal.employee_id
        return true()

    async def check_ins(
        self, principal: Principal, device_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[CheckInView], str | None]:
        """List a phone's check-ins, newest first; raise `DeviceNotFound`."""
        await self.require(principal, device_id)
        await self._notes.note(principal, Seen.CHECK_INS, device_id)
        query = select(CheckInRow).where(CheckInRow.device_id == device_id, _within(principal, CheckInRow))
        async with self._db.read() as session:
            rows, following = await paginate(session, query, key=CheckInRow.id, cursor=cursor, limit=limit)
            consents = await self._consents(session, {one.consent_id for one in rows})
            ciphers = await self._keys.ciphers(session, [one.check_in_key for one in consents.values()])
            return [_view(one, consents[one.consent_id], ciphers) for one in rows], following

    async def photo(
        self, principal: Principal, device_id: str, check_in_id: str
    ) -> tuple[BlobReader, str, str]:
        """Open a check-in's picture: content, type, SHA-256. Raises `CheckInUnknown`, `PhotoGone`."""
        query = select(CheckInRow).where(
            CheckInRow.id == check_in_id, CheckInRow.device_id == device_id, _within(principal, CheckInRow)
        )
        async with self._db.read() as session:
            row = await session.scalar(query)
            if row is None:
                raise CheckInUnknown
            consent = await session.get_one(LocationConsentRow, row.consent_id)
            cipher = await sealing.cipher_of(session, self._keys, consent.check_in_key)
        if cipher is None or row.photo is not PhotoState.COMPLETE or row.blob_id is None:
            raise PhotoGone
        await self._notes.note(principal, Seen.CHECK_IN_PHOTO, row.id, customer_id=row.customer_id)
        try:
            reader = await self._blobs.open(row.blob_id, sealing.photo_key(cipher, row.id))
        except BlobUnknown:
            raise PhotoGone from None
        return reader, row.media_type or "application/octet-stream", row.photo_sha256

    async def require(self, principal: Principal, device_id: str) -> None:
        """Raise `DeviceNotFound` unless the reader may see where this phone's holder was."""
        reach = _within(principal, DeviceRow)
        async with self._db.read() as session:
            if await session.scalar(select(DeviceRow.id).where(DeviceRow.id == device_id, reach)) is None:
                raise DeviceNotFound

    async def _consents(self, session: AsyncSession, ids: set[str]) -> dict[str, LocationConsentRow]:
        found = await session.scalars(select(LocationConsentRow).where(LocationConsentRow.id.in_(ids)))
        return {one.id: one for one in found}


def _within(principal: Principal, table: Any) -> ColumnElement[bool]:
    """A phone that changed hands: each fix is for whom its own employee's fixes are."""
    return scope_clause(
        principal, permissions.LOCATION_READ, owner=table.employee_id, department=table.department_id
    )


def _view(row: CheckInRow, consent: LocationConsentRow, ciphers: Mapping[str, Cipher]) -> CheckInView:
    cipher = ciphers.get(consent.check_in_key)
    return CheckInView(
        id=row.id,
        at=row.at,
        employee_id=row.employee_id,
        customer_id=row.customer_id,
        purpose=row.purpose,
        mock=row.mock,
        sha256=row.sha256,
        photo=row.photo,
        photo_sha256=row.photo_sha256,
        position=sealing.position(cipher, sealing.CHECK_INS, row.id, row.body) if cipher else None,
        terms_version=consent.terms_version,
    )
