"""An agent's screens in a browser: whom to contact, the customer, the thread, one's own results."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from core.audit.models import AccessRow
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.flow import Mark
from tests.browser.agent_day import LIN_PHONES, WRITTEN_NUMBER, CallsThatOpen, seed
from tests.browser.conftest import START, Visit
from tests.browser.hands import focus, press
from tests.browser.stage import Stage

Open = Callable[..., Visit]
SHOTS = os.environ.get("MASKLINE_SHOTS")
"""A folder for screenshots that somebody wants to look at."""
PAGES = ("today", "customers", "card", "talker", "threads", "thread", "first", "results")


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("agent"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


def address_of(stage: Stage, name: str) -> str:
    day = stage.extra
    return {
        "card": f"/customers/{day.customers['allowed']}",
        "talker": f"/customers/{day.customers['talker']}",
        "thread": f"/threads/{day.thread}",
        "first": f"/customers/{day.customers['planned']}/write",
    }.get(name, f"/{name}")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_is_accessible_fits_and_shows_no_number(
    visit: Open, stage: Stage, width: int, scheme: str
) -> None:
    one = visit("lin", width=width, scheme=scheme)
    for name in PAGES:
        page = one.go(address_of(stage, name))
        if SHOTS:
            page.screenshot(path=Path(SHOTS) / f"agent-{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        shown = page.content()
        assert not [number for number in (*LIN_PHONES, WRITTEN_NUMBER) if number in shown], name
        one.expects_faults = False
        one.check_accessible()
        one.faults.clear()


def test_today_says_who_is_next_and_what_is_allowed_before_the_click(visit: Open, stage: Stage) -> None:
    page = visit("lin").go("/today")
    expect(page.locator(".work-item .name").first).to_contain_text("郑** 138****0004")
    item = page.locator(".work-item", has_text="138****0001")
    expect(item.get_by_role("button", name="拨打")).to_be_disabled()
    expect(item).to_contain_text("客户在勿扰名单中")
    page.get_by_role("link", name="下一页").click()
    expect(page.locator(".work-item")).to_have_count(4)
    page.get_by_role("link", name="回到开头").click()
    page.locator(".work-item", has_text="138****0004").get_by_role("button", name="完成").click()
    expect(page.get_by_role("status")).to_contain_text("这一步已完成")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator(".work-item .name").first).to_contain_text("138****0004")


def test_without_a_binding_one_is_made_first(visit: Open, stage: Stage) -> None:
    page = visit("lin", width=390).go("/today")
    item = page.locator(".work-item", has_text="138****0003")
    item.get_by_text("建立绑定后即可联系").click()
    item.get_by_label("用途").select_option("service")
    item.get_by_role("button", name="建立绑定").click()
    expect(page.get_by_role("status")).to_contain_text("绑定已建立")
    expect(item.get_by_role("button", name="拨打")).to_be_enabled()


def test_one_click_calls_and_the_page_says_how_far_it_is(visit: Open, stage: Stage) -> None:
    calls: CallsThatOpen = stage.calls_process  # type: ignore[assignment]
    page = visit("lin", width=390).go("/today")
    button = page.locator(".work-item", has_text="138****0000").get_by_role("button", name="拨打")
    focus(button)
    press(page, "Enter")
    live = page.locator("#live-call")
    expect(live).to_contain_text("您的话机正在响")
    call_id = page.url.split("call=")[1]
    stage.run(calls.mark(call_id, Mark.STAFF_ANSWERED, Mark.CUSTOMER_RINGING))
    expect(live).to_contain_text("客户振铃中")
    stage.run(calls.mark(call_id, Mark.CUSTOMER_ANSWERED, Mark.BRIDGED))
    expect(live).to_contain_text("通话中")
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / "agent-live-390-light.png")
    stage.run(calls.end(call_id, EndedBy.CUSTOMER, Cause.COMPLETED))
    expect(live).to_contain_text("通话已结束")
    live.get_by_role("link", name="记备注").click()
    page.get_by_label("写备注").fill(f"客户同意周五交材料，备用号 {WRITTEN_NUMBER}")
    page.get_by_role("button", name="保存备注").click()
    expect(page.get_by_role("status")).to_contain_text("联系方式已遮盖")
    expect(page.locator("#notes")).to_contain_text("备用号 139****3333")
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("#notes")).to_contain_text("这条备注已撤回")


def test_a_call_is_hung_up_and_a_fault_says_what_to_do(visit: Open, stage: Stage) -> None:
    one = visit("lin")
    page = one.go("/today")
    page.locator(".work-item", has_text="138****0005").get_by_role("button", name="拨打").click()
    hangup = page.locator("#live-call").get_by_role("button", name="挂断")
    focus(hangup)
    with page.expect_response(lambda answer: "/today/call/" in answer.url):
        pass
    expect(hangup).to_be_focused()
    press(page, "Enter")
    expect(page.locator("#live-call")).to_contain_text("通话已结束")
    stage.extra.registered = False
    page.goto(f"{stage.url}/today")
    page.locator(".work-item", has_text="138****0004").get_by_role("button", name="拨打").click()
    expect(page.get_by_role("alert")).to_contain_text("话机未注册")
    expect(page.get_by_role("alert")).to_contain_text("没有丢失")
    stage.extra.registered = True


def test_a_customer_is_found_without_a_name_in_the_address(visit: Open, stage: Stage) -> None:
    page = visit("lin").go("/customers")
    page.get_by_label("手机尾号四位").fill("0007")
    press(page, "Enter")
    expect(page.locator(".people li")).to_have_count(1)
    assert page.url == f"{stage.url}/customers"
    page.get_by_label("手机尾号四位").fill("12")
    page.get_by_role("button", name="查找").click()
    expect(page.get_by_role("alert")).to_contain_text("请输入四位数字")


def test_the_card_plans_consents_and_blocks(visit: Open, stage: Stage) -> None:
    one = visit("lin")
    page = one.go(f"/customers/{stage.extra.customers['silent']}")
    expect(page.locator("#contact")).to_contain_text("没有该客户对营销触达的有效同意")
    page.get_by_text("登记同意…").click()
    page.locator("#consents").get_by_label("来源").select_option("call")
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.locator("#contact").get_by_role("button", name="拨打")).to_be_enabled()
    page.get_by_label("什么时候").select_option("week")
    page.get_by_role("button", name="安排").click()
    expect(page.locator("#steps")).to_contain_text("打电话")
    page.get_by_text("加入勿扰…").click()
    expect(page.locator("#consents")).to_contain_text("立即对所有员工生效")
    page.get_by_role("button", name="确认加入勿扰").click()
    expect(page.locator("#contact").get_by_role("button", name="拨打")).to_be_disabled()
    supervisor = visit("chen").go(f"/customers/{stage.extra.customers['silent']}")
    supervisor.get_by_text("移出勿扰…").click()
    supervisor.get_by_role("button", name="确认移出").click()
    expect(supervisor.get_by_role("status")).to_contain_text("已移出勿扰")


def test_a_refused_form_keeps_what_was_typed(visit: Open, stage: Stage) -> None:
    one = visit("lin")
    one.expects_faults = True
    page = one.go(f"/customers/{stage.extra.customers['later']}")
    page.get_by_label("或指定时间").fill("2020-01-01T10:00")
    page.locator("#steps").get_by_label("说明").fill("带合同")
    page.get_by_role("button", name="安排").click()
    expect(page.get_by_role("alert")).to_contain_text("必须在未来")
    expect(page.locator("#steps").get_by_label("说明")).to_have_value("带合同")


def test_a_thread_shows_what_became_of_every_message(visit: Open, stage: Stage) -> None:
    page = visit("lin").go(f"/threads/{stage.extra.thread}")
    for name, words in (
        ("delivered", "已送达"),
        ("masked", "电话号码已遮盖"),
        ("held", "待主管放行"),
        ("blocked", "内容不合规"),
    ):
        expect(page.locator(f"#m-{stage.extra.messages[name]}")).to_contain_text(words)
    expect(page.locator(f"#m-{stage.extra.messages['promise']}")).to_contain_text("质检：")
    expect(page.locator(".bubble.customer")).to_contain_text("139****3333")
    page.get_by_label("内容").fill("正在写")
    stage.run(stage.extra.answer(stage, "还有一个问题"))
    expect(page.locator(".bubble.customer").last).to_contain_text("还有一个问题")
    expect(page.get_by_label("内容")).to_have_value("正在写")


def test_a_message_is_written_screened_and_told(visit: Open, stage: Stage) -> None:
    one = visit("lin", width=390)
    one.expects_faults = True  # Chromium reports the refusal at the end
    page = one.go("/today")
    page.get_by_role("link", name="给 罗** 发消息").click()
    page.get_by_label("渠道").first.select_option("webchat")
    page.get_by_label("内容").fill(f"请打我手机 {WRITTEN_NUMBER}")
    page.get_by_role("button", name="发送", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("已遮盖后发送")
    assert "/threads/" in page.url
    page.get_by_label("内容").fill("再不配合我就弄死你")
    page.get_by_role("button", name="发送", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("含威胁恐吓用语")
    page.get_by_text("用模板").click()
    page.get_by_label("due").fill("2026-12-01")
    page.get_by_label("amount").fill("一千元")
    page.get_by_role("button", name="用此模板发送").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("due")).to_have_value("2026-12-01")


def test_other_roles_read_within_their_scope(visit: Open, stage: Stage) -> None:
    places = [address_of(stage, name) for name in ("customers", "talker", "card", "threads", "thread")]
    for name, status in (("chen", 200), ("zhao", 200), ("sun", 200), ("admin", 200)):
        one = visit(name)
        assert [one.page.request.get(stage.url + place).status for place in places] == [status] * 5, name
    stranger = visit("wang").page.request
    assert [stranger.get(stage.url + place).status for place in places] == [200, 404, 404, 200, 404]
    denied = visit("sun").page.request.get(f"{stage.url}/today")
    assert denied.status == 403


def test_one_look_at_a_thread_is_one_line_of_the_access_log(visit: Open, stage: Stage) -> None:
    async def lines() -> int:
        query = select(func.count()).where(
            AccessRow.target_id == stage.extra.thread,
            AccessRow.actor_id == stage.seeded.people["zhao"].principal.employee_id,
        )
        async with stage.ground.database.read() as session:
            return await session.scalar(query) or 0

    before = stage.run(lines())
    page = visit("zhao").go(f"/threads/{stage.extra.thread}")
    expect(page.locator(f"#m-{stage.extra.messages['promise']}")).to_contain_text("质检：")  # both were read
    assert stage.run(lines()) == before + 1


def test_results_lead_to_the_calls(visit: Open, stage: Stage) -> None:
    page = visit("lin").go("/results?days=7")
    expect(page.locator(".figures")).to_contain_text("66.7")
    page.get_by_role("link", name="私下交易").click()
    expect(page.locator("#rows tr")).to_have_count(1)
