"""Logging in as people do: first password, second factor, mistakes, out again."""

from datetime import timedelta
from typing import Any

import pyotp
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.seed import PASSWORD
from tests.browser.stage import Stage

OWN = "seven quiet rivers 42"


def log_in(page: Page, username: str, password: str) -> None:
    """Send the form and wait for the page that answers: a refusal looks like the one before it."""
    page.get_by_label("用户名").fill(username)
    page.get_by_label("密码").fill(password)
    with page.expect_navigation():
        page.get_by_role("button", name="登录", exact=True).click()


def test_first_log_in_sets_password_and_second_factor_then_code_is_asked(visit: Any, stage: Stage) -> None:
    window: Visit = visit(None)
    page = window.go("/")
    expect(page).to_have_url(f"{stage.url}/login?next=/")
    window.check_accessible()
    log_in(page, "admin", stage.seeded.people["admin"].first_password)

    expect(page.get_by_role("heading", name="设置新密码")).to_be_visible()
    _change(page, stage.seeded.people["admin"].first_password, OWN, OWN + "x")
    expect(page.get_by_role("alert")).to_contain_text("两次输入的新密码不一致")
    _change(page, stage.seeded.people["admin"].first_password, "123456", "123456")
    expect(page.get_by_role("alert")).to_contain_text("请使用")
    _change(page, stage.seeded.people["admin"].first_password, OWN, OWN)

    expect(page.get_by_role("heading", name="绑定动态口令")).to_be_visible()
    page.get_by_role("button", name="开始绑定").click()
    expect(page.get_by_role("img", name="二维码")).to_be_visible()
    assert page.get_by_role("img", name="二维码").evaluate("image => image.naturalWidth") > 100
    secret = page.locator(".secret").inner_text().replace(" ", "")
    page.get_by_label("应用显示的 6 位数字").fill("000000")
    page.get_by_role("button", name="确认绑定").click()
    expect(page.get_by_role("alert")).to_contain_text("验证码错误")
    assert page.locator(".secret").inner_text().replace(" ", "") == secret, "a typing error costs no new scan"
    Visit.check_accessible(window)
    totp = pyotp.TOTP(secret)
    page.get_by_label("应用显示的 6 位数字").fill(totp.at(stage.clock.now()))
    page.get_by_role("button", name="确认绑定").click()
    expect(page.locator(".recovery li")).to_have_count(10)
    spare = page.locator(".recovery li").first.inner_text()
    page.get_by_role("link", name="已保存，继续").click()
    expect(page.get_by_role("heading", name="概览")).to_be_visible()

    page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("heading", name="登录")).to_be_visible()
    stage.clock.advance(timedelta(seconds=60))
    page.goto(f"{stage.url}/calls")
    log_in(page, "admin", OWN)
    page.get_by_label("动态口令或恢复码").fill("000000")
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("alert")).to_contain_text("验证码错误")
    page.get_by_label("动态口令或恢复码").fill(totp.at(stage.clock.now()))
    page.get_by_role("button", name="继续").click()
    expect(page).to_have_url(f"{stage.url}/calls")

    page.get_by_role("button", name="退出登录").click()
    log_in(page, "admin", OWN)
    page.get_by_label("动态口令或恢复码").fill(spare)
    page.get_by_role("button", name="继续").click()
    expect(page.get_by_role("heading", name="概览")).to_be_visible()


def _change(page: Page, current: str, new: str, repeated: str) -> None:
    page.get_by_label("当前密码").fill(current)
    page.get_by_label("新密码", exact=True).fill(new)
    page.get_by_label("再次输入新密码").fill(repeated)
    page.get_by_role("button", name="保存新密码").click()


def test_wrong_password_says_what_to_do_and_at_last_how_long_to_wait(visit: Any, stage: Stage) -> None:
    window: Visit = visit(None)
    window.expects_faults = True  # the browser logs each 401
    page = window.go("/login")
    for _ in range(5):
        log_in(page, "sun", "not the password")
        expect(page.get_by_role("alert")).to_contain_text("用户名或密码错误")
    assert page.get_by_label("用户名").input_value() == "sun"
    assert page.get_by_label("密码").input_value() == ""
    log_in(page, "sun", stage.seeded.people["sun"].first_password)
    expect(page.get_by_role("alert")).to_contain_text("已暂停登录")
    assert 0 < int(page.locator("[data-countdown]").inner_text()) <= 30


def test_a_half_done_log_in_opens_nothing_and_goes_on_where_it_stopped(visit: Any, stage: Stage) -> None:
    window: Visit = visit(None)
    window.expects_faults = True  # the 403 below
    page = window.go("/login")
    log_in(page, "wang", stage.seeded.people["wang"].first_password)
    expect(page.get_by_role("heading", name="设置新密码")).to_be_visible()
    page.goto(f"{stage.url}/calls")
    expect(page.get_by_text("登录还没有完成")).to_be_visible()
    page.get_by_role("link", name="回到首页").click()
    expect(page.get_by_role("heading", name="设置新密码")).to_be_visible()
    _change(page, stage.seeded.people["wang"].first_password, PASSWORD, PASSWORD)
    expect(page.get_by_role("heading", name="概览")).to_be_visible()


def test_next_never_leads_to_another_site(visit: Any, stage: Stage) -> None:
    stage.run(stage.seeder.settle_password("chen"))
    window: Visit = visit(None)
    page = window.go("/login?next=//evil.example/")
    log_in(page, "chen", PASSWORD)
    expect(page).to_have_url(f"{stage.url}/")
