"""What a phone hands in, as the roof wires it: in the customer's conversation, inspected, with an alert."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr
from sqlalchemy import select

from core.access.employees import NewEmployee
from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import ApprovalSettings, Settings
from core.outbox import OutboxRow
from core.vault import Keyring
from core.web.app import build_app
from core.web.ports import NobodyKnown
from dashboard.pages.phones.alerted import told_by_phones
from devicepolicy.canonical import sha256_of
from devicepolicy.enrolment.model import NewToken
from devicepolicy.fleet import Fleet
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, TargetKind
from devicepolicy.uploads.models import UploadEventRow, UploadRecordingRow, UploadRecordRow
from devicepolicy.uploads.queries import MissingFilter
from gateway.contact.model import Purpose
from gateway.customers.model import CustomerInput
from gateway.messages.model import ChannelKind, MessageRole
from gateway.messages.models import AttachmentRow, ConductRow, MessageRow, ThreadDayRow
from gateway.numbers.model import BindRequest, LineDraft
from gateway.offboarding.holds import Holds
from maskline.ground import Ground, open_ground
from maskline.permissions import registry
from maskline.wiring.gateway import Gateway, build_gateway, build_people
from maskline.wiring.messages import archive_members, build_message_services
from maskline.wiring.offboarding import build_offboardings
from maskline.wiring.phones import Phones, build_phones
from maskline.wiring.quality import build_inspecting, build_quality
from maskline.wiring.uploads import SOURCE, all_ports
from maskline.worker import Deliverer
from qa.alert_queue import AlertFilter, AlertQueue
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow
from qa.speech.engine import SpeechEngine
from qa.tasks import CONDUCT_SEEN, handlers
from tests.support.uploading import CHAT_APP, CUSTOMER, POLICY, UploadingPhone

SOUND = b"#!AMR\n" + bytes(3000)


class NoCalls:
    """A calls process without calls."""

    async def end_inactive(self) -> int:
        return 0


def no_ear() -> SpeechEngine:
    raise AssertionError("no sound is heard in these tests")


@dataclass
class Roof:
    """What a phone of the tests needs of a house, over the real wiring."""

    ground: Ground
    gateway: Gateway
    phones: Phones
    http: TestClient[Any, Any]
    admin: Principal
    worker: str = ""
    customer: str = ""

    @property
    def fleet(self) -> Fleet:
        return self.phones.fleet

    @property
    def clock(self) -> Any:
        return self.ground.clock

    async def set_up(self) -> UploadingPhone:
        """An employee with a customer of theirs and a phone under policy."""
        people = build_people(self.ground, registry()).employees
        made = await people.create(self.admin, NewEmployee("lin", "林晓雨", frozenset({Role.AGENT})))
        self.worker = made.employee.id
        await self.gateway.lines.add(self.admin, LineDraft("02166667777", "上海", "云山", "备案-1"))
        customers, until = self.gateway.customers, self.clock.now() + timedelta(days=7)
        wish = CustomerInput(phone=CUSTOMER, name="张三丰")
        self.customer = (await customers.create(self.admin, wish, owner_id=self.worker)).id
        binding = BindRequest(self.worker, self.customer, Purpose.COLLECTION, until)
        await self.gateway.bindings.bind(self.admin, binding)
        policies = self.phones.policies
        policy = await policies.service.create(self.admin, "全员", "", POLICY)
        await policies.service.publish(self.admin, policy.id, 1)
        everybody = Target(TargetKind.EVERYBODY)
        await policies.assignments.assign(self.admin, Layer.ORGANISATION, everybody, policy.id, 1)
        token = await self.fleet.tokens.issue(
            self.admin, NewToken("手机", approves=True, employee_id=self.worker)
        )
        phone = UploadingPhone(self)  # type: ignore[arg-type]
        await phone.enrol(token.token)
        self.clock.advance(timedelta(minutes=2))
        return phone

    async def work(self) -> None:
        """Do what the worker does about uploads and conduct."""
        quality = build_inspecting(self.ground, no_ear)
        topics = {
            CONDUCT_SEEN: handlers(quality.calls, quality.messages)[CONDUCT_SEEN],
            **self.phones.uploads.handing_on.handlers(),
        }
        deliverer = Deliverer(self.ground.database, self.ground.outbox, topics)
        for row in await self.rows(OutboxRow):
            if row.topic in topics and row.done_at is None:
                assert await deliverer.deliver(row.id), row.topic

    async def rows(self, table: Any) -> list[Any]:
        async with self.ground.database.read() as session:
            return list(await session.scalars(select(table).order_by(table.id)))


@pytest.fixture
async def roof(database_url: str, tmp_path: Path, clock: ManualClock) -> AsyncIterator[Roof]:
    settings = Settings(
        data_dir=tmp_path / "data",
        database_url=SecretStr(database_url),
        approvals=ApprovalSettings(erasure=False),  # who may erase is tested elsewhere
    )
    Keyring.create(settings.keyring_path)
    grants = registry().grants_for([Role.ADMINISTRATOR])
    admin = Principal("a" * 32, None, "", frozenset({Role.ADMINISTRATOR}), grants, "e" * 32, clock.now())
    async with open_ground(settings, clock) as ground:
        await ground.database.check()
        gateway = build_gateway(ground)
        phones = build_phones(ground, all_ports(ground, gateway))
        app = build_app(
            settings,
            endpoints=[*phones.fleet.endpoints(), *phones.uploads.endpoints(phones.gate)],
            permissions=registry(),
            authenticator=NobodyKnown(),
            clock=clock,
        )
        async with TestClient(TestServer(app)) as client:
            yield Roof(ground, gateway, phones, client, admin)


async def test_what_was_said_on_the_phone_stands_in_the_customers_conversation(roof: Roof) -> None:
    phone = await roof.set_up()
    await archive_members(roof.ground).link(
        roof.admin, SOURCE, f"{CHAT_APP}/wxid_zsf", customer_id=roof.customer
    )
    outcomes = await phone.records(
        phone.sms(f"+86 {CUSTOMER}", "请于明天还款。", direction="out"),
        phone.sms(CUSTOMER, "知道了"),
        phone.chat("wxid_zsf", text="不还就找你家人", direction="out"),
    )
    assert outcomes == ["kept"] * 3
    status, answer = await phone.send_all(phone.recording(SOUND, CUSTOMER), SOUND, 2000)
    assert (status, answer["state"]) == (200, "COMPLETE")
    await roof.work()
    messages = {row.id: row for row in await roof.rows(MessageRow)}
    records = await roof.rows(UploadRecordRow)
    (recording,) = await roof.rows(UploadRecordingRow)
    assert [(messages[row.message_id].channel, messages[row.message_id].role) for row in records] == [
        (ChannelKind.SMS, MessageRole.STAFF),
        (ChannelKind.SMS, MessageRole.CUSTOMER),
        (ChannelKind.WECOM, MessageRole.STAFF),
    ]
    assert {row.customer_id for row in messages.values()} == {roof.customer}
    (voice,) = await roof.rows(AttachmentRow)
    assert (voice.message_id, voice.kind.value, voice.sha256) == (
        recording.message_id, "voice", recording.sha256,
    )  # fmt: skip
    await roof.work()  # nothing waits any more
    assert len(await roof.rows(MessageRow)) == len(messages) == 4


async def test_what_a_leaver_wrote_is_theirs_although_it_comes_after_the_unbinding(roof: Roof) -> None:
    phone = await roof.set_up()
    people = build_people(roof.ground, registry()).employees
    made = await people.create(roof.admin, NewEmployee("gao", "高鹏", frozenset({Role.AGENT})))
    messages = build_message_services(roof.ground, roof.gateway)
    leaving = build_offboardings(roof.ground, roof.gateway, messages, NoCalls(), roof.phones).service
    shown = await leaving.preview(roof.admin, roof.worker, made.employee.id)
    await leaving.unbind(roof.admin, shown.id, shown.digest)
    await leaving.settled()
    assert await phone.records(phone.sms(CUSTOMER, "打我自己的手机。", direction="out")) == ["kept"]
    await roof.work()
    (record,), (message,) = await roof.rows(UploadRecordRow), await roof.rows(MessageRow)
    assert (record.message_id, record.customer_id) == (message.id, roof.customer)
    assert (message.employee_id, message.author_id) == (roof.worker, roof.worker)
    (day,) = await roof.rows(ThreadDayRow)
    assert day.employee_id == roof.worker, "it is inspected as what the leaver said"


async def test_a_group_chat_on_the_phone_is_one_in_the_books(roof: Roof) -> None:
    phone = await roof.set_up()
    await phone.records(phone.chat(CUSTOMER, text="群里说", group=True), phone.chat(CUSTOMER, text="单独说"))
    await roof.work()
    assert [row.in_group for row in await roof.rows(MessageRow)] == [True, False]
    assert await roof.rows(ConductRow) == [], "a group that the customer is in is no private group by itself"


async def test_conduct_on_the_phone_raises_an_alert_at_once(roof: Roof) -> None:
    phone = await roof.set_up()
    call = phone.call(CUSTOMER)
    await phone.records(call, phone.sms(CUSTOMER, "您好"))
    gone = phone.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER, "app": CHAT_APP})
    told = phone.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER})
    root = phone.item("ROOT_FOUND")
    assert await phone.events(gone, told, root, root) == ["kept", "kept", "kept", "duplicate"]
    await roof.work()
    conducts = {row.id: row for row in await roof.rows(ConductRow)}
    kinds = sorted(row.kind.value for row in conducts.values())
    assert kinds == ["deleted_by_staff", "deleted_by_staff", "root_found", "sim_call"]
    assert {row.conduct_id for row in await roof.rows(AlertRow)} == set(conducts)
    assert {row.conduct_id for row in await roof.rows(UploadEventRow)} < set(conducts)
    kept = await roof.rows(UploadRecordRow)
    assert [row.deleted_at is not None for row in kept] == [True, True]


async def test_an_erased_customer_leaves_no_index(roof: Roof) -> None:
    phone = await roof.set_up()
    await phone.records(phone.sms(CUSTOMER, "您好"))
    async with roof.ground.database.read() as session:
        (row,) = list(await session.scalars(select(UploadRecordRow)))
    assert (row.customer_id, row.counterpart is None) == (roof.customer, False)
    await roof.gateway.customers.erase(roof.admin, roof.customer)
    await roof.work()  # what waits for a customer who is gone is closed, not tried for ever
    (row,) = await roof.rows(UploadRecordRow)
    assert (row.counterpart, row.message_id, row.handed_on_at is None) == (None, None, False)


async def test_what_does_not_hold_together_raises_an_alert(roof: Roof) -> None:
    """Over the real wiring: a story told twice, a recording that never came, a number that never came."""
    phone = await roof.set_up()
    call = phone.call(CUSTOMER)
    other = {name: value for name, value in call.items() if name != "sha256"} | {"duration_s": 1}
    phone.made += 1  # something that the phone numbered and never handed in
    sms = phone.sms(CUSTOMER, "您好", direction="out")
    outcomes = await phone.records(call, {**other, "sha256": sha256_of(other)}, sms)
    assert outcomes == ["kept", "contradiction", "kept"]
    roof.clock.advance(timedelta(days=2))
    await roof.phones.uploads.sweep()
    await roof.work()
    conducts = {row.id: row for row in await roof.rows(ConductRow)}
    kinds = Counter(row.kind.value for row in conducts.values())
    assert kinds == {"sim_call": 1, "upload_contradicts": 1, "recording_missing": 1, "upload_gap": 1}
    assert {row.conduct_id for row in await roof.rows(AlertRow)} == set(conducts)
    assert {row.employee_id for row in conducts.values()} == {roof.worker}
    assert isinstance(all_ports(roof.ground, roof.gateway).holds, Holds), "retention asks what is held"


async def test_an_alert_leads_to_what_the_phone_told_and_to_what_is_missing(roof: Roof) -> None:
    phone = await roof.set_up()
    assert await phone.records(phone.sms(CUSTOMER, "您好", direction="out")) == ["kept"]
    phone.made += 2  # two that never come
    gone = phone.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER, "app": CHAT_APP})
    assert await phone.events(gone) == ["kept"]
    queries = roof.phones.uploads.queries
    (gap,), _ = await queries.missing(roof.admin, MissingFilter(open=True))
    assert (gap.count, gap.employee_id, gap.row.told_at) == (2, roof.worker, None)
    assert gap.after is not None
    assert gap.before is not None
    roof.clock.advance(timedelta(days=2))
    await roof.phones.uploads.sweep()
    await roof.work()
    queue = AlertQueue(roof.ground.database, build_quality(roof.ground).reader)
    alerts, _ = await queue.find(roof.admin, AlertFilter(states=tuple(AlertState)))
    leads = await told_by_phones(roof.phones.uploads, roof.admin, alerts)
    events = {row.conduct_id: row.id for row in await roof.rows(UploadEventRow)}
    addresses = {line.alert.conduct: leads.get(line.alert.conduct_id or "") for line in alerts}
    (event_id,) = events.values()
    assert addresses["deleted_by_staff"] == f"/conduct/{event_id}"
    assert addresses["upload_gap"] == f"/phones/{phone.device_id}/uploads#gaps"
    (told,), _ = await queries.missing(roof.admin, MissingFilter(device_id=phone.device_id))
    assert told.row.told_at == roof.clock.now()
    assert [one.alert.conduct for one in alerts if one.alert.conduct_id == told.row.conduct_id] == [
        "upload_gap"
    ]
    wanted = AlertFilter(states=tuple(AlertState), conduct_ids=[told.row.conduct_id or ""])
    assert len((await queue.find(roof.admin, wanted))[0]) == 1
    assert await queries.count_missing(roof.admin, MissingFilter(open=False)) == 0
