"""Unbinding: everything is shown and counted first, one click does it, each step is seen, and it can be undone."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_MS, Visit
from tests.browser.hands import focus, press
from tests.browser.leaving_day import add_customer, seed
from tests.browser.stage import Stage

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
PATHS = (
    "/offboarding",
    "/offboarding/new?employee={wang}",
    "/offboarding/preview?employee={wang}&successor={he}&wipe=true",
    "/offboarding/{act}",
    "/offboarding/rebind",
)


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("offboarding"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


def panel(page: Page) -> Any:
    return page.locator("#side")


@pytest.mark.parametrize("path", [*PATHS, "/rebind"])
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(visit: Any, stage: Stage, path: str) -> None:
    window: Visit = visit("chen" if path == "/rebind" else "admin")
    page = window.go(path.format(**stage.extra))
    window.check_accessible()
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.check_accessible()


def test_a_leaver_is_unbound_a_second_administrator_is_told_and_it_is_undone(
    visit: Any, stage: Stage
) -> None:
    lin = stage.seeded.people["lin"].principal
    stage.run(stage.seeder.token("lin"))
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go(f"/employees/{stage.extra['lin']}")
    panel(page).get_by_role("link", name="一键解绑").click()
    expect(panel(page).get_by_label("离职员工")).to_have_value(stage.extra["lin"])
    panel(page).get_by_role("button", name="预览").click()
    expect(page.get_by_role("alert")).to_contain_text("请指定接手人")
    panel(page).get_by_label("接手人").select_option(stage.extra["he"])
    focus(panel(page).get_by_role("button", name="预览"))
    press(page, "Enter")
    expect(panel(page)).to_contain_text("移交 2 位客户")
    expect(panel(page)).to_contain_text(re.compile("郑\\*、王\\*|王\\*、郑\\*"))
    expect(panel(page)).to_contain_text("终止 1 个登录会话")
    expect(panel(page)).to_contain_text("林晓的 P60")
    expect(panel(page)).to_contain_text("30 分钟内可以撤销")
    second: Visit = visit("qian")
    second.expects_faults = True
    other = second.go(page.url.removeprefix(stage.url))

    stage.run(add_customer(stage, lin, "13911110003", "冯三"))  # things change while one reads
    panel(page).get_by_role("button", name="确认解绑 林晓").click()
    expect(page.get_by_role("alert")).to_contain_text("客户 +1 −0")
    expect(panel(page)).to_contain_text("移交 3 位客户")
    panel(page).get_by_role("button", name="确认解绑 林晓").click()
    expect(page.get_by_role("status").first).to_contain_text("已解绑")
    expect(panel(page)).to_contain_text("指令已排队，手机尚未取走")
    expect(panel(page)).to_contain_text("下次尝试")
    expect(page.get_by_role("row", name="林晓")).to_contain_text("进行中")
    with page.expect_response(re.compile(r"/offboarding/[0-9a-f]{32}$"), timeout=PATIENCE_MS):
        pass  # it refreshes itself
    with page.expect_download() as download:
        panel(page).get_by_role("link", name="下载审计包").click()
    assert download.value.path().read_bytes().startswith(b"PK")

    other.get_by_role("button", name="确认解绑 林晓").click()
    expect(other.get_by_role("alert")).to_contain_text("操作人：周管理")
    other.get_by_role("link", name="查看那次解绑").click()
    expect(other).to_have_url(re.compile(page.url.split("?")[0]))

    panel(page).get_by_role("button", name="撤销这次解绑").click()
    expect(page.get_by_role("status").first).to_contain_text("已撤销解绑")
    expect(panel(page)).to_contain_text(re.compile("已退回 [1-9][0-9]? 项"))
    expect(page.get_by_role("row", name="林晓")).to_contain_text("已撤销")
    expect(visit("qian").go(f"/employees/{stage.extra['lin']}").locator("#side")).to_contain_text("在用")


def test_a_wipe_waits_for_a_second_person_and_says_so(visit: Any, stage: Stage) -> None:
    page = visit("admin").go(f"/offboarding/{stage.extra['act']}")
    expect(panel(page)).to_contain_text("等待第二人批准")
    panel(page).get_by_role("button", name="立即重试").click()
    expect(page.get_by_role("status").first).to_contain_text("正在重试")
    supervisor = visit("chen").go("/offboarding")
    expect(supervisor.get_by_role("row", name="顾离")).to_be_visible()  # of the own team
    supervisor.get_by_role("link", name="顾离").click()
    expect(panel(supervisor)).to_contain_text("等待第二人批准")
    expect(panel(supervisor).get_by_role("button", name="撤销这次解绑")).to_have_count(0)


def test_a_phone_goes_to_somebody_else_by_a_code_that_works_once(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True
    page = window.go("/offboarding/rebind")
    page.get_by_label("交给谁").select_option(stage.extra["he"])
    page.get_by_role("button", name="生成换绑码").click()
    expect(page.get_by_role("alert")).to_contain_text("换绑须指定手机")
    expect(page.get_by_label("交给谁")).to_have_value(stage.extra["he"])
    page.locator("select[name=device]").select_option(stage.extra["phone"])
    page.get_by_role("button", name="生成换绑码").click()
    code = page.locator("#secret").inner_text()
    window.check_accessible()
    taker: Visit = visit("he")
    taker.expects_faults = True
    page = taker.go("/rebind")
    page.get_by_label("换绑码").fill(code)
    press(page, "Enter")
    expect(page.get_by_role("status")).to_contain_text("已接手")
    page = taker.go("/rebind")
    page.get_by_label("换绑码").fill(code)
    press(page, "Enter")
    expect(page.get_by_role("alert")).to_contain_text("已使用")
