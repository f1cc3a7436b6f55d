"""Phones: one comes in by its code, proves its settings, is ordered, wiped by two; every page fits and is accessible."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from playwright.sync_api import FilePayload, Page, expect

from devicepolicy.commands import kinds
from devicepolicy.commands.model import NewCommand
from devicepolicy.devices.compliance import Reason
from devicepolicy.enrolment.model import IssuedToken, NewToken
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, TargetKind
from devicepolicy.uploads.conduct_desk import EventFilter
from tests.browser.conftest import Visit
from tests.browser.hands import focus, press
from tests.browser.stage import Stage
from tests.support.uploading import CHAT_APP, UploadingPhone

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
POLICY = {
    "cameraAccess": "CAMERA_ACCESS_DISABLED",
    "screenCaptureDisabled": True,
    "bluetoothDisabled": True,
    "assistContentPolicy": "ASSIST_CONTENT_DISALLOWED",
    "maskline": {
        "uploads": {"simRecordings": True},
        "conductEvents": ["CONTACT_DELETED", "RED_PACKET", "ROOT_FOUND", "CODE_SCANNED"],
        "messagingApps": [
            {"packageName": CHAT_APP, "images": "EGRESS_BLOCKED", "means": "ACCESSIBILITY_RULE"}
        ],
    },
}
"""`assistContentPolicy` needs API level 35: a phone of level 33 cannot."""
BUNDLE = "android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"


@dataclass
class Site:
    """The stage with phones that talk to it over HTTP."""

    stage: Stage
    http: aiohttp.ClientSession

    def phone(self) -> UploadingPhone:
        house = SimpleNamespace(clock=self.stage.clock, fleet=self.stage.phones.fleet, http=self.http)
        return UploadingPhone(house)  # type: ignore[arg-type]

    def run(self, work: Any) -> Any:
        return self.stage.run(work)

    @property
    def admin(self) -> Any:
        return self.stage.seeded.people["admin"].principal

    def token(self, name: str, *, approves: bool = True, employee: str | None = None) -> IssuedToken:
        who = self.stage.seeded.people[employee].principal.employee_id if employee else None
        new = NewToken(name, employee_id=who, approves=approves)
        issued: IssuedToken = self.run(self.stage.phones.fleet.tokens.issue(self.admin, new))
        return issued

    def enrolled(self, name: str, *, approves: bool = True, employee: str | None = None) -> UploadingPhone:
        phone = self.phone()
        self.run(phone.enrol(self.token(name, approves=approves, employee=employee).token))
        return phone

    def carry_out(self, phone: UploadingPhone) -> list[str]:
        """Fetch, acknowledge and finish all orders."""

        async def work() -> list[str]:
            status, told, _ = await phone.send("GET", "/commands")
            assert status == 200, told
            status, answer, _ = await phone.send("POST", "/commands/acks", {"up_to": told["last_seq"]})
            assert status == 200, answer
            results = [{"command_id": name, "state": "SUCCEEDED"} for name in answer["begin"]]
            if results:
                status, answer, _ = await phone.send("POST", "/commands/results", {"results": results})
                assert status == 200, answer
            return [result["command_id"] for result in results]

        done: list[str] = self.run(work())
        return done


async def seed(stage: Stage) -> None:
    """Publish a policy for everybody."""
    admin = stage.seeded.people["admin"].principal
    policies = stage.phones.policies
    made = await policies.service.create(admin, "坐席手机", "", POLICY)
    version = await policies.service.publish(admin, made.id, made.revision)
    target = Target(TargetKind.EVERYBODY)
    await policies.assignments.assign(admin, Layer.ORGANISATION, target, made.id, version.number)


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("phones"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


@pytest.fixture(scope="module")
def site(stage: Stage) -> Iterator[Site]:
    async def session() -> aiohttp.ClientSession:
        return aiohttp.ClientSession(stage.url)

    site = Site(stage, stage.run(session()))
    yield site
    stage.run(site.http.close())


@pytest.fixture(scope="module")
def fleet(site: Site, stage: Stage) -> dict[str, UploadingPhone]:
    """One phone that obeys as far as it can, one that refuses, one that waits."""
    good = site.enrolled("电销一组 01", employee="lin")
    good.refuses = {"assistContentPolicy": (Reason.API_LEVEL, "")}
    site.run(good.obey())
    bad = site.enrolled("贷后 02", employee="wang")
    bad.refuses = good.refuses | {"bluetoothDisabled": (Reason.USER_ACTION, "请在设置里关闭蓝牙")}
    site.run(bad.obey())
    waiting = site.enrolled("备用机 03", approves=False)
    order = NewCommand(good.device_id, kinds.RequestDeviceInfo())
    site.run(stage.phones.commands.service.issue(site.admin, order))
    site.carry_out(good)
    return {"good": good, "bad": bad, "waiting": waiting}


@pytest.fixture(scope="module")
def conduct(site: Site, fleet: dict[str, UploadingPhone]) -> dict[str, str]:
    """What three events of two phones are called, by kind."""
    good, bad = fleet["good"], fleet["bad"]
    site.run(good.records(good.chat(CUSTOMER)))
    deleted = good.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER, "app": CHAT_APP})
    site.run(good.events(deleted, good.item("CODE_SCANNED", evidence={"app": CHAT_APP})))
    site.run(bad.events(bad.item("ROOT_FOUND", evidence={})))
    lines, _ = site.run(site.stage.phones.uploads.desk.find(site.admin, EventFilter()))
    return {line.row.kind.value: line.row.id for line in lines}


PATHS = ("/phones", "/phones/{good}", "/phones/{bad}", "/phones/{waiting}", "/phones/{good}/order/lost")
MORE_PATHS = (
    "/phones/{good}/wipe",
    "/phones/enrol",
    "/phones/{good}/uploads",
    "/phones/gaps?state=all",
    "/conduct",
    "/conduct/{CONTACT_DELETED}",
    "/money",
)
CUSTOMER = "13800138001"


def test_an_empty_fleet_says_how_to_enrol_the_first_phone(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    page = window.go("/phones")
    expect(page.get_by_text("还没有手机")).to_be_visible()
    page.get_by_role("link", name="登记第一台手机").click()
    expect(page).to_have_url(f"{stage.url}/phones/enrol")


@pytest.mark.parametrize("path", PATHS + MORE_PATHS)
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(
    visit: Any, fleet: dict[str, UploadingPhone], conduct: dict[str, str], path: str
) -> None:
    window: Visit = visit("admin")
    window.go(path.format(**{name: phone.device_id for name, phone in fleet.items()}, **conduct))
    window.check_in_every_look()


def test_the_fleet_is_counted_filtered_and_the_filter_stays_in_the_address(
    visit: Any, stage: Stage, fleet: dict[str, UploadingPhone]
) -> None:
    page = visit("admin").go("/phones")
    bad, rows = (
        page.locator("#phone-counts").get_by_role("link", name="不合规"),
        page.locator("#results tbody tr"),
    )
    expect(bad).to_contain_text("1")
    expect(rows).to_have_count(3)
    bad.click()
    expect(page).to_have_url(f"{stage.url}/phones?compliance=NOT_COMPLIANT")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("贷后 02")
    expect(rows.first).to_contain_text("1 项未生效")
    expect(rows.first).to_contain_text("80%")
    page.get_by_role("link", name="清除筛选").click()
    page.get_by_label("手机或员工").fill("林晓")
    press(page, "Enter")
    expect(page).to_have_url(re.compile(r"/phones\?.*q=%E6%9E%97"))
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("电销一组 01")
    page.goto(page.url)
    expect(rows).to_have_count(1)
    page.locator("select[name=department]").select_option(label="销售一部")  # with the departments below it
    expect(page).to_have_url(re.compile("department="))
    expect(rows).to_have_count(1)
    page.locator("select[name=department]").select_option(label="贷后管理部")
    expect(page.get_by_text("没有符合条件的手机")).to_be_visible()


def test_of_two_filters_changed_at_once_both_count(visit: Any, fleet: dict[str, UploadingPhone]) -> None:
    page: Page = visit("admin").go("/phones")
    first = re.compile(r"/phones\?.*state=managed(?!.*compliance=N)")
    page.route(first, lambda _: None)  # its answer never comes
    with page.expect_request(first):
        page.get_by_label("状态").select_option("managed")
    page.get_by_label("合规").select_option("NOT_COMPLIANT")
    expect(page).to_have_url(re.compile("state=managed.*compliance=NOT_COMPLIANT"))
    expect(page.locator("#results tbody tr")).to_have_count(1)


def test_conduct_is_handled_in_one_go_by_keyboard_taken_back_and_noted(
    visit: Any, stage: Stage, site: Site, fleet: dict[str, UploadingPhone], conduct: dict[str, str]
) -> None:
    page: Page = visit("admin").go("/conduct")
    rows = page.locator("#rows tr")
    expect(rows).to_have_count(3)
    page.get_by_label("级别").select_option("severe")
    expect(rows).to_have_count(2)
    button = page.get_by_role("button", name=re.compile("处理勾选的"))
    expect(button).to_be_disabled()
    press(page, "j", "x", "j", "x", "h")
    expect(button).to_have_text("处理勾选的 2 条")
    phone = fleet["good"]
    told = phone.item("RED_PACKET", evidence={"app": CHAT_APP, "amount_fen": 8800})
    assert site.run(phone.events(told)) == ["kept"]
    expect(page.locator("#live-news")).to_be_visible()  # what is ticked stays ticked
    page.keyboard.type("已当面核实")
    press(page, "Enter")
    done = page.get_by_role("status").filter(has_text="已处理")
    expect(done).to_be_visible()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("88.00 元")
    done.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("status").filter(has_text="已撤销")).to_be_visible()
    expect(rows).to_have_count(3)
    deleted = page.locator(f"#event-{conduct['CONTACT_DELETED']}")
    expect(deleted).to_be_visible()  # nothing takes the focus before
    focus(deleted)
    press(page, "Enter")
    expect(page.get_by_role("region", name="手机上删了，这里还在")).to_contain_text("138****8001")
    page.get_by_label("处理说明").fill("等员工回话，电话 13912345678")
    page.get_by_role("button", name="只加备注").click()
    handling = page.locator("#handling")
    expect(handling).to_contain_text("等员工回话，电话 139****5678")
    expect(handling).to_contain_text("未处理")
    other: Page = visit("chen").go(f"/conduct/{conduct['CONTACT_DELETED']}")
    other.get_by_label("处理说明").fill("员工误删")
    other.get_by_role("button", name="标为已处理").click()
    expect(handling).to_contain_text("员工误删")  # by itself
    expect(handling).to_contain_text("已处理")


def test_a_setting_is_shown_with_its_proof_and_what_cannot_be_is_told_from_what_failed(
    visit: Any, fleet: dict[str, UploadingPhone]
) -> None:
    page = visit("admin").go(f"/phones/{fleet['bad'].device_id}")
    settings = page.locator("#settings tbody tr")
    expect(settings.first).to_contain_text("蓝牙")
    expect(settings.first).to_contain_text("未生效")
    expect(settings.first).to_contain_text("手机说：请在设置里关闭蓝牙")
    expect(settings.nth(1)).to_contain_text("机型做不到（预期）")
    expect(settings.filter(has_text="摄像头")).to_contain_text("哈希一致")
    expect(page.locator("#settings")).to_contain_text(fleet["bad"].sha256[:12])  # type: ignore[index]
    with page.expect_navigation():
        page.locator("#proofs").get_by_role("link", name="查看签名").first.click()
    assert json.loads(page.locator("pre").inner_text())["signature_base"]


def test_a_phone_shows_what_it_handed_in_and_who_agreed_to_what(
    visit: Any, site: Site, fleet: dict[str, UploadingPhone], conduct: dict[str, str]
) -> None:
    phone, sound = fleet["good"], b"#!AMR" + bytes(1995)
    _, told = site.run(phone.announce(phone.recording(sound)))
    site.run(phone.piece(told["id"], 0, sound[:500]))
    page = visit("admin").go(f"/phones/{phone.device_id}")
    uploads = page.locator("#uploads")
    expect(uploads).to_contain_text("上传中 25%")
    expect(uploads).to_contain_text(re.compile(r"138\*{4}8001 ✕?手机上已删"))
    expect(page.locator("#consent")).to_contain_text("林晓 告知书")
    expect(page.locator("#settings")).to_contain_text("扫一扫、删除联系人")  # words, not JSON
    uploads.get_by_role("link", name="看全部").click()
    page.get_by_label("手机上").select_option("false")
    expect(page.get_by_text("没有符合条件的记录")).to_be_visible()
    page.goto(f"{site.stage.url}/phones/{phone.device_id}")
    page.locator("#conduct").get_by_role("link", name="删除联系人").click()
    expect(page).to_have_url(f"{site.stage.url}/conduct/{conduct['CONTACT_DELETED']}")


def test_a_phone_comes_in_by_its_code_and_is_approved_without_a_reload(
    visit: Any, stage: Stage, site: Site, fleet: dict[str, UploadingPhone]
) -> None:
    page: Page = visit("admin").go("/phones/enrol")
    page.get_by_label("手机名称").fill("电销一组 04")
    page.locator("select[name=department]").select_option(label="　线上组")
    page.locator("select[name=employee]").select_option(label="林晓")
    page.locator("select[name=policy]").select_option(label="坐席手机 第 1 版")
    page.get_by_text("Wi-Fi 与其他选项").click()
    page.get_by_label("网络名称").fill('店"铺\\1')
    page.get_by_role("button", name="生成二维码").click()
    expect(page.get_by_role("img", name="登记二维码")).to_be_visible()
    expect(page.locator(".left")).to_have_text(re.compile(r"还有 (1 小时 0 分钟|59 分 \d+ 秒)有效"))
    token = page.locator("#enrol-token").text_content()
    phone = site.phone()
    site.run(phone.enrol(token))
    row = page.locator("#waiting li", has_text="电销一组 04")
    expect(row).to_contain_text("林晓")  # by itself, and the code still stands beside it
    expect(page.get_by_role("img", name="登记二维码")).to_be_visible()
    row.get_by_role("button", name="批准").click()
    expect(page.get_by_role("status").filter(has_text="已批准")).to_be_visible()
    expect(page.get_by_role("img", name="登记二维码")).to_have_count(0)  # shown once
    expect(page.locator("#tokens")).to_contain_text("已使用")
    lately = page.locator("#lately li", has_text="电销一组 04")
    expect(lately).to_contain_text("未上报")
    phone.refuses = fleet["good"].refuses
    site.run(phone.obey())
    expect(lately).to_contain_text("合规")


def test_a_phone_is_rejected_after_its_consequences_are_shown(visit: Any, site: Site, stage: Stage) -> None:
    site.enrolled("陌生机", approves=False)
    page = visit("admin").go("/phones/enrol")
    page.get_by_role("link", name="驳回 陌生机").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("这次登记永久作废")
    press(page, "Escape")
    expect(dialog).to_have_count(0)
    page.get_by_role("link", name="驳回 陌生机").click()
    dialog.get_by_role("button", name="驳回").click()
    expect(page.get_by_role("status").filter(has_text="已驳回")).to_be_visible()
    page = visit("admin").go("/phones?state=ended")
    expect(page.locator("#results")).to_contain_text("陌生机")


def test_an_order_is_given_by_keyboard_and_its_end_shows_by_itself(
    visit: Any, site: Site, fleet: dict[str, UploadingPhone]
) -> None:
    good = fleet["good"]
    page: Page = visit("admin").go(f"/phones/{good.device_id}")
    focus(page.locator("#act-lock"))
    press(page, "Enter")
    expect(page.get_by_role("dialog")).to_contain_text("手机立即锁屏")
    focus(page.get_by_role("dialog").get_by_role("button", name="锁屏"))
    press(page, "Enter")
    order = page.locator("#orders li[data-id]").first
    expect(order).to_contain_text("等待手机来取")
    assert len(site.carry_out(good)) == 1
    expect(order).to_contain_text("已完成")
    expect(order).to_contain_text("周管理")


def test_a_refused_order_keeps_what_was_typed(visit: Any, fleet: dict[str, UploadingPhone]) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go(f"/phones/{fleet['good'].device_id}/order/clear")
    page.get_by_label("应用包名").fill("微信")
    page.get_by_role("button", name="清除数据").click()
    expect(page.get_by_role("alert")).to_contain_text("每行一个应用包名")
    expect(page.get_by_label("应用包名")).to_have_value("微信")


def test_a_wipe_waits_for_a_second_person_and_then_the_phone_is_gone(
    visit: Any, site: Site, fleet: dict[str, UploadingPhone]
) -> None:
    phone = site.enrolled("电销一组 05", employee="lin")
    page: Page = visit("admin").go(f"/phones/{phone.device_id}")
    page.get_by_role("link", name="擦除手机").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("须由另一名管理员或主管批准")
    dialog.get_by_label("为什么擦除").fill("手机丢失")
    dialog.get_by_role("button", name="提出擦除").click()
    expect(page.get_by_role("status").filter(has_text="现在什么都没有删除")).to_be_visible()
    expect(page.locator("#orders")).to_contain_text("您不能批准自己提出的擦除")
    assert site.carry_out(phone) == []
    second: Page = visit("chen").go(f"/phones/{phone.device_id}")
    expect(second.locator("#orders")).to_contain_text("手机丢失")
    second.get_by_role("button", name="批准擦除").click()
    expect(second.get_by_role("status").filter(has_text="已批准")).to_be_visible()
    assert len(site.carry_out(phone)) == 1
    expect(page.locator("#standing")).to_contain_text("已解除")  # by itself, for the first person too


def test_a_list_of_own_phones_is_looked_at_taken_and_confirmed_in_one_go(
    visit: Any, stage: Stage, site: Site
) -> None:
    window: Visit = visit("admin")
    page = window.go("/expected-phones")
    page.get_by_role("link", name="导入第一份清单").click()
    lines = ["序列号,IMEI,资产编号,型号,员工账号", "SN-0001,490154203237518,ZC-1,Pura 80,lin"]
    lines += ["SN-0002,,ZC-2,Pura 80,", "SN-0003,,ZC-3,,nobody", "SN-0004,,ZC-4,,"]
    page.get_by_label("清单名称").fill("十一月采购")
    file = FilePayload(name="a.csv", mimeType="text/csv", buffer="\n".join(lines).encode())
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="上传并预览").click()
    side = page.locator("#side")
    expect(side).to_contain_text("3 行可以导入，尚未导入")
    expect(side).to_contain_text("第 4 行 员工账号 没有这个在职员工账号")
    expect(side).to_contain_text("…7518")
    check_both(window)
    side.get_by_role("button", name="导入 3 行").click()
    side.get_by_role("link", name="查看这份清单上的手机").click()
    counts, rows = page.locator("#roster-counts"), page.locator("#rows tr")
    expect(rows).to_have_count(3)
    for serial, employee in (("SN-0001", "wang"), ("SN-0002", None)):
        phone = site.phone()
        phone.serial = serial
        site.run(phone.enrol(site.token("新机", approves=False, employee=employee).token))
    expect(counts.get_by_role("link", name="待审批")).to_contain_text("2")  # by itself
    expect(rows.filter(has_text="ZC-1")).to_contain_text("清单上属于他人")
    check_both(window)
    page.get_by_label("全选本页").check()
    expect(page.get_by_text("已勾选 3 台")).to_be_visible()
    page.get_by_role("button", name="确认", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="处理了 1 台，另有 2 台")).to_be_visible()
    expect(rows.filter(has_text="ZC-2")).to_contain_text("已确认")
    page.goto(f"{stage.url}/phones/enrol")
    waiting = page.locator("#waiting li", has_text="清单上属于他人")
    expect(waiting).to_contain_text("十一月采购 · ZC-1 · Pura 80 · 使用人 林晓")
    expect(waiting).to_contain_text("手机自报")
    check_both(window)


def check_both(window: Visit) -> None:
    """Accessible in both themes, and as wide as a phone."""
    page = window.page
    window.check_accessible()
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.check_accessible()
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate("delete document.documentElement.dataset.theme")


def test_what_is_missing_of_a_record_is_counted_listed_and_told(
    visit: Any, stage: Stage, site: Site, fleet: dict[str, UploadingPhone]
) -> None:
    phone = fleet["bad"]
    first = phone.made + 1
    phone.made += 3  # three that never come
    assert site.run(phone.records(phone.chat(CUSTOMER))) == ["kept"]
    page: Page = visit("admin").go("/phones")
    page.locator("#phone-counts").get_by_role("link", name="记录缺口").click()
    row = page.locator("#results tbody tr")
    expect(row).to_contain_text("贷后 02")
    expect(row).to_contain_text(f"3 条 第 {first}–{first + 2} 号")
    expect(row).to_contain_text("等待补传")
    page.goto("about:blank")  # this session ends as the clock goes on
    stage.clock.advance(timedelta(seconds=stage.ground.settings.phones.uploads.gap_after_s + 1))
    stage.run(stage.phones.uploads.upkeep.tell_gaps())
    page = visit("admin").go("/phones/gaps")
    page.get_by_role("link", name="贷后 02").click()
    expect(page.locator("#gaps")).to_contain_text("缺失，已预警")
