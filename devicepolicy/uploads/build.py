"""Puts uploads together; the roof calls this with the ports that it plugs in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core.blobs import BlobStore
from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from core.outbox import Outbox
from core.phone_settings import UploadSettings
from core.vault import SubjectKeys, Vault
from core.web.endpoint import Endpoint
from devicepolicy.devices.register import Register
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.uploads import agent_api, api, conduct_api, money_api
from devicepolicy.uploads.catalogue import catalogue
from devicepolicy.uploads.conduct import ConductEvents
from devicepolicy.uploads.conduct_desk import ConductDesk
from devicepolicy.uploads.findings import Findings
from devicepolicy.uploads.handing_on import HandingOn
from devicepolicy.uploads.intake import Intake
from devicepolicy.uploads.lines import Lines
from devicepolicy.uploads.models import UploadDeletionRow, UploadRecordingRow, UploadRecordRow
from devicepolicy.uploads.money import MoneyFigures
from devicepolicy.uploads.ports import (
    ConductSink,
    Consent,
    Counterparts,
    ForeignRecords,
    Holds,
    NullConductSink,
    NullCounterparts,
    NullForeignRecords,
    NullHolds,
    NullSimCalls,
    SimCalls,
)
from devicepolicy.uploads.queries import UploadQueries
from devicepolicy.uploads.recordings import Recordings
from devicepolicy.uploads.records import Records
from devicepolicy.uploads.upkeep import Upkeep


@dataclass(frozen=True, slots=True)
class UploadPorts:
    """The neighbours; by default there are none."""

    counterparts: Counterparts = field(default_factory=NullCounterparts)
    conduct: ConductSink = field(default_factory=NullConductSink)
    foreign: ForeignRecords = field(default_factory=NullForeignRecords)
    sim_calls: SimCalls = field(default_factory=NullSimCalls)
    holds: Holds = field(default_factory=NullHolds)
    cover: Callable[[str], str] = str
    """Covers contact data in what people write about events."""


@dataclass(frozen=True, slots=True)
class Uploads:
    """The services of uploads."""

    intake: Intake
    findings: Findings
    records: Records
    events: ConductEvents
    recordings: Recordings
    queries: UploadQueries
    desk: ConductDesk
    money: MoneyFigures
    handing_on: HandingOn
    upkeep: Upkeep

    def endpoints(self, gate: DeviceGate) -> list[Endpoint]:
        """Give the endpoints for people and for phones."""
        return [
            *api.endpoints(self.queries),
            *conduct_api.endpoints(self.queries, self.desk),
            *money_api.endpoints(self.money),
            *agent_api.endpoints(gate, self.records, self.events, self.recordings),
        ]

    async def sweep(self) -> None:
        """Tell what is missing, let go of what is old, drop blobs that nobody needs. A chore of the relay."""
        await self.upkeep()
        while await self.recordings.sweep():
            pass

    async def forget_customer(self, session: AsyncSession, customer_id: str) -> None:
        """Drop the blind indexes that lead to an erased customer; what is sealed died with the key."""
        for table in (UploadRecordRow, UploadDeletionRow, UploadRecordingRow):
            await session.execute(
                update(table).where(table.customer_id == customer_id).values(counterpart=None)
            )


def build_uploads(
    *,
    database: Database,
    clock: Clock,
    vault: Vault,
    subject_keys: SubjectKeys,
    ledger: Ledger,
    outbox: Outbox,
    blobs: BlobStore,
    register: Register,
    consent: Consent,
    time_zone: str,
    settings: UploadSettings,
    ports: UploadPorts,
) -> Uploads:
    """Build the services."""
    kinds, lines = catalogue(), Lines(vault, subject_keys)
    intake = Intake(
        clock,
        vault=vault,
        subject_keys=subject_keys,
        register=register,
        consent=consent,
        counterparts=ports.counterparts,
        time_zone=time_zone,
    )
    findings = Findings(ports.conduct, register)
    recordings = Recordings(
        database,
        clock,
        intake=intake,
        blobs=blobs,
        ledger=ledger,
        outbox=outbox,
        findings=findings,
        catalogue=kinds,
    )
    return Uploads(
        intake=intake,
        findings=findings,
        records=Records(
            database,
            intake=intake,
            ledger=ledger,
            outbox=outbox,
            conduct=ports.conduct,
            findings=findings,
            recording_within_s=settings.recording_within_s,
            catalogue=kinds,
        ),
        events=ConductEvents(
            database,
            intake=intake,
            ledger=ledger,
            register=register,
            sink=ports.conduct,
            findings=findings,
            catalogue=kinds,
        ),
        recordings=recordings,
        queries=UploadQueries(database, lines),
        desk=ConductDesk(
            database,
            clock,
            vault=vault,
            subject_keys=subject_keys,
            ledger=ledger,
            lines=lines,
            cover=ports.cover,
        ),
        money=MoneyFigures(database, time_zone),
        handing_on=HandingOn(
            database,
            clock,
            intake=intake,
            outbox=outbox,
            recordings=recordings,
            foreign=ports.foreign,
            sim_calls=ports.sim_calls,
        ),
        upkeep=Upkeep(
            database,
            clock,
            blobs=blobs,
            ledger=ledger,
            findings=findings,
            holds=ports.holds,
            settings=settings,
        ),
    )
