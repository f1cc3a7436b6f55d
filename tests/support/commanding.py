"""Commands put together for tests: the real services on a database, phones in the register, a small agent."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from core.access.model import Principal, Role
from core.access.models import Department
from core.clock import ManualClock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.phone_settings import CommandSettings
from core.vault import Keyring, Vault
from devicepolicy.capabilities.facts import Mode
from devicepolicy.commands.build import build_commands
from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.kinds import CommandKind, ErrorCode, Order
from devicepolicy.commands.machine import CommandState
from devicepolicy.commands.model import NewCommand, Told
from devicepolicy.commands.queries import commands_waiting
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.identity.documents import DocumentKind, verify_document
from devicepolicy.identity.requests import sign_request
from devicepolicy.identity.signer import DocumentSigner
from devicepolicy.wake.hub import WakeHub
from devicepolicy.wake.log import Tail
from devicepolicy.wake.service import Standing, Wakes
from maskline.permissions import registry


@dataclass
class Agent:
    """A phone that keeps the rules of the protocol. Its journal says what took effect."""

    house: "CommandHouse"
    device_id: str
    key: Ed25519PrivateKey
    acked: int = 0
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    wanted: tuple[str, ...] = ()

    async def fetch(self, *, forget: bool = False) -> list[dict[str, Any]]:
        """Fetch; every token is verified as an agent must. Gives the new commands."""
        pulled = await self.house.commands.queue.pull(self.device_id, 0 if forget else self.acked)
        self.wanted = pulled.results_wanted
        fresh = []
        for token in pulled.tokens:
            found = verify_document(
                token,
                DocumentKind.COMMAND,
                keys=self.house.signer.keys,
                device_id=self.device_id,
                now=self.house.clock.now(),
            )
            command = {**found.document, "seq": found.sequence}
            if command["command_id"] not in self.kept:
                fresh.append(command)
            self.kept[command["command_id"]] = command
        return fresh

    async def acknowledge(self) -> tuple[str, ...]:
        up_to = max((command["seq"] for command in self.kept.values()), default=0)
        leave = await self.house.commands.queue.acknowledge(self.device_id, up_to)
        self.acked = up_to
        return leave

    async def carry_out(self, leave: tuple[str, ...]) -> None:
        for command_id in leave:
            if command_id not in self.done:
                self.done.append(command_id)

    async def report(self, *command_ids: str, error: ErrorCode | None = None) -> dict[str, Any]:
        state = CommandState.SUCCEEDED if error is None else CommandState.FAILED
        told = [Told(command_id, state, error) for command_id in command_ids or self.done]
        return await self.house.commands.queue.report(self.device_id, told)

    async def do_all(self) -> list[str]:
        """One whole round; gives the types carried out, in order."""
        await self.fetch()
        await self.carry_out(await self.acknowledge())
        await self.report()
        return [self.kept[command_id]["type"] for command_id in self.done]


class CommandHouse:
    """The slice of commands and that of waking on one database."""

    def __init__(
        self, database: Database, clock: ManualClock, settings: CommandSettings | None = None
    ) -> None:
        self.database, self.clock = database, clock
        self.vault, self.bus, self.ledger = Vault(Keyring.generate()), EventBus(), Ledger(clock)
        self.hub = WakeHub(Tail(database))
        self.wakes = Wakes(clock, self.hub)
        self.signer = DocumentSigner(self.vault)
        self.settings = settings or CommandSettings()
        self.commands = build_commands(
            database=database,
            clock=clock,
            vault=self.vault,
            ledger=self.ledger,
            bus=self.bus,
            waker=self.wakes,
            signer=self.signer,
            settings=self.settings,
        )
        self.standing = Standing(database, [commands_waiting])
        self.finished: list[CommandFinished] = []

        async def remember(session: object, event: CommandFinished) -> None:
            self.finished.append(event)

        self.bus.subscribe(CommandFinished, remember)

    def principal(
        self, *roles: Role, employee_id: str = "a" * 32, path: str = "", department_id: str | None = None
    ) -> Principal:
        grants = registry().grants_for(roles)
        return Principal(
            employee_id, department_id, path, frozenset(roles), grants, "e" * 32, self.clock.now()
        )

    @property
    def admin(self) -> Principal:
        return self.principal(Role.ADMINISTRATOR)

    @property
    def other_admin(self) -> Principal:
        return self.principal(Role.ADMINISTRATOR, employee_id="b" * 32)

    async def department(self, name: str) -> tuple[str, str]:
        """Add a department; gives its id and path."""
        department_id = new_id()
        path = f"/{department_id}/"
        async with self.database.begin() as session:
            session.add(
                Department(
                    id=department_id, name=name, parent_id=None, path=path, created_at=self.clock.now()
                )
            )
        return department_id, path

    async def phone(
        self,
        *,
        trust: Trust = Trust.TRUSTED,
        employee_id: str | None = None,
        department_id: str | None = None,
    ) -> Agent:
        key = Ed25519PrivateKey.generate()
        row = device_row(self.vault, key, self.clock.now(), trust, employee_id, department_id)
        async with self.database.begin() as session:
            session.add(row)
        return Agent(self, row.id, key)

    async def order(self, phone: Agent, what: Order, **more: Any) -> str:
        """Order something as an administrator; gives the command's id."""
        view = await self.commands.service.issue(self.admin, NewCommand(phone.device_id, what, **more))
        return view.id

    async def pass_time(self, **delta: float) -> int:
        self.clock.advance(timedelta(**delta))
        return await self.commands.sweep()

    async def told(self, prefix: str = "command.") -> list[tuple[str, dict[str, Any]]]:
        async with self.database.read() as session:
            records = await session.scalars(select(EntryRow.record).order_by(EntryRow.seq))
            entries = [read_entry(record) for record in records]
        return [(entry.kind, dict(entry.body)) for entry in entries if entry.kind.startswith(prefix)]

    async def states(self, device_id: str) -> list[tuple[CommandKind, CommandState]]:
        """The whole history of a phone, oldest first."""
        found, _ = await self.commands.queries.listing(self.admin, device_id=device_id, limit=200)
        return [(view.kind, view.state) for view in reversed(found)]


def device_row(
    vault: Vault,
    key: Ed25519PrivateKey,
    now: datetime,
    trust: Trust = Trust.TRUSTED,
    employee_id: str | None = None,
    department_id: str | None = None,
) -> DeviceRow:
    device_id = new_id()
    return DeviceRow(
        id=device_id,
        name="phone",
        trust=trust,
        public_key=key.public_key().public_bytes_raw(),
        hardware=vault.blind("hardware", device_id),
        employee_id=employee_id,
        department_id=department_id,
        token_id=new_id(),
        state=DeviceState.ACTIVE,
        manufacturer="Huawei",
        model="P50",
        os_version="13",
        api_level=33,
        mode=Mode.FULLY_MANAGED,
        backends=["ANDROID"],
        agent_version="1.0",
        status={},
        compliance=ComplianceState.UNKNOWN,
        settings={},
        enrolled_at=now,
    )


def phone_headers(
    agent: Agent, method: str, target: str, body: bytes = b"", *, at: datetime | None = None
) -> dict[str, str]:
    """Sign a request as that phone does."""
    return sign_request(
        agent.key,
        agent.device_id,
        method=method,
        target=target,
        created=at or agent.house.clock.now(),
        nonce=new_id(),
        body=body,
    )
