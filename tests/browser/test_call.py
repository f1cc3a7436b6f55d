"""One call: sound, transcript in step, findings, states, and a proof that the browser recomputes."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from gateway.calls.models import CallRow
from tests.browser.conftest import Visit
from tests.browser.hands import focus, press
from tests.browser.stage import Stage

PATIENCE_S = 60


def position(page: Page) -> float:
    at: float = page.locator("#audio").evaluate("audio => audio.currentTime")
    return at


def paused(page: Page) -> bool:
    is_paused: bool = page.locator("#audio").evaluate("audio => audio.paused")
    return is_paused


def until(page: Page, condition: str) -> None:
    """Wait for something in the page. Playwright's own wait needs eval, which the policy refuses."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(50)


def loaded(visit: Any, name: str = "abuse", user: str = "zhao") -> Page:
    window: Visit = visit(user)
    page = window.call(name)
    expect(page.locator(".lanes")).to_be_visible()
    until(page, "document.querySelector('#wave > div') !== null")
    return page


def test_playing_moves_time_and_marks_the_sentence(visit: Any) -> None:
    page = loaded(visit)
    page.get_by_label("倍速").select_option("2")
    page.get_by_role("button", name="播放").click()
    expect(page.get_by_role("button", name="暂停")).to_be_visible()
    expect(page.locator("li.turn[aria-current]")).to_contain_text("你的贷款")
    page.get_by_role("button", name="暂停").click()
    assert paused(page)
    assert position(page) > 3
    assert page.locator("#audio").evaluate("audio => audio.playbackRate") == 2


def test_opening_the_page_is_not_listening(visit: Any, stage: Stage) -> None:
    window: Visit = visit("chen")
    window.call("deal").wait_for_load_state("networkidle")
    assert not [url for url in window.asked if url.endswith("/recording")]
    window.page.get_by_role("button", name="播放").click()
    until(window.page, "document.getElementById('audio').currentTime > 0")
    assert [url for url in window.asked if url.endswith("/recording")]


def test_the_recording_has_two_lanes_and_marks_on_the_staff_lane(visit: Any) -> None:
    page = loaded(visit)
    shadow = "document.querySelector('#wave > div')?.shadowRoot"
    marks = page.locator("li.finding [data-seek]").count()
    assert marks >= 4
    until(page, f"{shadow}?.querySelectorAll('[part~=region]').length === {marks}")
    assert page.evaluate(f"{shadow}.querySelectorAll('.canvases > div').length") == 2
    tops = page.evaluate(f"[...{shadow}.querySelectorAll('[part~=region]')].map(mark => mark.style.top)")
    assert set(tops) == {"0%"}, "what staff said is marked above"


def test_clicks_and_enter_in_the_transcript_jump(visit: Any) -> None:
    page = loaded(visit)
    turn = page.locator("li.turn").nth(4)
    begin = float(turn.get_attribute("data-begin") or 0)
    turn.locator(".words").click(position={"x": 4, "y": 10})
    until(page, f"Math.abs(document.getElementById('audio').currentTime - {begin}) < 1.5")
    first = page.locator("li.turn").nth(1)
    focus(first.get_by_role("button"))
    press(page, "Enter")
    begin = float(first.get_attribute("data-begin") or 0)
    until(page, f"Math.abs(document.getElementById('audio').currentTime - {begin}) < 1.5")


def test_a_finding_jumps_in_sound_and_transcript(visit: Any) -> None:
    page = loaded(visit)
    finding = (
        page.locator("li.finding", has_text="领导").or_(page.locator("li.finding", has_text="灵导")).first
    )
    at = float(finding.locator("[data-seek]").get_attribute("data-seek") or 0)
    finding.click()
    expect(finding).to_have_attribute("aria-current", "true")
    until(page, f"Math.abs(document.getElementById('audio').currentTime - {at}) < 1.5")
    expect(page.locator("li.turn").nth(6)).to_be_in_viewport()
    expect(finding).to_contain_text("读音相同")
    page.locator("mark.severe").first.click()
    expect(page.locator("li.finding[aria-current]")).to_contain_text("第三人")


def test_keys_play_and_seek(visit: Any) -> None:
    page = loaded(visit)
    focus(page.locator("#wave"))
    press(page, "ArrowRight")
    assert position(page) == pytest.approx(5, abs=0.1)
    press(page, "l")
    assert position(page) == pytest.approx(15, abs=0.1)
    press(page, "j")
    press(page, "ArrowLeft")
    assert position(page) == pytest.approx(0, abs=0.1)
    press(page, "Space")
    until(page, "!document.getElementById('audio').paused")
    press(page, "k")
    until(page, "document.getElementById('audio').paused")
    press(page, "End")
    assert position(page) > 30
    expect(page.locator("#wave")).to_have_attribute(
        "aria-valuenow", re.compile(r"3\d")
    )  # told a moment later


def test_clicking_the_wave_seeks(visit: Any) -> None:
    page = loaded(visit)
    box = page.locator("#wave").bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
    until(page, "document.getElementById('audio').currentTime > 5")
    assert position(page) == pytest.approx(34 * 0.25, abs=1)


def test_scrolling_lets_go_of_the_playback(visit: Any) -> None:
    page = loaded(visit)
    page.get_by_role("button", name="播放").click()
    follow = page.get_by_label("跟随播放")
    expect(follow).to_be_checked()
    page.locator("#transcript").hover()
    page.mouse.wheel(0, 120)
    expect(follow).not_to_be_checked()


def test_the_browser_verifies_the_ledger_step_by_step(visit: Any) -> None:
    page = loaded(visit)
    page.get_by_role("button", name="在浏览器中校验").click()
    expect(page.locator("#verify-result")).to_contain_text("校验通过")
    entries = page.locator("#verify-steps details")
    expect(entries).to_have_count(4)
    expect(page.locator("#verify-steps summary .good")).to_have_count(4)
    entries.nth(1).locator("summary").click()
    expect(entries.nth(1)).to_contain_text("叶子 = SHA-256(00 ‖ 条目)")
    expect(entries.nth(3)).to_contain_text("录音 SHA-256 与账本一致")


def test_a_changed_record_is_found_out_by_the_browser(visit: Any, stage: Stage) -> None:
    call_id = stage.seeded.calls["deal"]

    async def change(by: int) -> None:
        async with stage.seeder.ground.database.begin() as session:
            await session.execute(
                update(CallRow).where(CallRow.id == call_id).values(duration_ms=CallRow.duration_ms + by)
            )

    stage.run(change(1))
    try:
        page = loaded(visit, "deal")
        page.get_by_role("button", name="在浏览器中校验").click()
        expect(page.locator("#verify-result")).to_contain_text("校验失败")
        expect(page.locator("#verify-steps details[open]")).to_have_count(1)
    finally:
        stage.run(change(-1))


def test_a_forged_path_is_found_out_by_the_browser(visit: Any) -> None:
    page = loaded(visit)

    def forge(route: Any) -> None:
        answer = route.fetch()
        body = answer.json()
        body["hashes"][0] = body["hashes"][-1]
        route.fulfill(response=answer, json=body)

    page.route("**/proof?size=*", forge)
    page.get_by_role("button", name="在浏览器中校验").click()
    expect(page.locator("#verify-result")).to_contain_text("校验失败")


def test_a_ledger_that_does_not_answer_proves_nothing(visit: Any) -> None:
    window: Visit = visit("zhao")
    window.expects_faults = True
    page = window.call("abuse")
    page.route("**/ledger/checkpoint", lambda route: route.abort())
    page.get_by_role("button", name="在浏览器中校验").click()
    expect(page.locator("#verify-result")).to_contain_text("没有作出结论")


def test_the_verdict_shows_every_rule_and_when_it_is_allowed_again(visit: Any) -> None:
    window: Visit = visit("zhao")
    page = window.call("refused")
    refused = page.locator(".rules li.refused")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("催收时段")
    expect(page.get_by_text("下次可联系")).to_contain_text("2026-11-22 08:00:00")
    assert page.locator(".rules li.passed").count() >= 5
    expect(page.get_by_text("本次通话没有录音")).to_be_visible()


def test_states_say_what_is_the_matter(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.call("failed")
    expect(page.get_by_text("质检没有完成")).to_be_visible()
    expect(page.get_by_text("系统会自动重试")).to_be_visible()
    expect(page.locator("code", has_text="error-runtimeerror")).to_be_visible()
    page = window.call("erased")
    expect(page.get_by_text("客户资料已按要求删除")).to_be_visible()
    expect(page.get_by_text("客户密钥已销毁")).to_be_visible()
    expect(page.locator(".strip").get_by_text("已删除")).to_be_visible()
    page.get_by_role("button", name="在浏览器中校验").click()
    expect(page.locator("#verify-result")).to_contain_text("校验通过")


def test_a_waiting_page_refreshes_when_the_inspection_is_done(visit: Any, stage: Stage) -> None:
    from tests.browser.seed import Quiet

    window: Visit = visit("zhao")
    page = window.call("waiting")
    expect(page.get_by_text("等待质检")).to_be_visible()
    contact_id = stage.seeded.contacts["waiting"]
    stage.run(stage.seeder.inspect_with(Quiet(), contact_id))
    expect(page.get_by_text("录音中没有可辨识的语音")).to_be_visible()


def test_times_tell_their_zone(visit: Any) -> None:
    window: Visit = visit("zhao")
    page = window.call("abuse")
    shown = page.locator(".strip time")
    assert "Asia/Shanghai" in (shown.get_attribute("title") or "")
    assert "02:07:15 UTC" in (shown.get_attribute("title") or "")


def test_without_script_everything_but_the_picture_is_there(chromium: Any, stage: Stage) -> None:
    context = chromium.new_context(java_script_enabled=False, locale="zh-CN")
    context.add_cookies(
        [{"name": "maskline", "value": stage.run(stage.seeder.token("zhao")), "url": stage.url}]
    )
    page = context.new_page()
    page.goto(f"{stage.url}/calls/{stage.seeded.calls['abuse']}")
    expect(page.locator("li.turn")).to_have_count(7)
    expect(page.locator("audio[controls]")).to_be_visible()
    assert page.locator("li.finding").count() >= 4
    context.close()
