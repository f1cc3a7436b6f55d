"""What the verdict on a contact asks of an employee's phones: a word of refusal, or nothing."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.phone_settings import VerdictSettings
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow


class PhoneRefusal(StrEnum):
    """Why an employee may reach nobody. The rules of contacts have a text for each."""

    NOT_ENROLLED = "phone-not-enrolled"
    FROZEN = "phone-frozen"
    NOT_COMPLIANT = "phone-not-compliant"
    SILENT = "phone-silent"


class PhoneStanding:
    """Answers from the register in one indexed query, and without any while nothing is asked of phones."""

    def __init__(self, clock: Clock, settings: VerdictSettings) -> None:
        self._clock = clock
        self._settings = settings

    async def refusals(self, session: AsyncSession, employee_ids: Collection[str]) -> Mapping[str, str]:
        """Say who is refused, and why. Of several phones each must be in order: a second is no way round."""
        wanted = self._settings
        if not (wanted.require_enrolled or wanted.require_compliant or wanted.silent_s is not None):
            return {}
        query = select(DeviceRow).where(
            DeviceRow.employee_id.in_(employee_ids), DeviceRow.trust == Trust.TRUSTED
        )
        phones: dict[str, list[DeviceRow]] = {one: [] for one in employee_ids}
        for row in await session.scalars(query.execution_options(populate_existing=True)):
            if row.employee_id is not None:
                phones[row.employee_id].append(row)
        now = self._clock.now()
        return {one: refusal for one, rows in phones.items() if (refusal := _refusal(rows, wanted, now))}


def _refusal(rows: list[DeviceRow], wanted: VerdictSettings, now: datetime) -> str | None:
    if not rows:
        return PhoneRefusal.NOT_ENROLLED.value if wanted.require_enrolled else None
    found = {judge_phone(row, wanted, now) for row in rows}
    return next((refusal.value for refusal in PhoneRefusal if refusal in found), None)


def judge_phone(row: DeviceRow, wanted: VerdictSettings, now: datetime) -> PhoneRefusal | None:
    """Judge one trusted phone.

    While it applies something new it may go on for `pending_s`, counted from when it was last compliant: a
    phone that says "pending" again and again gains nothing.
    """
    if row.state is not DeviceState.ACTIVE:
        return PhoneRefusal.FROZEN
    if wanted.require_compliant and row.compliance is not ComplianceState.COMPLIANT:
        left = row.left_compliance_at
        late = left is None or now - left > timedelta(seconds=wanted.pending_s)
        if late or row.compliance is ComplianceState.NOT_COMPLIANT:
            return PhoneRefusal.NOT_COMPLIANT
    heard = row.last_report_at or row.trusted_at
    if wanted.silent_s is not None and (heard is None or now - heard > timedelta(seconds=wanted.silent_s)):
        return PhoneRefusal.SILENT
    return None
