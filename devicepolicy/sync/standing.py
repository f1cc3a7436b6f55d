"""Writes down how a phone stands, in the caller's transaction: from its last report, and as a whole."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.events import EventBus
from devicepolicy.capabilities.expected import expected_gaps
from devicepolicy.capabilities.facts import Backend, DeviceFacts
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.devices.compliance import (
    Compliance,
    Fault,
    Reason,
    Reported,
    SettingReport,
    SettingState,
    SettingStatus,
    Wanted,
    judge,
)
from devicepolicy.devices.events import ComplianceChanged
from devicepolicy.devices.model import ComplianceState
from devicepolicy.devices.models import DeviceRow, ReportRow
from devicepolicy.devices.register import Register
from devicepolicy.policies.settings import flatten
from devicepolicy.sync.models import DesiredRow

KEPT = 2048


@dataclass(frozen=True, slots=True)
class Settled:
    """A judgement that stands in its row."""

    found: Compliance
    bus: EventBus
    changed: ComplianceChanged | None

    async def tell(self, session: AsyncSession) -> None:
        """Tell that the phone's compliance changed, if it did."""
        if self.changed is not None:
            await self.bus.publish(session, self.changed)


class Standings:
    """Judges phones against what is wanted of them."""

    def __init__(self, clock: Clock, *, table: CapabilityTable, register: Register, bus: EventBus) -> None:
        self._clock = clock
        self._table = table
        self._register = register
        self._bus = bus
        self._gaps: dict[tuple[str, DeviceFacts], Mapping[str, Reason]] = {}

    def settle(
        self,
        session: AsyncSession,
        row: DeviceRow,
        desired: DesiredRow,
        reported: Reported | None,
        mark: str | None = None,
    ) -> Settled:
        """Judge a locked phone and put it into its row. Flush, then let what this gives tell the others.

        `mark` names the words that were judged, where these are the phone's own of now.
        """
        found = judge(wanted_of(desired), reported, self._expected(row, desired))
        row.settings = {
            "version": desired.version,
            "faults": [fault.value for fault in found.faults],
            "counts": found.counts,
            "settings": {name: _status(status) for name, status in found.settings.items()},
        }
        if mark is not None:
            row.settings["judged"] = mark
        row.applied_version = reported.version if reported is not None else None
        before, after = row.compliance, found.state
        if before is after:
            return Settled(found, self._bus, None)
        now = self._clock.now()
        row.compliance, row.compliance_since = after, now
        if after is ComplianceState.COMPLIANT:
            row.left_compliance_at = None
        elif before is ComplianceState.COMPLIANT:
            row.left_compliance_at = now
        self._register.remember(
            session,
            row.id,
            "compliance",
            before=before.value,
            after=after.value,
            version=desired.version,
        )
        return Settled(found, self._bus, ComplianceChanged(row.id, row.employee_id, before, after))

    def mark(self, content_hash: str) -> str:
        """Name a judgement: of which words of a phone, and by which table."""
        return f"{content_hash}.{self._table.digest[:16]}"

    async def last_reported(self, session: AsyncSession, device_ids: Collection[str]) -> dict[str, Reported]:
        """Read what phones said last; who said nothing yet is not in it."""
        last = (
            select(func.max(ReportRow.id))
            .where(ReportRow.device_id.in_(device_ids))
            .group_by(ReportRow.device_id)
        )
        query = select(ReportRow.device_id, ReportRow.content).where(ReportRow.id.in_(last))
        return {row.device_id: read_content(row.content) for row in await session.execute(query)}

    def _expected(self, row: DeviceRow, desired: DesiredRow) -> Mapping[str, Reason]:
        """Say what the phone cannot do. Policies and kinds of phones are few: the answers are kept."""
        key = (desired.policy_sha256, facts_of(row))
        known = self._gaps.get(key)
        if known is None:
            settings = flatten(desired.document["policy"], self._table)
            gaps = expected_gaps(settings, facts_of(row), self._table)
            known = {name: Reason(gap.reason.value) for name, gap in gaps.items()}
            if len(self._gaps) >= KEPT:
                self._gaps.clear()
            self._gaps[key] = known
        return known


def still_proved(row: DeviceRow, reported: Reported | None) -> Reported | None:
    """Give what a phone's last report still proves when something else is wanted from now on.

    Only values that were wanted until now as well: of any other the phone may have applied what was wanted
    in between, and not told yet. So a wish that comes back is pending until the phone says it anew.
    """
    if reported is None:
        return None
    before = row.settings.get("settings", {})
    sure = {name for name, status in before.items() if status["state"] == SettingState.APPLIED.value}
    settings = {
        name: said if name in sure else replace(said, sha256=None) for name, said in reported.settings.items()
    }
    return replace(reported, settings=settings)


def facts_of(row: DeviceRow) -> DeviceFacts:
    """Say what a phone is."""
    return DeviceFacts(row.api_level, row.mode, frozenset(Backend(name) for name in row.backends))


def wanted_of(desired: DesiredRow) -> Wanted:
    """Say what must be proved."""
    document = desired.document
    return Wanted(desired.version, desired.sha256, document["settings"], document["state"])


def content_of(reported: Reported) -> dict[str, Any]:
    """Put what a phone says of policy into a form that is the same for the same words."""
    return {
        "version": reported.version,
        "sha256": reported.sha256,
        "state": reported.state,
        "settings": {name: _said(said) for name, said in sorted(reported.settings.items())},
    }


def read_content(content: dict[str, Any]) -> Reported:
    """Read what `content_of` wrote."""
    settings = {
        name: SettingReport(said.get("sha256"), _reason(said.get("reason")), said.get("detail"))
        for name, said in content["settings"].items()
    }
    return Reported(content["version"], content["sha256"], settings, content["state"])


def _reason(text: str | None) -> Reason | None:
    return None if text is None else Reason(text)


def _said(said: SettingReport) -> dict[str, str]:
    return _plain(sha256=said.sha256, reason=said.reason, detail=said.detail)


def _status(status: SettingStatus) -> dict[str, str]:
    return _plain(
        state=status.state,
        wanted=status.wanted,
        reported=status.reported,
        reason=status.reason,
        detail=status.detail,
    )


def _plain(**words: str | None) -> dict[str, str]:
    """Leave out what there is not; `asdict` would copy each word and take ten times as long."""
    return {name: word for name, word in words.items() if word is not None}


__all__ = ["Fault", "SettingState", "Standings", "content_of", "facts_of", "read_content", "wanted_of"]
