"""What the renderer promises: escaping, times with their zone, shapes for people, JSON that stays inside."""

import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from dashboard.day import Calendar
from dashboard.pages.preferences import Seen, local_path
from dashboard.render import Renderer, asset, duration, groups, line, script_json

MOMENT = datetime(2026, 11, 21, 16, 30, 5, tzinfo=UTC)


def test_a_time_shows_the_institutions_zone_and_utc_on_hover() -> None:
    shown = str(Renderer(institution="x", zone="Asia/Shanghai")._when(MOMENT, "full"))
    assert ">2026-11-22 00:30:05<" in shown
    assert "Asia/Shanghai" in shown
    assert "2026-11-21 16:30:05 UTC" in shown


def test_lengths_and_keys_and_lines() -> None:
    assert [duration(value) for value in (None, 0, 59_600, 61_000)] == ["—", "0:00", "1:00", "1:01"]
    assert groups("ABCDEFGHIJ") == "ABCD EFGH IJ"
    assert line("+861088886666") == "010 8888 6666"
    assert line("95599") == "95599"


def test_an_asset_has_the_hash_of_its_content() -> None:
    assert asset("css/app.css").startswith("/static/css/app.css?v=")


@given(
    st.recursive(
        st.text() | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_in_a_page_cannot_end_its_element(value: object) -> None:
    text = str(script_json(value))
    assert "<" not in text
    assert json.loads(text) == value


def test_a_day_is_the_institutions() -> None:
    calendar = Calendar(ZoneInfo("Asia/Shanghai"))
    assert calendar.today(MOMENT) == date(2026, 11, 22)
    assert calendar.begin(date(2026, 11, 22)).astimezone(UTC) == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert calendar.end(date(2026, 11, 22)) == calendar.begin(date(2026, 11, 23))


def test_only_addresses_on_this_site_are_followed() -> None:
    for good in ("/", "/calls?band=flag", "/calls/1#finding-2"):
        assert local_path(good) == good
    for bad in (None, "", "calls", "//evil.example", "/\\evil.example", "https://evil.example/", "/a\nb"):
        assert local_path(bad) == "/"


@given(st.text())
def test_a_theme_is_one_of_two_or_none(cookie: str) -> None:
    assert Seen(cookie=cookie).theme in {None, "dark", "light"}


def test_the_theme_is_found_among_other_cookies() -> None:
    assert Seen(cookie="lang=zh; theme=dark; maskline=x").theme == "dark"
    assert Seen(cookie="theme=darker").theme is None
    assert Seen(cookie="othertheme=dark").theme is None
