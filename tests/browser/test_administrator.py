"""An administrator's pages: each does its job by form, shows consequences first, and takes back what can be."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from gateway.contact.model import Purpose
from gateway.customers.importing.report import ImportMode
from gateway.customers.model import CustomerFilter
from gateway.messages.templating import Variable, VariableKind
from gateway.numbers.model import BindingFilter, BindRequest
from tests.browser.conftest import PATIENCE_MS, Visit
from tests.browser.hands import press
from tests.browser.seed import PASSWORD
from tests.browser.stage import Stage

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
FILE = """手机号,姓名,城市,备注
13911110001,郑一,北京,x
13911110002,,上海,x
13911110001,王二,上海,x
1391111,冯三,上海,x
13911110004,陈四,上海,x
"""
TEXT = "【{{institution}}】尊敬的{{customer_name}}，您尾号{{card_tail}}的账单{{amount}}元，请于{{due}}前处理。{{opt_out}}"
KINDS = {"card_tail": VariableKind.LAST_FOUR, "amount": VariableKind.AMOUNT, "due": VariableKind.DATE}
PATHS = (
    "/imports",
    "/imports/{report}",
    "/lines",
    "/lines/{line}",
    "/lines/new",
    "/bindings",
    "/bindings/{binding}",
    "/bindings/new?customer={customer}",
    "/employees",
    "/employees/{lin}",
    "/employees/new",
    "/employees/roles",
    "/templates",
    "/templates/{template}",
    "/templates/{template}/write",
    "/rules",
    "/rules/hours-collection",
    "/rules/try?binding={sale}",
    "/system",
    "/confirm",
)


async def seed(stage: Stage) -> dict[str, str]:
    """Put in a template with a version that waits and an import; give the ids that the tests need."""
    admin, chief = stage.seeded.people["admin"].principal, stage.seeded.people["chen"].principal
    lines = await stage.gateway.lines.list(admin)
    templates = stage.messages.templates
    variables = [Variable(name, kind) for name, kind in KINDS.items()]
    made = await templates.create(chief, "账单提醒", Purpose.COLLECTION, TEXT, variables)
    await templates.decide(admin, made.id, approve=True, comment="可以使用")
    await templates.write(chief, made.template_id, TEXT.replace("处理", "还款"), variables)
    report = await stage.gateway.importer.run(admin, FILE.encode(), mode=ImportMode.GOOD_ROWS)
    (found,) = (await stage.gateway.customers.find(admin, CustomerFilter(last_four="0001"))).items
    wang = stage.seeded.people["wang"].principal.employee_id
    ends = stage.clock.now() + timedelta(days=30)
    request = BindRequest(wang, found.id, Purpose.SERVICE, ends, line_id=lines[0].id)
    await stage.gateway.bindings.bind(admin, request)
    bindings = await stage.gateway.bindings.find(admin, BindingFilter())
    await stage.seeder.settle_password("admin")
    return {
        "line": lines[0].id,
        "binding": bindings.items[0].id,
        "sale": bindings.items[-1].id,
        "customer": bindings.items[0].customer_id,
        "template": made.template_id,
        "report": report.import_id,
        "lin": stage.seeded.people["lin"].principal.employee_id,
        "wang": wang,
    }


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("administrator"), START, more=seed)
    stage.start()
    yield stage
    stage.stop()


def panel(page: Page) -> Any:
    return page.locator("#side")


def unfold(page: Page, title: str) -> None:
    panel(page).locator("summary", has_text=title).click()


@pytest.mark.parametrize("path", PATHS)
def test_pages_are_accessible_in_both_themes_and_fit_a_phone(visit: Any, stage: Stage, path: str) -> None:
    window: Visit = visit("admin")
    page = window.go(path.format(**stage.extra))
    window.check_accessible()
    page.set_viewport_size({"width": 390, "height": 900})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    window.check_accessible()


def test_a_line_is_added_suspended_with_its_consequences_and_brought_back(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go("/lines")
    page.get_by_role("link", name="登记号线").click()
    expect(page).to_have_url(f"{stage.url}/lines/new")
    page.get_by_label("号码").fill("010 8888 6666")
    page.get_by_label("城市").fill("北京")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("alert")).to_contain_text("该号线已登记")  # and what was typed stays
    expect(page.get_by_label("城市")).to_have_value("北京")
    page.get_by_label("号码").fill("0755 8888 9999")
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("status")).to_contain_text("号线已登记")
    page.get_by_role("link", name="021 6666 7777").click()
    expect(page).to_have_url(f"{stage.url}/lines/{stage.extra['line']}")
    unfold(page, "停用这条号线")
    expect(panel(page)).to_contain_text(re.compile(r"[1-9] 个绑定暂时无法呼出或接入"))
    panel(page).get_by_role("button", name="停用").click()
    expect(page.get_by_role("row", name="021 6666 7777")).to_contain_text("已停用")
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("row", name="021 6666 7777")).to_contain_text("在用")
    unfold(page, "永久注销")
    expect(panel(page)).to_contain_text("请先解除在用的绑定")
    page.locator("h1").click()
    press(page, "Escape")
    expect(page).to_have_url(f"{stage.url}/lines")
    expect(panel(page)).to_have_count(0)


def test_a_binding_is_renewed_released_and_bound_again(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go("/bindings")
    page.get_by_label("员工").select_option(label="王建国")
    expect(page.locator("#rows tr")).to_have_count(4)
    assert "employee=" in page.url
    page.locator("#rows .row-link").first.click()
    expect(panel(page)).to_contain_text("郑* 139****0001")
    until = (START + timedelta(days=60)).date()
    panel(page).get_by_label("最后一天").fill(until.isoformat())
    panel(page).get_by_role("button", name="续到这一天").click()
    expect(panel(page)).to_contain_text(until.isoformat())
    panel(page).get_by_label("最后一天").evaluate("field => { field.removeAttribute('max'); }")
    panel(page).get_by_label("最后一天").fill("2028-01-01")
    panel(page).get_by_role("button", name="续到这一天").click()
    expect(page.get_by_role("alert")).to_contain_text("绑定请求有误")
    unfold(page, "解除绑定")
    panel(page).get_by_role("button", name="解除").click()
    expect(page.get_by_role("status")).to_contain_text("绑定已解除")
    expect(page.locator("#rows tr")).to_have_count(7)
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("status")).to_contain_text("按原样重新绑定")
    expect(panel(page)).to_contain_text(until.isoformat())
    expect(page.locator("#rows tr")).to_have_count(8)


def test_a_binding_is_made_for_a_customer_who_is_found_masked(visit: Any, stage: Stage) -> None:
    page = visit("admin").go("/bindings/new")
    panel(page).get_by_label("手机尾号四位").fill("0004")
    panel(page).get_by_role("button", name="查找").click()
    panel(page).get_by_role("link", name="陈* 139****0004").click()
    page.wait_for_url(re.compile("customer="))
    panel(page).get_by_label("员工").select_option(label="王建国")
    panel(page).get_by_label("服务").check()
    panel(page).get_by_role("button", name="建立绑定").click()
    expect(page.get_by_role("status")).to_contain_text("绑定已建立")
    expect(panel(page)).to_contain_text("021 6666 7777")  # the line of the customer's city
    assert "0004" not in page.url


def test_an_employee_is_created_and_the_password_shown_once(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go("/employees")
    page.get_by_role("link", name="新建员工").click()
    panel(page).get_by_label("姓名").fill("何新")
    panel(page).get_by_label("用户名").fill("he")
    panel(page).get_by_label("部门").select_option(label="贷后管理部")
    panel(page).get_by_label("审计员").check()
    panel(page).get_by_role("button", name="建立账号").click()
    expect(panel(page).get_by_role("alert")).to_contain_text("三员分立")
    expect(panel(page).get_by_label("姓名")).to_have_value("何新")
    panel(page).get_by_label("审计员").uncheck()
    panel(page).get_by_role("button", name="建立账号").click()
    password = page.locator("#secret").inner_text()
    assert len(password) >= 12
    page.get_by_role("link", name="已交给本人").click()
    expect(panel(page)).to_contain_text("待改密码")
    unfold(page, "能做什么")
    expect(panel(page)).to_contain_text("发起通话")
    expect(page.get_by_text(password)).to_have_count(0)
    page.locator("#search").fill("何")
    expect(page.locator("#desk td.lead")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=%E4%BD%95"))


def test_suspending_says_what_ends_and_can_be_undone(visit: Any, stage: Stage) -> None:
    stage.run(stage.seeder.token("lin"))
    page = visit("admin").go(f"/employees/{stage.extra['lin']}")
    unfold(page, "停用此人")
    expect(panel(page)).to_contain_text("1 个登录会话立即终止")
    expect(panel(page)).to_contain_text("4 个绑定保留")
    panel(page).get_by_role("button", name="停用 林晓").click()
    expect(page.get_by_role("row", name="林晓")).to_contain_text("已停用")
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("row", name="林晓")).to_contain_text("在用")
    stage.run(stage.seeder.token("lin"))
    page.reload()
    unfold(page, "登录会话（1）")
    panel(page).get_by_role("button", name="终止", exact=True).click()
    expect(panel(page)).to_contain_text("登录会话（0）")
    unfold(page, "话机账号")
    panel(page).get_by_role("button", name="新建话机账号").click()
    expect(page.locator("#secret")).to_have_text(re.compile(r"^[A-Za-z0-9]{24}$"))
    expect(page.get_by_text("怎样配置软电话")).to_be_visible()


def test_rights_change_only_after_a_fresh_proof_of_identity(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    page = window.go(f"/employees/{stage.extra['wang']}")
    unfold(page, "修改角色")
    stage.clock.advance(timedelta(minutes=11))
    panel(page).get_by_label("主管").check()
    panel(page).get_by_role("button", name="保存角色").click()
    expect(page.get_by_role("heading", name="再次验证身份")).to_be_visible()
    window.expects_faults = True  # the browser logs the 401
    page.get_by_label("您的密码").fill("not this one")
    page.get_by_role("button", name="验证并继续").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("您的密码").fill(PASSWORD)
    page.get_by_role("button", name="验证并继续").click()
    expect(page).to_have_url(f"{stage.url}/employees/{stage.extra['wang']}")
    unfold(page, "修改角色")
    panel(page).get_by_label("主管").check()
    panel(page).get_by_role("button", name="保存角色").click()
    expect(page.get_by_role("row", name="王建国")).to_contain_text("坐席、主管")


def test_a_template_is_previewed_submitted_and_approved_by_another(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go("/templates/new")
    panel(page).get_by_label("名称").fill("回访")
    panel(page).get_by_label("内容").fill("您好，{{count}} 天后回访。")
    expect(page.locator("#preview")).to_contain_text("您好，3 天后回访。")
    expect(page.locator("#preview")).to_contain_text("须注明机构名称变量")
    panel(page).get_by_role("button", name="提交审批").click()
    expect(panel(page).get_by_role("alert")).to_contain_text("模板内容或变量不符合要求")
    panel(page).get_by_label("内容").fill("【{{institution}}】您好，{{count}} 天后回访。{{opt_out}}")
    expect(page.locator("#preview")).to_contain_text("措辞符合要求")
    panel(page).get_by_role("button", name="提交审批").click()
    page.get_by_role("link", name="回访").click()
    expect(panel(page)).to_contain_text("这是您写的，须由另一人批准")
    page = visit("zhao").go(f"/templates/{stage.extra['template']}")
    expect(panel(page).locator("ins")).to_have_text("还款")
    expect(panel(page).locator("del")).to_have_text("处理")
    panel(page).get_by_role("button", name="批准").click()
    expect(page.get_by_role("status")).to_contain_text("已批准")
    expect(page.get_by_role("row", name="账单提醒")).to_contain_text("第 2 版")


def test_rules_lead_to_what_they_refused_and_can_be_tried(visit: Any, stage: Stage) -> None:
    page = visit("admin").go("/rules")
    page.get_by_role("link", name="近 7 天被它拦截的 1 通呼叫").click()
    expect(page.locator(".toolbar")).to_contain_text("催收时段")
    page = visit("admin").go(f"/rules/try?binding={stage.extra['sale']}")
    expect(page.locator("#answer")).to_contain_text("最早可以联系")
    page.get_by_label("日期").fill("2026-11-22")
    page.get_by_label("时间").fill("10:00")
    expect(page.locator("#answer")).to_contain_text("放行")
    expect(page).to_have_url(re.compile("hour=10"))
    page.get_by_label("用途").select_option(label="催收")
    expect(page.locator("#answer")).to_contain_text("触达目的与绑定的目的不一致")


def test_a_file_is_imported_and_its_report_stays(visit: Any, stage: Stage) -> None:
    window: Visit = visit("admin")
    window.expects_faults = True  # the browser logs what is refused
    page = window.go("/imports")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载模板（CSV）").click()
    template = download.value.path().read_bytes()
    assert template.startswith("﻿手机号*,姓名*".encode())
    file = {
        "name": "客户 13911110009.csv",
        "mimeType": "text/csv",
        "buffer": FILE.replace("1111", "2222").encode(),
    }
    page.get_by_label("归属员工").select_option(label="林晓")
    page.get_by_label("一行都不写").check()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="上传并处理").click()
    expect(panel(page)).to_contain_text("一行都没有写入")
    expect(panel(page)).to_contain_text("第 3 行 姓名 缺少姓名")
    page.get_by_label("写入无误的行，列出其余").check()
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="上传并处理").click()
    expect(panel(page)).to_contain_text("已写入 2 位客户")
    with page.expect_download() as download:
        panel(page).get_by_role("link", name="下载报告").click()
    report = download.value.path().read_text("utf-8-sig")
    assert "3,name,missing," in report
    assert "139" not in report
    assert "139" not in panel(page).inner_text()
    expect(page.locator("#rows tr")).to_have_count(3)
    page.locator("input[type=file]").set_input_files(
        {"name": "x.csv", "mimeType": "text/csv", "buffer": b"a,b\n1,2\n"}
    )
    page.get_by_role("button", name="上传并处理").click()
    expect(page.get_by_role("alert")).to_contain_text("首行须为列名")


def test_imports_work_without_script(chromium: Any, stage: Stage) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="zh-CN")
    token = stage.run(stage.seeder.token("admin"))
    context.add_cookies([{"name": "maskline", "value": token, "url": stage.url}])
    page = context.new_page()
    page.goto(f"{stage.url}/imports")
    page.get_by_label("只检查，不写入").check()
    buffer = FILE.replace("1111", "3333").encode()
    page.locator("input[type=file]").set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": buffer}
    )
    page.get_by_role("button", name="上传并处理").click()
    expect(panel(page)).to_contain_text("没有写入任何内容：2 行可以写入")
    page.goto(f"{stage.url}/lines/{stage.extra['line']}")
    unfold(page, "停用这条号线")
    panel(page).get_by_role("button", name="停用").click()
    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("status")).to_contain_text("恢复使用")
    context.close()


def test_the_system_says_what_is_wrong_and_refreshes_itself(visit: Any, stage: Stage) -> None:
    page = visit("admin").go("/system")
    expect(page.locator("#state")).to_contain_text("没有运行：")
    expect(page.locator("#state")).to_contain_text("maskline serve")
    with page.expect_response(lambda answer: answer.url.endswith("/system"), timeout=PATIENCE_MS):
        pass
    auditor = visit("sun").go("/system")
    expect(auditor.locator("#state")).to_contain_text("账本已签署")


def test_others_see_no_more_than_they_may(visit: Any, stage: Stage) -> None:
    window: Visit = visit("chen")
    page = window.go("/employees")
    expect(page.get_by_role("link", name="林晓")).to_be_visible()
    expect(page.get_by_role("link", name="王建国")).to_have_count(0)
    expect(page.get_by_role("link", name="新建员工")).to_have_count(0)
    window.expects_faults = True
    for path in ("/system", "/lines/new", f"/employees/{stage.extra['wang']}"):
        page = window.go(path)
        expect(page.locator("#desk")).to_have_count(0)
