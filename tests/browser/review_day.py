"""A reviewer's day for the browser: a second reviewer, a bad call, and a day of messages that was inspected."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from core.access.employees import NewEmployee
from core.access.model import Role
from gateway.contact.model import Purpose
from gateway.messages.build import build_host
from gateway.messages.channels.webchat.channel import WebChatChannel
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import ChannelKind, Received
from gateway.messages.models import ThreadDayRow
from gateway.messages.service import SendRequest
from maskline.wiring.messages import message_ground
from maskline.wiring.quality import build_inspecting
from qa.memory import ScriptedTranscriber
from qa.speech.engine import SpeechEngine
from tests.browser.conftest import START
from tests.browser.seed import Person
from tests.browser.stage import Stage
from tests.support.inspection import say


@dataclass(frozen=True)
class ReviewDay:
    """What the tests look for."""

    thread_inspection: str


async def review_day(stage: Stage) -> ReviewDay:
    """Write it. The clock then stands three hours and twelve minutes after the last inspection."""
    admin = stage.seeded.people["admin"].principal
    made = await stage.people.employees.create(
        admin, NewEmployee("qian", "钱复核", frozenset({Role.REVIEWER}), None)
    )
    principal = stage.seeder._principal(made.employee.id, frozenset({Role.REVIEWER}), None, "", "钱复核")
    stage.seeded.people["qian"] = Person("qian", principal, made.password)
    day = ReviewDay(await _messages(stage))
    heard = say(("staff", "您好，我是云山贷款公司的客服。"), ("staff", "这个产品保本保收益，稳赚不赔。"))
    await stage.seeder.inspect_with(ScriptedTranscriber(heard), stage.seeded.contacts["waiting"])
    stage.clock.advance(timedelta(hours=3, minutes=12))
    return day


async def _messages(stage: Stage) -> str:
    lin = stage.seeded.people["lin"].principal
    stage.clock.set(START + timedelta(days=1))
    customer = await stage.seeder._customer("郑十一", "13811119999", Purpose.SALES)
    binding = await stage.seeder._bind("lin", customer.id, Purpose.SALES)
    channel = InMemoryChannel(ChannelKind.WEBCHAT, WebChatChannel.traits)
    ground = message_ground(stage.ground, stage.gateway)
    _, dispatcher = build_host(ground, stage.messages, [channel], worker="w1")
    for text in (
        "您好，我是云山贷款公司的小林。",
        "放心，今天就能拿到钱，肯定能批下来",
        "这个事情我们私下办比较快",
    ):
        request = SendRequest(binding_id=binding.id, channel=ChannelKind.WEBCHAT, text=text)
        await stage.messages.service.send(lin, request)
        await dispatcher.drain()
        stage.clock.advance(timedelta(minutes=2))
    async with stage.ground.database.read() as session:
        day = (await session.scalars(select(ThreadDayRow))).one()
    thread_id = day.thread_id
    await stage.messages.inbox.keep(
        Received(ChannelKind.WEBCHAT, "in-1", thread_id=thread_id, text="好的，那我考虑一下")
    )
    stage.clock.advance(timedelta(days=1))
    return await build_inspecting(stage.ground, _no_engine).messages.threads.inspect_day(day.id)


def _no_engine() -> SpeechEngine:
    raise AssertionError("text needs no engine")
