"""Puts the services of messages together; the roof calls this with what it has."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from core.audit import AccessNotes
from core.blobs import BlobStore
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import Ledger
from core.outbox import Outbox
from core.vault import SubjectKeys, Vault
from gateway.customers.sealing import CustomerSealing
from gateway.messages import rulefile
from gateway.messages.attachments import Attachments
from gateway.messages.books import MessageBooks
from gateway.messages.days import ThreadDays
from gateway.messages.dispatch import Dispatcher
from gateway.messages.fragments import Fragments
from gateway.messages.host import ChannelHost
from gateway.messages.inbox import Inbox
from gateway.messages.model import ChannelKind, Traits
from gateway.messages.orphans import Orphans
from gateway.messages.ports import (
    ChatLinks,
    Contacts,
    ImageText,
    MessageChannel,
    NullImageText,
    Refusals,
    Screener,
)
from gateway.messages.queries import MessageQueries
from gateway.messages.receipts import Receipts
from gateway.messages.review import MessageReview
from gateway.messages.screening.detect import Allowed
from gateway.messages.senders import Senders
from gateway.messages.service import House, MessageService
from gateway.messages.spoken import SpokenMessages
from gateway.messages.templates import TemplateService
from gateway.messages.threads import Calendar


@dataclass(frozen=True, slots=True)
class MessageGround:
    """What messages stand on."""

    database: Database
    clock: Clock
    vault: Vault
    subject_keys: SubjectKeys
    ledger: Ledger
    outbox: Outbox
    bus: EventBus
    blobs: BlobStore
    sealing: CustomerSealing
    contacts: Contacts
    refusals: Refusals
    screener: Screener
    house: House
    region: str
    time_zone: str
    channels: Mapping[ChannelKind, Traits]
    image_text: ImageText | None = None
    notes: AccessNotes | None = None


@dataclass(frozen=True, slots=True)
class Messages:
    """The services of the slice that need no open channel."""

    service: MessageService
    review: MessageReview
    templates: TemplateService
    attachments: Attachments
    queries: MessageQueries
    spoken: SpokenMessages
    inbox: Inbox
    receipts: Receipts
    fragments: Fragments
    days: ThreadDays
    books: MessageBooks
    orphans: Orphans
    calendar: Calendar

    async def sweep(self) -> None:
        """Do what time asks for: close days, give up on receipts and on parts. A chore of the relay."""
        await self.days.sweep()
        while await self.orphans.sweep():
            pass
        while await self.fragments.sweep():
            pass


def build_messages(ground: MessageGround) -> Messages:
    """Build every service from the versioned data of this folder."""
    delivery, wording = rulefile.delivery_policy(), rulefile.wording()
    calendar = Calendar(ZoneInfo(ground.time_zone), delivery.day_grace_s)
    books = MessageBooks(
        clock=ground.clock,
        contacts=ground.contacts,
        ledger=ground.ledger,
        outbox=ground.outbox,
        bus=ground.bus,
    )
    attachments = Attachments(
        database=ground.database,
        clock=ground.clock,
        subject_keys=ground.subject_keys,
        blobs=ground.blobs,
        ledger=ground.ledger,
        image_text=ground.image_text or NullImageText(),
        max_bytes=delivery.max_attachment_bytes,
    )
    templates = TemplateService(
        database=ground.database,
        clock=ground.clock,
        ledger=ground.ledger,
        wording=wording,
        allowed=Allowed(hosts=ground.house.hosts),
    )
    senders = Senders(sealing=ground.sealing, region=ground.region)
    inbox = _inbox(ground, senders, books, attachments, calendar)
    receipts = Receipts(database=ground.database, clock=ground.clock, books=books, delivery=delivery)
    return Messages(
        service=MessageService(
            database=ground.database,
            clock=ground.clock,
            contacts=ground.contacts,
            subject_keys=ground.subject_keys,
            customers=ground.sealing,
            books=books,
            templates=templates,
            attachments=attachments,
            screener=ground.screener,
            policy=rulefile.screening_policy(),
            delivery=delivery,
            wording=wording,
            calendar=calendar,
            house=ground.house,
            channels=ground.channels,
        ),
        review=MessageReview(
            database=ground.database,
            clock=ground.clock,
            subject_keys=ground.subject_keys,
            books=books,
            delivery=delivery,
        ),
        templates=templates,
        attachments=attachments,
        queries=MessageQueries(
            database=ground.database,
            clock=ground.clock,
            subject_keys=ground.subject_keys,
            sealing=ground.sealing,
            notes=ground.notes,
        ),
        spoken=SpokenMessages(
            database=ground.database, subject_keys=ground.subject_keys, sealing=ground.sealing
        ),
        inbox=inbox,
        fragments=Fragments(
            database=ground.database, clock=ground.clock, vault=ground.vault, senders=senders, inbox=inbox
        ),
        receipts=receipts,
        days=ThreadDays(
            database=ground.database,
            clock=ground.clock,
            ledger=ground.ledger,
            outbox=ground.outbox,
            bus=ground.bus,
            receipts=receipts,
            delivery=delivery,
        ),
        books=books,
        orphans=Orphans(
            database=ground.database,
            clock=ground.clock,
            books=books,
            outbox=ground.outbox,
            delivery=delivery,
            channels=ground.channels,
        ),
        calendar=calendar,
    )


def build_host(
    ground: MessageGround,
    messages: Messages,
    channels: Sequence[MessageChannel],
    *,
    worker: str,
    links: ChatLinks | None = None,
    chance: random.Random | None = None,
) -> tuple[ChannelHost, Dispatcher]:
    """Build what a process with open channels runs."""
    dispatcher = Dispatcher(
        database=ground.database,
        clock=ground.clock,
        contacts=ground.contacts,
        subject_keys=ground.subject_keys,
        books=messages.books,
        attachments=messages.attachments,
        outbox=ground.outbox,
        delivery=rulefile.delivery_policy(),
        channels={channel.kind: channel for channel in channels},
        worker=worker,
        links=links,
        chance=chance,
    )
    host = ChannelHost(
        channels,
        dispatcher=dispatcher,
        inbox=messages.inbox,
        receipts=messages.receipts,
        fragments=messages.fragments,
    )
    return host, dispatcher


def _inbox(
    ground: MessageGround, senders: Senders, books: MessageBooks, attachments: Attachments, calendar: Calendar
) -> Inbox:
    return Inbox(
        database=ground.database,
        clock=ground.clock,
        contacts=ground.contacts,
        refusals=ground.refusals,
        subject_keys=ground.subject_keys,
        vault=ground.vault,
        senders=senders,
        books=books,
        attachments=attachments,
        bus=ground.bus,
        words=rulefile.optout_words(),
        calendar=calendar,
        house=ground.house,
    )
