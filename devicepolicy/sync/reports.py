"""Takes a phone's report: in order, with consent, judged as a whole, kept as proof of what is new."""

from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.batches import Batches
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import JSON, Ledger
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
from devicepolicy.sync.judged import AT_MOST, JudgedReports
from devicepolicy.sync.model import PhoneReport, Standing
from devicepolicy.sync.models import DesiredRow
from devicepolicy.sync.ports import Consent
from devicepolicy.sync.proofs import Proofs
from devicepolicy.sync.standing import Standings, content_of
from devicepolicy.sync.steady import SteadyReports
from devicepolicy.sync.told import Stands, Told, note

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
        self._bus = bus
        self._register = register
        self._standings = standings
        self._desired = desired
        self._consent = consent
        self._watch = watch
        self._every_s = every_s
        self._proofs = Proofs(clock, vault=vault, ledger=ledger)
        self._steady = Batches(SteadyReports(database, clock), name="steady reports of phones")
        judged = JudgedReports(database, clock, standings=standings, proofs=self._proofs, watch=watch)
        self._judged = Batches(judged, name="new reports of phones", at_most=AT_MOST)

    async def take(self, admitted: Admitted, report: PhoneReport, body: bytes) -> Standing:
        """Take a report; `body` is what the phone signed. The same report again gets the same answer.

        Most say nothing new; after a push many say the same new thing. Both go together with others that came
        meanwhile. What is not sure there goes alone.

        Raises:
            ConsentRequired: nothing was stored.
            ReportOutOfOrder: it is older than one that came already.
        """
        self._consent.require(admitted.phone)
        told = self._told(admitted, report, body)
        stands = await self._steady(told)
        if stands is None:
            stands = await self._judged(told)
        if stands is None:
            stands = await self._alone(told)
        return self._answer(stands)

    def _told(self, admitted: Admitted, report: PhoneReport, body: bytes) -> Told:
        content = content_of(report.reported)
        content_hash = sha256_of(content)
        said: dict[str, JSON] = {
            "content": content_hash,
            "status": asdict(report.status),
            "state": report.state.value,
        }
        return Told(
            device_id=admitted.phone.device_id,
            report=report,
            sha256=sha256_of(said),
            mark=self._standings.mark(content_hash),
            content=content,
            content_hash=content_hash,
            proof=admitted.proof,
            body=body,
        )

    async def _alone(self, told: Told) -> Stands:
        """Take a report with all that may follow from it."""
        report = told.report
        async with self._db.begin() as session:
            row = await self._register.locked(session, told.device_id)
            if row.report_seq == report.seq and row.report_hash == told.sha256:
                return Stands.of(row, await self._wanted(session, row))
            if report.seq <= row.report_seq:
                raise ReportOutOfOrder(last_seq=row.report_seq)
            await self._note(session, row, told)
            desired = await self._wanted(session, row)
            if _overtaken(desired, report):
                desired = await self._desired.overtake(session, row, report.reported.version or 0)
            settled = self._standings.settle(session, row, desired, report.reported, told.mark)
            await session.flush()
            await settled.tell(session)
            await self._watched(session, row, desired, report, settled.found)
            desired = await self._wanted(session, row)  # a roll-out may have halted over it
            await self._proofs.keep(session, [(row, told)])
            return Stands.of(row, desired)

    async def _note(self, session: AsyncSession, row: DeviceRow, told: Told) -> None:
        note(row, told, self._clock.now())
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

    def _answer(self, stands: Stands) -> Standing:
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
