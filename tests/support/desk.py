"""A gateway desk for tests: the real services over a test database, with staff, lines and customers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.access.model import Principal, Role
from core.access.models import Department, Employee, EmployeeState
from core.access.permissions import PermissionRegistry
from core.clock import ManualClock
from core.config import ApprovalSettings
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.vault import Keyring, SubjectKeys, Vault
from core.web.endpoint import Endpoint
from gateway.contact import api as contact_api
from gateway.contact.gather import Gatherer
from gateway.contact.model import Purpose
from gateway.contact.ports import NullPhoneCompliance, PhoneCompliance
from gateway.contact.queries import ContactQueries
from gateway.contact.rulebook import RuleBook, load
from gateway.contact.service import ContactService
from gateway.customers import api as customers_api
from gateway.customers import consent_api
from gateway.customers.consent import ConsentGiven, ConsentService
from gateway.customers.events import CustomerErased
from gateway.customers.fields import FieldChecker
from gateway.customers.importing.format import load_format
from gateway.customers.importing.importer import CustomerImporter
from gateway.customers.model import ConsentSource, CustomerInput, CustomerView
from gateway.customers.sealing import CustomerSealing
from gateway.customers.service import CustomerService
from gateway.numbers import api as numbers_api
from gateway.numbers.choice import LineChooser
from gateway.numbers.lines import LineService
from gateway.numbers.model import BindingView, BindRequest, DirectDial, LineDraft, LineView
from gateway.numbers.placement import Placement
from gateway.numbers.policy import load_policy
from gateway.numbers.service import BindingService
from gateway.permissions import PERMISSIONS
from tests.support.staff import add_department, add_employee, principal_of

REGISTRY = PermissionRegistry(PERMISSIONS)
ALONE = ApprovalSettings(change=False, erasure=False, export=False)
"""An institution of one person: what is asked for is done at once."""


@dataclass
class Desk:
    """Everything a gateway test needs, wired as `maskline/wiring.py` does it."""

    database: Database
    clock: ManualClock
    book: RuleBook = field(default_factory=load)
    phones: PhoneCompliance = field(default_factory=NullPhoneCompliance)
    seed: int | None = 7
    approvals: ApprovalSettings = ALONE

    def __post_init__(self) -> None:
        self.keyring = Keyring.generate()
        self.vault = Vault(self.keyring)
        self.keys = SubjectKeys(self.vault, self.clock)
        self.ledger = Ledger(self.clock)
        self.events = EventBus()
        self.sealing = CustomerSealing(self.vault)
        self.checker = FieldChecker(region="CN", time_zone="Asia/Shanghai", clock=self.clock)
        self.customers = CustomerService(
            database=self.database,
            subject_keys=self.keys,
            sealing=self.sealing,
            ledger=self.ledger,
            events=self.events,
            clock=self.clock,
            checker=self.checker,
            second_person=self.approvals,
        )
        self.consents = ConsentService(
            database=self.database, subject_keys=self.keys, ledger=self.ledger, clock=self.clock
        )
        self.importer = CustomerImporter(
            database=self.database,
            subject_keys=self.keys,
            sealing=self.sealing,
            ledger=self.ledger,
            clock=self.clock,
            checker=self.checker,
            layout=load_format(),
        )
        self.lines = LineService(database=self.database, ledger=self.ledger, clock=self.clock, region="CN")
        self.bindings = BindingService(
            database=self.database,
            sealing=self.sealing,
            ledger=self.ledger,
            clock=self.clock,
            policy=load_policy(),
            placement=Placement(chooser=LineChooser(self.seed), clock=self.clock),
            region="CN",
        )
        self.contacts = ContactService(
            book=self.book,
            gatherer=Gatherer(clock=self.clock, phones=self.phones),
            subject_keys=self.keys,
            sealing=self.sealing,
            ledger=self.ledger,
            clock=self.clock,
        )
        self.queries = ContactQueries(
            database=self.database,
            service=self.contacts,
            book=self.book,
            clock=self.clock,
            time_zone="Asia/Shanghai",
        )
        self.events.subscribe(CustomerErased, self.contacts.on_customer_erased)
        self.events.subscribe(CustomerErased, self.bindings.on_customer_erased)

    def endpoints(self) -> list[Endpoint]:
        """Give all endpoints of customers, numbers and contacts."""
        return [
            *customers_api.endpoints(self.customers, self.importer),
            *consent_api.endpoints(self.consents),
            *numbers_api.endpoints(self.lines, self.bindings),
            *contact_api.endpoints(self.queries),
        ]

    async def department(self, name: str, parent: Department | None = None) -> Department:
        return await add_department(self.database, self.clock, name, parent)

    async def employee(self, role: Role, department: Department | None = None) -> Principal:
        """Add an active employee and give their principal."""
        employee_id = await add_employee(self.database, self.clock, department)
        return principal_of(REGISTRY, self.clock, role, employee_id, department)

    async def set_state(self, employee_id: str, state: EmployeeState) -> None:
        async with self.database.begin() as session:
            row = await session.get(Employee, employee_id)
            assert row is not None
            row.state = state

    async def line(self, principal: Principal, number: str, city: str = "北京") -> LineView:
        return await self.lines.add(principal, LineDraft(number, city, "示例机构", "备案-1"))

    async def customer(self, principal: Principal, phone: str = "13800138000", **fields: str) -> CustomerView:
        return await self.customers.create(
            principal, CustomerInput(phone=phone, name=fields.pop("name", "张三丰"), **fields)
        )

    async def consent(self, principal: Principal, customer_id: str, purpose: Purpose = Purpose.SALES) -> None:
        given = ConsentGiven(purpose, ConsentSource.WRITTEN, self.clock.now() - timedelta(days=1))
        await self.consents.give(principal, customer_id, given)

    async def bind(
        self,
        principal: Principal,
        customer_id: str,
        *,
        purpose: Purpose = Purpose.COLLECTION,
        employee_id: str | None = None,
        days: float = 30,
        direct_dial: DirectDial = DirectDial.PREFERRED,
        idempotency_key: str | None = None,
    ) -> BindingView:
        return await self.bindings.bind(
            principal,
            BindRequest(
                employee_id=employee_id or principal.employee_id,
                customer_id=customer_id,
                purpose=purpose,
                expires_at=self.clock.now() + timedelta(days=days),
                direct_dial=direct_dial,
                idempotency_key=idempotency_key,
            ),
        )


def shanghai(hour: int, minute: int = 0, second: int = 0, *, day: int = 21) -> datetime:
    """Give a time of day in Shanghai (UTC+8) in November 2026, as UTC."""
    return datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour - 8, minutes=minute, seconds=second)
