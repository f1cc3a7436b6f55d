"""Puts the parts of unbinding together; the roof calls this with what it has."""

from dataclasses import dataclass

from core.access.employees import EmployeeService
from core.clock import Clock
from core.config import OffboardingSettings
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.ledger.evidence import EvidenceExporter
from gateway.calls.accounts import SipAccountService
from gateway.messages.review import MessageReview
from gateway.numbers.policy import BindingPolicy
from gateway.offboarding.bundle import OffboardingBundles
from gateway.offboarding.facts import FactReader
from gateway.offboarding.leftovers import Leftovers
from gateway.offboarding.ports import CallEnder, Duties, PhoneFreezer
from gateway.offboarding.previews import Previews
from gateway.offboarding.reading import OffboardingReader
from gateway.offboarding.rebinding import RebindingService
from gateway.offboarding.service import OffboardingService
from gateway.offboarding.steps import StepRunner
from gateway.offboarding.unbinding import Unbinder
from gateway.offboarding.undoing import Undoer


@dataclass(frozen=True, slots=True)
class OffboardingGround:
    """What unbinding stands on."""

    database: Database
    clock: Clock
    ledger: Ledger
    bus: EventBus
    settings: OffboardingSettings
    employees: EmployeeService
    accounts: SipAccountService
    messages: MessageReview
    policy: BindingPolicy
    exporter: EvidenceExporter
    calls: CallEnder
    phones: PhoneFreezer
    duties: Duties


@dataclass(frozen=True, slots=True)
class Offboardings:
    """What pages and endpoints need."""

    service: OffboardingService
    rebinding: RebindingService
    bundles: OffboardingBundles


def build_offboarding(ground: OffboardingGround) -> Offboardings:
    """Build the services."""
    reader = FactReader(clock=ground.clock, phones=ground.phones, duties=ground.duties)
    service = OffboardingService(
        database=ground.database,
        clock=ground.clock,
        ledger=ground.ledger,
        previews=Previews(clock=ground.clock, reader=reader, policy=ground.policy, settings=ground.settings),
        unbinder=Unbinder(
            clock=ground.clock,
            ledger=ground.ledger,
            bus=ground.bus,
            settings=ground.settings,
            employees=ground.employees,
            accounts=ground.accounts,
            messages=ground.messages,
            phones=ground.phones,
            duties=ground.duties,
        ),
        undoer=Undoer(
            clock=ground.clock,
            ledger=ground.ledger,
            bus=ground.bus,
            employees=ground.employees,
            phones=ground.phones,
        ),
        runner=StepRunner(
            database=ground.database,
            clock=ground.clock,
            ledger=ground.ledger,
            calls=ground.calls,
            phones=ground.phones,
        ),
        leftovers=Leftovers(database=ground.database, clock=ground.clock, ledger=ground.ledger),
        reader=OffboardingReader(ground.database, ground.clock),
    )
    rebinding = RebindingService(
        database=ground.database,
        clock=ground.clock,
        ledger=ground.ledger,
        bus=ground.bus,
        settings=ground.settings,
        accounts=ground.accounts,
        phones=ground.phones,
        policy=ground.policy,
    )
    bundles = OffboardingBundles(database=ground.database, ledger=ground.ledger, exporter=ground.exporter)
    return Offboardings(service, rebinding, bundles)
