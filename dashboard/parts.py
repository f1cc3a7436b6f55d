"""What the pages read and call; the roof hands it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from core.access.build import Access
from core.audit import AuditService
from core.audit.unusual import UnusualReader
from core.clock import Clock
from core.config import Settings
from core.db import Database
from core.exports import EvidenceExports
from core.fileops.service import FileOperations
from core.ledger import LedgerService
from core.ledger.timestamping import Timestamps
from core.status import StatusProvider
from dashboard.day import Calendar
from dashboard.people import People
from devicepolicy.commands.build import Commands
from devicepolicy.fleet import Fleet
from devicepolicy.policies.build import Policies
from devicepolicy.sync.queries import WantedReader
from devicepolicy.uploads.build import Uploads
from devicepolicy.whereabouts.build import Whereabouts
from gateway.calls.accounts import SipAccountService
from gateway.calls.desk import CallDesk
from gateway.calls.queries import CallQueries
from gateway.calls.recordings import Recordings
from gateway.contact.many import DryRuns
from gateway.contact.queries import ContactQueries
from gateway.contact.rulebook import RuleBook
from gateway.contact.verdicts import VerdictReader
from gateway.customers.approvals.build import Approvals
from gateway.customers.consent import ConsentService
from gateway.customers.importing.importer import CustomerImporter
from gateway.customers.notes.service import NoteService
from gateway.customers.service import CustomerService
from gateway.messages.build import Messages
from gateway.messages.listing import MessageListing
from gateway.numbers.lines import LineService
from gateway.numbers.service import BindingService
from gateway.offboarding.build import Offboardings
from gateway.worklist.service import WorkList
from qa.alert_rules import AlertRules
from qa.alerts import AlertService
from qa.inspection.figures import InspectionFigures
from qa.inspection.reading import InspectionReader
from qa.inspection.rulebook import Rulebook, own_rulebook
from qa.review.build import Reviews


@dataclass(frozen=True, slots=True)
class DashboardParts:
    """The services of every wing that pages stand on."""

    settings: Settings
    clock: Clock
    database: Database
    access: Access
    ledger: LedgerService
    timestamps: Timestamps
    audit: AuditService
    unusual: UnusualReader
    exports: EvidenceExports
    file_operations: FileOperations
    providers: Sequence[StatusProvider]
    customers: CustomerService
    approvals: Approvals
    consent: ConsentService
    notes: NoteService
    worklist: WorkList
    importer: CustomerImporter
    lines: LineService
    bindings: BindingService
    contacts: ContactQueries
    dry_runs: DryRuns
    rules: RuleBook
    desk: CallDesk
    accounts: SipAccountService
    calls: CallQueries
    recordings: Recordings
    messages: Messages
    message_listing: MessageListing
    inspections: InspectionReader
    alerts: AlertService
    alert_rules: AlertRules
    reviews: Reviews
    offboardings: Offboardings
    fleet: Fleet
    commands: Commands
    uploads: Uploads
    whereabouts: Whereabouts
    policies: Policies

    @property
    def calendar(self) -> Calendar:
        """Days in the institution's zone."""
        return Calendar(ZoneInfo(self.settings.timezone))

    @property
    def people(self) -> People:
        """Names of departments and employees."""
        return People(self.access.employees, self.access.departments)

    @property
    def verdicts(self) -> VerdictReader:
        """Verdicts in words."""
        return VerdictReader(self.database, self.rules)

    @property
    def wanted(self) -> WantedReader:
        """What is wanted of a phone."""
        return WantedReader(self.database, self.policies.table)

    @property
    def figures(self) -> InspectionFigures:
        """Counts of inspections."""
        return InspectionFigures(self.database)

    @property
    def rulebook(self) -> Rulebook:
        """The inspection rules in force."""
        return own_rulebook()
