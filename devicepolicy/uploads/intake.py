"""What every upload goes through: consent, policy, hours, clocks, whose it is, and how it is sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.sealed import BlindIndex
from core.vault import Cipher, SubjectErased, SubjectKeys, SubjectUnknown, Vault
from devicepolicy.devices.model import Phone
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import Register
from devicepolicy.enrolment.models import ConsentRow
from devicepolicy.sync.desired import latest
from devicepolicy.uploads.model import normal
from devicepolicy.uploads.ports import Consent, Counterparts
from devicepolicy.uploads.wanted import Wanted

GRACE = timedelta(minutes=1)
"""Clocks are no better: what happened in the minute before the agreement counts as after it."""


@dataclass(frozen=True, slots=True)
class Session:
    """One phone handing in, its row locked: batches of a phone come one after the other."""

    row: DeviceRow
    wanted: Wanted
    since: datetime
    """When its employee agreed."""
    now: datetime
    skew: timedelta
    """What is to be added to the phone's clock."""
    policy: Mapping[str, Any]
    """The policy document that is wanted of it now."""

    def moment(self, at: datetime) -> datetime:
        """Give a time of the phone's by our clock: never one that is still to come."""
        return min(at + self.skew, self.now)


@dataclass(frozen=True, slots=True)
class Party:
    """Who is at the other end: a customer of ours or a stranger; the index finds them again."""

    customer_id: str | None
    index: BlindIndex | None
    cipher: Cipher


class Intake:
    """Shared by records, events and recordings."""

    def __init__(
        self,
        clock: Clock,
        *,
        vault: Vault,
        subject_keys: SubjectKeys,
        register: Register,
        consent: Consent,
        counterparts: Counterparts,
        time_zone: str,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._keys = subject_keys
        self._register = register
        self._consent = consent
        self._counterparts = counterparts
        self._zone = ZoneInfo(time_zone)

    def require_consent(self, phone: Phone) -> None:
        """Raise `ConsentRequired`: nothing is looked at before."""
        self._consent.require(phone)

    async def begin(self, session: AsyncSession, phone: Phone, sent_at: datetime) -> Session:
        """Lock the phone and read what is asked of it. `sent_at`: its clock when it sent this."""
        row = await self._register.locked(session, phone.device_id)
        desired = await latest(session, row.id)
        given = await session.scalar(
            select(func.min(ConsentRow.given_at)).where(
                ConsentRow.device_id == row.id,
                ConsentRow.employee_id == row.employee_id
                if row.employee_id is not None
                else ConsentRow.employee_id.is_(None),
                ConsentRow.withdrawn_at.is_(None),
            )
        )
        now = self._clock.now()
        policy = desired.document.get("policy", {}) if desired is not None else {}
        return Session(row, Wanted.of(policy, self._zone), (given or now) - GRACE, now, now - sent_at, policy)

    async def party(self, session: AsyncSession, counterpart: str | None, app: str | None) -> Party:
        """Say who somebody is; a customer's things are sealed under the customer's own key."""
        if counterpart is None:
            return Party(None, None, self._vault.cipher())
        index = self.index(counterpart, app)
        customer_id = await self._counterparts.customer(session, counterpart, app)
        if customer_id is not None:
            try:
                return Party(customer_id, index, await self._keys.cipher(session, customer_id))
            except (SubjectErased, SubjectUnknown):
                pass
        return Party(None, index, self._vault.cipher())

    async def cipher(
        self, session: AsyncSession, customer_id: str | None, key_id: str | None
    ) -> Cipher | None:
        """Give the cipher that something was sealed under; None once the customer is erased."""
        if customer_id is None:
            return self._vault.cipher(key_id)
        try:
            return await self._keys.cipher(session, customer_id)
        except (SubjectErased, SubjectUnknown):
            return None

    def key(self, device_id: str, phones_id: str) -> str:
        """Give what is kept of a phone's own id for something: it may be any text, a number too."""
        return self._vault.blind("upload.id", f"{device_id}|{phones_id}").raw.hex()

    def index(self, counterpart: str, app: str | None) -> BlindIndex:
        return self._vault.blind("upload.counterpart", f"{app or 'tel'}|{normal(counterpart)}")
