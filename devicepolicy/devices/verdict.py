"""What the verdict on a contact asks of an employee's phones: a word of refusal, or nothing.

The policy wanted of a phone decides (`contactNeedsCompliance`, `maxSilenceMinutes`); what it does not say is
as the deployment's settings `phones.verdict.*` have it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, bindparam, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.models import Department, Employee
from core.clock import Clock
from core.phone_settings import VerdictSettings
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.policies.contacts import ContactRule
from devicepolicy.policies.models import AssignmentRow
from devicepolicy.policies.ports import PoliciesOfPeople


class PhoneRefusal(StrEnum):
    """Why an employee may reach nobody. The rules of contacts have a text for each."""

    NOT_ENROLLED = "phone-not-enrolled"
    FROZEN = "phone-frozen"
    NOT_COMPLIANT = "phone-not-compliant"
    SILENT = "phone-silent"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one phone, or of an employee without any."""

    enrolled: bool
    compliant: bool
    silent_s: int | None
    pending_s: int

    @classmethod
    def of(cls, rule: ContactRule, wanted: VerdictSettings) -> "Asked":
        """Lay what a policy says over what the deployment says."""
        needs, minutes = rule.needs_compliance, rule.max_silence_minutes
        return cls(
            enrolled=wanted.require_enrolled if needs is None else needs,
            compliant=wanted.require_compliant if needs is None else needs,
            silent_s=wanted.silent_s if minutes is None else minutes * 60,
            pending_s=wanted.pending_s,
        )

    @property
    def anything(self) -> bool:
        return self.enrolled or self.compliant or self.silent_s is not None


# Every contact goes through it: made once, and without the ORM.
_PEOPLE = (
    select(
        Employee.id.label("employee_id"),
        Department.path,
        exists().where(AssignmentRow.ended_at.is_(None)).label("policies"),
        DeviceRow.id.label("device_id"),
        DeviceRow.state,
        DeviceRow.compliance,
        DeviceRow.left_compliance_at,
        DeviceRow.last_report_at,
        DeviceRow.trusted_at,
        DeviceRow.contact_needs_compliance,
        DeviceRow.max_silence_minutes,
    )
    .outerjoin(Department, Department.id == Employee.department_id)
    .outerjoin(DeviceRow, and_(DeviceRow.employee_id == Employee.id, DeviceRow.trust == Trust.TRUSTED))
    .where(Employee.id.in_(bindparam("people", expanding=True)))
)


class PhoneStanding:
    """Answers from the register in one statement; in two if there are policies and somebody has no phone."""

    def __init__(self, clock: Clock, settings: VerdictSettings, policies: PoliciesOfPeople) -> None:
        self._clock = clock
        self._settings = settings
        self._policies = policies

    async def refusals(self, session: AsyncSession, employee_ids: Collection[str]) -> Mapping[str, str]:
        """Say who is refused, and why. Of several phones each must be in order: a second is no way round."""
        now = self._clock.now()
        without: dict[str, str] = dict.fromkeys(employee_ids, "")
        found: dict[str, set[PhoneRefusal]] = {}
        policies = False
        connection = await session.connection()  # a session's own way costs as much again as the statement
        for row in await connection.execute(_PEOPLE, {"people": list(employee_ids)}):
            policies = row.policies
            if row.device_id is None:
                without[row.employee_id] = row.path or ""
                continue
            without.pop(row.employee_id, None)
            refusal = judge_phone(row, self._settings, now)
            if refusal is not None:
                found.setdefault(row.employee_id, set()).add(refusal)
        if without:
            for one in await self._unenrolled(session, without, policies=policies):
                found[one] = {PhoneRefusal.NOT_ENROLLED}
        return {
            one: next(word for word in PhoneRefusal if word in words).value for one, words in found.items()
        }

    async def _unenrolled(
        self, session: AsyncSession, people: Mapping[str, str], *, policies: bool
    ) -> list[str]:
        """Give those who should have a phone, of people without one: else no phone were the best phone."""
        settings: Mapping[str, Any] = await self._policies.of_people(session, people) if policies else {}
        return [
            one
            for one in people
            if Asked.of(ContactRule.in_settings(settings.get(one, {})), self._settings).enrolled
        ]


def judge_phone(row: Any, wanted: VerdictSettings, now: datetime) -> PhoneRefusal | None:
    """Judge one trusted phone (`DeviceRow`, or the columns of it that are looked at).

    While it applies something new it may go on for `pending_s`, counted from when it was last compliant: a
    phone that says "pending" again and again gains nothing.
    """
    asked = Asked.of(ContactRule(row.contact_needs_compliance, row.max_silence_minutes), wanted)
    if not asked.anything:
        return None
    if row.state is not DeviceState.ACTIVE:
        return PhoneRefusal.FROZEN
    if asked.compliant and row.compliance is not ComplianceState.COMPLIANT:
        left = row.left_compliance_at
        late = left is None or now - left > timedelta(seconds=asked.pending_s)
        if late or row.compliance is ComplianceState.NOT_COMPLIANT:
            return PhoneRefusal.NOT_COMPLIANT
    heard = row.last_report_at or row.trusted_at
    if asked.silent_s is not None and (heard is None or now - heard > timedelta(seconds=asked.silent_s)):
        return PhoneRefusal.SILENT
    return None
