"""What a user's eyes do between two steps: nobody presses a key on a page that has not come up yet."""

from playwright.sync_api import BrowserContext, Locator, Page

_COVER_UNTIL_LOADED = """
globalThis.pageIsUp = document.readyState === "complete";
if (!pageIsUp) {
  const cover = new CSSStyleSheet();
  cover.replaceSync("a, button, select, :is(input, textarea):not([autofocus]) { visibility: hidden }");
  document.adoptedStyleSheets.push(cover);
  const uncover = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== cover);
    pageIsUp = true;
  };
  // htmx, a deferred script, begins to listen in a timer that it sets while it is read, so before this one.
  addEventListener("load", () => setTimeout(uncover), { once: true });
}
"""


def wait_like_a_user(context: BrowserContext) -> None:
    """Nothing can be clicked or chosen before its page has loaded, for only then its scripts listen."""
    context.add_init_script(_COVER_UNTIL_LOADED)


def wait_until_up(page: Page) -> None:
    """Wait until the page has loaded and everything on it can be seen, pressed and focused."""
    page.wait_for_function("() => globalThis.pageIsUp")


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other, each on a page that is up."""
    for key in keys:
        wait_until_up(page)
        page.keyboard.press(key)


def focus(place: Locator) -> None:
    """Bring the focus to a place by itself, on a page that is up: what is covered takes none, and says nothing."""
    wait_until_up(place.page)
    place.focus()
