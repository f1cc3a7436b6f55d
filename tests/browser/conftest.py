"""A seeded server, Chromium, and pages that watch their console and where they ask."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from tests.browser.hands import wait_like_a_user, wait_until_up
from tests.browser.stage import Stage

CHROMIUM = Path("/usr/bin/chromium")
START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)

PATIENCE_MS = 60_000
"""How long a page is waited for: as long as a busy machine may need."""
QUIET_ROUNDS = 5
OF_LOOKS = ("color-contrast", "link-in-text-block")
"""The rules of axe that ask what colours there are."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install chromium fonts-noto-cjk")
    return str(CHROMIUM)


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """One browser for each file: while Playwright's loop lives in this thread, no async test can run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stage(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"), START)
    stage.start()
    yield stage
    stage.stop()


@dataclass
class Visit:
    """One browser window. `faults` holds console errors, `asked` every address, `open` what is not answered yet."""

    page: Page
    stage: Stage
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    open: set[Request] = field(default_factory=set)
    expects_faults: bool = False

    def watch(self) -> None:
        """Keep what the page asks for and what goes wrong in it."""
        self.page.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("requestfinished", self._over)
        self.page.on("requestfailed", self._over)

    def _asked(self, request: Request) -> None:
        self.asked.append(request.url)
        endless = request.resource_type in {"media", "eventsource"}
        if not endless and not request.url.startswith(("data:", "blob:")):
            self.open.add(request)

    def _over(self, request: Request) -> None:
        self.open.discard(request)

    def go(self, path: str) -> Page:
        self.page.goto(self.stage.url + path)
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the page has all that it asked for, and asks for no more: Playwright's own wait takes 500 ms."""
        wait_until_up(self.page)
        deadline, quiet = time.monotonic() + PATIENCE_MS / 1000, 0
        while quiet < QUIET_ROUNDS:
            assert time.monotonic() < deadline, [request.url for request in self.open]
            asked = len(self.asked)
            self.page.wait_for_timeout(20)
            quiet = 0 if self.open or len(self.asked) > asked else quiet + 1

    def call(self, name: str) -> Page:
        return self.go(f"/calls/{self.stage.seeded.calls[name]}")

    def check_quiet(self) -> None:
        """No error in the console, nothing asked of anybody else."""
        assert self.expects_faults or not self.faults, self.faults
        outside = [url for url in self.asked if not url.startswith((self.stage.url, "data:", "blob:"))]
        assert not outside, outside

    def check_accessible(self, only: tuple[str, ...] = ()) -> None:
        """Axe finds nothing. It puts its own styles in, which the policy refuses: look at faults before."""
        wait_until_up(self.page)
        self.check_quiet()
        found = Axe().run(self.page, options={"runOnly": list(only)} if only else None)
        self.expects_faults = True
        assert found.violations_count == 0, found.generate_report()

    def check_in_every_look(self) -> None:
        """Accessible light and dark, wide and narrow; what no look changes is asked once for each width."""
        for width, whole in ((1440, "light"), (390, "dark")):
            self.page.set_viewport_size({"width": width, "height": 900})
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width
            for theme in ("light", "dark"):
                self.page.evaluate("name => { document.documentElement.dataset.theme = name }", theme)
                self.check_accessible(() if theme == whole else OF_LOOKS)


@pytest.fixture
def visit(chromium: Browser, stage: Stage) -> Iterator[Callable[..., Visit]]:
    """Open a window as somebody who is logged in, or as nobody."""
    opened: list[Visit] = []

    def open_window(
        username: str | None = "zhao",
        *,
        width: int = 1440,
        theme: str | None = None,
        language: str | None = None,
        scheme: str = "light",
    ) -> Visit:
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            locale="zh-CN",
            color_scheme=scheme,  # type: ignore[arg-type]
            reduced_motion="reduce",
        )
        cookies = {"theme": theme, "lang": language}
        if username is not None:
            cookies["maskline"] = stage.run(stage.seeder.token(username))
        context.add_cookies(
            [{"name": name, "value": value, "url": stage.url} for name, value in cookies.items() if value]
        )
        wait_like_a_user(context)
        context.set_default_timeout(PATIENCE_MS)
        one = Visit(context.new_page(), stage)
        one.watch()
        opened.append(one)
        return one

    yield open_window
    for one in opened:
        one.check_quiet()
        one.page.context.close()
