"""Puts whereabouts together; the roof calls this with the ports that it plugs in."""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from core.audit import AccessNotes
from core.blobs import BlobStore
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.phone_settings import WhereaboutsSettings
from core.vault import SubjectKeys
from core.web.endpoint import Endpoint
from devicepolicy.devices.events import DeviceAssigned, DeviceEnded
from devicepolicy.devices.register import Register
from devicepolicy.enrolment.terms import TermsBook, load_terms
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.uploads.build import Uploads
from devicepolicy.uploads.ports import Holds, NullHolds
from devicepolicy.whereabouts import agent_api, api
from devicepolicy.whereabouts.check_ins import CheckIns
from devicepolicy.whereabouts.consent import LocationConsent
from devicepolicy.whereabouts.fixes import Fixes
from devicepolicy.whereabouts.intake import Doorway
from devicepolicy.whereabouts.models import CheckInRow
from devicepolicy.whereabouts.ports import Bindings, NoPictures, NullBindings, Pictures
from devicepolicy.whereabouts.queries import WhereaboutsQueries
from devicepolicy.whereabouts.upkeep import WhereaboutsUpkeep

TERMS = Path(__file__).parent / "terms"


@dataclass(frozen=True, slots=True)
class LocationPorts:
    """The neighbours; by default there are none, and no picture is taken."""

    holds: Holds = field(default_factory=NullHolds)
    pictures: Pictures = field(default_factory=NoPictures)
    bindings: Bindings = field(default_factory=NullBindings)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The services of whereabouts."""

    consent: LocationConsent
    fixes: Fixes
    check_ins: CheckIns
    queries: WhereaboutsQueries
    upkeep: WhereaboutsUpkeep

    def endpoints(self, gate: DeviceGate) -> list[Endpoint]:
        """Give the endpoints for people and for phones."""
        return [
            *api.endpoints(self.queries),
            *agent_api.endpoints(gate, self.consent, self.fixes, self.check_ins),
        ]

    async def forget_customer(self, session: AsyncSession, customer_id: str) -> None:
        """A visit to an erased customer is one to nobody in particular."""
        of = CheckInRow.customer_id == customer_id
        await session.execute(update(CheckInRow).where(of).values(customer_id=None))


def location_terms(institution: str) -> TermsBook:
    """Read the terms on location; they are asked for apart from the general ones."""
    return load_terms(institution, TERMS)


def build_whereabouts(
    *,
    database: Database,
    clock: Clock,
    ledger: Ledger,
    bus: EventBus,
    subject_keys: SubjectKeys,
    blobs: BlobStore,
    register: Register,
    uploads: Uploads,
    book: TermsBook,
    notes: AccessNotes,
    ports: LocationPorts,
    time_zone: str,
    settings: WhereaboutsSettings,
) -> Whereabouts:
    """Build the services and subscribe them to what they must hear. They share the gate of uploads."""
    consent = LocationConsent(
        database, clock, ledger=ledger, subject_keys=subject_keys, register=register, book=book
    )
    bus.subscribe(DeviceAssigned, consent.on_assigned)
    bus.subscribe(DeviceEnded, consent.on_ended)
    doorway = Doorway(uploads.intake, consent, uploads.findings, time_zone)
    return Whereabouts(
        consent=consent,
        fixes=Fixes(database, doorway=doorway, subject_keys=subject_keys, ledger=ledger),
        check_ins=CheckIns(
            database,
            clock,
            doorway=doorway,
            subject_keys=subject_keys,
            ledger=ledger,
            blobs=blobs,
            pictures=ports.pictures,
            bindings=ports.bindings,
        ),
        queries=WhereaboutsQueries(
            database, clock, subject_keys=subject_keys, blobs=blobs, notes=notes, time_zone=time_zone
        ),
        upkeep=WhereaboutsUpkeep(
            database,
            clock,
            blobs=blobs,
            ledger=ledger,
            subject_keys=subject_keys,
            holds=ports.holds,
            settings=settings,
            time_zone=time_zone,
        ),
    )
