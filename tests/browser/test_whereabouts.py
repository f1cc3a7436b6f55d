"""A phone's day on a page: sketch, table, refusals and check-ins, with the grounds on which it stands."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from playwright.sync_api import expect

from devicepolicy.enrolment.model import NewToken
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, TargetKind
from tests.browser.conftest import Visit
from tests.browser.stage import Stage
from tests.browser.test_phones import Site
from tests.support.whereabouts import ALL_DAY, BUND, PlacePhone, png, policy

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
FENCE = {"name": "外滩网点", "latitude": BUND[0], "longitude": BUND[1], "radiusMetres": 900}


async def seed(stage: Stage) -> None:
    """Publish a policy for everybody that tracks."""
    admin, policies = stage.seeded.people["admin"].principal, stage.phones.policies
    wanted = policy(hours=ALL_DAY, permittedPlaces=[{"anyOf": [FENCE]}])
    made = await policies.service.create(admin, "外访手机", "", wanted)
    version = await policies.service.publish(admin, made.id, made.revision)
    target = Target(TargetKind.EVERYBODY)
    await policies.assignments.assign(admin, Layer.ORGANISATION, target, made.id, version.number)


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("whereabouts"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


@pytest.fixture(scope="module")
def device_id(stage: Stage) -> str:
    """A phone whose employee walked about, once with a mock location, and checked in."""

    async def day() -> str:
        async with aiohttp.ClientSession(stage.url) as http:
            site = Site(stage, http)
            house = SimpleNamespace(clock=stage.clock, fleet=stage.phones.fleet, http=http)
            phone = PlacePhone(house)  # type: ignore[arg-type] - of the house it uses these three
            who = stage.seeded.people["lin"].principal.employee_id
            new = NewToken("外访 04", employee_id=who, approves=True)
            issued = await stage.phones.fleet.tokens.issue(site.admin, new)
            await phone.enrol(issued.token)
            await stage.phones.fleet.desired.catch_up()
            await phone.try_fixes(phone.fix())
            await phone.agree()
            for step in range(9):
                where = (BUND[0] + 0.002 * step, BUND[1] + 0.003 * (step % 4))
                await phone.fixes(phone.fix(where, mock=step == 6, provider="fused" if step % 3 else "gps"))
                stage.clock.advance(timedelta(minutes=6))
            picture = png(320, 240)
            status, made = await phone.check_in(phone.visit(picture))
            assert status == 200, made
            assert (await phone.photo(made["id"], picture))[0] == 200
            await phone.check_in(phone.visit(purpose="collection-visit"))
            return phone.device_id

    found: str = stage.run(day())
    return found


def test_a_day_is_drawn_without_a_map_and_says_on_what_grounds(
    visit: Any, stage: Stage, device_id: str
) -> None:
    window: Visit = visit("admin")
    page = window.go(f"/phones/{device_id}")
    page.get_by_role("region", name="轨迹与打卡").get_by_role("link", name="打开").click()
    expect(page.get_by_role("heading", name="依据")).to_be_visible()
    expect(page.get_by_text("个人信息保护法第二十八条")).to_be_visible()
    expect(page.get_by_text("2026-11-22-location").first).to_be_visible()
    expect(page.get_by_text("员工在手机上单独同意了告知书")).to_be_visible()
    expect(page.get_by_role("img", name="轨迹示意图，9 个点")).to_be_visible()
    expect(page.locator("circle.mock")).to_have_count(1)
    expect(page.locator("table tbody tr")).to_have_count(9)
    expect(page.get_by_text("离开允许的地点")).to_be_visible()
    expect(page.get_by_text("没有员工的同意")).to_be_visible()
    picture = page.get_by_role("img", name="打卡的照片")
    expect(picture).to_have_js_property("naturalWidth", 320)
    expect(page.get_by_text("照片尚未传到")).to_be_visible()
    page.get_by_role("link", name="前一天").click()
    expect(page.get_by_text("这一天没有轨迹")).to_be_visible()


def test_the_page_is_accessible_in_both_themes_and_fits_a_phone(
    visit: Any, stage: Stage, device_id: str
) -> None:
    window: Visit = visit("lin")
    page = window.go(f"/phones/{device_id}/whereabouts")
    window.check_accessible()
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.check_accessible()
