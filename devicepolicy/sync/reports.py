"""Takes a phone's report: in order, with consent, judged as a whole, kept as proof of what is new."""

import asyncio
from contextlib import nullcontext
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.batches import Batches
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.sealed import Field
from core.vault import Vault
from devicepolicy.canonical import sha256_of
from devicepolicy.devices.compliance import Compliance, SettingState
from devicepolicy.devices.events import DeviceCameBack
from devicepolicy.devices.models import DeviceRow, ReportRow
from devicepolicy.devices.register import Register, subject_of
from devicepolicy.identity.gate import Admitted
from devicepolicy.policies.ports import RolloutWatch
from devicepolicy.sync.desired import DesiredStates, latest
from devicepolicy.sync.errors import ReportOutOfOrder
from devicepolicy.sync.model import PhoneReport, Standing
from devicepolicy.sync.models import DesiredRow
from devicepolicy.sync.ports import Consent
from devicepolicy.sync.standing import Standings, content_of
from devicepolicy.sync.steady import SteadyReports, Told, Unchanged, measured

LEAP = 1000
"""Versions by which a phone may be ahead and still be believed to come from before a restored backup."""


class Reports:
    """The one way in which the register learns how a phone is."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        vault: Vault,
        ledger: Ledger,
        bus: EventBus,
        register: Register,
        standings: Standings,
        desired: DesiredStates,
        consent: Consent,
        watch: RolloutWatch,
        every_s: int,
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self._bus = bus
        self._register = register
        self._standings = standings
        self._desired = desired
        self._consent = consent
        self._watch = watch
        self._every_s = every_s
        # SQLite has one writer: reports that queue here do not poll for its lock, each in its own thread.
        self._turn = asyncio.Lock() if database.is_sqlite else nullcontext()
        self._steady = Batches(SteadyReports(database, clock), name="steady reports of phones")

    async def take(self, admitted: Admitted, report: PhoneReport, body: bytes) -> Standing:
        """Take a report; `body` is what the phone signed. The same report again gets the same answer.

        Raises:
            ConsentRequired: nothing was stored.
            ReportOutOfOrder: it is older than one that came already.
        """
        self._consent.require(admitted.phone)
        content_hash = sha256_of(content_of(report.reported))
        said: dict[str, JSON] = {
            "content": content_hash,
            "status": asdict(report.status),
            "state": report.state.value,
        }
        told, mark = sha256_of(said), self._standings.mark(content_hash)
        unchanged = await self._steady(Told(admitted.phone.device_id, report, told, mark))
        if unchanged is not None:
            return self._answer(unchanged)
        async with self._turn, self._db.begin() as session:
            row = await self._register.locked(session, admitted.phone.device_id)
            if row.report_seq == report.seq and row.report_hash == told:
                return self._answered(row, await self._wanted(session, row))
            if report.seq <= row.report_seq:
                raise ReportOutOfOrder(last_seq=row.report_seq)
            await self._note(session, row, report, told)
            desired = await self._wanted(session, row)
            if _overtaken(desired, report):
                desired = await self._desired.overtake(session, row, report.reported.version or 0)
            settled = self._standings.settle(session, row, desired, report.reported)
            row.settings = {**row.settings, "judged": mark}
            await session.flush()
            await settled.tell(session)
            await self._watched(session, row, desired, report, settled.found)
            desired = await self._wanted(session, row)  # a roll-out may have halted over it
            await self._keep(session, row, admitted, report, body, content_hash)
            return self._answered(row, desired)

    async def _note(self, session: AsyncSession, row: DeviceRow, report: PhoneReport, told: str) -> None:
        row.report_seq, row.report_hash = report.seq, told
        row.last_report_at = row.last_seen_at = self._clock.now()
        row.status = measured(report)
        row.applied_state = report.state
        row.api_level, row.mode = report.facts.api_level, report.facts.mode
        row.backends = sorted(backend.value for backend in report.facts.backends)
        row.os_version, row.security_patch = report.os_version, report.security_patch
        row.agent_version = report.agent_version
        if row.offline:
            row.offline = False
            self._register.remember(session, row.id, "online")
            await session.flush()
            await self._bus.publish(session, DeviceCameBack(row.id, row.employee_id))

    async def _wanted(self, session: AsyncSession, row: DeviceRow) -> DesiredRow:
        """A report is judged by what is wanted now, not by what was computed last."""
        desired = await latest(session, row.id)
        if desired is None or row.desired_stale:
            return await self._desired.refresh(session, row, "report")
        return desired

    async def _watched(
        self,
        session: AsyncSession,
        row: DeviceRow,
        desired: DesiredRow,
        report: PhoneReport,
        found: Compliance,
    ) -> None:
        """Tell the roll-out how this phone fares, once it has applied the document of now."""
        if (report.reported.version, report.reported.sha256) != (desired.version, desired.sha256):
            return
        failed = any(status.state is SettingState.FAILED for status in found.settings.values())
        await self._watch.noted(session, await subject_of(session, row), failed=failed)

    async def _keep(
        self,
        session: AsyncSession,
        row: DeviceRow,
        admitted: Admitted,
        report: PhoneReport,
        body: bytes,
        content_hash: str,
    ) -> None:
        query = select(ReportRow.content_hash).where(ReportRow.device_id == row.id)
        if await session.scalar(query.order_by(ReportRow.id.desc()).limit(1)) == content_hash:
            return
        report_id = new_id()
        session.add(
            ReportRow(
                id=report_id,
                device_id=row.id,
                seq=report.seq,
                received_at=self._clock.now(),
                content_hash=content_hash,
                content=content_of(report.reported),
                applied_version=report.reported.version,
                compliance=row.compliance,
                signature_base=admitted.proof.base,
                signature=admitted.proof.signature,
                body=self._vault.cipher().seal(Field("dp_reports", "body", report_id), body),
            )
        )
        await session.flush()
        facts: dict[str, JSON] = {
            "device": row.id,
            "report": report_id,
            "seq": report.seq,
            "applied": report.reported.version,
            "content_sha256": content_hash,
            "compliance": row.compliance.value,
        }
        await self._ledger.append(session, "device.report", facts)

    def _answered(self, row: DeviceRow, desired: DesiredRow) -> Standing:
        settings = row.settings.get("settings", {})
        return self._answer(Unchanged(row.compliance, desired.version, desired.sha256, settings))

    def _answer(self, stands: Unchanged) -> Standing:
        failed = SettingState.FAILED.value
        return Standing(
            stands.compliance,
            stands.desired_version,
            stands.desired_sha256,
            self._every_s,
            self._clock.now(),
            tuple(sorted(name for name, status in stands.settings.items() if status["state"] == failed)),
        )

    async def forget(self, keep_days: int) -> None:
        """Drop reports beyond their time, but never a phone's last one. A chore of the relay."""
        before = self._clock.now() - timedelta(days=keep_days)
        last = select(func.max(ReportRow.id)).group_by(ReportRow.device_id)
        async with self._db.begin() as session:
            old = delete(ReportRow).where(ReportRow.received_at < before, ReportRow.id.not_in(last))
            await session.execute(old)


def _overtaken(desired: DesiredRow, report: PhoneReport) -> bool:
    """Whether the phone has a version that was never made here: our books are those of a backup."""
    version = report.reported.version
    return version is not None and desired.version < version <= desired.version + LEAP
