"""The customer's page of the web chat: read, answer, send a file, stop contact; links that are no good."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chat_site import ChatSite, ChatThread
from tests.browser.conftest import START, Visit
from tests.browser.hands import press
from tests.browser.stage import Stage

Open = Callable[..., Visit]
SHOTS = os.environ.get("MASKLINE_SHOTS")
FIRST = "您好，这里是云山贷款公司客服。请问有什么可以帮您？"


async def seed(stage: Stage) -> ChatSite:
    """A customer who talks, one who opts out."""
    stage.clock.advance(timedelta(hours=12))  # the seed of all ends at night
    site = ChatSite(stage)
    await site.open("13800138021", "13800138022")
    return site


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("chat"), START, more=seed)
    stage.start()
    stage.url = stage.extra.url  # where `visit` goes
    yield stage
    stage.run(stage.extra.close())
    stage.stop()


@pytest.fixture
def chat(stage: Stage) -> ChatThread:
    thread: ChatThread = stage.extra.customers[0]
    return thread


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"webchat-{name}.png")


def open_chat(visit: Open, chat: ChatThread, *, width: int = 390, scheme: str = "light") -> Visit:
    one = visit(None, width=width, scheme=scheme)
    one.go(f"/#{chat.token}")
    expect(one.page.get_by_role("status")).to_have_text("已连接")
    return one


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "light")])
def test_the_page_is_accessible_and_fits(visit: Open, chat: ChatThread, width: int, scheme: str) -> None:
    one = open_chat(visit, chat, width=width, scheme=scheme)
    page = one.page
    expect(page.get_by_role("heading", level=1)).to_have_text("云山贷款公司")
    expect(page.get_by_role("log")).to_contain_text(FIRST)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shoot(page, f"open-{width}-{scheme}")
    one.check_accessible()
    page.get_by_role("button", name="停止联系").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    shoot(page, f"ask-{width}-{scheme}")
    one.faults.clear()
    one.expects_faults = False
    one.check_accessible()
    press(page, "Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    one.faults.clear()


def test_a_customer_answers_by_keyboard_and_the_agent_reads_it(
    visit: Open, chat: ChatThread, stage: Stage, tmp_path: Path
) -> None:
    page = open_chat(visit, chat).page
    log = page.get_by_role("log")
    expect(page.get_by_role("button", name="发送", exact=True)).to_be_disabled()
    page.get_by_label("消息").last.fill("请问这个月的还款日是哪天？\n我的电话是13800138021")
    page.get_by_label("消息").last.press("Enter")
    expect(log.locator(".mine").last).to_contain_text("已送达")
    assert "我的电话是138****8021" in stage.run(chat.heard())[0]
    stage.run(chat.send("每月 20 日，扣款前一天会提醒您。"))
    expect(log).to_contain_text("每月 20 日")
    picture = tmp_path / "回单.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\x00" * 100)
    page.get_by_label("发送文件").set_input_files(picture)
    expect(log.locator(".mine").last).to_contain_text("回单.png")
    expect(log.locator(".mine").last).to_contain_text("已送达")
    shoot(page, "talk-390-light")
    page.reload()
    expect(log.locator(".line")).to_have_count(4)
    expect(page.get_by_role("status")).to_have_text("已连接")
    shoot(page, "again-390-light")


def test_what_is_written_without_a_connection_is_not_lost(
    visit: Open, chat: ChatThread, stage: Stage
) -> None:
    one = open_chat(visit, chat)
    page = one.page
    page.get_by_label("消息").last.fill("马上回来")
    stage.run(stage.extra.break_connections())
    page.get_by_label("消息").last.press("Enter")
    expect(page.get_by_role("status")).to_have_text("已连接")
    if page.get_by_label("消息").last.input_value():  # it was cut while the key was pressed: the text stays
        page.get_by_label("消息").last.press("Enter")
    expect(page.get_by_role("log").locator(".mine").last).to_contain_text("已送达")
    assert stage.run(chat.heard())[0] == "马上回来"


def test_stop_contact_says_what_it_does_and_does_it(visit: Open, stage: Stage) -> None:
    thread: ChatThread = stage.extra.customers[1]
    page = open_chat(visit, thread, scheme="dark").page
    page.get_by_role("button", name="停止联系").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("不再主动向您发送消息")
    dialog.get_by_role("button", name="取消").click()
    assert stage.run(thread.opted_out()) == 0
    page.get_by_role("button", name="停止联系").click()
    dialog.get_by_role("button", name="停止联系").click()
    expect(page.get_by_role("log")).to_contain_text("已为您退订")
    assert stage.run(thread.opted_out()) == 1
    shoot(page, "stopped-390-dark")


@pytest.mark.parametrize(
    ("address", "says"), [(f"/#{'x' * 43}", "链接已失效"), ("/", "链接不完整")], ids=["wrong", "cut"]
)
def test_a_link_that_is_no_good_says_what_to_do(
    visit: Open, chat: ChatThread, address: str, says: str
) -> None:
    one = visit(None, width=390)
    page = one.go(address)
    expect(page.get_by_role("heading", name=says)).to_be_visible()
    expect(page.get_by_label("消息").last).to_be_hidden()
    shoot(page, f"gone-{len(address)}")
    one.check_accessible()


def test_nothing_of_the_token_is_asked_for(visit: Open, chat: ChatThread) -> None:
    one = open_chat(visit, chat)
    assert one.asked
    assert not [url for url in one.asked if chat.token in url.partition("#")[0]]
