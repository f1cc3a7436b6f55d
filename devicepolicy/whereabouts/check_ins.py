"""Takes check-ins (拍照打卡): an employee's own act, with a position, a purpose and a picture."""

import asyncio
from contextlib import suppress
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.blobs import BlobInfo, BlobStore, BlobUnknown, BlobWriter
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.vault import SubjectKeys
from devicepolicy.canonical import sha256_of
from devicepolicy.devices.model import Phone
from devicepolicy.whereabouts import sealing
from devicepolicy.whereabouts.errors import (
    CheckInRefused,
    CheckInUnknown,
    LocationConsentRequired,
    PhotoRefused,
)
from devicepolicy.whereabouts.intake import Doorway, Opened, known
from devicepolicy.whereabouts.model import (
    CheckInAnswer,
    Collection,
    FixOutcome,
    NewCheckIn,
    PhotoState,
    Refusal,
)
from devicepolicy.whereabouts.models import CheckInRow, LocationConsentRow
from devicepolicy.whereabouts.ports import Bindings, Pictures

MAX_PHOTO_BYTES = 1024 * 1024
_ASKED = frozenset({Collection.CHECK_IN_ONLY, Collection.TRACK})


class CheckIns:
    """First what and where, then the picture in one piece. Both may be sent again as often as need be."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        doorway: Doorway,
        subject_keys: SubjectKeys,
        ledger: Ledger,
        blobs: BlobStore,
        pictures: Pictures,
        bindings: Bindings,
    ) -> None:
        self._db = database
        self._clock = clock
        self._doorway = doorway
        self._keys = subject_keys
        self._ledger = ledger
        self._blobs = blobs
        self._pictures = pictures
        self._bindings = bindings

    async def take(self, phone: Phone, sent_at: datetime, new: NewCheckIn) -> CheckInAnswer:
        """Keep a check-in, or say how far the one of that id has come.

        Raises:
            ConsentRequired, LocationConsentRequired, CheckInRefused: nothing is kept; it is counted.
        """
        self._doorway.require_terms(phone)
        async with self._db.begin() as session:
            opened = await self._doorway.open(session, phone, sent_at)
            made = (
                opened
                if isinstance(opened, LocationConsentRequired)
                else await self._one(session, opened, new)
            )
            if isinstance(made, FixOutcome) and isinstance(opened, Opened):
                await self._doorway.turned_away(session, opened.at, {Refusal(made.value): 1})
        if isinstance(made, LocationConsentRequired):
            raise made  # not within: the count stays
        if isinstance(made, FixOutcome):
            raise CheckInRefused(reason=made.value)
        return CheckInAnswer(made.id, made.photo, made.customer_id is not None)

    async def _one(self, session: AsyncSession, opened: Opened, new: NewCheckIn) -> CheckInRow | FixOutcome:
        if sha256_of(new.original) != new.sha256:
            return FixOutcome.HASH_MISMATCH
        moment = opened.at.moment(new.at)
        key = self._doorway.key(opened.row.id, new.id)
        before: CheckInRow | None = await known(session, CheckInRow, opened.row.id, key)
        if before is not None:
            return before if before.sha256 == new.sha256 else FixOutcome.CONTRADICTION
        refused = opened.refusal(moment, least=_ASKED)
        if refused is not None:
            return refused
        row = await self._row(session, opened, new, key)
        session.add(row)
        await session.flush()
        await self._doorway.mock(session, opened, new, moment)
        body: dict[str, JSON] = {
            "device": row.device_id,
            "employee": row.employee_id,
            "consent": row.consent_id,
            "check_in": row.id,
            "customer": row.customer_id,
            "sha256": row.sha256,
            "photo_sha256": row.photo_sha256,
        }
        await self._ledger.append(session, "location.check-in", body)
        return row

    async def _row(self, session: AsyncSession, opened: Opened, new: NewCheckIn, key: str) -> CheckInRow:
        check_in_id, at, employee_id = new_id(), opened.at, opened.consent.employee_id
        cipher = await self._keys.cipher(session, opened.consent.check_in_key)
        customer_id = None
        if new.binding_id is not None:
            customer_id = await self._bindings.customer(session, employee_id, new.binding_id)
        return CheckInRow(
            id=check_in_id,
            device_id=at.row.id,
            consent_id=opened.consent.id,
            employee_id=employee_id,
            department_id=at.row.department_id,
            key=key,
            sha256=new.sha256,
            device_at=new.at,
            at=at.moment(new.at),
            received_at=at.now,
            purpose=new.purpose,
            customer_id=customer_id,
            mock=new.position.mock,
            body=sealing.seal(cipher, sealing.CHECK_INS, check_in_id, new.original),
            photo=PhotoState.AWAITED,
            photo_sha256=new.photo_sha256,
            photo_size=new.photo_size,
        )

    async def photo(self, phone: Phone, check_in_id: str, content: bytes) -> CheckInAnswer:
        """Keep a check-in's picture, encrypted. Idempotent.

        Raises:
            ConsentRequired, LocationConsentRequired: withdrawn in the meantime; the picture is not kept.
            CheckInUnknown, PhotoRefused
        """
        self._doorway.require_terms(phone)
        async with self._db.begin() as session:
            opened = await self._doorway.open(session, phone, self._clock.now())
            row = await self._of(session, phone, check_in_id)
            begun = None
            if isinstance(opened, Opened) and row.photo is PhotoState.AWAITED:
                begun = await self._begin(session, row, content)
        if isinstance(opened, LocationConsentRequired):
            raise opened
        if begun is None:
            return CheckInAnswer(row.id, row.photo, row.customer_id is not None)
        writer, earlier = begun
        if earlier is not None:  # whoever began died, or will find that another was quicker
            with suppress(BlobUnknown):
                await self._blobs.delete(earlier)
        info = await asyncio.to_thread(_write, writer, content)
        return await self._finish(phone, check_in_id, info)

    async def _begin(
        self, session: AsyncSession, row: CheckInRow, content: bytes
    ) -> tuple[BlobWriter, str | None]:
        """Start the picture's blob, noted in the row so that none is forgotten; give the one before, too."""
        media_type = self._checked(row, content)
        consent = await session.get_one(LocationConsentRow, row.consent_id)
        cipher = await self._keys.cipher(session, consent.check_in_key)
        writer = await self._blobs.create(sealing.photo_key(cipher, row.id), media_type)
        earlier, row.blob_id, row.media_type = row.blob_id, writer.blob_id, media_type
        return writer, earlier

    def _checked(self, row: CheckInRow, content: bytes) -> str:
        """Give the picture's type by its bytes; raise `PhotoRefused`."""
        if len(content) != row.photo_size or len(content) > MAX_PHOTO_BYTES:
            raise PhotoRefused(reason="size")
        media_type = self._pictures.check(content)
        if media_type is None:
            raise PhotoRefused(reason="type")
        return media_type

    async def _finish(self, phone: Phone, check_in_id: str, info: BlobInfo) -> CheckInAnswer:
        async with self._db.begin() as session:
            row = await self._of(session, phone, check_in_id)
            mine = row.blob_id == info.blob_id
            whole = mine and info.sha256 == row.photo_sha256
            if whole:
                row.photo, row.completed_at = PhotoState.COMPLETE, self._clock.now()
                body: dict[str, JSON] = {"check_in": row.id, "sha256": info.sha256, "size": info.size}
                await self._ledger.append(session, "location.check-in-photo", body)
            elif mine:
                row.blob_id = row.media_type = None
        if not whole:
            with suppress(BlobUnknown):
                await self._blobs.delete(info.blob_id)
        if mine and not whole:
            raise PhotoRefused(reason="sha256")
        return CheckInAnswer(row.id, row.photo, row.customer_id is not None)

    async def _of(self, session: AsyncSession, phone: Phone, check_in_id: str) -> CheckInRow:
        row = await session.get(CheckInRow, check_in_id, with_for_update=True, populate_existing=True)
        if row is None or row.device_id != phone.device_id:
            raise CheckInUnknown
        return row


def _write(writer: BlobWriter, content: bytes) -> BlobInfo:
    writer.append(content)
    return writer.close()
