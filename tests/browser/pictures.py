"""Takes the pictures of the README from a seeded server: .venv/bin/python -m tests.browser.pictures."""

import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.agent_day import seed as agents_day
from tests.browser.conftest import CHROMIUM, START
from tests.browser.stage import Stage
from tests.browser.test_supervisor import more

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = {"width": 1280, "height": 800}


def main() -> None:
    """Write one PNG a page, as the person whose page it is sees it."""
    _on(agents_day, {"today": ("lin", "/today")})
    _on(more, {"live": ("chen", "/live"), "call": ("zhao", "/calls/abuse"), "ledger": ("sun", "/ledger")})


def _on(seed: Callable[[Stage], Awaitable[Any]], pages: dict[str, tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), START, more=seed)
        stage.start()
        try:
            _take(stage, pages)
        finally:
            stage.stop()


def _take(stage: Stage, pages: dict[str, tuple[str, str]]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for name, (username, path) in pages.items():
            context = browser.new_context(viewport=SIZE, locale="zh-CN", reduced_motion="reduce")  # type: ignore[arg-type]
            token = stage.run(stage.seeder.token(username))
            context.add_cookies([{"name": "maskline", "value": token, "url": stage.url}])
            page = context.new_page()
            page.goto(stage.url + path.replace("abuse", stage.seeded.calls["abuse"]))
            page.wait_for_timeout(1500)  # live pages never fall silent
            page.screenshot(path=IMAGES / f"{name}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
