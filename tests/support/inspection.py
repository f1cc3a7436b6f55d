"""An inspection desk for tests: the real services over a test database, a scripted transcriber."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.clock import ManualClock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.outbox import Outbox
from core.vault import Keyring, SubjectKeys, Vault
from qa.alerts import AlertService
from qa.inspection.reading import InspectionReader
from qa.inspection.rulebook import own_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.sealing import Sealer
from qa.inspection.service import InspectionService
from qa.lexicon.loader import own_lexicon
from qa.memory import InMemoryContacts, PlainSegmenter, ScriptedTranscriber
from qa.permissions import PERMISSIONS
from qa.ports import ContactFacts, StereoAudio, Transcriber
from qa.speech.engine import Role as Speaker
from qa.speech.engine import Sentence

REGISTRY = PermissionRegistry(PERMISSIONS)
AGENT = "a" * 32
DEPARTMENT = "d" * 32
VERIFIED = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def say(*turns: tuple[str, str], confidence: float = 0.9) -> tuple[Sentence, ...]:
    """Write a dialogue: ("staff", "…"), ("customer", "…"); each sentence takes two seconds."""
    return tuple(
        Sentence(Speaker(role), 2000 * index, 2000 * index + 2000, text, confidence)
        for index, (role, text) in enumerate(turns)
    )


def principal(role: Role, employee_id: str = "e" * 32) -> Principal:
    grants = REGISTRY.grants_for([role])
    return Principal(employee_id, None, "", frozenset({role}), grants, "s" * 32, VERIFIED)


@dataclass
class InspectionDesk:
    """Everything an inspection test needs, wired as the house does it."""

    database: Database
    clock: ManualClock
    transcriber: Transcriber = field(default_factory=ScriptedTranscriber)

    def __post_init__(self) -> None:
        vault = Vault(Keyring.generate())
        self.keys = SubjectKeys(vault, self.clock)
        self.sealer = Sealer(vault, self.keys)
        self.bus = EventBus()
        self.ledger = Ledger(self.clock)
        self.outbox = Outbox(self.clock)
        self.contacts = InMemoryContacts()
        self.alerts = AlertService(
            database=self.database, clock=self.clock, bus=self.bus, ledger=self.ledger, sealer=self.sealer
        )
        self.reader = InspectionReader(database=self.database, sealer=self.sealer, rulebook=own_rulebook())
        self.service = self.build(self.transcriber)

    def build(self, transcriber: Transcriber) -> InspectionService:
        return InspectionService(
            database=self.database,
            clock=self.clock,
            outbox=self.outbox,
            bus=self.bus,
            ledger=self.ledger,
            sealer=self.sealer,
            contacts=self.contacts,
            transcriber=transcriber,
            segmenter=PlainSegmenter(),
            inspector=Inspector(own_rulebook(), own_lexicon()),
            alerts=self.alerts,
        )

    async def call(
        self, *, purpose: str = "collection", recorded: bool = True, agent: str = AGENT
    ) -> ContactFacts:
        """Enter an ended call with a new customer; the customer has a key."""
        now = self.clock.now()
        subject = new_id()
        async with self.database.begin() as session:
            await self.keys.create(session, subject)
        facts = ContactFacts(
            contact_id=new_id(),
            subject_id=subject,
            channel="call",
            direction="outbound",
            purpose=purpose,
            employee_id=agent,
            department_id=DEPARTMENT,
            started_at=now,
            answered_at=now if recorded else None,
            ended_at=now + timedelta(seconds=30),
            ended_by="staff",
            outcome="connected" if recorded else "unanswered",
            has_recording=recorded,
        )
        audio = StereoAudio(np.zeros((2, 8000 * 30), dtype=np.int16)) if recorded else None
        self.contacts.add(facts, audio)
        return facts

    async def put(self, facts: ContactFacts) -> str:
        """Write the message that the gateway writes at the end of a call."""
        async with self.database.begin() as session:
            return await self.outbox.put(
                session, "call.ended", {"call_id": new_id(), "contact_id": facts.contact_id}
            )
