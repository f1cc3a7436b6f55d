"""Reviewing by keyboard alone, objecting, and handling alerts, on a stage of its own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from qa.review.model import Ruling
from tests.browser.conftest import START, Visit
from tests.browser.hands import focus, press
from tests.browser.review_day import review_day
from tests.browser.stage import Stage


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("review"), START, more=review_day)
    stage.start()
    yield stage
    stage.stop()


def rows(page: Page) -> Any:
    return page.locator("#rows tr[role=row]:not(#more)")


def at_hand(page: Page) -> Any:
    return page.locator("li.finding[aria-current]")


def test_the_queue_is_worked_off_by_keyboard_only(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go("/inspections")
    expect(rows(page).first).to_contain_text("严重")
    expect(rows(page).nth(1)).to_contain_text("王建国")
    press(page, *"jjkj")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/calls/[0-9a-f]{32}\\?queue="))
    count = page.locator("li.finding").count()
    first = at_hand(page).get_attribute("id")
    press(page, "c")
    page.keyboard.type("录音里很清楚")
    press(page, "Control+Enter")
    expect(page.locator(".notice.done")).to_contain_text("命中已确认")
    expect(page.locator(f"#{first}")).to_contain_text("录音里很清楚")
    assert at_hand(page).get_attribute("id") != first, "the next finding is at hand"
    before = int(page.locator("#score-panel .value").inner_text())
    press(page, "o")
    press(page, "Control+Enter")
    expect(page.locator(".notice.failed")).to_contain_text("请说明理由")
    page.keyboard.type("引用合同原文")
    press(page, "Control+Enter")
    expect(page.locator(".notice.done")).to_contain_text("命中已推翻")
    assert int(page.locator("#score-panel .value").inner_text()) >= before
    for decided in range(2, count):
        expect(page.locator(".review-bar")).to_contain_text(f"已有结论 {decided} / {count}")
        press(page, "c")
        press(page, "Control+Enter")
    expect(page.locator("#findings-panel .tag.allow").first).to_contain_text("已复核")
    expect(page.locator("#next-inspection")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="林晓")).to_be_visible()
    window.check_quiet()


def test_undo_takes_back_and_history_keeps(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.call("deal")
    finding = at_hand(page).get_attribute("id")
    press(page, "o")
    page.keyboard.type("听错了")
    press(page, "Control+Enter")
    expect(page.locator(f"#{finding} .ruled")).to_contain_text("已推翻")
    press(page, "Escape")
    focus(page.locator("#main"))
    while at_hand(page).get_attribute("id") != finding:
        press(page, "p")
    press(page, "u")
    expect(page.locator(".notice.done")).to_contain_text("结论已撤回")
    expect(page.locator(f"#{finding} .ruled")).to_have_count(0)
    page.locator(f"#{finding} .history summary").click()
    expect(page.locator(f"#{finding} .history")).to_contain_text("听错了")


def test_a_colleague_is_told_who_is_at_work(visit: Any, stage: Stage) -> None:
    zhao = stage.seeded.people["zhao"].principal
    contact = stage.seeded.contacts["deal"]
    detail = stage.run(stage.quality.reader.of_contact(zhao, contact))
    stage.run(stage.quality.reviews.service.claim(zhao, detail.summary.id))
    window: Visit = visit("qian")
    page = window.call("deal")
    expect(page.locator("#findings-panel")).to_contain_text("赵质检 正在复核")
    expect(page.locator("form.decide")).to_have_count(0)
    stage.run(stage.quality.reviews.service.release(zhao, detail.summary.id))
    page.reload()
    expect(page.locator("form.decide").first).to_be_attached()


def test_two_at_once_the_later_one_is_told_and_loses_no_word(visit: Any, stage: Stage) -> None:
    zhao = stage.seeded.people["zhao"].principal
    detail = stage.run(stage.quality.reader.get(zhao, stage.extra.thread_inspection))
    window: Visit = visit("zhao")
    page = window.go(f"/inspections/{stage.extra.thread_inspection}")
    finding = (at_hand(page).get_attribute("id") or "").removeprefix("finding-")
    assert finding in {found.id for found in detail.findings}
    service = stage.quality.reviews.service
    stage.run(service.decide(zhao, finding, Ruling.CONFIRM, comment="另一个窗口", revision=0))
    press(page, "o")
    page.keyboard.type("我的意见")
    press(page, "Control+Enter")
    expect(page.locator(".notice.failed")).to_contain_text("您的结论没有写入")
    expect(at_hand(page)).to_contain_text("另一个窗口")
    expect(at_hand(page).locator("textarea")).to_have_value("我的意见")
    expect(at_hand(page).locator("textarea")).to_be_focused()
    press(page, "Control+Enter")
    expect(page.locator(".notice.done")).to_contain_text("命中已推翻")


def test_an_objection_is_settled_by_another_reviewer(visit: Any, stage: Stage) -> None:
    zhao = stage.seeded.people["zhao"].principal
    reviews = stage.quality.reviews
    detail = stage.run(stage.quality.reader.of_contact(zhao, stage.seeded.contacts["waiting"]))
    for found in detail.findings:
        stage.run(reviews.service.decide(zhao, found.id, Ruling.CONFIRM, comment="成立", revision=0))
    agent: Visit = visit("lin")
    page = agent.call("waiting")
    finding = page.locator("li.finding").first
    finding.locator(".comment").click()
    finding.get_by_text("我有异议").click()
    finding.get_by_label("理由").fill("这是产品说明书的原话，我在提醒客户不能这样说")
    finding.get_by_role("button", name="提交申诉").click()
    expect(page.locator(".notice.done")).to_contain_text("申诉已提交")
    expect(page.locator("li.finding").first).to_contain_text("待裁定")
    first: Visit = visit("zhao")
    expect(first.call("waiting").locator("li.finding").first).to_contain_text("须由其他复核员裁定")
    second: Visit = visit("qian")
    page = second.go("/inspections")
    expect(rows(page).first).to_contain_text("申诉")
    press(page, "j")
    press(page, "Enter")
    expect(page.locator(".appeal").first).to_contain_text("产品说明书")
    expect(at_hand(page)).to_contain_text("待裁定")
    press(page, "o")
    page.keyboard.type("属实，申诉成立")
    press(page, "Control+Enter")
    expect(page.locator(".appeal").first).to_contain_text("申诉成立")
    page = agent.call("waiting")
    expect(page.locator("li.finding").first).to_contain_text("属实，申诉成立")


def test_an_alert_is_taken_opened_and_closed(visit: Any, stage: Stage) -> None:
    window: Visit = visit("chen")
    page = window.go("/alerts")
    alert = page.locator(".alert").first
    expect(alert).to_contain_text("2 天 3 小时")
    press(page, "j")
    press(page, "t")
    expect(page.locator(".notice.done")).to_contain_text("已由您受理")
    expect(page.locator(".alert").first).to_contain_text("陈主管 处理中")
    press(page, "Enter")
    expect(page).to_have_url(re.compile("/calls/[0-9a-f]{32}#finding-"))
    expect(at_hand(page)).to_have_count(1)
    page.go_back()
    count = page.locator(".alert").count()
    press(page, "j")
    press(page, "x")
    page.keyboard.type("已约谈员工，客户已回访")
    press(page, "Control+Enter")
    expect(page.locator(".notice.done")).to_contain_text("预警已关闭")
    expect(page.locator(".alert")).to_have_count(count - 1)
    page = window.go("/alerts?state=closed")
    expect(page.locator(".alert").first).to_contain_text("客户已回访")


def test_a_rule_about_words_is_told_once_a_day(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    page = window.go("/word-rules")
    rule = page.locator("#rule-staff-disclosure")
    rule.get_by_label("范围").select_option("single")
    rule.get_by_label("告知").select_option("daily")
    rule.get_by_label("同时通知外部系统").check()
    rule.get_by_role("button").click()
    expect(page.locator(".notice.done")).to_contain_text("已保存")
    assert rule.get_by_label("告知").input_value() == "daily"
    assert rule.get_by_label("范围").input_value() == "single"
    window.check_accessible()
    page = visit("zhao").go("/word-rules")
    expect(page.locator("#rule-staff-disclosure")).to_contain_text("每日汇总（8 时）")
    expect(page.get_by_role("button", name="保存")).to_have_count(0)
    page = visit("zhao").go("/alerts?state=waiting")
    expect(page.get_by_text("没有符合条件的预警")).to_be_visible()


def test_a_day_of_messages_is_reviewed_the_same_way(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go("/inspections?channel=message")
    press(page, "j")
    press(page, "Enter")
    expect(page).to_have_url(re.compile(f"/inspections/{stage.extra.thread_inspection}"))
    expect(page.locator("#transcript")).to_contain_text("我考虑一下")
    expect(page.locator("#score-panel")).to_contain_text("机检 77 分")
    press(page, "c")
    press(page, "Control+Enter")
    expect(page.locator(".notice.done")).to_contain_text("命中已确认")


def test_filters_stay_in_the_address(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go("/inspections")
    page.get_by_label("状态").select_option("all")
    expect(page).to_have_url(f"{stage.url}/inspections?state=all")
    page.get_by_label("命中级别").select_option("severe")
    expect(page).to_have_url(f"{stage.url}/inspections?state=all&severity=severe")
    page.reload()
    assert page.get_by_label("命中级别").input_value() == "severe"
    for line in rows(page).all():
        expect(line).not_to_contain_text("未发现违规")
    page = window.go("/inspections?state=all&channel=message")
    expect(rows(page)).to_have_count(1)
    page = window.go("/inspections?state=all&channel=message&severity=severe")
    expect(page.get_by_text("没有符合条件的质检")).to_be_visible()
    page = window.go("/alerts?severity=minor")
    expect(page.get_by_text("没有符合条件的预警")).to_be_visible()


def test_it_works_without_script(chromium: Any, stage: Stage) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="zh-CN")
    context.add_cookies(
        [{"name": "maskline", "value": stage.run(stage.seeder.token("zhao")), "url": stage.url}]
    )
    page = context.new_page()
    page.goto(f"{stage.url}/calls/{stage.seeded.calls['deal']}")
    finding = page.locator("li.finding").first
    finding.locator("form.decide textarea").fill("确有其事")
    finding.locator("form.decide button[value=confirm]").click()
    expect(page.locator(".notice.done")).to_contain_text("命中已确认")
    expect(page.locator("li.finding").first).to_contain_text("确有其事")
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(visit: Any, stage: Stage, theme: str) -> None:
    for path in ("/inspections", "/alerts", "/word-rules", f"/calls/{stage.seeded.calls['abuse']}"):
        window: Visit = visit("zhao", theme=theme)
        page = window.go(path)
        press(page, "c")
        page.wait_for_timeout(50)
        window.check_accessible()


@pytest.mark.parametrize("path", ["/inspections?state=all", "/alerts", "/word-rules", "call"])
def test_a_phone_is_wide_enough(visit: Any, stage: Stage, path: str) -> None:
    window: Visit = visit("zhao", width=390)
    page = window.call("deal") if path == "call" else window.go(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
