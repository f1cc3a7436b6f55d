"""Takes the fixes of a track: each once, none without consent, none outside of the hours."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.vault import Cipher, SubjectKeys
from devicepolicy.canonical import sha256_of
from devicepolicy.devices.model import Phone
from devicepolicy.uploads.model import Finding
from devicepolicy.whereabouts import judging, sealing
from devicepolicy.whereabouts.errors import LocationConsentRequired
from devicepolicy.whereabouts.intake import Doorway, Opened, known
from devicepolicy.whereabouts.model import Collection, Fix, FixAnswer, FixOutcome, Position, Refusal
from devicepolicy.whereabouts.models import LocationFixRow

_TRACK = frozenset({Collection.TRACK})
_KEPT = frozenset({FixOutcome.KEPT, FixOutcome.DUPLICATE})


class Fixes:
    """The one way for fixes. A batch is one transaction: a phone that hears nothing sends it again."""

    def __init__(
        self, database: Database, *, doorway: Doorway, subject_keys: SubjectKeys, ledger: Ledger
    ) -> None:
        self._db = database
        self._doorway = doorway
        self._keys = subject_keys
        self._ledger = ledger

    async def take(self, phone: Phone, sent_at: datetime, fixes: Sequence[Fix]) -> FixAnswer:
        """Keep what is to be kept; say of each fix what became of it.

        Raises:
            ConsentRequired, LocationConsentRequired: nothing is kept; the fixes are counted.
        """
        self._doorway.require_terms(phone)
        async with self._db.begin() as session:
            opened = await self._doorway.open(session, phone, sent_at, count=len(fixes))
            told = (
                [] if isinstance(opened, LocationConsentRequired) else await self._all(session, opened, fixes)
            )
        if isinstance(opened, LocationConsentRequired):
            raise opened  # not within: the count stays
        return FixAnswer(tuple(told), opened.at.now, round(opened.at.skew.total_seconds()))

    async def _all(self, session: AsyncSession, opened: Opened, fixes: Sequence[Fix]) -> list[FixOutcome]:
        """Take them by time, each judged by the one before it; give outcomes in the batch's order."""
        cipher = await self._keys.cipher(session, opened.consent.track_key)
        order = sorted(range(len(fixes)), key=lambda place: fixes[place].at)
        outcomes = {place: await self._one(session, opened, fixes[place], cipher) for place in order}
        told = [outcomes[place] for place in range(len(fixes))]
        refused = Counter(Refusal(one.value) for one in told if one not in _KEPT)
        await self._doorway.turned_away(session, opened.at, refused)
        await self._book(session, opened, told, fixes)
        return told

    async def _one(self, session: AsyncSession, opened: Opened, fix: Fix, cipher: Cipher) -> FixOutcome:
        if sha256_of(fix.original) != fix.sha256:
            return FixOutcome.HASH_MISMATCH
        device_id, moment = opened.row.id, opened.at.moment(fix.at)
        key = self._doorway.key(device_id, fix.id)
        before = await known(session, LocationFixRow, device_id, key)
        if before is not None:
            return FixOutcome.DUPLICATE if before.sha256 == fix.sha256 else FixOutcome.CONTRADICTION
        refused = opened.refusal(moment, least=_TRACK)
        if refused is not None:
            return refused
        earlier = await self._beside(session, opened, moment, later=False)
        later = await self._beside(session, opened, moment, later=True)
        beside = [one for one in (earlier, later) if one is not None]
        if any(abs(one.at - moment) < opened.wanted.apart for one in beside):
            return FixOutcome.TOO_SOON
        row = self._row(opened, fix, key, cipher)
        row.too_fast = any(
            judging.too_fast((moment, fix.position), (one.at, self._position(one, cipher))) for one in beside
        )
        session.add(row)
        await session.flush()
        await self._follow(session, opened, fix, row, earlier)
        return FixOutcome.KEPT

    def _row(self, opened: Opened, fix: Fix, key: str, cipher: Cipher) -> LocationFixRow:
        fix_id, at = new_id(), opened.at
        places = (at.policy.get("maskline") or {}).get("permittedPlaces") or ()
        return LocationFixRow(
            id=fix_id,
            device_id=at.row.id,
            consent_id=opened.consent.id,
            employee_id=opened.consent.employee_id,
            department_id=at.row.department_id,
            key=key,
            sha256=fix.sha256,
            device_at=fix.at,
            at=at.moment(fix.at),
            received_at=at.now,
            mock=fix.position.mock,
            away=judging.away(fix.position, places),
            body=sealing.seal(cipher, sealing.FIXES, fix_id, fix.original),
        )

    def _position(self, row: LocationFixRow, cipher: Cipher) -> Position:
        return sealing.position(cipher, sealing.FIXES, row.id, row.body)

    async def _beside(
        self, session: AsyncSession, opened: Opened, moment: datetime, *, later: bool
    ) -> LocationFixRow | None:
        """Give the nearest fix before or after a moment, of the same agreement."""
        at = LocationFixRow.at
        query = select(LocationFixRow).where(
            LocationFixRow.device_id == opened.row.id, LocationFixRow.consent_id == opened.consent.id
        )
        if later:
            query = query.where(at > moment).order_by(at)
        else:
            query = query.where(at <= moment).order_by(at.desc())
        return await session.scalar(query.limit(1))

    async def _follow(
        self,
        session: AsyncSession,
        opened: Opened,
        fix: Fix,
        row: LocationFixRow,
        earlier: LocationFixRow | None,
    ) -> None:
        """Tell somebody of what gives cause: a mock location, a leap, a way out of the permitted places."""
        await self._doorway.mock(session, opened, fix, row.at)
        if row.too_fast:
            day = self._doorway.day(row.at)
            await self._doorway.tell(session, opened, Finding.IMPOSSIBLE_SPEED, day, row.at)
        if row.away and (earlier is None or not earlier.away):
            await self._doorway.tell(session, opened, Finding.OUTSIDE_PLACES, row.key, row.at)

    async def _book(
        self, session: AsyncSession, opened: Opened, told: Sequence[FixOutcome], fixes: Sequence[Fix]
    ) -> None:
        """Write the salted hashes of what was kept into the ledger: one entry for a batch."""
        kept: list[JSON] = [
            fix.sha256 for fix, outcome in zip(fixes, told, strict=True) if outcome is FixOutcome.KEPT
        ]
        if kept:
            body: dict[str, JSON] = {
                "device": opened.row.id,
                "employee": opened.consent.employee_id,
                "consent": opened.consent.id,
                "fixes": kept,
            }
            await self._ledger.append(session, "location.fixes", body)
