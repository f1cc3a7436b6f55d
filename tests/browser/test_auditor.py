"""The auditor's screens: the browser proves the ledger by itself and finds every lie of the server."""

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from core.audit.models import AccessRow
from core.ledger import LedgerSigner
from core.ledger.timestamping import Authority, Timestamps
from core.sealed import Secret
from dashboard.pages.auditor.evidence import VERIFIER
from tests.browser.conftest import START, Visit
from tests.browser.hands import focus, press
from tests.browser.stage import Stage
from tests.support.tsa import timestamp_authority

PAGES = (
    "/ledger",
    "/ledger/16",
    "/evidence?since=2026-11-21&until=2026-11-21",
    "/access-log",
    "/file-operations",
    "/analysis",
)
TODAY = "since=2026-11-21&until=2026-11-21"
Lie = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    async def seed(stage: Stage) -> str:
        """Keep an early checkpoint, as an auditor would have; the ledger goes on growing."""
        early = await stage.ground.ledger_service.latest_checkpoint()
        assert early is not None
        async with stage.ground.database.begin() as session:
            for number in range(3):
                await stage.ground.ledger.append(session, "line.status", {"line": f"l{number}"})
        await stage.ground.ledger_service.sign_checkpoint()
        async with timestamp_authority(folder / "tsa") as tsa:
            authority = Authority(tsa.url, tsa.roots)
            ground, day = stage.ground, timedelta(days=1)
            stamps = Timestamps(
                ground.database, ground.ledger_service, ground.clock, authority=authority, every=day
            )
            assert await stamps.stamp_due() is not None
        return early.note

    folder = tmp_path_factory.mktemp("auditor")
    stage = Stage(folder, START, more=seed)
    stage.start()
    yield stage
    stage.stop()


def vkey(stage: Stage) -> str:
    return stage.ground.ledger_service.verifier.vkey


def fill(page: Page, stage: Stage, *, note: str | None = None) -> None:
    page.get_by_label("您保存的公钥").fill(vkey(stage))
    if note is not None:
        page.get_by_text("带来较早的检查点").click()
        page.get_by_label("检查点内容").fill(note)


def verify(page: Page) -> Any:
    page.get_by_role("button", name="在浏览器中校验").click()
    result = page.locator("#verify-result")
    expect(result).not_to_have_text("正在校验…")
    return result


@pytest.mark.parametrize(("theme", "width"), [("light", 1440), ("dark", 390)])
def test_pages_are_accessible_in_both_themes_and_fit(visit: Any, theme: str, width: int) -> None:
    window: Visit = visit("sun", theme=theme, width=width)
    for path in PAGES:
        window.expects_faults = False
        window.faults.clear()
        page = window.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        window.check_accessible()


def test_the_stamp_and_what_it_is_of_are_taken_along(visit: Any, tmp_path: Path) -> None:
    """Nothing of ours is needed to read them."""
    page = visit("sun").go("/ledger")
    for label, suffix in (("下载时间戳", "tsr"), ("下载所盖的检查点", "txt")):
        with page.expect_download() as download:
            page.get_by_role("link", name=label).click()
        download.value.save_as(tmp_path / f"taken.{suffix}")
    shown = subprocess.run(
        ["openssl", "ts", "-reply", "-in", "taken.tsr", "-text"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    digest = hashlib.sha256((tmp_path / "taken.txt").read_bytes()).digest()
    dump = re.findall(r"^ +\d{4} - ((?:[0-9a-f]{2}[ -]?){1,16})", shown, re.MULTILINE)
    assert bytes.fromhex("".join(dump).replace("-", "").replace(" ", "")) == digest


def test_the_browser_proves_signature_growth_and_an_entry(visit: Any, stage: Stage) -> None:
    window: Visit = visit("sun")
    page = window.go("/ledger")
    fill(page, stage, note=stage.extra)
    page.get_by_label("在本浏览器中记住").check()
    expect(verify(page)).to_contain_text("校验通过")
    expect(page.locator("#verify-result")).to_have_class("good")
    steps = page.locator("#verify-steps details")
    expect(steps).to_have_count(4)
    expect(page.locator("#verify-steps summary .good")).to_have_count(4)
    steps.nth(2).locator("summary").click()
    expect(steps.nth(2)).to_contain_text("由证明算出的旧根与您的检查点相同 ✓")
    expect(page.locator("#verify-warnings")).to_contain_text("尚未在本浏览器中记住")
    # The next time the browser brings key and checkpoint along, on the page of an entry as well.
    window.go("/ledger/16")
    assert page.get_by_label("您保存的公钥").input_value() == vkey(stage)
    expect(verify(page)).to_contain_text("校验通过")
    expect(page.locator("#verify-warnings li")).to_have_count(0)


def other_note(stage: Stage) -> str:
    """Sign the true tree with a stranger's key under the same name."""
    signer = LedgerSigner(stage.ground.ledger_service.verifier.origin, Secret(b"\x05" * 32))
    newest = stage.run(stage.ground.ledger_service.latest_checkpoint())
    assert newest is not None
    return signer.sign(newest.size, newest.root, newest.at).note


def lies(stage: Stage) -> dict[str, tuple[str, Lie]]:
    zero = base64.b64encode(bytes(32)).decode()
    return {
        "another root beside the note": ("**/checkpoint", lambda body: body.update(root=zero)),
        "another size in the note": (
            "**/checkpoint",
            lambda body: body.update(note=re.sub(r"\n(\d+)\n", r"\n9\1\n", body["note"], count=1)),
        ),
        "a stranger's signature": ("**/checkpoint", lambda body: body.update(note=other_note(stage))),
        "a note that is none": ("**/checkpoint", lambda body: body.update(note="nothing")),
        "the state of before": (
            "**/checkpoint",
            lambda body: body.update(note=stage.extra.replace("\n8", "\n7")),
        ),
        "another record": (
            "**/entries/20",
            lambda body: body.update(record=body["record"].replace('"kind"', '"Kind"')),
        ),
        "another entry's record": ("**/entries/20", lambda body: body.update(record='{"seq":21}')),
        "a record that is no JSON": ("**/entries/20", lambda body: body.update(record="{")),
        "a forged path": ("**/proof?size=*", lambda body: body["hashes"].__setitem__(0, zero)),
        "a shorter path": ("**/proof?size=*", lambda body: body["hashes"].pop()),
        "forged growth": ("**/consistency?*", lambda body: body["hashes"].__setitem__(-1, zero)),
        "another key": ("**/ledger/key", lambda body: body.update(public_key="x" + body["public_key"])),
    }


def lying(lie: Lie) -> Callable[[Route], None]:
    """Let the server answer, and change what it said."""

    def answer(route: Route) -> None:
        true = route.fetch()
        body = true.json()
        lie(body)
        route.fulfill(response=true, json=body)

    return answer


def test_every_lie_of_the_server_turns_red(visit: Any, stage: Stage) -> None:
    window: Visit = visit("sun")
    window.expects_faults = True  # a lie may lead the browser to ask for a tree that is none
    page = window.go("/ledger")
    fill(page, stage, note=stage.extra)
    page.get_by_label("抽查条目编号").fill("20")
    expect(verify(page)).to_have_class("good")
    for name, (address, lie) in lies(stage).items():
        page.route(address, lying(lie))
        expect(verify(page), name).to_have_class("bad")
        expect(page.locator("#verify-result")).to_contain_text("校验失败")
        expect(page.locator("#verify-steps details[open] .bad").first).to_be_visible()
        page.unroute(address)
    expect(verify(page)).to_have_class("good")


def test_a_ledger_that_was_put_back_or_a_foreign_key_is_found_out(visit: Any, stage: Stage) -> None:
    window: Visit = visit("sun")
    page = window.go("/ledger")
    newest = stage.run(stage.ground.ledger_service.latest_checkpoint())
    assert newest is not None
    fill(page, stage, note=newest.note)
    old = {"origin": newest.origin, "size": 81, "root": stage.extra.split("\n")[2], "note": stage.extra}
    page.route("**/checkpoint", lambda route: route.fulfill(json={**old, "at": newest.at.isoformat()}))
    page.get_by_label("抽查条目编号").fill("20")
    expect(verify(page)).to_have_class("bad")
    expect(page.locator("#verify-steps")).to_contain_text("账本没有变短：当时 84 条，现在 81 条 ✕")
    page.unroute("**/checkpoint")
    for key in ("garbage", other_key(stage)):
        page.get_by_label("您保存的公钥").fill(key)
        expect(verify(page)).to_have_class("bad")


def other_key(stage: Stage) -> str:
    return LedgerSigner(stage.ground.ledger_service.verifier.origin, Secret(b"\x05" * 32)).verifier.vkey


def test_a_server_that_does_not_answer_proves_nothing(visit: Any, stage: Stage) -> None:
    window: Visit = visit("sun")
    window.expects_faults = True
    page = window.go("/ledger")
    fill(page, stage)
    page.route("**/api/v1/ledger/entries/**", lambda route: route.abort())
    expect(verify(page)).to_contain_text("没有作出结论")
    expect(page.locator("#verify-result")).to_have_class("")


def test_entries_are_filtered_paged_and_opened_with_the_keyboard(visit: Any, stage: Stage) -> None:
    window: Visit = visit("sun")
    page = window.go("/ledger")
    rows = page.locator("#rows tr:not(#more)")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="更早的条目").click()
    expect(rows.nth(50)).to_be_visible()
    page.get_by_label("类别").select_option("contact.verdict")
    expect(rows).to_have_count(8)
    expect(page).to_have_url(f"{stage.url}/ledger?kind=contact.verdict")
    focus(rows.first.get_by_role("link"))
    press(page, "Enter")
    expect(page.get_by_role("heading", name="条目原文")).to_be_visible()
    page.get_by_role("link", name="←").last.click()
    expect(page).to_have_url(re.compile(r"/ledger/\d+$"))


def test_evidence_is_made_taken_and_holds_offline(visit: Any, stage: Stage, tmp_path: Path) -> None:
    window: Visit = visit("sun")
    page = window.go("/evidence")
    page.get_by_label("客户手机号后四位").fill("7003")
    page.get_by_role("button", name="查看内容").click()
    page.get_by_role("link", name="王*").click()
    expect(page.get_by_text("1 · 1.0 MB")).to_be_visible()
    page.get_by_role("button", name="制作证据包").click()
    expect(page.get_by_role("link", name="下载证据包")).to_be_visible()
    window.check_accessible()
    with page.expect_download() as taken:
        page.get_by_role("link", name="下载证据包").click()
    bundle = tmp_path / taken.value.suggested_filename
    taken.value.save_as(bundle)
    shown = page.locator("dt", has_text="SHA-256").locator("xpath=following-sibling::dd[1]").inner_text()
    assert hashlib.sha256(bundle.read_bytes()).hexdigest() == shown
    with page.expect_download() as tool:
        page.get_by_role("link", name="下载验证程序").click()
    verifier = tmp_path / tool.value.suggested_filename
    tool.value.save_as(verifier)
    assert verifier.read_bytes() == VERIFIER.read_bytes()
    (tmp_path / "mine.txt").write_text(stage.extra)
    command = [sys.executable, "-I", str(verifier), "evidence", str(bundle)]
    command += ["--public-key", vkey(stage), "--trusted-checkpoint", str(tmp_path / "mine.txt")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout.decode()
    address = page.url
    reviewer: Visit = visit("zhao")
    reviewer.expects_faults = True
    reviewer.go(address.removeprefix(stage.url))
    expect(reviewer.page.get_by_role("link", name="下载证据包")).to_have_count(0)
    page = window.go("/access-log?group=evidence")
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr").first).to_contain_text("取走证据包")


def test_a_choice_with_nothing_in_it_is_explained(visit: Any) -> None:
    page = visit("sun").go("/evidence?since=2020-01-01&until=2020-01-02")
    expect(page.get_by_role("alert")).to_contain_text("没有符合条件的触达")
    expect(page.get_by_role("button", name="制作证据包")).to_have_count(0)


def test_who_saw_what_and_that_the_list_was_not_touched(visit: Any, stage: Stage) -> None:
    reviewer: Visit = visit("zhao")
    reviewer.call("deal")
    reviewer.page.get_by_role("button", name="播放").click()
    expect(reviewer.page.get_by_role("button", name="暂停")).to_be_visible()
    seen = stage.run(
        stage.gateway.calls.get(stage.seeded.people["zhao"].principal, stage.seeded.calls["abuse"])
    )
    reviewer.go(f"/customers/{seen.row.customer_id}")
    stage.run(stage.ground.audit.cover())
    window: Visit = visit("sun")
    opened = window.go(f"/access-log?group=customer&customer={seen.row.customer_id}").locator("#rows tr")
    expect(opened).to_have_count(1)
    expect(opened).to_contain_text("赵质检")
    page = window.go("/access-log?group=recording")
    line = page.locator("#rows tr").first
    expect(line).to_contain_text("赵质检")
    expect(line).to_contain_text("李* 139****9002")
    line.get_by_role("link", name="李*").click()
    expect(page.locator(".toolbar")).to_contain_text("客户：李*")
    page.locator("select[name=group]").select_option(label="转写")
    expect(page.locator("#rows tr").first).to_contain_text("摘要")
    page.get_by_role("link", name="与账本核对").click()
    expect(page.locator("#check")).to_contain_text("条记录与账本一致")

    async def touch() -> None:
        async with stage.ground.database.begin() as session:
            await session.execute(
                update(AccessRow).where(AccessRow.kind == "transcript.read").values(target_id="x")
            )

    stage.run(touch())
    window.go("/access-log/check")
    expect(page.locator("#check")).to_contain_text("有人改动过这张表")
    reviewer.expects_faults = True
    reviewer.go("/access-log")
    expect(reviewer.page.locator("#rows")).to_have_count(0)


def test_each_bar_counts_the_list_behind_it(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go(f"/analysis?{TODAY}")
    expect(page.locator(".columns-chart a").first).to_be_visible()
    bars = page.locator(".chart a, .bars .count").evaluate_all(
        "all => all.map(one => [one.getAttribute('href'), Number(/\\d+$/.exec(one.getAttribute('aria-label'))[0])])"
    )
    assert len(bars) >= 10
    for address, count in bars:
        listed = page.request.get(stage.url + address).text()
        assert listed.count("row-link") == count, address


def test_charts_are_walked_with_the_keyboard_and_filtered(visit: Any, stage: Stage) -> None:
    window: Visit = visit("zhao")
    page = window.go(f"/analysis?{TODAY}")
    first = page.locator(".columns-chart").first.locator("a")
    focus(first.nth(0))
    press(page, "ArrowRight")
    expect(first.nth(1)).to_be_focused()
    press(page, "Enter")
    expect(page).to_have_url(re.compile(r"/calls\?since=2026-11-21&until=2026-11-21&outcome=unanswered"))
    window.go(f"/analysis?{TODAY}")
    page.get_by_label("部门").select_option(label="贷后管理部")
    expect(page).to_have_url(re.compile(r"department="))
    expect(page.locator(".columns-chart").first.locator("a").first).to_have_attribute(
        "aria-label", re.compile("已接通 2$")
    )
    page.locator(".figures-table summary").first.click()
    expect(page.get_by_role("cell", name="2", exact=True).first).to_be_visible()
