"""Unusual access on the screens: the alert says what was seen, leads to exactly its lines, and is closed."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert

from core.audit.models import AccessRow
from core.ids import new_id
from maskline.wiring.unusual import unusual_watch
from tests.browser.conftest import START, Visit
from tests.browser.stage import Stage

LOOKED_AT = 75


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    async def seed(stage: Stage) -> None:
        """Let wang open more customers than anybody works through, judged as the relay does."""
        ground = stage.ground
        watch = unusual_watch(ground)
        await watch()
        wang, now = stage.seeded.people["wang"].principal.employee_id, ground.clock.now()
        line = {"kind": "customer.opened", "actor_id": wang, "target_id": None}
        rows = [
            {**line, "id": new_id(), "at": now + timedelta(seconds=number), "customer_id": new_id()}
            for number in range(LOOKED_AT)
        ]
        async with ground.database.begin() as session:
            await session.execute(insert(AccessRow), rows)
        await watch()

    stage = Stage(tmp_path_factory.mktemp("unusual"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_the_auditor_follows_an_alert_to_its_lines(visit: Any, theme: str, width: int) -> None:
    window: Visit = visit("sun", theme=theme, width=width)
    page = window.go("/alerts")
    alert = page.locator(".alert", has_text="短时间查看大量客户")
    expect(alert).to_contain_text("查看了 75 位客户。上限：1 小时 60。")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    window.check_accessible()
    alert.get_by_role("link", name="短时间查看大量客户").click()
    expect(page.get_by_text("不是法定标准")).to_be_visible()
    expect(page.get_by_text("规则 access_bulk_looking")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    window.check_accessible()
    while page.locator("#more").count():
        before = page.locator("#rows > tr").count()
        page.get_by_role("link", name="更早的记录").click()
        expect(page.locator("#rows > tr")).not_to_have_count(before)
    expect(page.locator("#rows > tr")).to_have_count(LOOKED_AT)


def test_the_auditor_closes_it_and_no_alert_about_words(visit: Any) -> None:
    """The stage is at night: wang's looks are two alerts. Those about calls are not the auditor's to close."""
    page = visit("sun").go("/alerts")
    unusual = page.locator(".alert", has_text="上限：")
    expect(unusual).to_have_count(2)
    expect(page.locator(".alert summary")).to_have_count(2)
    assert page.locator(".alert").count() > 2
    alert = unusual.filter(has_text="短时间查看大量客户")
    alert.locator("summary").click()
    alert.get_by_label("查到了什么，做了什么").fill("回访任务，已向主管核实")
    alert.get_by_role("button", name="关闭预警").click()
    expect(alert).to_have_count(0)
    expect(unusual).to_have_count(1)
