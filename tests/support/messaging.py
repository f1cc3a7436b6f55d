"""Messages put together for tests: the real services over a test database and a channel in memory."""

import random
from dataclasses import dataclass, field, replace

from sqlalchemy import select

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.blobs.memory import InMemoryBlobStore
from core.clock import ManualClock
from core.db import Database
from core.outbox import Outbox, OutboxRow
from gateway.contact.model import Purpose
from gateway.contact.models import ContactRow
from gateway.customers.phone import PhoneNumber
from gateway.messages import permissions
from gateway.messages.build import MessageGround, build_host, build_messages
from gateway.messages.memory import InMemoryChannel, InMemoryScreener
from gateway.messages.model import ChannelKind, Received
from gateway.messages.models import MessageRow
from gateway.messages.screening.model import WordHit
from gateway.messages.service import House, SendRequest
from gateway.permissions import PERMISSIONS
from tests.support.desk import Desk

REGISTRY = PermissionRegistry(PERMISSIONS, permissions.PERMISSIONS)
PHONE = "13800138000"
WORDS = {
    "弄死你": WordHit("threat-1", "threat", "severe", 0, 3, fatal=True),
    "保证下款": WordHit("promise-1", "over_promise", "moderate", 0, 4),
}


@dataclass
class Post:
    """A desk that also writes."""

    database: Database
    clock: ManualClock
    channels: list = field(default_factory=lambda: [InMemoryChannel()])
    screener: InMemoryScreener = field(default_factory=lambda: InMemoryScreener(WORDS, breaks_on="坏掉"))
    image_text: object | None = None
    worker: str = "w1"
    links: object | None = None

    def __post_init__(self) -> None:
        self.desk = Desk(self.database, self.clock)
        self.outbox = Outbox(self.clock)
        self.blobs = InMemoryBlobStore()
        self.events: list = []
        self.wire()

    def wire(self, worker: str | None = None) -> None:
        """Wire as a process that just started does; a second call is a restart."""
        desk = self.desk
        self.ground = MessageGround(
            database=self.database,
            clock=self.clock,
            vault=desk.vault,
            subject_keys=desk.keys,
            ledger=desk.ledger,
            outbox=self.outbox,
            bus=desk.events,
            blobs=self.blobs,
            sealing=desk.sealing,
            contacts=desk.contacts,
            refusals=desk.consents,
            screener=self.screener,
            house=House("示例机构", frozenset({"bank.example"})),
            region="CN",
            time_zone="Asia/Shanghai",
            channels={channel.kind: channel.traits for channel in self.channels},
            image_text=self.image_text,
        )
        self.messages = build_messages(self.ground)
        self.host, self.dispatcher = build_host(
            self.ground,
            self.messages,
            self.channels,
            worker=worker or self.worker,
            links=self.links,
            chance=random.Random(7),  # noqa: S311 - a test's jitter
        )

    @property
    def channel(self):
        return self.channels[0]

    async def set_up(self, purpose: Purpose = Purpose.COLLECTION) -> None:
        """Make staff, a line, a customer and a binding."""
        desk = self.desk
        department = await desk.department("催收一部")
        admin = await self.principal(Role.ADMINISTRATOR)
        self.admin = admin
        self.agent = await self.principal(Role.AGENT, department)
        self.supervisor = await self.principal(Role.SUPERVISOR, department)
        self.reviewer = await self.principal(Role.REVIEWER)
        self.line = await desk.line(admin, "01087654321")
        self.customer = await desk.customer(self.agent, PHONE)
        self.binding = await desk.bind(self.agent, self.customer.id, purpose=purpose)

    async def principal(self, role: Role, department=None) -> Principal:
        made = await self.desk.employee(role, department)
        return replace(made, grants=REGISTRY.grants_for({role}))

    async def send(self, text: str = "您好，请于明天还款。", **more) -> str:
        more.setdefault("channel", self.channel.kind)
        request = SendRequest(binding_id=self.binding.id, text=text, **more)
        return await self.messages.service.send(more.pop("by", self.agent), request)

    async def come(self, text: str = "", reference: str = "in-1", **more) -> object:
        received = Received(
            channel=more.pop("channel", ChannelKind.SMS),
            reference=reference,
            sender=more.pop("sender", PhoneNumber.parse(PHONE)),
            line_number=more.pop("line_number", self.line.number),
            text=text,
            **more,
        )
        return await self.messages.inbox.keep(received)

    async def row(self, message_id: str) -> MessageRow:
        async with self.database.read() as session:
            row = await session.get(MessageRow, message_id)
            assert row is not None
            return row

    async def contact(self, message_id: str) -> ContactRow:
        row = await self.row(message_id)
        async with self.database.read() as session:
            contact = await session.get(ContactRow, row.contact_id)
            assert contact is not None
            return contact

    async def topics(self, topic: str) -> list[OutboxRow]:
        async with self.database.read() as session:
            return list(await session.scalars(select(OutboxRow).where(OutboxRow.topic == topic)))

    async def principal_elsewhere(self) -> Principal:
        """Give a supervisor of another department."""
        return await self.principal(Role.SUPERVISOR, await self.desk.department("二部"))
