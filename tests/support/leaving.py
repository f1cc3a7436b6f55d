"""A desk of which somebody leaves: the real services of calls, messages and access over a test database."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from core.access.build import build_access
from core.access.events import EmployeeReactivated
from core.access.grants import ACCESS_PERMISSIONS
from core.access.model import Principal, Role
from core.access.models import Department, Employee, EmployeeRole, Session
from core.access.permissions import PermissionRegistry
from core.blobs import InMemoryBlobStore
from core.clock import ManualClock
from core.config import OffboardingSettings, Settings
from core.db import Database
from core.ledger import LedgerService, LedgerSigner
from core.ledger.evidence import EvidenceExporter
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.outbox import Outbox
from gateway.calls.accounts import SipAccountService
from gateway.calls.models import CallRow, RegistrationRow
from gateway.calls.permissions import PERMISSIONS as CALLS
from gateway.contact.model import Decision
from gateway.customers.events import CustomerErased
from gateway.customers.model import CustomerView
from gateway.messages.build import MessageGround, build_messages
from gateway.messages.memory import InMemoryScreener
from gateway.messages.model import ChannelKind, Traits
from gateway.messages.permissions import PERMISSIONS as MESSAGES
from gateway.messages.screening.model import WordHit
from gateway.messages.service import House, SendRequest
from gateway.numbers.model import BindingView
from gateway.offboarding.build import OffboardingGround, Offboardings, build_offboarding
from gateway.offboarding.holds import Holds
from gateway.offboarding.model import Offboarding, StepKind, StepView
from gateway.offboarding.models import StepRow
from gateway.offboarding.phones import InMemoryPhones
from gateway.offboarding.ports import Duties, NoDuties
from gateway.permissions import PERMISSIONS as GATEWAY
from tests.support.access import cheap_hasher
from tests.support.desk import Desk

REGISTRY = PermissionRegistry(GATEWAY, CALLS, MESSAGES, ACCESS_PERMISSIONS)
HELD_WORD = "保证下款"
CANARY_NAME = "离职者欧阳"
ONE_ENGINE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For a rule that is the same on every database."""


@dataclass
class Ender:
    """The way to a calls process: `fault` is what happens there, `hangs_up` how many calls it ends."""

    database: Database
    fault: BaseException | None = None
    asked: int = 0

    async def end_inactive(self) -> int:
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return 0


@dataclass
class LeavingDesk:
    """Two departments, an administrator, a supervisor, a leaver and a successor."""

    database: Database
    clock: ManualClock
    folder: Path
    duties: Duties = field(default_factory=NoDuties)
    desk: Desk | None = None
    built: list[Offboardings] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = self.desk or Desk(self.database, self.clock)
        self.settings = Settings(data_dir=self.folder)
        self.phones = InMemoryPhones()
        self.holds = Holds(self.clock)
        self.calls = Ender(self.database)
        desk = self.desk
        desk.events.subscribe(CustomerErased, self.holds.on_customer_erased)
        desk.events.subscribe(EmployeeReactivated, self.holds.on_reactivated)
        self.ledger_service = LedgerService(
            database=self.database,
            clock=self.clock,
            signer=LedgerSigner("test.local/ledger", desk.keyring.ledger),
            checkpoint_log=self.folder / "checkpoints.log",
        )
        self.messages = build_messages(self._message_ground())
        self.parts = self.build()

    def build(self, database: Database | None = None, *, calls: object | None = None) -> Offboardings:
        """Wire as a process does that just started; with a database of its own, as another one."""
        database, desk = database or self.database, self.desk
        assert desk is not None
        access = build_access(
            self.settings,
            database=database,
            clock=self.clock,
            vault=desk.vault,
            books=desk.ledger,
            bus=desk.events,
            permissions=REGISTRY,
            hasher=cheap_hasher(),
        )
        self.access = access
        parts = build_offboarding(
            OffboardingGround(
                database=database,
                clock=self.clock,
                ledger=desk.ledger,
                bus=desk.events,
                settings=OffboardingSettings(),
                employees=access.employees,
                accounts=self.accounts(database),
                messages=self.messages.review,
                policy=desk.bindings.policy,
                exporter=EvidenceExporter(database=database, ledger=self.ledger_service, clock=self.clock),
                calls=calls or self.calls,  # type: ignore[arg-type]
                phones=self.phones,
                duties=self.duties,
            )
        )
        self.built.append(parts)
        return parts

    async def close(self) -> None:
        """Wait until nothing runs on in the background."""
        for parts in self.built:
            await parts.service.settled()

    @property
    def service(self):
        return self.parts.service

    def accounts(self, database: Database | None = None) -> SipAccountService:
        assert self.desk is not None
        return SipAccountService(
            database or self.database, self.clock, vault=self.desk.vault, ledger=self.desk.ledger,
            realm="maskline",
        )  # fmt: skip

    async def set_up(self) -> None:
        """Make the people and the line."""
        assert self.desk is not None
        self.first, self.second = await self.desk.department("一部"), await self.desk.department("二部")
        self.admin = await self.person(Role.ADMINISTRATOR)
        self.other_admin = await self.person(Role.ADMINISTRATOR)
        self.supervisor = await self.person(Role.SUPERVISOR, department=self.first)
        self.leaver = await self.person(Role.AGENT, department=self.first, name=CANARY_NAME)
        self.successor = await self.person(Role.AGENT, department=self.first)
        self.stranger = await self.person(Role.AGENT, department=self.second)
        self.line = await self.desk.line(self.admin, "01088886666")

    async def person(
        self, *roles: Role, department: Department | None = None, name: str = "员工"
    ) -> Principal:
        assert self.desk is not None
        made = await self.desk.employee(roles[0], department)
        async with self.database.begin() as session:
            session.add_all(EmployeeRole(employee_id=made.employee_id, role=role) for role in roles)
            (await session.get_one(Employee, made.employee_id)).display_name = name
        return replace(made, grants=REGISTRY.grants_for(roles))

    async def customer(self, index: int, owner: Principal | None = None) -> CustomerView:
        assert self.desk is not None
        return await self.desk.customer(owner or self.leaver, f"1380013{index:04d}")

    async def bound(self, index: int, owner: Principal | None = None) -> BindingView:
        """Make a customer of the leaver's with a binding."""
        assert self.desk is not None
        owner = owner or self.leaver
        return await self.desk.bind(owner, (await self.customer(index, owner)).id)

    async def log_in(self, who: Principal) -> None:
        async with self.database.begin() as session:
            session.add(
                Session(
                    id=who.session_id,
                    token_hash=who.session_id * 2,
                    employee_id=who.employee_id,
                    stage="full",
                    created_at=self.clock.now(),
                    last_seen_at=self.clock.now(),
                    expires_at=self.clock.now().replace(year=2027),
                    verified_at=self.clock.now(),
                    source="192.0.2.7",
                )
            )

    async def register(self, who: Principal) -> None:
        """Give somebody a phone account whose phone is registered."""
        await self.accounts().create(self.admin, who.employee_id)
        async with self.database.begin() as session:
            from gateway.calls.models import SipAccountRow

            account = await session.scalar(
                select(SipAccountRow).where(SipAccountRow.employee_id == who.employee_id)
            )
            assert account is not None
            session.add(
                RegistrationRow(
                    account_id=account.id,
                    employee_id=who.employee_id,
                    contact_user="u",
                    host="192.0.2.10",
                    port=5062,
                    registered_at=self.clock.now(),
                    expires_at=self.clock.now().replace(year=2027),
                )
            )

    async def open_call(self, binding: BindingView) -> str:
        """Write a call that goes on, as a calls process would."""
        call_id = binding.id[::-1]
        async with self.database.begin() as session:
            session.add(
                CallRow(
                    id=call_id,
                    contact_id=call_id,
                    node="calls",
                    flow="staff",
                    direction="outbound",
                    purpose="collection",
                    employee_id=binding.employee_id,
                    department_id=binding.department_id,
                    customer_id=binding.customer_id,
                    binding_id=binding.id,
                    line_id=binding.line_id,
                    decision=Decision.ALLOW,
                    started_at=self.clock.now(),
                )
            )
        return call_id

    async def close_call(self, call_id: str) -> None:
        async with self.database.begin() as session:
            (await session.get_one(CallRow, call_id)).ended_at = self.clock.now()

    async def send(self, binding: BindingView, text: str, by: Principal | None = None) -> str:
        request = SendRequest(binding_id=binding.id, channel=ChannelKind.SMS, text=text)
        return await self.messages.service.send(by or self.leaver, request)

    # --- the act ------------------------------------------------------------------------------

    async def unbind(
        self, by: Principal | None = None, *, successor: bool = True, wipe: bool = False
    ) -> Offboarding:
        """Preview, act, and let the first round of steps end."""
        by = by or self.admin
        to = self.successor.employee_id if successor else None
        shown = await self.service.preview(by, self.leaver.employee_id, to, wipe=wipe)
        act = await self.service.unbind(by, shown.id, shown.digest)
        await self.service.settled()
        return await self.get(act.id)

    async def get(self, offboarding_id: str) -> Offboarding:
        return await self.service.reader.get(self.admin, offboarding_id)

    async def step(self, offboarding_id: str, kind: StepKind) -> StepView:
        (found,) = [one for one in (await self.get(offboarding_id)).steps if one.kind is kind]
        return found

    async def due(self, offboarding_id: str) -> None:
        """Let the time come for every open step, and the relay pass by."""
        async with self.database.read() as session:
            latest = await session.scalar(
                select(func.max(StepRow.next_try_at)).where(StepRow.offboarding_id == offboarding_id)
            )
        if latest is not None and latest > self.clock.now():
            self.clock.advance(latest - self.clock.now())
        await self.service.sweep()

    async def entries(self, kind: str) -> list:
        async with self.database.read() as session:
            records = await session.scalars(
                select(EntryRow.record).where(EntryRow.kind == kind).order_by(EntryRow.seq)
            )
            return [read_entry(record) for record in records]

    def _message_ground(self) -> MessageGround:
        desk = self.desk
        assert desk is not None
        hit = WordHit("promise-1", "over_promise", "moderate", 0, 4)
        return MessageGround(
            database=self.database,
            clock=self.clock,
            vault=desk.vault,
            subject_keys=desk.keys,
            ledger=desk.ledger,
            outbox=Outbox(self.clock),
            bus=desk.events,
            blobs=InMemoryBlobStore(),
            sealing=desk.sealing,
            contacts=desk.contacts,
            refusals=desk.consents,
            screener=InMemoryScreener({HELD_WORD: hit}),
            house=House("示例机构", frozenset()),
            region="CN",
            time_zone="Asia/Shanghai",
            channels={ChannelKind.SMS: Traits(needs_number=True, dedupes=True, receipts=True)},
        )
