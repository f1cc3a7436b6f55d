"""Puts maker and checker together; the roof calls this with what it has."""

from dataclasses import dataclass

from core.access.events import EmployeeSuspended
from core.blobs import BlobStore
from core.clock import Clock
from core.config import ApprovalSettings
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.status import PartStatus, State
from core.vault import SubjectKeys
from gateway.customers.approvals.asking import RequestDesk
from gateway.customers.approvals.books import RequestBooks
from gateway.customers.approvals.carrying import Carrier
from gateway.customers.approvals.deciding import Decider
from gateway.customers.approvals.exporting import CustomerExports
from gateway.customers.approvals.ports import EvidenceHolds
from gateway.customers.approvals.reach import GrantsOf, Makers
from gateway.customers.approvals.reading import RequestReader
from gateway.customers.approvals.sealing import RequestSealing
from gateway.customers.approvals.upkeep import RequestUpkeep
from gateway.customers.events import CustomerErased
from gateway.customers.fields import FieldChecker
from gateway.customers.sealing import CustomerSealing
from gateway.customers.service import CustomerService


@dataclass(frozen=True, slots=True)
class ApprovalGround:
    """What maker and checker stand on. `grants_of` says what roles may do."""

    database: Database
    clock: Clock
    subject_keys: SubjectKeys
    ledger: Ledger
    bus: EventBus
    blobs: BlobStore
    customers: CustomerService
    sealing: CustomerSealing
    checker: FieldChecker
    holds: EvidenceHolds
    grants_of: GrantsOf
    settings: ApprovalSettings
    time_zone: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """What pages, endpoints and the relay need."""

    desk: RequestDesk
    decider: Decider
    reader: RequestReader
    exports: CustomerExports
    upkeep: RequestUpkeep
    settings: ApprovalSettings


class ApprovalStatus:
    """Says on the page of the system what one person may do alone."""

    name = "customer-approvals"

    def __init__(self, settings: ApprovalSettings) -> None:
        self._settings = settings

    async def status(self) -> PartStatus:
        """Give what needs a second person; less than all of it is a choice, and no fault."""
        chosen = self._settings
        facts = {
            "second_person_change": chosen.change,
            "second_person_erasure": chosen.erasure,
            "second_person_export": chosen.export,
        }
        return PartStatus(State.OK, dict(facts))


def build_approvals(ground: ApprovalGround) -> Approvals:
    """Build the services, and let them hear who is erased and who is out."""
    sealing = RequestSealing(ground.subject_keys.vault)
    books = RequestBooks(ledger=ground.ledger, clock=ground.clock)
    exports = CustomerExports(
        database=ground.database,
        clock=ground.clock,
        vault=ground.subject_keys.vault,
        subject_keys=ground.subject_keys,
        sealing=ground.sealing,
        blobs=ground.blobs,
        ledger=ground.ledger,
        settings=ground.settings,
        time_zone=ground.time_zone,
    )
    carrier = Carrier(customers=ground.customers, exports=exports, sealing=sealing, books=books)
    upkeep = RequestUpkeep(database=ground.database, clock=ground.clock, books=books, exports=exports)
    ground.bus.subscribe(CustomerErased, upkeep.on_customer_erased)
    ground.bus.subscribe(EmployeeSuspended, upkeep.on_suspended)
    return Approvals(
        desk=RequestDesk(
            database=ground.database,
            clock=ground.clock,
            subject_keys=ground.subject_keys,
            sealing=sealing,
            customers=ground.customers,
            checker=ground.checker,
            exports=exports,
            carrier=carrier,
            books=books,
            holds=ground.holds,
            settings=ground.settings,
        ),
        decider=Decider(
            database=ground.database,
            clock=ground.clock,
            subject_keys=ground.subject_keys,
            sealing=sealing,
            customers=ground.customers,
            exports=exports,
            carrier=carrier,
            books=books,
            makers=Makers(ground.grants_of, ground.clock),
        ),
        reader=RequestReader(
            database=ground.database,
            clock=ground.clock,
            subject_keys=ground.subject_keys,
            sealing=sealing,
            customers=ground.sealing,
        ),
        exports=exports,
        upkeep=upkeep,
        settings=ground.settings,
    )
