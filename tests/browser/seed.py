"""Fills a data folder through the real services: people, customers, calls with sound, inspections, a ledger."""

import contextlib
import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.access.build import Access
from core.access.employees import NewEmployee
from core.access.model import Principal, Role
from core.access.models import Stage
from core.blobs import BlobInfo
from core.clock import ManualClock
from core.ids import new_id
from gateway.calls.books import Books, recording_key
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.commands import CallRecord
from gateway.calls.flow import Flow, Mark
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.contact.model import Purpose
from gateway.customers.consent import ConsentGiven
from gateway.customers.model import ConsentSource, CustomerInput, CustomerView
from gateway.customers.models import CustomerRow
from gateway.media import g711
from gateway.media.container import MEDIA_TYPE, FileHeader
from gateway.media.model import SAMPLE_RATE, Law, LegStats, MediaReport, NoticePlayed, Side
from gateway.media.recorder import Recorder
from gateway.media.recording import RecordingReader
from gateway.numbers.model import BindingView, BindRequest, DirectDial, LineDraft
from maskline.demo.scenario import FOLDER, ScriptedCall, Tracks, scripted_calls, tracks_of
from maskline.ground import Ground
from maskline.permissions import registry
from maskline.wiring.gateway import Gateway
from maskline.wiring.quality import CallContacts
from qa.alerts import AlertService
from qa.inspection.rulebook import own_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.sealing import Sealer
from qa.inspection.service import InspectionService
from qa.lexicon.loader import own_lexicon
from qa.memory import PlainSegmenter, ScriptedTranscriber
from qa.ports import Transcriber
from qa.speech.engine import Role as Speaker
from qa.speech.engine import Sentence, Transcript

PASSWORD = "correct horse battery 7"
NOTICE_S = 3.0
PACKET = 160


@dataclass
class Person:
    """Somebody who can log in; `first_password` is what the administrator handed out."""

    username: str
    principal: Principal
    first_password: str = ""


@dataclass
class Seeded:
    """What the tests look for."""

    people: dict[str, Person] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    contacts: dict[str, str] = field(default_factory=dict)


class Broken:
    """A transcriber that has no engine."""

    def transcribe(self, pcm: NDArray[np.int16], sample_rate: int) -> Transcript:
        raise RuntimeError("no engine")


class Quiet:
    """A transcriber that hears nothing."""

    def transcribe(self, pcm: NDArray[np.int16], sample_rate: int) -> Transcript:
        return ScriptedTranscriber(()).transcribe(pcm, sample_rate)


class DirectAppender:
    """Writes blocks into a blob at once: no call is going on that could be held up."""

    def __init__(self, writer: object) -> None:
        self.writer = writer

    def submit(self, data: bytes, written: object) -> None:
        self.writer.append(data)  # type: ignore[attr-defined]
        written()  # type: ignore[operator]


class Seeder:
    """Writes the day of a small institution."""

    def __init__(self, ground: Ground, gateway: Gateway, people: Access, clock: ManualClock) -> None:
        self.ground, self.gateway, self.people, self.clock = ground, gateway, people, clock
        self.seeded = Seeded()
        self.books = Books(
            ground.database,
            clock,
            contacts=gateway.contacts,
            bindings=gateway.bindings,
            subject_keys=ground.subject_keys,
            ledger=ground.ledger,
            outbox=ground.outbox,
            node="gw-1",
        )

    async def run(self) -> Seeded:
        await self._staff()
        await self._lines()
        await self._calls()
        await self.ground.ledger_service.sign_checkpoint()
        return self.seeded

    # --- people -------------------------------------------------------------------------------

    async def _staff(self) -> None:
        first = await self.people.employees.create_first_administrator("admin", "周管理")
        admin = self._principal(first.employee.id, frozenset({Role.ADMINISTRATOR}), None, "", "周管理")
        self.seeded.people["admin"] = Person("admin", admin, first.password)
        sales = await self.people.departments.create(admin, "销售一部", None)
        team = await self.people.departments.create(admin, "线上组", sales.id)
        collection = await self.people.departments.create(admin, "贷后管理部", None)
        for username, name, role, place in (
            ("lin", "林晓", Role.AGENT, team),
            ("wang", "王建国", Role.AGENT, collection),
            ("chen", "陈主管", Role.SUPERVISOR, sales),
            ("zhao", "赵质检", Role.REVIEWER, None),
            ("sun", "孙审计", Role.AUDITOR, None),
        ):
            made = await self.people.employees.create(
                admin, NewEmployee(username, name, frozenset({role}), place.id if place else None)
            )
            principal = self._principal(
                made.employee.id,
                frozenset({role}),
                place.id if place else None,
                place.path if place else "",
                name,
            )
            self.seeded.people[username] = Person(username, principal, made.password)

    def _principal(
        self, employee_id: str, roles: frozenset[Role], department_id: str | None, path: str, name: str
    ) -> Principal:
        grants = registry().grants_for(roles)
        return Principal(employee_id, department_id, path, roles, grants, new_id(), self.clock.now(), name)

    async def token(self, username: str) -> str:
        """Open a full session, as somebody who has logged in."""
        person = self.seeded.people[username]
        async with self.ground.database.begin() as session:
            opened = await self.people.sessions.open(
                session, person.principal.employee_id, Stage.FULL, source="127.0.0.1"
            )
        return opened.token

    async def settle_password(self, username: str, password: str = PASSWORD) -> None:
        """Let somebody set their own password."""
        person = self.seeded.people[username]
        opened = await self.people.login.log_in(username, person.first_password, source="127.0.0.1")
        principal = await self.people.sessions.authenticate(opened.token)
        assert principal is not None
        await self.people.login.change_password(
            principal, person.first_password, password, source="127.0.0.1"
        )

    # --- what they work with --------------------------------------------------------------------

    async def _lines(self) -> None:
        admin = self.seeded.people["admin"].principal
        for number, city in (("01088886666", "北京"), ("02166667777", "上海")):
            await self.gateway.lines.add(admin, LineDraft(number, city, "云山贷款公司", "备案-1"))

    async def _customer(self, name: str, phone: str, purpose: Purpose) -> CustomerView:
        admin = self.seeded.people["admin"].principal
        customer = await self.gateway.customers.create(admin, CustomerInput(phone=phone, name=name))
        given = ConsentGiven(purpose, ConsentSource.WRITTEN, self.clock.now() - timedelta(days=1))
        await self.gateway.consent.give(admin, customer.id, given)
        return customer

    async def _bind(self, username: str, customer_id: str, purpose: Purpose) -> BindingView:
        admin = self.seeded.people["admin"].principal
        employee_id = self.seeded.people[username].principal.employee_id
        return await self.gateway.bindings.bind(
            admin,
            BindRequest(
                employee_id=employee_id,
                customer_id=customer_id,
                purpose=purpose,
                expires_at=self.clock.now() + timedelta(days=30),
                direct_dial=DirectDial.PREFERRED,
            ),
        )

    # --- calls ----------------------------------------------------------------------------------

    async def _calls(self) -> None:
        scripts = {script.id: script for script in scripted_calls()}
        clean = await self._spoken("clean", "lin", "张三丰", "13800138001", scripts["clean-sales"])
        await self._inspect(clean, scripts["clean-sales"])
        deal = await self._spoken("deal", "lin", "李四", "13900139002", scripts["private-deal"])
        await self._inspect(deal, scripts["private-deal"])
        abuse = await self._spoken("abuse", "wang", "王五", "13700137003", scripts["abusive-collection"])
        await self._inspect(abuse, scripts["abusive-collection"], homophone=True)
        await self._unanswered("busy", "lin", "赵六", "13600136004", Cause.BUSY)
        await self._spoken("waiting", "lin", "钱七", "13500135005", scripts["clean-sales"])
        failed = await self._spoken("failed", "wang", "孙八", "13400134006", scripts["clean-sales"])
        with contextlib.suppress(RuntimeError):
            await self._inspection(Broken()).inspect(failed.contact_id)
        gone = await self._spoken("erased", "lin", "周九", "13300133007", scripts["clean-sales"])
        await self._inspect(gone, scripts["clean-sales"])
        by = self.seeded.people["admin"].principal.employee_id
        async with self.ground.database.begin() as session:
            row = await session.get_one(CustomerRow, gone.customer_id)
            await self.gateway.customers.erase_in(session, row, {"by": by})
        await self._late("refused", "wang", "吴十", "13200132008")

    async def _open(
        self, name: str, username: str, customer: str, phone: str, purpose: Purpose
    ) -> OpenedCall | None:
        person = await self._customer(customer, phone, purpose)
        binding = await self._bind(username, person.id, purpose)
        employee_id = self.seeded.people[username].principal.employee_id
        ticket = CallTicket(new_id(), Flow.STAFF, employee_id=employee_id, target=binding.token)
        judgement = await self.books.judge(ticket)
        assert judgement is not None
        assert judgement.call is not None
        self.seeded.calls[name] = judgement.call.call_id
        self.seeded.contacts[name] = judgement.call.contact_id
        if not judgement.verdict.allowed:
            await self.books.close(judgement.call.call_id, self._record(EndedBy.RULE, Cause.DENIED), None)
            return None
        return judgement.call

    async def _spoken(
        self, name: str, username: str, customer: str, phone: str, script: ScriptedCall
    ) -> OpenedCall:
        call = await self._open(name, username, customer, phone, Purpose(script.purpose))
        assert call is not None
        self.clock.advance(timedelta(seconds=1))
        async with self.ground.database.read() as session:
            key = await recording_key(session, self.ground.subject_keys, call.call_id, call.customer_id)
        tracks = tracks_of(script, lead_in_s=NOTICE_S)
        writer = await self.ground.blobs.create(key, MEDIA_TYPE)
        await self.books.note_recording(call, writer.blob_id)
        begun = self.clock.now()
        await self.books.dial(call)
        self.clock.advance(timedelta(seconds=4))
        marks = {Mark.STAFF_ANSWERED: begun, Mark.CUSTOMER_RINGING: begun + timedelta(seconds=1)}
        marks[Mark.CUSTOMER_ANSWERED] = self.clock.now()
        marks[Mark.NOTICE_PLAYED] = self.clock.now() + timedelta(seconds=NOTICE_S)
        marks[Mark.BRIDGED] = marks[Mark.NOTICE_PLAYED]
        info, packets = _record_tracks(writer, tracks, call.call_id, begun)
        self.clock.advance(timedelta(seconds=tracks.seconds))
        report = await self._report(info, key, packets, tracks)
        notice = NoticePlayed(int(NOTICE_S * 1000), 150, 150, hashlib.sha256(b"notice").hexdigest())
        marks[Mark.ENDED] = self.clock.now()
        record = replace(self._record(EndedBy.STAFF, Cause.COMPLETED), marks=marks, notice=notice)
        await self.books.close(call.call_id, record, report)
        self.clock.advance(timedelta(minutes=3))
        return call

    async def _report(self, info: BlobInfo, key: bytes, packets: int, tracks: Tracks) -> MediaReport:
        digest = hashlib.sha256()
        async with await RecordingReader.open(self.ground.blobs, info.blob_id, key) as reader:
            async for piece in reader.wav_stream():
                digest.update(piece)
        stats = LegStats(received=packets, relayed=packets, recorded=packets)
        return MediaReport(
            recording=info,
            wav_sha256=digest.hexdigest(),
            staff=stats,
            customer=stats,
            recorded_packets=2 * packets,
            relayed_packets=2 * packets,
            duration_ms=int(tracks.seconds * 1000),
        )

    async def _unanswered(self, name: str, username: str, customer: str, phone: str, cause: Cause) -> None:
        call = await self._open(name, username, customer, phone, Purpose.SALES)
        assert call is not None
        await self.books.dial(call)
        self.clock.advance(timedelta(seconds=20))
        await self.books.close(call.call_id, self._record(EndedBy.CUSTOMER, cause), None)
        self.clock.advance(timedelta(minutes=2))

    async def _late(self, name: str, username: str, customer: str, phone: str) -> None:
        """Try to collect at half past ten at night; the working day goes on the same evening."""
        now = self.clock.now()
        self.clock.set(now.replace(hour=14, minute=30))
        assert await self._open(name, username, customer, phone, Purpose.COLLECTION) is None

    def _record(self, by: EndedBy, cause: Cause) -> CallRecord:
        return CallRecord(by, cause, None, {Mark.ENDED: self.clock.now()}, None)

    # --- inspection ------------------------------------------------------------------------------

    async def _inspect(self, call: OpenedCall, script: ScriptedCall, *, homophone: bool = False) -> None:
        """Inspect with what a recogniser would hear; a homophone error shows the match by sound."""
        sentences = _heard(script, homophone=homophone)
        await self._inspection(ScriptedTranscriber(sentences)).inspect(call.contact_id)

    async def inspect_with(self, transcriber: Transcriber, contact_id: str) -> None:
        await self._inspection(transcriber).inspect(contact_id)

    def _inspection(self, transcriber: Transcriber) -> InspectionService:
        ground = self.ground
        sealer = Sealer(ground.vault, ground.subject_keys)
        return InspectionService(
            database=ground.database,
            clock=self.clock,
            outbox=ground.outbox,
            bus=ground.bus,
            ledger=ground.ledger,
            sealer=sealer,
            contacts=CallContacts(ground),
            transcriber=transcriber,
            segmenter=PlainSegmenter(),
            inspector=Inspector(own_rulebook(), own_lexicon()),
            alerts=AlertService(
                database=ground.database,
                clock=self.clock,
                bus=ground.bus,
                ledger=ground.ledger,
                sealer=sealer,
            ),
        )


def _record_tracks(writer: object, tracks: Tracks, call_id: str, at: datetime) -> tuple[BlobInfo, int]:
    """Record both sides packet by packet, as a call does; gives the blob and the packets of each side."""
    writer.append(FileHeader(at, call_id).pack())  # type: ignore[attr-defined]
    recorder = Recorder(DirectAppender(writer))
    sides = {
        Side.STAFF: g711.encode(tracks.staff, Law.ALAW),
        Side.CUSTOMER: g711.encode(tracks.customer, Law.ALAW),
    }
    frames = len(tracks.staff)
    packets = 0
    for start in range(0, frames - PACKET, PACKET):
        for side, codes in sides.items():
            recorder.on_audio(side, codes[start : start + PACKET], Law.ALAW, start, relayed=True)
        recorder.flush(start)
        packets += 1
    recorder.finish(frames)
    return writer.close(), packets  # type: ignore[attr-defined]


def _heard(script: ScriptedCall, *, homophone: bool) -> list[Sentence]:
    """Time the sentences as `tracks_of` lays them out."""
    heard = []
    end = NOTICE_S
    for number, sentence in enumerate(script.sentences, start=1):
        seconds = soundfile.info(FOLDER / script.id / f"{number:02}.flac").frames / SAMPLE_RATE
        begin = max(0.0, end + sentence.after_ms / 1000)
        text = sentence.text.replace("领导", "灵导") if homophone else sentence.text
        confidence = 0.42 if homophone and number == 6 else 0.93
        heard.append(
            Sentence(
                Speaker(sentence.role), int(begin * 1000), int((begin + seconds) * 1000), text, confidence
            )
        )
        end = max(end, begin + seconds)
    return heard
