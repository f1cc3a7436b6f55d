"""A supervisor's pages: what happens shows by itself, a call ends, a held message is decided, the team stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import expect

from core.ids import new_id
from gateway.calls.flow import Flow, Mark
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.contact.model import Purpose
from gateway.messages.model import ChannelKind
from gateway.messages.service import SendRequest
from tests.browser.conftest import START, Visit
from tests.browser.stage import Stage


@dataclass
class Extra:
    """What this file's stage has beside the day of all."""

    call: OpenedCall


async def dial(stage: Stage, username: str, customer: str, phone: str) -> OpenedCall:
    """Begin a call that goes on."""
    seeder = stage.seeder
    person = await seeder._customer(customer, phone, Purpose.SALES)
    binding = await seeder._bind(username, person.id, Purpose.SALES)
    employee_id = seeder.seeded.people[username].principal.employee_id
    judged = await seeder.books.judge(
        CallTicket(new_id(), Flow.STAFF, employee_id=employee_id, target=binding.token)
    )
    assert judged is not None
    assert judged.call is not None
    return judged.call


async def write(stage: Stage, username: str, phone: str, text: str) -> str:
    """Let an agent write a message; what is held waits for a supervisor."""
    seeder = stage.seeder
    person = await seeder._customer("郑十一", phone, Purpose.SALES)
    binding = await seeder._bind(username, person.id, Purpose.SALES)
    author = seeder.seeded.people[username].principal
    return await stage.messages.service.send(author, SendRequest(binding.id, ChannelKind.WEBCHAT, text))


async def more(stage: Stage) -> Extra:
    stage.clock.set(START.replace(day=22, hour=3))
    call = await dial(stage, "lin", "冯二", "13100131009")
    await stage.seeder.books.note(call, Mark.CUSTOMER_ANSWERED, stage.clock.now())
    await stage.seeder.books.note(call, Mark.BRIDGED, stage.clock.now())
    return Extra(call)


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("supervisor"), START, more=more)
    stage.start()
    yield stage
    stage.stop()


def live(visit: Any, **options: Any) -> Visit:
    """Open the live page and wait until it is live: the stream never ends, so the network is never idle."""
    window: Visit = visit("chen", **options)
    window.page.goto(f"{window.stage.url}/live")
    expect(window.page.locator("#live-state")).to_have_attribute("data-live-state", "live")
    return window


def test_a_call_that_begins_while_the_page_is_open_shows_up(visit: Any, stage: Stage) -> None:
    window = live(visit)
    page = window.page
    rows = page.locator("#calls tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("林晓")
    expect(rows.first).to_contain_text("冯* 131****1009")
    expect(rows.first).to_contain_text("通话中")
    call = stage.run(dial(stage, "lin", "陈三", "13000130010"))
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("准备中")
    stage.run(stage.seeder.books.note(call, Mark.CUSTOMER_ANSWERED, stage.clock.now()))
    expect(rows.nth(1)).to_contain_text("播放录音告知")
    window.check_quiet()
