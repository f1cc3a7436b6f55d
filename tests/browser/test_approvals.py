"""Maker and checker on screen: asked on the card, seen masked, decided by somebody else, taken along once."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from core.access.model import Role
from gateway.customers.approvals.model import ErasureGround, ExportWish
from gateway.customers.model import CustomerChange
from tests.browser.conftest import Visit
from tests.browser.leaving_day import add_customer, add_person
from tests.browser.stage import Stage

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


async def seed(stage: Stage) -> dict[str, str]:
    """A second administrator and supervisor, customers, and a request of each kind."""
    qian = await add_person(stage, "qian", "钱管理", Role.ADMINISTRATOR)
    he = await add_person(stage, "he", "何主管", Role.SUPERVISOR)
    lin = stage.seeded.people["lin"].principal
    ids = {
        name: await add_customer(stage, lin, f"1391111000{index}", name)
        for index, name in enumerate(("郑一", "王二", "冯三", "陈四"))
    }
    desk = stage.gateway.approvals.desk
    wish = CustomerChange(phone="13900005555", name="郑益", id_number="11010519491231002X")
    ids["change"] = await desk.change(lin, ids["郑一"], wish, "客户换号，已核对身份证")
    ids["erasure"] = await desk.erasure(qian, ids["王二"], ErasureGround.CUSTOMER_REQUEST, "本人书面要求")
    ids["export"] = await desk.export(he, ExportWish(), "季度客户核对")
    await desk.change(he, ids["冯三"], CustomerChange(phone="13999990002"), "中间几位录错")
    gone = await desk.change(lin, ids["陈四"], CustomerChange(name="陈思"), "录入错误")
    await stage.gateway.approvals.decider.reject(he, gone, "没有附证明")
    return ids


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("approvals"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("admin", "/approvals"),
        ("lin", "/approvals"),
        ("sun", "/approvals"),
        ("admin", "/approvals/{erasure}"),
        ("admin", "/customers/{郑一}"),
        ("chen", "/customers"),
    ],
)
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(
    visit: Any, stage: Stage, who: str, path: str
) -> None:
    window: Visit = visit(who)
    page = window.go(path.format(**stage.extra))
    for details in page.locator("main details").all():
        details.evaluate("one => { one.open = true }")
    window.check_accessible()
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.check_accessible()
    assert not re.search(r"139(0000|1111|9999)\d{4}|11010519", page.content())


def test_a_change_is_asked_for_on_the_card_and_decided_by_somebody_else(visit: Any, stage: Stage) -> None:
    window: Visit = visit("lin")
    page = window.go(f"/customers/{stage.extra['陈四']}")
    page.get_by_text("申请变更身份资料").click()
    page.locator("#identity").get_by_label("手机号").fill("13900007777")
    page.locator("#identity").get_by_label("理由").fill("客户换号")
    page.locator("#identity").get_by_role("button", name="提交申请").click()
    expect(page.get_by_role("status")).to_contain_text("等待他人审批")
    expect(page.locator("#identity")).to_contain_text("待审批：")
    page = window.go("/approvals")
    mine = page.locator("article", has_text="139****7777")
    expect(mine).to_contain_text("须由他人审批")
    expect(mine.get_by_role("button", name="撤回申请")).to_be_visible()
    window.check_quiet()
    boss: Visit = visit("chen")
    page = boss.go("/approvals")
    asked = page.locator("article", has_text="139****7777")
    expect(asked).to_contain_text("139****0003")
    asked.get_by_label("审批意见").fill("已回访")
    asked.get_by_role("button", name="批准变更").click()
    expect(page.get_by_role("status")).to_contain_text("已批准并执行")
    expect(boss.go(f"/customers/{stage.extra['陈四']}").locator("h1")).to_contain_text("139****7777")
    boss.check_quiet()


def test_an_export_is_approved_and_taken_once_by_who_asked(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    page = window.go("/approvals")
    asked = page.locator(f"#request-{stage.extra['export']}")
    expect(asked).to_contain_text("何主管 提交")
    asked.get_by_role("button", name="驳回").click()
    expect(page.get_by_role("alert")).to_contain_text("文字不符合要求")
    page.locator(f"#request-{stage.extra['export']}").get_by_role("button", name="批准导出").click()
    expect(page.get_by_role("status")).to_contain_text("已批准并执行")
    taker: Visit = visit("he")
    page = taker.go(f"/approvals/{stage.extra['export']}")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="下载清单").click()
    name = waiting.value.suggested_filename
    assert re.fullmatch(r"customers-[0-9a-f]{8}\.xlsx", name)
    page = taker.go(f"/approvals/{stage.extra['export']}")
    expect(page.locator("article")).to_contain_text("已下载")
    expect(page.get_by_role("button", name="下载清单")).to_have_count(0)
