"""Wires the quality wing, and gives it the gateway's calls to inspect."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select

from core.audit.unusual import load_rules
from core.errors import NotFound
from gateway.calls.books import recording_key
from gateway.calls.models import CallRow
from gateway.contact.model import Channel
from gateway.contact.models import ContactRow
from gateway.customers.sealing import CustomerSealing
from gateway.media.recording import RecordingReader
from maskline.ground import Ground
from maskline.wiring.alerts import alert_rules
from maskline.wiring.threads import (
    GatewayConduct,
    GatewayCustomers,
    GatewayThreads,
    GatewayVoices,
    spoken_messages,
    voice_messages,
)
from qa.alert_rules import AlertRules
from qa.alerts import AlertService
from qa.conduct.service import ConductService
from qa.inspection.books import InspectionBooks
from qa.inspection.reading import InspectionReader
from qa.inspection.rulebook import own_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.sealing import Sealer
from qa.inspection.segmenter import JiebaSegmenter
from qa.inspection.service import InspectionService
from qa.inspection.transcriber import EngineTranscriber
from qa.lexicon.loader import own_lexicon
from qa.ports import ContactFacts, StereoAudio
from qa.review.build import Reviews, build_reviews, review_book
from qa.speech.engine import SpeechEngine
from qa.tasks import MessageWork
from qa.threads.service import ThreadInspections
from qa.threads.voices import VoiceReading


@dataclass(frozen=True, slots=True)
class Quality:
    """What the web process needs of the wing; inspecting itself is the worker's."""

    reader: InspectionReader
    alerts: AlertService
    alert_rules: AlertRules
    reviews: Reviews


def build_quality(ground: Ground) -> Quality:
    """Build the reading side."""
    sealer = Sealer(ground.vault, ground.subject_keys)
    alerts = _alerts(ground, sealer)
    return Quality(
        reader=InspectionReader(
            database=ground.database,
            sealer=sealer,
            rulebook=own_rulebook(),
            customers=GatewayCustomers(ground.subject_keys, CustomerSealing(ground.vault)),
            notes=ground.access_log,
            rules=load_rules(ground.settings.unusual.rules_file),
        ),
        alerts=alerts,
        alert_rules=alert_rules(ground),
        reviews=build_reviews(
            review_book(ground.vault, ground.bus),
            database=ground.database,
            clock=ground.clock,
            bus=ground.bus,
            ledger=ground.ledger,
            sealer=sealer,
            rulebook=own_rulebook(),
            alerts=alerts,
        ),
    )


@dataclass(frozen=True, slots=True)
class Inspecting:
    """What the worker does: calls, messages, behaviours."""

    calls: InspectionService
    messages: MessageWork


def build_inspecting(ground: Ground, load_engine: Callable[[], SpeechEngine]) -> Inspecting:
    """Build the inspecting side; the one engine is loaded when the first sound comes."""
    review_book(ground.vault, ground.bus)
    return Inspecting(*_inspecting(ground, EngineTranscriber(load_engine)))


def _inspecting(ground: Ground, transcriber: EngineTranscriber) -> tuple[InspectionService, MessageWork]:
    sealer = Sealer(ground.vault, ground.subject_keys)
    alerts = _alerts(ground, sealer)
    inspector = Inspector(own_rulebook(), own_lexicon())
    segmenter = JiebaSegmenter(ground.settings.data_dir / "cache")
    calls = InspectionService(
        database=ground.database,
        clock=ground.clock,
        outbox=ground.outbox,
        bus=ground.bus,
        ledger=ground.ledger,
        sealer=sealer,
        contacts=CallContacts(ground),
        transcriber=transcriber,
        segmenter=segmenter,
        inspector=inspector,
        alerts=alerts,
    )
    books = InspectionBooks(
        database=ground.database,
        clock=ground.clock,
        outbox=ground.outbox,
        bus=ground.bus,
        ledger=ground.ledger,
        sealer=sealer,
        alerts=alerts,
    )
    voices = VoiceReading(
        database=ground.database, voices=GatewayVoices(voice_messages(ground)), transcriber=transcriber
    )
    threads = ThreadInspections(
        books=books,
        threads=GatewayThreads(spoken_messages(ground)),
        voices=voices,
        segmenter=segmenter,
        inspector=inspector,
    )
    conduct = ConductService(
        database=ground.database,
        clock=ground.clock,
        outbox=ground.outbox,
        ledger=ground.ledger,
        alerts=alerts,
        source=GatewayConduct(ground),
    )
    return calls, MessageWork(threads, voices, conduct)


def alert_service(ground: Ground) -> AlertService:
    """Build what raises and closes alerts."""
    return _alerts(ground, Sealer(ground.vault, ground.subject_keys))


def _alerts(ground: Ground, sealer: Sealer) -> AlertService:
    return AlertService(
        database=ground.database, clock=ground.clock, bus=ground.bus, ledger=ground.ledger, sealer=sealer
    )


class CallContacts:
    """The gateway's contacts as quality assurance sees them (`qa.ports.ContactSource`)."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def facts(self, contact_id: str) -> ContactFacts:
        async with self._ground.database.read() as session:
            contact = await session.get(ContactRow, contact_id)
            if contact is None:
                raise NotFound
            call = await session.scalar(select(CallRow).where(CallRow.contact_id == contact_id))
        return ContactFacts(
            contact_id=contact.id,
            subject_id=contact.customer_id,
            channel=Channel.CALL,
            direction=contact.direction,
            purpose=contact.purpose,
            employee_id=contact.employee_id,
            department_id=contact.department_id,
            started_at=contact.requested_at,
            answered_at=contact.answered_at,
            ended_at=contact.closed_at,
            ended_by=call.ended_by if call else None,
            outcome=contact.outcome,
            has_recording=call is not None and call.recording_sha256 is not None,
        )

    async def audio(self, contact_id: str) -> StereoAudio | None:
        async with self._ground.database.read() as session:
            call = await session.scalar(select(CallRow).where(CallRow.contact_id == contact_id))
            if call is None or call.recording_id is None or call.recording_sha256 is None:
                return None
            key = await recording_key(session, self._ground.subject_keys, call.id, call.customer_id)
        async with await RecordingReader.open(self._ground.blobs, call.recording_id, key) as reader:
            return StereoAudio(await reader.samples())
