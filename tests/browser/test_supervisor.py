"""A supervisor's pages: what happens shows by itself, a call ends, a held message is decided, the team stands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from core.ids import new_id
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.commands import CallRecord
from gateway.calls.errors import CallsUnavailable
from gateway.calls.flow import Flow, Mark
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.contact.model import Purpose
from gateway.messages.errors import NotHeld
from gateway.messages.model import ChannelKind, MessageState
from gateway.messages.service import SendRequest
from maskline.demo.scenario import scripted_calls
from qa.memory import ScriptedTranscriber
from tests.browser.conftest import START, Visit
from tests.browser.hands import focus, press
from tests.browser.seed import _heard
from tests.browser.stage import Stage


@dataclass
class Extra:
    """What this file's stage has beside the day of all: a call that goes on, and two held messages."""

    call: OpenedCall
    first: str
    second: str


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
    first = await write(stage, "lin", "13200132011", "资料齐全的话今天就能下款，请尽快回复。")
    second = await write(stage, "lin", "13200132012", "我们是全国最大的贷款平台，请打 13912345678 详谈。")
    stage.clock.advance(timedelta(minutes=2, seconds=5))
    return Extra(call, first, second)


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("supervisor"), START, more=more)
    stage.start()
    yield stage
    stage.stop()


def live(visit: Any, path: str = "/live", username: str = "chen", **options: Any) -> Visit:
    """Open a page and wait until it is live: the stream never ends, so the network is never idle."""
    window: Visit = visit(username, **options)
    window.page.goto(f"{window.stage.url}{path}")
    if path.startswith(("/live", "/held")):
        expect(window.page.locator("#live-state")).to_have_attribute("data-live-state", "live")
    return window


@pytest.mark.parametrize("path", ["/live", "/held", "/team", "/messages", "/analysis", "END", "ACT"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit_a_phone(visit: Any, stage: Stage, path: str, theme: str) -> None:
    width = 390 if theme == "dark" else 1440
    if path == "END":
        window: Visit = visit("chen", width=width, theme=theme)
        window.go(f"/live/calls/{stage.extra.call.call_id}/end")
    else:
        address = path.replace("ACT", f"/held?message={stage.extra.second}&act=reject")
        window = live(visit, address, width=width, theme=theme)
    assert window.page.evaluate("document.documentElement.scrollWidth") <= width
    window.check_accessible()


def test_a_call_that_begins_while_the_page_is_open_shows_up(visit: Any, stage: Stage) -> None:
    page = live(visit).page
    rows = page.locator("#calls tbody tr")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("林晓")
    expect(rows.first).to_contain_text("冯* 131****1009")
    expect(rows.first).to_contain_text("通话中")
    expect(rows.first.locator("time")).to_have_text(re.compile(r"2:\d\d"))
    call = stage.run(dial(stage, "lin", "陈三", "13000130010"))
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("准备中")
    expect(page.locator("#figure-calls")).to_contain_text("2")
    stage.run(stage.seeder.books.note(call, Mark.CUSTOMER_ANSWERED, stage.clock.now()))
    expect(rows.nth(1)).to_contain_text("播放录音告知")
    record = CallRecord(EndedBy.STAFF, Cause.NO_ANSWER, None, {Mark.ENDED: stage.clock.now()}, None)
    stage.run(stage.seeder.books.close(call.call_id, record, None))
    expect(rows).to_have_count(1)
    assert "13000130010" not in page.content()


def test_an_alert_shows_up_and_is_said_aloud(visit: Any, stage: Stage) -> None:
    page = live(visit).page
    shown = page.locator("#alerts li")
    count = shown.count()
    contact_id = stage.seeded.contacts["waiting"]
    heard = _heard({script.id: script for script in scripted_calls()}["private-deal"], homophone=False)
    stage.run(stage.seeder.inspect_with(ScriptedTranscriber(heard), contact_id))
    expect(shown.nth(count)).to_be_visible()
    expect(page.locator("#live-said")).to_have_text("有新的预警")
    expect(shown.first).to_contain_text("林晓")
    shown.first.get_by_role("link").click()
    expect(page).to_have_url(re.compile(rf"/calls/{stage.seeded.calls['waiting']}#finding-"))


def test_a_call_is_ended_after_its_consequences_were_shown(visit: Any, stage: Stage) -> None:
    page = live(visit).page
    end = page.get_by_role("link", name="挂断 林晓 的通话")
    focus(end)
    press(page, "Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("冯* 131****1009")
    expect(dialog).to_contain_text("账本会记下是您要求挂断")
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    expect(end).to_be_focused()
    assert stage.calls_process.ended == []
    stage.calls_process.fault = CallsUnavailable()
    end.click()
    dialog.get_by_role("button", name="挂断这通电话").click()
    expect(page.get_by_role("alert")).to_contain_text(CallsUnavailable.zh)
    page.get_by_role("link", name="挂断 林晓 的通话").click()
    dialog.get_by_role("button", name="挂断这通电话").click()
    expect(page.get_by_text("已请求挂断")).to_be_visible()
    assert stage.calls_process.ended == [stage.extra.call.call_id]


def test_a_page_that_is_not_live_says_so_and_comes_back(visit: Any, stage: Stage) -> None:
    window: Visit = visit("chen")
    window.expects_faults = True  # the browser logs the refused stream
    page = window.page
    page.clock.install()
    page.route("**/live/events", lambda route: route.fulfill(status=503))
    page.goto(f"{stage.url}/live")
    expect(page.locator("#live-state")).to_contain_text("已断开，正在重连")
    page.unroute("**/live/events")
    page.clock.run_for(16_000)
    expect(page.locator("#live-state")).to_have_attribute("data-live-state", "live")


def test_who_is_logged_out_elsewhere_is_told(visit: Any, stage: Stage) -> None:
    page = live(visit, username="zhao").page

    async def log_out() -> None:
        async with stage.ground.database.begin() as session:
            await stage.people.sessions.kill_all(session, stage.seeded.people["zhao"].principal.employee_id)

    stage.run(log_out())
    expect(page.locator("#live-state")).to_contain_text("登录已结束")
    page.get_by_role("link", name="重新打开").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()


def test_held_messages_are_decided_by_keyboard_and_the_agent_is_told(visit: Any, stage: Stage) -> None:
    page = live(visit, "/held").page
    items = page.locator(".held-item")
    expect(items).to_have_count(2)
    expect(items.first.locator("mark")).to_have_text("今天就能下款")
    expect(items.nth(1)).to_contain_text("139****5678")
    assert "13912345678" not in page.content()
    press(page, "j")
    expect(items.nth(1)).to_have_attribute("aria-current", "true")
    press(page, "k")
    press(page, "j")
    press(page, "x")
    expect(page.get_by_text("它不会发出，也不能再放行")).to_be_visible()
    press(page, "Escape")
    expect(page.locator(".decide-form")).to_have_count(0)
    press(page, "x")
    comment = page.get_by_label("为什么不行")
    expect(comment).to_be_focused()
    press(page, "Control+Enter")
    expect(page.locator(".decide-form")).to_be_visible()  # who is told no is told why
    comment.fill("不要自称最大，也不要留号码")
    press(page, "Control+Enter")
    expect(page.get_by_text("已驳回")).to_be_visible()
    expect(items).to_have_count(1)
    press(page, "r")
    expect(page.get_by_text("发送前再判定一次")).to_be_visible()
    later = stage.run(write(stage, "lin", "13200132013", "您好，坐着等下款就好。"))
    expect(page.get_by_text("有新的待审消息")).to_be_visible()
    page.get_by_role("button", name="放行，发给客户").click()
    expect(page.get_by_text("已放行")).to_be_visible()
    expect(page.locator(f"#held-{later}")).to_be_visible()
    agent = stage.seeded.people["lin"].principal
    rejected = stage.run(stage.messages.queries.message(agent, stage.extra.second))
    assert (rejected.row.state, rejected.review_note) == (MessageState.BLOCKED, "不要自称最大，也不要留号码")
    own: Visit = visit("lin")
    expect(own.go(f"/threads/{rejected.row.thread_id}").get_by_text("不要自称最大")).to_be_visible()
    released = stage.run(stage.messages.queries.message(agent, stage.extra.first))
    assert released.row.state is MessageState.QUEUED


def test_a_colleague_was_quicker(visit: Any, stage: Stage) -> None:
    message_id = stage.run(write(stage, "lin", "13200132014", "您好，躺着等下款就好。"))
    page = live(visit, f"/held?message={message_id}&act=release").page
    stage.run(stage.messages.review.reject(stage.seeded.people["zhao"].principal, message_id, "不行"))
    page.get_by_role("button", name="放行，发给客户").click()
    expect(page.get_by_role("alert")).to_contain_text(NotHeld.zh)


def test_the_team_leads_to_what_is_behind_each_figure(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go("/team")
    rows = page.locator("#results tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="王建国")).to_contain_text("催收时段 1")
    page.get_by_label("排序").select_option(label="按姓名")
    expect(page).to_have_url(re.compile("sort=name"))
    expect(page.locator("th[aria-sort]")).to_contain_text("员工")
    rows.filter(has_text="王建国").get_by_role("link", name="催收时段 1").click()
    expect(page.locator("#rows tr")).to_have_count(1)
    page.go_back()
    rows.filter(has_text="王建国").get_by_role("link", name="分，打开").click()
    expect(page).to_have_url(f"{stage.url}/calls/{stage.seeded.calls['abuse']}")
    own: Visit = visit("chen")
    expect(own.go("/team").locator("#results tbody tr")).to_have_count(1)
    expect(own.go("/team?since=2020-01-01&until=2020-01-02").locator(".c-calls .none")).to_have_text("0")


@pytest.mark.parametrize("address", ["/team", "/analysis"])
def test_every_figure_leads_to_as_many_messages_as_it_says(visit: Any, stage: Stage, address: str) -> None:
    page = live(visit, address).page
    figures = page.locator('a[href^="/messages?"]').evaluate_all(
        "all => all.map(one => [one.getAttribute('href'), one.getAttribute('aria-label') || one.textContent])"
    )
    assert figures
    for path, said in [(path, said) for path, said in figures if re.search(r"\d", said)]:
        listed = page.request.get(stage.url + path).text()
        assert listed.count("row-link") == int(re.findall(r"\d+", said)[-1]), (path, said)


def test_messages_are_listed_without_their_words_and_lead_to_the_thread(visit: Any, stage: Stage) -> None:
    page = live(visit, "/team").page
    page.locator("tr", has_text="林晓").locator(".c-messages > a").click()
    expect(page.locator("#rows")).to_contain_text("郑** 132****2011")
    expect(page.locator("#rows")).not_to_contain_text("下款")
    page.get_by_label("渠道").select_option(label="短信")
    expect(page.get_by_text("没有符合条件的消息")).to_be_visible()
    page.get_by_label("渠道").select_option(label="网页会话")
    page.locator("#rows tr", has_text="132****2011").locator(".row-link").click()
    expect(page).to_have_url(re.compile("/threads/"))
    expect(page.locator("main")).to_contain_text("下款")


def test_an_agent_finds_no_way_in(visit: Any, stage: Stage) -> None:
    window: Visit = visit("lin")
    window.expects_faults = True  # the browser logs the refusals
    page = window.go("/held")
    expect(page.get_by_role("heading", name="您没有此操作的权限")).to_be_visible()
    other = stage.seeded.calls["abuse"]
    page = window.go(f"/live/calls/{other}/end")
    expect(page.get_by_role("heading", name="没有此通话")).to_be_visible()
