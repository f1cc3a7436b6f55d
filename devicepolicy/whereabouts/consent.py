"""Consent to location: asked for apart from the general terms, given and taken back on the phone."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.vault import SubjectKeys
from devicepolicy.devices.events import DeviceAssigned, DeviceEnded
from devicepolicy.devices.model import Phone
from devicepolicy.devices.register import Register
from devicepolicy.enrolment.errors import ConsentRequired, ConsentStale
from devicepolicy.enrolment.model import Agreement
from devicepolicy.enrolment.terms import Terms, TermsBook
from devicepolicy.whereabouts.errors import LocationConsentRequired
from devicepolicy.whereabouts.model import ConsentEnd, ConsentState
from devicepolicy.whereabouts.models import LocationConsentRow


class LocationConsent:
    """One agreement of one employee on one phone. Newer terms end it, so does another holder."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        ledger: Ledger,
        subject_keys: SubjectKeys,
        register: Register,
        book: TermsBook,
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._keys = subject_keys
        self._register = register
        self._book = book

    def current(self) -> Terms:
        """Give the terms on location that are asked for now."""
        return self._book.current(self._clock.now().date())

    async def state(self, phone: Phone) -> ConsentState:
        """Say what the phone's employee agreed to."""
        async with self._db.read() as session:
            row = await self._live(session, phone.device_id, phone.employee_id)
        holds = row is not None and row.terms_version == self.current().version
        return ConsentState(
            self.current().version,
            row.terms_version if row is not None and holds else None,
            row.given_at if row is not None and holds else None,
        )

    async def agree(self, phone: Phone, agreement: Agreement) -> None:
        """Record an agreement. Idempotent.

        Raises:
            ConsentStale: these are not the terms of now, word for word.
            ConsentRequired: the phone has no employee, or the general terms are not agreed to yet.
        """
        terms = self.current()
        if agreement.version != terms.version or agreement.sha256 != terms.sha256[agreement.language]:
            raise ConsentStale(terms_version=terms.version)
        async with self._db.begin() as session:
            device = await self._register.locked(session, phone.device_id)
            if device.employee_id is None or device.terms_version is None:
                raise ConsentRequired
            live = await self._live(session, device.id, device.employee_id)
            if live is not None and live.terms_version == terms.version:
                return
            if live is not None:
                await self._end(session, live, ConsentEnd.SUPERSEDED)
            row = LocationConsentRow(
                id=new_id(),
                device_id=device.id,
                employee_id=device.employee_id,
                terms_version=agreement.version,
                terms_sha256=agreement.sha256,
                language=agreement.language,
                given_at=self._clock.now(),
                track_key=new_id(),
                check_in_key=new_id(),
            )
            await self._keys.create(session, row.track_key)
            await self._keys.create(session, row.check_in_key)
            session.add(row)
            self._register.remember(session, device.id, "location-consent-given", version=agreement.version)
            await session.flush()
            body: dict[str, JSON] = {
                "device": device.id,
                "employee": device.employee_id,
                "consent": row.id,
                "terms": row.terms_version,
                "terms_sha256": row.terms_sha256,
                "language": row.language,
            }
            await self._ledger.append(session, "location.consent-given", body)

    async def withdraw(self, phone: Phone) -> None:
        """Take it back (PIPL Article 15): nothing is taken in any more, and the tracks go. Idempotent."""
        async with self._db.begin() as session:
            device = await self._register.locked(session, phone.device_id)
            live = await self._live(session, device.id, device.employee_id)
            if live is not None:
                await self._end(session, live, ConsentEnd.WITHDRAWN)

    async def on_assigned(self, session: AsyncSession, event: DeviceAssigned) -> None:
        """Another holder has to agree for themselves."""
        for row in await self._open(session, event.device_id):
            if row.employee_id != event.employee_id:
                await self._end(session, row, ConsentEnd.ASSIGNED)

    async def on_ended(self, session: AsyncSession, event: DeviceEnded) -> None:
        """A phone that is no longer managed has nothing to collect."""
        for row in await self._open(session, event.device_id):
            await self._end(session, row, ConsentEnd.DEVICE_ENDED)

    async def required(
        self, session: AsyncSession, device_id: str, employee_id: str | None
    ) -> LocationConsentRow:
        """Give the agreement that holds now; raise `LocationConsentRequired`. Ask before storing."""
        row = await self._live(session, device_id, employee_id)
        wanted = self.current().version
        if row is None or row.terms_version != wanted:
            raise LocationConsentRequired(terms_version=wanted)
        return row

    async def _live(
        self, session: AsyncSession, device_id: str, employee_id: str | None
    ) -> LocationConsentRow | None:
        if employee_id is None:
            return None
        query = select(LocationConsentRow).where(
            LocationConsentRow.device_id == device_id,
            LocationConsentRow.employee_id == employee_id,
            LocationConsentRow.ended_at.is_(None),
        )
        return await session.scalar(query.order_by(LocationConsentRow.id.desc()).limit(1))

    async def _open(self, session: AsyncSession, device_id: str) -> list[LocationConsentRow]:
        query = select(LocationConsentRow).where(
            LocationConsentRow.device_id == device_id, LocationConsentRow.ended_at.is_(None)
        )
        return list(await session.scalars(query.order_by(LocationConsentRow.id).with_for_update()))

    async def _end(self, session: AsyncSession, row: LocationConsentRow, reason: ConsentEnd) -> None:
        row.ended_at, row.end_reason = self._clock.now(), reason
        self._register.remember(session, row.device_id, "location-consent-ended", reason=reason.value)
        await session.flush()
        body: dict[str, JSON] = {
            "device": row.device_id,
            "employee": row.employee_id,
            "consent": row.id,
            "reason": reason.value,
        }
        await self._ledger.append(session, "location.consent-ended", body)
