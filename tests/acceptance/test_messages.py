"""Messages as a customer and an SMSC see them: sent, masked, held, blocked, answered, refused; and kill -9."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

import aiohttp
import pytest
from sqlalchemy import select

from core.access.model import Role
from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from gateway.contact.models import ContactRow
from gateway.messages.events import MESSAGE_FINISHED, MESSAGE_SEND
from gateway.messages.models import MessageRow
from maskline.demo.api import Api
from maskline.demo.cast import Login
from maskline.demo.chat import ChatCustomer
from tests.conformance.test_smpp_channel import Smsc
from tests.support.running import Supervised
from tests.support.system_desk import LINES, SystemDesk, awaited, desk_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
UDHI = 0x40
OWN_NUMBER = "13712345678"  # of the employee, who must not give it away
INVITE = "【{{institution}}】请在此与我们沟通 {{chat_link}} {{opt_out}}"


class Scene:
    """The running system, its SMSC, and the people at their screens."""

    def __init__(self, system: Supervised, desk: SystemDesk, smsc: Smsc, http: aiohttp.ClientSession) -> None:
        self.system, self.desk, self.smsc, self.http = system, desk, smsc, http
        self.apis: dict[Role, Api] = {}
        self.submitted: list[dict] = []

    async def send(self, binding_id: str, text: str = "", channel: str = "sms", **more) -> dict:
        body = {"binding_id": binding_id, "channel": channel, "text": text, **more}
        return await self.apis[Role.AGENT].post("/messages", body)

    async def becomes(self, message_id: str, state: str) -> dict:
        found: dict = {}

        async def look() -> bool:
            found.update(await self.apis[Role.AGENT].get(f"/messages/{message_id}"))
            return found["state"] == state

        await awaited(look, what=f"{state}: {found.get('events')}", timeout_s=60)
        return found

    async def at_the_smsc(self) -> dict:
        """Give the next message, all its parts together."""
        text, total, said = b"", 1, {}
        while total:
            said = await self.smsc.next("submit")
            self.submitted.append(said)
            payload = bytes.fromhex(said["payload"])
            if said["esm"] & UDHI:
                payload, total = payload[6:], payload[4] - payload[5] + 1
            text, total = text + payload, total - 1
        return {**said, "text": text.decode("utf-16-be")}

    async def receipt(self, smsc_id: str) -> None:
        await self.smsc.tell(do="receipt", id=smsc_id, stat="DELIVRD")


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    smsc = await Smsc.start("--dedupe")
    account = {
        "name": "test", "host": "127.0.0.1", "port": smsc.port, "system_id": "bank", "password": "secret",
        "sources": {f"+86{line[1:]}": f"1069000{number}" for number, line in enumerate(LINES)},
        "dedupes": True,
    }  # fmt: skip
    system = Supervised(smpp={"accounts": [account]}, log_level="INFO")
    try:
        await asyncio.to_thread(system.prepare)
        await asyncio.to_thread(system.start)
        async with desk_of(system) as desk, aiohttp.ClientSession() as http:
            await desk.lines()
            scene = Scene(system, desk, smsc, http)
            yield scene
            for api in scene.apis.values():
                await api.__aexit__(None, None, None)
        await asyncio.to_thread(system.stop)
    finally:
        await asyncio.to_thread(system.remove)
        await smsc.stop()


async def log_in(scene: Scene, staff, role: Role) -> None:
    login = Login(staff.employee_id, staff.username, "", role, staff.password)
    scene.apis[role] = await Api(scene.system.settings.web.url, login).__aenter__()


async def test_messages_both_ways_and_a_crash(scene: Scene) -> None:
    try:
        await play(scene)
    except BaseException:
        async with scene.desk.ground.database.read() as session:
            rows = await session.scalars(select(MessageRow).order_by(MessageRow.id))
            states = [(row.state, row.cause, row.reason_code, row.attempts, row.next_try_at) for row in rows]
        print(*states, scene.system.logs(), sep="\n")  # noqa: T201 pytest shows it with the failure
        raise


async def play(scene: Scene) -> None:
    desk = scene.desk
    agent = await desk.hire()
    first, second, third = [await desk.bind(agent) for _ in range(3)]
    await log_in(scene, agent, Role.AGENT)
    for role in (Role.REVIEWER, Role.SUPERVISOR):
        await log_in(scene, await desk.hire(role), role)

    # delivered, with a receipt
    delivered = await scene.send(first.binding_id, "您好，请于明天还款。")
    assert (delivered["state"], delivered["reason_zh"]) == ("queued", "")
    sms = await scene.at_the_smsc()
    assert (sms["text"], sms["to"]) == ("您好，请于明天还款。", first.number.removeprefix("+"))
    assert sms["source"].startswith("1069000")
    await scene.receipt(sms["id"])
    assert (await scene.becomes(delivered["id"], "delivered"))["attempts"] == 1

    # masked: the employee's own number does not get through, and the employee sees why
    masked = await scene.send(first.binding_id, f"有事请打我手机{OWN_NUMBER}")
    assert (masked["action"], masked["findings"][0]["category"]) == ("mask", "contact_data.phone")
    assert OWN_NUMBER not in (await scene.at_the_smsc())["text"]

    # blocked: nothing leaves
    blocked = await scene.send(first.binding_id, "再不还钱我弄死你")
    assert (blocked["state"], blocked["reason_code"]) == ("blocked", "screening-block")
    assert blocked["reason_zh"]

    # held, and released by another person
    held = await scene.send(first.binding_id, "请转到 6222021234567890128 这张卡")
    assert (held["state"], held["reason_code"]) == ("held", "screening-hold")
    await scene.apis[Role.REVIEWER].post(f"/messages/{held['id']}/release", {})
    assert (await scene.at_the_smsc())["text"] == "请转到 ****0128 这张卡"

    await the_customer_answers_and_opts_out(scene, second.binding_id)
    await kill_between_submission_and_receipt(scene, third.binding_id)
    await the_books_are_right(scene)
    assert len(scene.submitted) == len({said["id"] for said in scene.submitted})
    assert scene.submitted == [said for said in scene.smsc.heard if said["event"] == "submit"]


async def the_customer_answers_and_opts_out(scene: Scene, binding_id: str) -> None:
    """The link comes by SMS; no employee sees it. 退订 ends contacts at once."""
    draft = await scene.apis[Role.SUPERVISOR].post(
        "/templates", {"name": "网聊邀请", "purpose": "collection", "text": INVITE}
    )
    path = f"/template-versions/{draft['id']}/decision"
    await scene.apis[Role.REVIEWER].post(path, {"approve": True})
    invited = await scene.send(binding_id, template_version_id=draft["id"])
    link = re.search(r"http://\S+#\S+", (await scene.at_the_smsc())["text"])
    assert link is not None
    assert "#" not in (await scene.becomes(invited["id"], "sent"))["text"]
    async with ChatCustomer(link[0], scene.http) as customer:
        asked = await scene.send(binding_id, "您好，可以谈谈还款计划吗？", "webchat")
        assert await customer.reads(asked["id"]) == "您好，可以谈谈还款计划吗？"
        await customer.says("可以，下周一再联系")
        await scene.becomes(asked["id"], "delivered")
        talk = (await scene.apis[Role.AGENT].get(f"/threads/{asked['thread_id']}/messages"))["items"]
        assert {one["text"] for one in talk} >= {"可以，下周一再联系"}
        await customer.says("退订")
    refused = await scene.send(binding_id, "那么明天呢？", "webchat")
    assert (refused["state"], refused["rule_id"]) == ("blocked", "do-not-contact")
    refused = await scene.send(binding_id, "那么明天呢？")
    assert (refused["state"], refused["rule_id"]) == ("blocked", "do-not-contact")


async def kill_between_submission_and_receipt(scene: Scene, binding_id: str) -> None:
    """One message is with the SMSC and waits for its receipt, one was taken and the answer got lost."""
    waiting = await scene.send(binding_id, "您好，请于明天还款。")
    sms = await scene.at_the_smsc()
    await scene.becomes(waiting["id"], "sent")
    await scene.smsc.tell(do="drop_after")
    lost = await scene.send(binding_id, "您好，请于后天还款。")
    await scene.at_the_smsc()
    scene.system.kill("messages")
    later = await scene.send(binding_id, "您好，请尽快联系我们。")
    assert "尽快" in (await scene.at_the_smsc())["text"]  # by the successor: now the SMSC has its connection
    await scene.receipt(sms["id"])
    await scene.becomes(waiting["id"], "delivered")
    await scene.becomes(lost["id"], "sent")
    await scene.becomes(later["id"], "sent")
    await scene.system.restarted("messages")


async def the_books_are_right(scene: Scene) -> None:
    """Each message of staff has one contact and one entry of its acceptance; the ledger verifies."""
    async with scene.desk.ground.database.read() as session:
        rows = list(await session.scalars(select(MessageRow).where(MessageRow.author_id.is_not(None))))
        contacts = set(await session.scalars(select(ContactRow.id)))
        accepted = [
            json.loads(record)["body"]["message"]
            for record in await session.scalars(
                select(EntryRow.record).where(EntryRow.kind == "message.accepted")
            )
        ]
        sending = list(await session.scalars(select(OutboxRow).where(OutboxRow.topic == MESSAGE_SEND)))
        finished = list(
            await session.scalars(select(OutboxRow.payload).where(OutboxRow.topic == MESSAGE_FINISHED))
        )
    assert {row.contact_id for row in rows} <= contacts
    assert len({row.contact_id for row in rows}) == len(rows)
    assert sorted(accepted) == sorted(row.id for row in rows)
    assert all(one.done_at is not None and one.dead_at is None for one in sending)
    told = [payload["message_id"] for payload in finished]
    assert len(told) == len(set(told))
    assert {row.id for row in rows if row.finished_at is not None} <= set(told)
    report = await scene.system.verify_ledger()
    assert report.ok, report.findings
