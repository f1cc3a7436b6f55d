"""What fixes and check-ins go through alike: both consents, policy, hours, clocks."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.devices.model import Phone
from devicepolicy.devices.models import DeviceRow
from devicepolicy.uploads.findings import Findings
from devicepolicy.uploads.intake import GRACE, Intake, Session
from devicepolicy.uploads.model import Finding
from devicepolicy.whereabouts.consent import LocationConsent
from devicepolicy.whereabouts.errors import LocationConsentRequired
from devicepolicy.whereabouts.model import Collection, Fix, FixOutcome, Refusal
from devicepolicy.whereabouts.models import LocationConsentRow, LocationRefusalRow
from devicepolicy.whereabouts.wanted import Whereabouts

COUNTED = frozenset(Refusal)


@dataclass(frozen=True, slots=True)
class Opened:
    """One phone handing in, its row locked, with the agreement that it rests on."""

    at: Session
    consent: LocationConsentRow
    wanted: Whereabouts

    @property
    def row(self) -> DeviceRow:
        return self.at.row

    def refusal(self, moment: datetime, *, least: frozenset[Collection]) -> FixOutcome | None:
        """Say why what happened at a moment is not taken; None: it is, if its mode is among `least`."""
        if self.wanted.mode not in least:
            return FixOutcome.NOT_WANTED
        if moment < max(self.consent.given_at - GRACE, self.at.since):
            return FixOutcome.BEFORE_CONSENT
        if self.wanted.outside(moment):
            return FixOutcome.OUTSIDE_HOURS
        return None


class Doorway:
    """Opens for a phone that may hand in; counts what it turns away."""

    def __init__(self, intake: Intake, consent: LocationConsent, findings: Findings, time_zone: str) -> None:
        self._intake = intake
        self._consent = consent
        self._findings = findings
        self._zone = ZoneInfo(time_zone)

    def require_terms(self, phone: Phone) -> None:
        """Raise `ConsentRequired` where the general terms are not agreed to."""
        self._intake.require_consent(phone)

    async def open(
        self, session: AsyncSession, phone: Phone, sent_at: datetime, *, count: int = 1
    ) -> Opened | LocationConsentRequired:
        """Lock the phone; give what it rests on, or what to raise once the count is written."""
        at = await self._intake.begin(session, phone, sent_at)
        try:
            consent = await self._consent.required(session, at.row.id, at.row.employee_id)
        except LocationConsentRequired as refused:
            await self.turned_away(session, at, Counter({Refusal.NO_CONSENT: count}))
            return refused
        return Opened(at, consent, Whereabouts.of(at.policy, self._zone))

    def key(self, device_id: str, phones_id: str) -> str:
        """Give what is kept of a phone's own id for something."""
        return self._intake.key(device_id, phones_id)

    def day(self, moment: datetime) -> str:
        """Give the day of a moment by the institution's clock."""
        return moment.astimezone(self._zone).date().isoformat()

    async def turned_away(self, session: AsyncSession, at: Session, counts: Mapping[Refusal, int]) -> None:
        """Add to the day's counts; the phone's row is locked."""
        day = at.now.astimezone(self._zone).date()
        for reason, count in counts.items():
            known = await session.get(LocationRefusalRow, (at.row.id, day, reason))
            if known is None:
                session.add(LocationRefusalRow(device_id=at.row.id, day=day, reason=reason, count=count))
            else:
                known.count += count
        await session.flush()

    async def mock(self, session: AsyncSession, opened: Opened, fix: Fix, moment: datetime) -> None:
        """Tell of a mock location (虚假定位), once a day, unless the policy allows them."""
        own: Mapping[str, Any] = opened.at.policy.get("maskline") or {}
        if fix.position.mock and own.get("mockLocation") != "MOCK_LOCATION_ALLOWED":
            await self.tell(session, opened, Finding.MOCK_LOCATION, self.day(moment), moment)

    async def tell(
        self, session: AsyncSession, opened: Opened, finding: Finding, what: str, moment: datetime
    ) -> None:
        """Tell somebody, once for each `what`."""
        subject = f"{finding.value.lower()}/{opened.row.id}/{what}"
        await self._findings.tell(session, finding, opened.row, subject, moment)


async def known(session: AsyncSession, table: Any, device_id: str, key: str) -> Any | None:
    """Find what came before under the same id."""
    return await session.scalar(select(table).where(table.device_id == device_id, table.key == key))
