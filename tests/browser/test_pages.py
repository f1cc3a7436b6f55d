"""Overview and list: figures that lead somewhere, filters in the address, keys, languages, themes, widths."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.hands import focus, press
from tests.browser.stage import Stage

PATHS = ("/", "/calls", "/calls?band=flag", "/calls?until=2020-01-01", "/nowhere")


def rows(page: Page) -> Any:
    return page.locator("#rows tr:not(#more)")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_pages_are_accessible_in_both_themes(visit: Any, path: str, theme: str) -> None:
    window: Visit = visit(theme=theme)
    window.expects_faults = path == "/nowhere"  # the browser logs the 404
    window.go(path)
    window.check_accessible()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("call", ["abuse", "refused", "erased", "waiting", "failed", "busy"])
def test_calls_are_accessible_in_both_themes(visit: Any, call: str, theme: str) -> None:
    window: Visit = visit(theme=theme)
    window.call(call)
    window.check_accessible()


@pytest.mark.parametrize("path", PATHS)
def test_narrow_windows_need_no_sideways_scrolling(visit: Any, path: str) -> None:
    window: Visit = visit(width=390)
    window.expects_faults = path == "/nowhere"
    page = window.go(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.check_accessible()


@pytest.mark.parametrize("call", ["abuse", "refused"])
def test_a_call_fits_a_narrow_window(visit: Any, call: str) -> None:
    window: Visit = visit(width=390)
    page = window.call(call)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.check_accessible()


def test_overview_counts_and_leads_to_the_calls_behind_a_figure(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go("/")
    figures = page.locator(".figure")
    assert figures.nth(0).locator(".value").inner_text() == str(len(stage.seeded.calls))
    refused = page.get_by_role("link", name="规则拦截 1")
    refused.click()
    expect(page).to_have_url(f"{stage.url}/calls?since=2026-11-21&until=2026-11-21&outcome=refused")
    expect(rows(page)).to_have_count(1)
    window.go("/")
    page.locator(".bars").get_by_role("link", name="催收时段").click()
    expect(rows(page)).to_have_count(1)
    expect(page.locator(".toolbar")).to_contain_text("催收时段")
    window.go("/")
    page.locator("#alerts").get_by_role("link", name="向第三人披露").click()
    expect(page.locator("li.finding[aria-current]")).to_contain_text("第三人")


def test_everybody_sees_only_what_is_in_reach(visit: Any, stage: Stage) -> None:
    own: Visit = visit("lin")
    page = own.go("/calls")
    expect(page.get_by_role("cell", name="王建国")).to_have_count(0)
    expect(rows(page)).to_have_count(5)
    own.go("/")
    expect(page.get_by_text("未关闭预警")).to_have_count(0)
    own.expects_faults = True  # 404 in the console
    page = own.call("abuse")
    expect(page.get_by_role("heading", name="没有此通话")).to_be_visible()
    administrator: Visit = visit("admin")
    page = administrator.call("abuse")
    expect(page.get_by_text("您的岗位不能收听录音")).to_be_visible()
    expect(page.get_by_text("您的岗位不能查看转写原文")).to_be_visible()
    expect(page.locator("audio")).to_have_count(0)


def test_filters_stay_in_the_address_and_come_back(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go("/calls")
    page.get_by_label("质检等级").select_option(label="不合格")
    expect(rows(page)).to_have_count(2)
    expect(page).to_have_url(f"{stage.url}/calls?band=flag")
    page.get_by_text("更多条件").click()
    page.get_by_label("命中类别").select_option(label="私下交易")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(f"{stage.url}/calls?band=flag&category=private_deal")
    page.reload()
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_label("命中类别")).to_be_visible()
    assert page.get_by_label("质检等级").input_value() == "flag"
    page.get_by_role("link", name="清除筛选").click()
    expect(rows(page)).to_have_count(len(stage.seeded.calls))
    page.get_by_label("部门").select_option(label="贷后管理部")
    expect(rows(page)).to_have_count(3)
    page.get_by_label("部门").select_option(label="销售一部")
    expect(rows(page)).to_have_count(5)  # the team below the department counts


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("outcome=connected", 6),
        ("outcome=unanswered", 1),
        ("outcome=refused", 1),
        ("outcome=live", 0),
        ("verdict=allow", 7),
        ("purpose=collection", 2),
        ("direction=inbound", 0),
        ("cause=busy", 1),
        ("rule=hours-collection", 1),
        ("category=over_promise", 1),
        ("since=2026-11-22", 0),
        ("since=&until=&employee=&outcome=", 8),
    ],
)
def test_each_filter_selects(visit: Any, query: str, count: int) -> None:
    window: Visit = visit("zhao")
    expect(rows(window.go(f"/calls?{query}"))).to_have_count(count)


def test_a_bad_filter_is_explained(visit: Any) -> None:
    window: Visit = visit("zhao")
    window.expects_faults = True
    page = window.go("/calls?since=2026-11-22&until=2026-11-21")
    expect(page.get_by_text("开始日期不能晚于结束日期")).to_be_visible()
    expect(page.get_by_text("没有丢失")).to_be_visible()


def test_rows_open_with_the_keyboard(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go("/calls")
    focus(page.locator("#rows .row-link").first)
    press(page, "Enter")
    expect(page).to_have_url(f"{stage.url}/calls/{stage.seeded.calls['refused']}")
    press(page, "Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()


def test_customers_are_masked_and_no_number_is_on_the_page(visit: Any) -> None:
    window: Visit = visit("zhao")
    page = window.go("/calls")
    expect(page.get_by_text("张** 138****8001")).to_be_visible()
    expect(page.get_by_text("已删除")).to_be_visible()
    for number in ("13800138001", "13900139002", "13700137003"):
        assert number not in page.content()


def test_language_and_theme_switch_and_stay(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao", scheme="light")
    page = window.go("/calls?band=flag")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Calls")).to_be_visible()
    expect(page).to_have_url(f"{stage.url}/calls?band=flag")
    assert page.locator("html").get_attribute("lang") == "en"
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light / dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    answer = page.request.get(f"{stage.url}/")
    assert 'data-theme="dark"' in answer.text(), "the server renders the theme: nothing flashes"
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_switches_work_without_script(chromium: Any, stage: Stage) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.goto(f"{stage.url}/login")
    page.get_by_role("button", name="切换明暗").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    context.close()


def test_an_error_page_says_what_happened_and_what_to_do(visit: Any) -> None:
    window: Visit = visit("zhao", theme="dark")
    window.expects_faults = True
    page = window.go("/nowhere")
    expect(page.get_by_role("heading", name="该地址不存在")).to_be_visible()
    expect(page.get_by_text("没有丢失")).to_be_visible()
    expect(page.get_by_text("请检查地址")).to_be_visible()
    expect(page.get_by_text("请求编号")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
