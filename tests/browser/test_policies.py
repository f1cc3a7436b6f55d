"""Phone policies: written beside the capability table, published, laid on, rolled out, halted, rolled back."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from devicepolicy.policies.assignments import Target
from devicepolicy.policies.model import Layer, PolicySubject, TargetKind
from devicepolicy.policies.rollout import AbortRule
from devicepolicy.policies.rollouts import RolloutPlan
from tests.browser.conftest import Visit
from tests.browser.hands import focus, press
from tests.browser.leaving_day import add_phone
from tests.browser.stage import Stage

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
PATHS = (
    "/policies",
    "/policies/new",
    "/policies/{camera}?phone={old}&q=permitted",
    "/policies/{camera}?look=json",
    "/policies/{camera}/versions/2",
    "/policies/{camera}/compare?before=1&after=0",
    "/rollouts",
)
OFF, CHOICE = {"cameraAccess": "CAMERA_ACCESS_DISABLED"}, {"cameraAccess": "CAMERA_ACCESS_USER_CHOICE"}


async def seed(stage: Stage) -> dict[str, str]:
    """Two phones; a policy with two versions whose roll-out halted by itself."""
    admin = stage.seeded.people["admin"].principal
    lin, wang = stage.seeded.people["lin"].principal, stage.seeded.people["wang"].principal
    await add_phone(stage, lin, "林晓的 P60")
    old = await add_phone(stage, wang, "王建国的旧机", 24)
    policies = stage.phones.policies
    made = await policies.service.create(admin, "摄像头", "外勤手机", CHOICE)
    await policies.service.publish(admin, made.id, 1, "先允许")
    await policies.service.save(admin, made.id, OFF, 1)
    await policies.service.publish(admin, made.id, 2, "再禁用")
    await policies.service.save(admin, made.id, {**OFF, "bluetoothDisabled": True}, 2)
    laid = await policies.assignments.assign(
        admin, Layer.ORGANISATION, Target(TargetKind.EVERYBODY), made.id, 1
    )
    await policies.rollouts.start(admin, laid.id, 2, RolloutPlan(100, AbortRule(10, 1)))
    subject = PolicySubject(old, wang.employee_id, wang.department_path)
    async with stage.ground.database.begin() as session:
        await policies.rollouts.noted(session, subject, failed=True)
    empty = await policies.service.create(admin, "用表单写的", "", {})
    return {"camera": made.id, "old": old, "form": empty.id}


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("policies"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(visit: Any, stage: Stage, path: str) -> None:
    window: Visit = visit("admin")
    window.go(path.format(**stage.extra))
    window.check_in_every_look()


def write_policy(page: Page) -> dict[str, Any]:
    """Begin with a ready policy, be refused with everything kept, and save; give the document."""
    page.get_by_label("名称").fill("门店手机")
    page.get_by_label("营销工作手机").check()
    focus(page.get_by_label("名称"))
    press(page, "Enter")
    expect(page.get_by_role("status")).to_contain_text("已新建")
    page.get_by_role("button", name="JSON").click()
    editor = page.get_by_label("策略文档（JSON）")
    document = json.loads(editor.input_value())

    page.get_by_text("能力表").click()
    page.get_by_label("搜索设置").fill("NFC 传送")
    expect(page.locator("#table li")).to_have_count(1)
    page.get_by_label("搜索设置").fill("截屏")
    expect(page.locator("#table")).to_contain_text("screenCaptureDisabled")
    expect(page.locator("#table")).to_contain_text("Android 5（API 21）起")

    wrong = json.dumps({**document, "cameraAccess": "OFF", "wifiOff": True}, indent=1)
    editor.fill(wrong)
    page.get_by_role("button", name="表单").click()
    expect(page.get_by_role("alert")).to_contain_text("$.wifiOff")
    expect(page.get_by_text("有表单无法表达的内容")).to_be_visible()
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("alert")).to_contain_text("$.cameraAccess")
    expect(editor).to_have_value(wrong)
    editor.fill("{")
    page.get_by_role("button", name="只检查").click()
    expect(page.get_by_role("alert")).to_contain_text("不是合法的 JSON")
    editor.fill(json.dumps(document))
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("status").first).to_contain_text("草稿已保存")
    return document


def test_a_policy_is_written_checked_published_and_rolled_out(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go("/policies/new")
    document = write_policy(page)
    page.get_by_text("发布为新版本…").click()
    page.get_by_role("button", name="确认发布第 1 版").click()
    expect(page.get_by_role("status")).to_contain_text("已发布为新版本")
    expect(page.locator(".versions .digest")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    page.get_by_role("button", name="JSON").click()
    page.get_by_label("策略文档（JSON）").fill(
        json.dumps({**document, **OFF, "screenCaptureDisabled": False})
    )
    page.get_by_role("button", name="保存草稿").click()
    changes = page.locator("#publish .changes")
    expect(changes).to_contain_text(re.compile("更严.*cameraAccess"))
    expect(changes).to_contain_text(re.compile("更松.*screenCaptureDisabled"))

    page.locator("#preview select[name=phone]").select_option(stage.extra["old"])
    page.get_by_role("button", name="预览").click()
    expect(page.locator("#preview")).to_contain_text("来自机构：门店手机")
    expect(page.locator("#preview")).to_contain_text("需要 API")

    page.get_by_text("分配…").click()
    page.get_by_label("先给多少手机").first.fill("10")
    page.get_by_role("button", name="分配", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="灰度已开始")).to_be_visible()
    rollout = page.get_by_role("region", name=re.compile("门店手机"))
    expect(rollout).to_contain_text("已放开 10%")
    rollout.get_by_label("扩大到").select_option("100")
    rollout.get_by_role("button", name="扩大").click()
    expect(rollout).to_contain_text("已放开 100%")
    rollout.get_by_role("button", name="完成").click()
    expect(rollout).to_contain_text("已完成")


def test_a_setting_is_found_chosen_refused_beside_it_and_saved(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go(f"/policies/{stage.extra['form']}?phone={stage.extra['old']}")
    page.get_by_label("搜索设置").fill("截屏")
    row = page.locator("[id='at-screenCaptureDisabled']")
    expect(row).to_contain_text("Screenshots and screen recording")
    expect(row).to_contain_text("现成策略“催收工作手机（严格）” 禁止")
    expect(page.locator("[id='at-bluetoothDisabled']")).to_be_hidden()
    focus(row.get_by_role("radio", name="未规定"))
    press(page, "ArrowRight")
    expect(row.get_by_role("radio", name="禁止")).to_be_checked()
    expect(page.locator("#effect")).to_contain_text("未规定 → 禁止")  # before anything is saved

    page.get_by_label("搜索设置").fill("")
    page.get_by_role("link", name="时段、地点与定位").click()
    opens, closes = page.get_by_label("周一 开始").first, page.get_by_label("周一 结束").first
    opens.fill("18:00")
    closes.fill("9:00")
    page.get_by_role("button", name="保存草稿").click()
    hours = page.locator("[id='at-maskline.permittedHours']")
    expect(hours).to_contain_text("起点必须早于止点")
    expect(opens).to_have_value("18:00")
    expect(row.get_by_role("radio", name="禁止")).to_be_checked()
    opens.fill("09:00")
    closes.fill("18:00")
    page.get_by_role("link", name="应用", exact=True).click()
    page.get_by_text("添加应用", exact=True).click()
    apps = page.locator("[id='at-applications']")
    apps.get_by_label("应用包名").last.fill("com.tencent.mm")
    apps.get_by_label("应用的安装").last.select_option("FORCE_INSTALLED")
    page.get_by_role("button", name="保存草稿").click()
    expect(page.get_by_role("status").first).to_contain_text("草稿已保存")
    expect(page.locator("#effect")).to_contain_text("微信")
    draft = stage.run(
        stage.phones.policies.service.draft(stage.seeded.people["admin"].principal, stage.extra["form"])
    )
    assert draft.document == {
        "screenCaptureDisabled": True,
        "applications": [{"packageName": "com.tencent.mm", "installType": "FORCE_INSTALLED"}],
        "maskline": {"permittedHours": [{"day": "MONDAY", "startMinutes": 540, "endMinutes": 1080}]},
    }
    page.get_by_role("button", name="移除 com.tencent.mm").click()
    expect(apps.get_by_label("再加一项设置")).to_have_count(1)  # of the blank one
    page.get_by_role("button", name="JSON").click()
    expect(page.get_by_label("策略文档（JSON）")).not_to_have_value(re.compile("tencent"))


def test_a_roll_out_that_halted_says_why_and_is_rolled_back(visit: Any, stage: Stage) -> None:
    page = visit("admin").go("/rollouts?open=true")
    rollout = page.get_by_role("region", name=re.compile("摄像头"))
    expect(rollout).to_contain_text("自动暂停：1 部回报中 1 部失败")
    rollout.get_by_role("button", name="继续").click()
    expect(rollout).to_contain_text("0 部失败")
    rollout.get_by_text("回退…").click()
    expect(rollout).to_contain_text("全部手机回到第 1 版")
    rollout.get_by_role("button", name="确认回退").click()
    expect(rollout).to_contain_text("已回退")


def test_any_two_versions_are_compared_in_words(visit: Any, stage: Stage) -> None:
    page = visit("admin").go(f"/policies/{stage.extra['camera']}/versions/2")
    expect(page.get_by_role("region", name="规定了 1 项")).to_contain_text("摄像头 cameraAccess 禁用")
    compared = page.get_by_role("region", name="与别的版本比较")
    compared.get_by_label("从").select_option("1")
    compared.get_by_label("到").select_option(label="草稿")
    compared.get_by_role("button", name="比较").click()
    changes = page.locator(".changes li")
    expect(changes).to_have_count(2)
    bluetooth = changes.filter(has_text="蓝牙")
    expect(bluetooth).to_contain_text("未规定 → 禁止")
    expect(bluetooth).to_contain_text("现有 2 部手机中 1 部做不到")
    expect(changes.filter(has_text="摄像头")).to_contain_text("员工自选 → 禁用")


def test_a_supervisor_reads_but_cannot_change(visit: Any, stage: Stage) -> None:
    page = visit("chen").go(f"/policies/{stage.extra['camera']}")
    expect(page.get_by_role("button", name="保存草稿")).to_have_count(0)
    expect(page.get_by_text("发布为新版本…")).to_have_count(0)
