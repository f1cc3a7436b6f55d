"""Puts identity, enrolment, register and synchronisation together; the roof calls this with what it has."""

from dataclasses import dataclass

from core.access.events import EmployeeMoved
from core.clock import Clock
from core.config import Settings
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.vault import Vault
from core.web.endpoint import Endpoint
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.devices import api as devices_api
from devicepolicy.devices.events import DeviceTrusted
from devicepolicy.devices.queries import DeviceQueries
from devicepolicy.devices.register import Register
from devicepolicy.devices.sweep import OfflineSweep
from devicepolicy.enrolment import agent_api as enrolment_agent_api
from devicepolicy.enrolment import api as enrolment_api
from devicepolicy.enrolment.consent import ConsentService
from devicepolicy.enrolment.ports import PolicyBinder
from devicepolicy.enrolment.service import EnrolmentService
from devicepolicy.enrolment.terms import TermsBook, load_terms
from devicepolicy.enrolment.tokens import EnrolmentTokens
from devicepolicy.identity.gate import DeviceGate
from devicepolicy.identity.signer import DocumentSigner
from devicepolicy.policies.ports import EffectivePolicies, RolloutWatch
from devicepolicy.roster import api as roster_api
from devicepolicy.roster.desk import RosterDesk
from devicepolicy.roster.importer import RosterImporter
from devicepolicy.sync import api as sync_api
from devicepolicy.sync.desired import DesiredStates
from devicepolicy.sync.reports import Reports
from devicepolicy.sync.standing import Standings


@dataclass(frozen=True, slots=True)
class Fleet:
    """The services that let phones in, know them and keep them in step."""

    gate: DeviceGate
    signer: DocumentSigner
    register: Register
    tokens: EnrolmentTokens
    consent: ConsentService
    enrolment: EnrolmentService
    lists: RosterImporter
    roster: RosterDesk
    desired: DesiredStates
    reports: Reports
    queries: DeviceQueries
    offline: OfflineSweep
    settings: Settings
    clock: Clock

    def endpoints(self) -> list[Endpoint]:
        """Give the endpoints for people and for phones."""
        return [
            *enrolment_api.endpoints(self.tokens, self.enrolment),
            *roster_api.endpoints(self.lists, self.roster),
            *devices_api.endpoints(self.queries),
            *enrolment_agent_api.endpoints(
                self.gate,
                self.enrolment,
                self.consent,
                signer=self.signer,
                clock=self.clock,
                report_every_s=self.settings.phones.reports.every_s,
            ),
            *sync_api.endpoints(self.gate, self.desired, self.reports),
        ]

    async def sweep(self) -> None:
        """Mark silent phones, forget old nonces, reports and lists that nobody took. A chore of the relay."""
        while await self.offline():
            pass
        await self.gate.forget_nonces()
        await self.lists.forget()
        await self.reports.forget(self.settings.phones.reports.keep_days)

    async def catch_up(self) -> None:
        """Compute what is wanted of phones that a wide change left marked. A chore of the relay."""
        while await self.desired.catch_up():
            pass


def build_fleet(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    vault: Vault,
    ledger: Ledger,
    bus: EventBus,
    table: CapabilityTable,
    policies: EffectivePolicies,
    watch: RolloutWatch,
    binder: PolicyBinder,
    terms: TermsBook | None = None,
) -> Fleet:
    """Build the services and subscribe them to what they must hear."""
    phones = settings.phones
    signer = DocumentSigner(vault)
    register = Register(clock, ledger=ledger, bus=bus)
    tokens = EnrolmentTokens(
        database, clock, ledger=ledger, signer=signer, policies=binder, settings=settings
    )
    book = terms or load_terms(settings.institution)
    consent = ConsentService(database, clock, ledger=ledger, register=register, book=book)
    enrolment = EnrolmentService(
        database,
        clock,
        vault=vault,
        ledger=ledger,
        bus=bus,
        register=register,
        tokens=tokens,
        consent=consent,
    )
    bus.subscribe(EmployeeMoved, enrolment.on_employee_moved)
    bus.subscribe(DeviceTrusted, binder.on_trusted)  # before what is wanted is computed
    standings = Standings(clock, table=table, register=register, bus=bus)
    desired = DesiredStates(
        database,
        clock,
        policies=policies,
        signer=signer,
        standings=standings,
        register=register,
        ledger=ledger,
        bus=bus,
        validity_s=phones.reports.desired_validity_s,
    )
    desired.subscribe(bus)
    return Fleet(
        gate=DeviceGate(database, clock),
        signer=signer,
        register=register,
        tokens=tokens,
        consent=consent,
        enrolment=enrolment,
        lists=RosterImporter(database, clock, vault=vault, ledger=ledger),
        roster=RosterDesk(
            database, clock, vault=vault, ledger=ledger, register=register, enrolment=enrolment
        ),
        desired=desired,
        reports=Reports(
            database,
            clock,
            vault=vault,
            ledger=ledger,
            bus=bus,
            register=register,
            standings=standings,
            desired=desired,
            consent=consent,
            watch=watch,
            every_s=phones.reports.every_s,
        ),
        queries=DeviceQueries(database, vault),
        offline=OfflineSweep(database, clock, register=register, bus=bus, offline_s=phones.reports.offline_s),
        settings=settings,
        clock=clock,
    )
