"""Consent: the terms that are asked for now, who agreed to them, and who took it back."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from devicepolicy.devices.model import Phone
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import Register
from devicepolicy.enrolment.errors import ConsentRequired, ConsentStale
from devicepolicy.enrolment.model import Agreement
from devicepolicy.enrolment.models import ConsentRow
from devicepolicy.enrolment.terms import Terms, TermsBook
from devicepolicy.permissions import DEVICE_READ


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """Who agreed to which terms, and until when."""

    employee_id: str | None
    terms_version: str
    terms_sha256: str
    language: str
    given_at: datetime
    withdrawn_at: datetime | None


class ConsentService:
    """Nothing is collected from a phone whose employee has not agreed to the terms as they are now."""

    def __init__(
        self, database: Database, clock: Clock, *, ledger: Ledger, register: Register, book: TermsBook
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._register = register
        self._book = book

    def current(self) -> Terms:
        """Give the terms that are asked for now."""
        return self._book.current(self._clock.now().date())

    def require(self, phone: Phone) -> None:
        """Raise `ConsentRequired` unless its employee agreed to the current terms. Ask before storing."""
        wanted = self.current().version
        if phone.terms_version != wanted:
            raise ConsentRequired(terms_version=wanted)

    def check(self, agreement: Agreement) -> None:
        """Raise `ConsentStale` unless this is the current version, word for word."""
        terms = self.current()
        if agreement.version != terms.version or agreement.sha256 != terms.sha256[agreement.language]:
            raise ConsentStale(terms_version=terms.version)

    async def agree(self, phone: Phone, agreement: Agreement) -> None:
        """Record an agreement of an enrolled phone's employee. Idempotent; raise `ConsentStale`."""
        self.check(agreement)
        async with self._db.begin() as session:
            row = await self._register.locked(session, phone.device_id)
            if row.terms_version != agreement.version:
                await self.record(session, row, agreement)

    async def given(self, principal: Principal, device_id: str) -> list[ConsentLine]:
        """Give the agreements of a phone within reach, the newest first."""
        reach = scope_clause(
            principal, DEVICE_READ, owner=DeviceRow.employee_id, department=DeviceRow.department_id
        )
        query = (
            select(ConsentRow)
            .join(DeviceRow, DeviceRow.id == ConsentRow.device_id)
            .where(ConsentRow.device_id == device_id, reach)
            .order_by(ConsentRow.id.desc())
        )
        async with self._db.read() as session:
            return [
                ConsentLine(
                    row.employee_id,
                    row.terms_version,
                    row.terms_sha256,
                    row.language,
                    row.given_at,
                    row.withdrawn_at,
                )
                for row in await session.scalars(query)
            ]

    async def record(self, session: AsyncSession, row: DeviceRow, agreement: Agreement) -> None:
        """Write an agreement down in the caller's transaction."""
        now = self._clock.now()
        session.add(
            ConsentRow(
                id=new_id(),
                device_id=row.id,
                employee_id=row.employee_id,
                terms_version=agreement.version,
                terms_sha256=agreement.sha256,
                language=agreement.language,
                given_at=now,
            )
        )
        row.terms_version = agreement.version
        self._register.remember(session, row.id, "consent-given", version=agreement.version)
        await session.flush()
        body = {
            "device": row.id,
            "employee": row.employee_id,
            "terms": agreement.version,
            "terms_sha256": agreement.sha256,
            "language": agreement.language,
        }
        await self._ledger.append(session, "device.consent-given", body)

    async def withdraw(self, phone: Phone) -> None:
        """Take the agreement back (PIPL Art. 15): from now on nothing is collected. Idempotent."""
        async with self._db.begin() as session:
            row = await self._register.locked(session, phone.device_id)
            if row.terms_version is not None:
                await self.void(session, row)
                body = {"device": row.id, "employee": row.employee_id}
                await self._ledger.append(session, "device.consent-withdrawn", body)

    async def void(self, session: AsyncSession, row: DeviceRow) -> None:
        """End the agreement that holds: withdrawn, or the phone has another employee now."""
        live = (ConsentRow.device_id == row.id, ConsentRow.withdrawn_at.is_(None))
        await session.execute(update(ConsentRow).where(*live).values(withdrawn_at=self._clock.now()))
        row.terms_version = None
        self._register.remember(session, row.id, "consent-ended")
        await session.flush()
