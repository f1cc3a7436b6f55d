"""Messages with the quality wing behind them: the real services of both, a scripted ear."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.outbox import Message
from gateway.messages.channels.wecom.archive import ArchiveParts, ArchiveReader
from gateway.messages.channels.wecom.members import ArchiveMembers
from gateway.messages.channels.wecom.sources import RawRecord
from gateway.messages.conduct import ConductBooks
from gateway.messages.rulefile import screening_policy
from gateway.messages.voices import VoiceMessages
from maskline.wiring.threads import GatewayConduct, GatewayCustomers, GatewayThreads, GatewayVoices
from maskline.worker import Deliverer
from qa.alerts import AlertService
from qa.conduct.service import ConductService
from qa.inspection.books import InspectionBooks
from qa.inspection.reading import InspectionReader
from qa.inspection.rulebook import own_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.sealing import Sealer
from qa.inspection.service import InspectionService
from qa.lexicon.loader import own_lexicon
from qa.memory import InMemoryContacts, PlainSegmenter, ScriptedTranscriber
from qa.permissions import PERMISSIONS
from qa.speech.engine import EngineInfo, Sentence, Transcript
from qa.speech.engine import Role as Speaker
from qa.tasks import MessageWork, handlers
from qa.threads.service import ThreadInspections
from qa.threads.voices import VoiceReading
from tests.support.messaging import Post

AT = 1_795_226_400_000
"""21 November 2026, 10:00 in Shanghai, in milliseconds."""
REGISTRY = PermissionRegistry(PERMISSIONS)


@dataclass
class ScriptedEar:
    """Hears what it was told; `faults` are raised first."""

    words: Sequence[str] = ()
    confidence: float = 0.9
    faults: list[Exception] = field(default_factory=list)
    heard: int = 0

    def transcribe_voice(self, pcm: NDArray[np.int16], sample_rate: int, role: Speaker) -> Transcript:
        if self.faults:
            raise self.faults.pop(0)
        self.heard += 1
        said = tuple(
            Sentence(role, 1000 * at, 1000 * at + 900, text, self.confidence)
            for at, text in enumerate(self.words)
        )
        return Transcript(EngineInfo("scripted", "1", "none", ""), len(pcm) * 1000 // sample_rate, said, ())


@dataclass
class Records:
    """An archive in a list."""

    lines: list[dict] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def say(self, text: str, *, by_staff: bool = True, at: int = AT, **more) -> str:
        return self.add("text", {"content": text}, by_staff=by_staff, at=at, **more)

    def add(self, kind: str, body: dict, *, by_staff: bool = True, at: int = AT, **more) -> str:
        reference = f"m-{len(self.lines) + 1}"
        people = ("zhangsan", "wm-customer") if by_staff else ("wm-customer", "zhangsan")
        self.lines.append(
            {"msgid": reference, "action": "send", "from": people[0], "tolist": [people[1]], "roomid": "",
             "msgtime": at, "msgtype": kind, kind: body, **more}
        )  # fmt: skip
        return reference

    def change(self, kind: str) -> None:
        self.lines.append(
            {
                "change_type": kind,
                "UserID": "zhangsan",
                "ExternalUserID": "wm-customer",
                "CreateTime": AT // 1000,
            }
        )

    async def fetch(self, seq: int, limit: int) -> list[RawRecord]:
        return [
            RawRecord(number, f"r-{number}", json.dumps(line).encode())
            for number, line in enumerate(self.lines, 1)
            if number > seq
        ][:limit]

    async def media(self, file_id: str) -> bytes | None:
        return self.files.get(file_id)


@dataclass
class ThreadDesk(Post):
    """A desk that writes and is inspected."""

    ear: ScriptedEar = field(default_factory=ScriptedEar)

    def __post_init__(self) -> None:
        super().__post_init__()
        desk = self.desk
        self.sealer = Sealer(desk.vault, desk.keys)
        self.alerts = AlertService(
            database=self.database, clock=self.clock, bus=desk.events, ledger=desk.ledger, sealer=self.sealer
        )
        self.reader = InspectionReader(
            database=self.database,
            sealer=self.sealer,
            rulebook=own_rulebook(),
            customers=GatewayCustomers(desk.keys, desk.sealing),
        )
        self.voices = VoiceMessages(
            database=self.database,
            clock=self.clock,
            subject_keys=desk.keys,
            attachments=self.messages.attachments,
            ledger=desk.ledger,
        )
        shared = {
            "database": self.database,
            "clock": self.clock,
            "outbox": self.outbox,
            "bus": desk.events,
            "ledger": desk.ledger,
            "sealer": self.sealer,
            "alerts": self.alerts,
        }
        inspector = Inspector(own_rulebook(), own_lexicon())
        reading = VoiceReading(
            database=self.database, voices=GatewayVoices(self.voices), transcriber=self.ear
        )
        self.threads = ThreadInspections(
            books=InspectionBooks(**shared),
            threads=GatewayThreads(self.messages.spoken),
            voices=reading,
            segmenter=PlainSegmenter(),
            inspector=inspector,
        )
        self.conduct = ConductService(
            database=self.database,
            clock=self.clock,
            outbox=self.outbox,
            ledger=desk.ledger,
            alerts=self.alerts,
            source=GatewayConduct(self),
        )
        calls = InspectionService(
            contacts=InMemoryContacts(),
            transcriber=ScriptedTranscriber(),
            segmenter=PlainSegmenter(),
            inspector=inspector,
            **shared,
        )
        self.handlers = handlers(calls, MessageWork(self.threads, reading, self.conduct))
        self.deliverer = Deliverer(self.database, self.outbox, self.handlers)
        self.records = Records()

    async def link(self) -> None:
        """Read an archive in which our agent is `zhangsan` and our customer `wm-customer`."""
        desk = self.desk
        conducts = ConductBooks(clock=self.clock, ledger=desk.ledger, outbox=self.outbox, bus=desk.events)
        members = ArchiveMembers(
            database=self.database, clock=self.clock, vault=desk.vault, ledger=desk.ledger
        )
        parts = ArchiveParts(
            database=self.database, clock=self.clock, vault=desk.vault, subject_keys=desk.keys,
            inbox=self.messages.inbox, books=self.messages.books, conducts=conducts, members=members,
            attachments=self.messages.attachments, screener=self.screener, policy=screening_policy(),
            calendar=self.messages.calendar,
        )  # fmt: skip
        self.archive = ArchiveReader("corp", self.records, parts)
        await members.link(self.admin, "corp", "zhangsan", employee_id=self.agent.employee_id)
        await members.link(self.admin, "corp", "wm-customer", customer_id=self.customer.id)

    async def archived(self) -> None:
        """Take in what the archive has."""
        await self.archive.read(limit=1000)

    async def deliver(self) -> int:
        """Do what the worker does with what is due; give how many were handled."""
        async with self.database.begin() as session:
            due = await self.outbox.take_due(session)
        done = 0
        for message in due:
            if message.topic in self.handlers:
                done += await self.deliverer.deliver(message.outbox_id)
        return done

    async def handle(self, topic: str, **payload: str) -> None:
        """Run a handler as a second delivery does."""
        await self.handlers[topic](Message("0" * 32, topic, payload, 1))

    async def close_day(self) -> None:
        """Let the day end, and the worker work."""
        self.clock.set(self.messages.calendar.due(self.clock.now()))
        await self.messages.days.sweep()
        await self.deliver()

    def sees(self, role: Role, employee_id: str = "e" * 32, like: Principal | None = None) -> Principal:
        """Give somebody with the rights of the quality wing."""
        base = like or replace(self.agent, employee_id=employee_id)
        return replace(base, roles=frozenset({role}), grants=REGISTRY.grants_for({role}))
