"""An agent's day for the browser: customers of their own, calls that go on, threads in every state."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from core.ids import new_id
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.commands import CallRecord
from gateway.calls.errors import CallRefused, PhoneNotRegistered
from gateway.calls.flow import Flow, Mark
from gateway.calls.service import PlacedCall
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.contact.model import Purpose
from gateway.customers.consent import BlockAsked, ConsentGiven
from gateway.customers.model import BlockReason, ConsentSource, CustomerInput
from gateway.customers.notes.model import StepAsked, StepKind
from gateway.messages.build import build_host
from gateway.messages.channels.webchat.channel import WebChatChannel
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import ChannelKind, Receipt, ReceiptState, Received
from gateway.messages.service import SendRequest
from gateway.messages.templating import Variable, VariableKind
from gateway.numbers.model import BindRequest
from maskline.wiring.messages import message_ground
from maskline.wiring.threads import GatewayThreads, GatewayVoices, spoken_messages, voice_messages
from qa.alerts import AlertService
from qa.inspection.books import InspectionBooks
from qa.inspection.rulebook import own_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.sealing import Sealer
from qa.lexicon.loader import own_lexicon
from qa.memory import PlainSegmenter, ScriptedTranscriber
from qa.threads.service import ThreadInspections
from qa.threads.voices import VoiceReading
from tests.browser.stage import CallsProcessTwin, Stage

MORNING = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Ten o'clock in Shanghai, two days after everybody's seed; the thread goes on until the next day."""
LIN_PHONES = [f"1381112{index:04d}" for index in range(14)]
WRITTEN_NUMBER = "13922223333"


@dataclass
class AgentDay:
    """What the tests look for. `customers` and `bindings` by name, `messages` by what became of them."""

    customers: dict[str, str] = field(default_factory=dict)
    bindings: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    thread: str = ""
    registered: bool = True

    async def answer(self, stage: Stage, text: str) -> None:
        """Let the customer of the thread write."""
        received = Received(ChannelKind.WEBCHAT, new_id(), thread_id=self.thread, text=text)
        await stage.messages.inbox.keep(received)


class CallsThatOpen(CallsProcessTwin):
    """A calls process that judges and opens calls in the books, as the real one does, and no more."""

    def __init__(self, stage: Stage, day: AgentDay) -> None:
        super().__init__()
        self._stage, self._day = stage, day
        self.calls: dict[str, OpenedCall] = {}

    async def place(self, employee_id: str, binding_id: str, idempotency_key: str | None) -> PlacedCall:
        if not self._day.registered:
            raise PhoneNotRegistered
        await super().place(employee_id, binding_id, idempotency_key)
        ticket = CallTicket(new_id(), Flow.CALLBACK, employee_id=employee_id, binding_id=binding_id)
        judgement = await self._stage.seeder.books.judge(ticket)
        assert judgement is not None
        assert judgement.call is not None
        if not judgement.verdict.allowed:
            await self.end(judgement.call.call_id, EndedBy.RULE, Cause.DENIED)
            raise CallRefused
        self.calls[judgement.call.call_id] = judgement.call
        return PlacedCall(judgement.call.call_id, judgement.call.contact_id)

    async def hangup(self, call_id: str, by: Any) -> None:
        await super().hangup(call_id, by)
        await self.end(call_id, EndedBy.STAFF, Cause.CANCELLED)

    async def mark(self, call_id: str, *marks: Mark) -> None:
        """Let a call go on."""
        for mark in marks:
            await self._stage.seeder.books.note(self.calls[call_id], mark, self._stage.clock.now())

    async def end(self, call_id: str, by: EndedBy, cause: Cause) -> None:
        marks = {Mark.ENDED: self._stage.clock.now()}
        await self._stage.seeder.books.close(call_id, CallRecord(by, cause, None, marks, None), None)


async def seed(stage: Stage) -> AgentDay:
    """Give lin a full list and a thread with every state."""
    stage.clock.set(MORNING)
    day = AgentDay()
    stage.calls_process = CallsThatOpen(stage, day)
    await _customers(stage, day)
    await _templates(stage)
    await _thread(stage, day)
    return day


async def _customers(stage: Stage, day: AgentDay) -> None:
    admin, lin = (stage.seeded.people[name].principal for name in ("admin", "lin"))
    gateway, now = stage.gateway, stage.clock.now()
    names = ("allowed", "blocked", "silent", "unbound", "overdue", "planned", "later", "talker")
    surnames = "陈欧许白郑罗高唐冯董萧程曹袁"
    tags = {"allowed": ("重点", "房贷"), "overdue": ("逾期 M1",), "talker": ("VIP",)}
    for index, phone in enumerate(LIN_PHONES):
        name = names[index] if index < len(names) else f"more{index}"
        given = CustomerInput(
            phone=phone,
            name=f"{surnames[index]}晓明",
            tags=tags.get(name, ()),
            city="北京" if index % 3 else "",
        )
        customer = await gateway.customers.create(admin, given, owner_id=lin.employee_id)
        day.customers[name] = customer.id
        if name != "unbound":
            purpose = Purpose.SALES if name in {"allowed", "silent"} else Purpose.SERVICE
            binding = await gateway.bindings.bind(
                lin, BindRequest(lin.employee_id, customer.id, purpose, now + timedelta(days=30))
            )
            day.bindings[name] = binding.id
    consent = ConsentGiven(Purpose.SALES, ConsentSource.APP, now - timedelta(days=2), "合同第 3 页")
    await gateway.consent.give(lin, day.customers["allowed"], consent)
    refused = BlockAsked(BlockReason.CUSTOMER_REQUEST, note="不要再打")
    await gateway.consent.block(lin, day.customers["blocked"], refused)
    for name, hours, text in (
        ("allowed", 3, "确认资料是否收齐"),
        ("overdue", 0.02, ""),
        ("planned", 5, "发还款计划"),
        ("later", 60, ""),
    ):
        kind = StepKind.MESSAGE if name == "planned" else StepKind.CALL
        await gateway.notes.plan(
            lin, day.customers[name], StepAsked(kind, now + timedelta(hours=hours), text)
        )
    await gateway.notes.add(lin, day.customers["allowed"], f"上次说换了号 {WRITTEN_NUMBER}，周五前交材料")
    call = await stage.calls_process.place(lin.employee_id, day.bindings["talker"], None)
    await stage.calls_process.end(call.call_id, EndedBy.CUSTOMER, Cause.NO_ANSWER)  # type: ignore[attr-defined]
    stage.clock.advance(timedelta(minutes=10))


async def _templates(stage: Stage) -> None:
    chen, zhao = (stage.seeded.people[name].principal for name in ("chen", "zhao"))
    made = await stage.messages.templates.create(
        chen,
        "还款提醒",
        Purpose.SERVICE,
        "{{institution}}：尊敬的{{customer_name}}，您{{due}}应还{{amount}}元。详询 {{line_number}}。",
        (Variable("due", VariableKind.DATE), Variable("amount", VariableKind.AMOUNT)),
    )
    await stage.messages.templates.decide(zhao, made.id, approve=True, comment="")


async def _thread(stage: Stage, day: AgentDay) -> None:
    lin = stage.seeded.people["lin"].principal
    ground = message_ground(stage.ground, stage.gateway)
    channel = InMemoryChannel(ChannelKind.WEBCHAT, WebChatChannel.traits)
    _, dispatcher = build_host(ground, stage.messages, [channel], worker="w1")

    async def write(name: str, text: str) -> None:
        request = SendRequest(binding_id=day.bindings["talker"], channel=ChannelKind.WEBCHAT, text=text)
        day.messages[name] = await stage.messages.service.send(lin, request)
        stage.clock.advance(timedelta(minutes=2))

    await write("delivered", "您好，您的材料已收到，预计三个工作日内有结果。")
    await dispatcher.drain()
    row = (await stage.messages.queries.message(lin, day.messages["delivered"])).row
    receipt = Receipt(ChannelKind.WEBCHAT, ReceiptState.DELIVERED, reference=row.reference)
    await stage.messages.receipts.take(receipt, WebChatChannel.traits)
    day.thread = row.thread_id
    await day.answer(stage, f"好的谢谢。以后请打 {WRITTEN_NUMBER} 这个号，或者加我微信 wxid_kehu2026")
    await write("promise", "材料齐了，肯定能批下来。")
    await stage.messages.review.release(stage.seeded.people["chen"].principal, day.messages["promise"])
    await dispatcher.drain()
    await _inspections(stage).screen(day.messages["promise"])
    stage.clock.set(MORNING + timedelta(days=1))
    await write("masked", f"收到，之后打我手机 {WRITTEN_NUMBER} 也可以")
    await write("held", "材料费请转到 6222021234567890128")
    await write("blocked", "再不配合我就弄死你")


def _inspections(stage: Stage) -> ThreadInspections:
    """Inspect as the worker does, with words alone."""
    ground = stage.ground
    sealer = Sealer(ground.vault, ground.subject_keys)
    parts = {"database": ground.database, "clock": stage.clock, "bus": ground.bus, "ledger": ground.ledger}
    alerts = AlertService(**parts, sealer=sealer)
    return ThreadInspections(
        books=InspectionBooks(**parts, outbox=ground.outbox, sealer=sealer, alerts=alerts),
        threads=GatewayThreads(spoken_messages(ground)),
        voices=VoiceReading(
            database=ground.database,
            voices=GatewayVoices(voice_messages(ground)),
            transcriber=ScriptedTranscriber(()),
        ),
        segmenter=PlainSegmenter(),
        inspector=Inspector(own_rulebook(), own_lexicon()),
    )
