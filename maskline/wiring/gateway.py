"""Wires the gateway wing on the ground."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from core.access.build import Access, build_access
from core.access.events import EmployeeReactivated
from core.access.permissions import PermissionRegistry
from devicepolicy.capabilities.table import table
from devicepolicy.devices.verdict import PhoneStanding
from devicepolicy.policies.effective import EffectivePolicyService
from gateway.calls.accounts import SipAccountService
from gateway.calls.process import CallsParts
from gateway.calls.queries import CallQueries
from gateway.calls.recordings import Recordings
from gateway.contact import rulebook
from gateway.contact.gather import Gatherer
from gateway.contact.many import DryRuns
from gateway.contact.queries import ContactQueries
from gateway.contact.service import ContactService
from gateway.customers.approvals.build import ApprovalGround, Approvals, build_approvals
from gateway.customers.consent import ConsentService
from gateway.customers.events import CustomerErased
from gateway.customers.fields import FieldChecker
from gateway.customers.importing.format import load_format
from gateway.customers.importing.importer import CustomerImporter
from gateway.customers.notes.service import NoteService
from gateway.customers.sealing import CustomerSealing
from gateway.customers.service import CustomerService
from gateway.media.plane import MediaPlane
from gateway.numbers.choice import LineChooser
from gateway.numbers.lines import LineService
from gateway.numbers.placement import Placement
from gateway.numbers.policy import load_policy
from gateway.numbers.service import BindingService
from gateway.offboarding.holds import Holds
from gateway.switch.server import LinkServer
from gateway.worklist.service import WorkList
from maskline.ground import Ground, seed_of
from maskline.permissions import registry

SWITCH_SOCKET = "switch.sock"


@dataclass(frozen=True, slots=True)
class Gateway:
    """The services of the wing that need no live call."""

    customers: CustomerService
    consent: ConsentService
    lines: LineService
    bindings: BindingService
    contacts: ContactService
    contact_queries: ContactQueries
    dry_runs: DryRuns
    importer: CustomerImporter
    calls: CallQueries
    recordings: Recordings
    rules: rulebook.RuleBook
    notes: NoteService
    worklist: WorkList
    holds: Holds
    approvals: Approvals


def build_gateway(ground: Ground) -> Gateway:
    """Build the services and subscribe them to what they must hear."""
    settings, clock = ground.settings, ground.clock
    sealing = CustomerSealing(ground.vault)
    rules = rulebook.load()
    rules.check(clock.now().date())  # a gap in the rules shows now, not at the first call
    bindings = BindingService(
        database=ground.database,
        sealing=sealing,
        ledger=ground.ledger,
        clock=clock,
        policy=load_policy(),
        placement=Placement(chooser=LineChooser(seed_of(settings)), clock=clock),
        region=settings.default_region,
    )
    ground.bus.subscribe(CustomerErased, bindings.on_customer_erased)
    checker = FieldChecker(region=settings.default_region, time_zone=settings.timezone, clock=clock)
    phones = PhoneStanding(clock, settings.phones.verdict, EffectivePolicyService(table()))
    contacts = ContactService(
        book=rules,
        gatherer=Gatherer(clock=clock, phones=phones),
        subject_keys=ground.subject_keys,
        sealing=sealing,
        ledger=ground.ledger,
        clock=clock,
    )
    ground.bus.subscribe(CustomerErased, contacts.on_customer_erased)
    notes = NoteService(
        database=ground.database,
        subject_keys=ground.subject_keys,
        sealing=sealing,
        ledger=ground.ledger,
        clock=clock,
        access=ground.access_log,
    )
    ground.bus.subscribe(CustomerErased, notes.on_customer_erased)
    holds = Holds(clock)
    ground.bus.subscribe(CustomerErased, holds.on_customer_erased)
    ground.bus.subscribe(EmployeeReactivated, holds.on_reactivated)
    calls = CallQueries(ground.database, subject_keys=ground.subject_keys, sealing=sealing)
    customers = CustomerService(
        database=ground.database,
        subject_keys=ground.subject_keys,
        sealing=sealing,
        ledger=ground.ledger,
        events=ground.bus,
        clock=clock,
        checker=checker,
        second_person=settings.approvals,
        notes=ground.access_log,
    )
    return Gateway(
        customers=customers,
        consent=ConsentService(
            database=ground.database, subject_keys=ground.subject_keys, ledger=ground.ledger, clock=clock
        ),
        lines=LineService(
            database=ground.database, ledger=ground.ledger, clock=clock, region=settings.default_region
        ),
        bindings=bindings,
        contacts=contacts,
        contact_queries=ContactQueries(
            database=ground.database, service=contacts, book=rules, clock=clock, time_zone=settings.timezone
        ),
        dry_runs=DryRuns(database=ground.database, book=rules, clock=clock, phones=phones),
        importer=CustomerImporter(
            database=ground.database,
            subject_keys=ground.subject_keys,
            sealing=sealing,
            ledger=ground.ledger,
            clock=clock,
            checker=checker,
            layout=load_format(),
        ),
        calls=calls,
        recordings=Recordings(
            ground.database,
            clock,
            queries=calls,
            subject_keys=ground.subject_keys,
            blobs=ground.blobs,
            ledger=ground.ledger,
        ),
        rules=rules,
        notes=notes,
        worklist=WorkList(
            database=ground.database,
            clock=clock,
            subject_keys=ground.subject_keys,
            sealing=sealing,
            time_zone=settings.timezone,
        ),
        holds=holds,
        approvals=_approvals(ground, customers, sealing, checker, holds),
    )


def _approvals(
    ground: Ground, customers: CustomerService, sealing: CustomerSealing, checker: FieldChecker, holds: Holds
) -> Approvals:
    return build_approvals(
        ApprovalGround(
            database=ground.database,
            clock=ground.clock,
            subject_keys=ground.subject_keys,
            ledger=ground.ledger,
            bus=ground.bus,
            blobs=ground.blobs,
            customers=customers,
            sealing=sealing,
            checker=checker,
            holds=holds,
            grants_of=registry().grants_for,
            settings=ground.settings.approvals,
            time_zone=ground.settings.timezone,
        )
    )


def sip_accounts(ground: Ground) -> SipAccountService:
    """Give the phone accounts."""
    return SipAccountService(
        ground.database,
        ground.clock,
        vault=ground.vault,
        ledger=ground.ledger,
        realm=ground.settings.sip.realm,
    )


def build_people(ground: Ground, permissions: PermissionRegistry) -> Access:
    """Build log-in, employees and departments."""
    return build_access(
        ground.settings,
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        books=ground.ledger,
        bus=ground.bus,
        permissions=permissions,
    )


@asynccontextmanager
async def open_calls(ground: Ground, gateway: Gateway) -> AsyncIterator[CallsParts]:
    """Open the link to the switch and the media plane; close both at the end."""
    link = LinkServer(ground.settings.run_dir / SWITCH_SOCKET)
    media = MediaPlane(ground.settings.media, ground.blobs, ground.clock)
    await link.start()
    try:
        yield CallsParts(
            settings=ground.settings,
            database=ground.database,
            clock=ground.clock,
            vault=ground.vault,
            subject_keys=ground.subject_keys,
            ledger=ground.ledger,
            outbox=ground.outbox,
            blobs=ground.blobs,
            contacts=gateway.contacts,
            bindings=gateway.bindings,
            media=media,
            link=link,
            node=ground.settings.node,
        )
    finally:
        await link.close()
        await media.close()
