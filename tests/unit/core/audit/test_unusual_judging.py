"""Judging without a database: windows, runs, nights, limits, the rules' own file and an institution's."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audit.model import GROUP_OF
from core.audit.unusual import own_rules
from core.audit.unusual.hours import night_of, nights_between
from core.audit.unusual.judging import limit_with, many, streak
from core.audit.unusual.model import Line
from core.audit.unusual.rulebook import Judge, OwnLimits, load_rules
from core.faults import SettingsInvalid

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
RULES = {rule.id: rule for rule in own_rules().rules}
LOOKING = RULES["access_bulk_looking"]
SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
TEN, SIX = time(22), time(6)


def looks(*seconds: float, customers: int = 1_000_000) -> list[Line]:
    return [
        Line(
            f"{index:032x}",
            START + timedelta(seconds=second),
            "customer.opened",
            "a",
            None,
            f"c{index % customers}",
        )
        for index, second in enumerate(seconds)
    ]


@given(st.lists(st.integers(0, 7200), min_size=1, max_size=80), st.integers(1, 12), st.integers(0, 7200))
def test_a_window_counts_as_the_definition_does(seconds: list[int], customers: int, since: int) -> None:
    """Against the plain definition: at each line, different customers of the window that ends there."""
    rule = LOOKING.model_copy(update={"limit": 3, "window_s": 600})
    lines = looks(*sorted(seconds), customers=customers)
    begin, window = START + timedelta(seconds=since), timedelta(seconds=600)
    counted = [
        len({one.customer_id for one in lines[: place + 1] if one.at > line.at - window})
        for place, line in enumerate(lines)
        if line.at >= begin
    ]
    seen = many(rule, lines, since=begin)
    assert (seen.count if seen else 0) == (max(counted) if counted and max(counted) > 3 else 0)


def test_the_limit_itself_is_allowed_and_the_window_is_half_open() -> None:
    hour = LOOKING.window_s
    assert many(LOOKING, looks(*range(60)), since=START) is None
    assert many(LOOKING, looks(*range(61)), since=START) is not None
    assert many(LOOKING, looks(0, *[hour] * 60), since=START) is None
    assert many(LOOKING, looks(1, *[hour] * 60), since=START) is not None


def test_a_run_ends_with_a_success_and_with_time() -> None:
    rule = RULES["access_guessed_login"]

    def story(text: str, every: int = 60) -> int:
        kinds = {"x": "login.refused", "c": "login.code-refused", "o": "login.password-accepted"}
        lines = [
            Line(f"{index:032x}", START + timedelta(seconds=index * every), kinds[one], "a")
            for index, one in enumerate(text)
        ]
        seen = streak(rule, lines, since=START)
        return seen.count if seen else 0

    assert [story(text) for text in ("xxxxo", "xxxxxo", "xxcxxo", "xxxoxxxo", "xxxxxxx")] == [0, 5, 5, 0, 0]
    assert [story("xxxxxo", every) for every in (719, 720)] == [5, 0], "the first must be within the hour"


@pytest.mark.parametrize(
    ("usual", "limit"), [(None, 60), (0.0, 60), (10.0, 60), (20.5, 61), (50.0, 150), (500.0, 300)]
)
def test_a_limit_rises_with_the_usual_but_not_for_ever(usual: float | None, limit: int) -> None:
    assert limit_with(LOOKING, usual) == limit


@pytest.mark.parametrize(
    ("at", "zone", "night"),
    [
        ("2026-11-30T13:59:59", SHANGHAI, None),
        ("2026-11-30T14:00:00", SHANGHAI, ("2026-11-30T14:00", "2026-11-30T22:00")),
        ("2026-11-30T21:59:59", SHANGHAI, ("2026-11-30T14:00", "2026-11-30T22:00")),
        ("2026-11-30T22:00:00", SHANGHAI, None),
        ("2026-12-31T18:00:00", SHANGHAI, ("2026-12-31T14:00", "2026-12-31T22:00")),
        # The clock goes forward at 01:00 UTC, and back at 01:00 UTC: seven hours, and nine.
        ("2026-03-29T02:30:00", BERLIN, ("2026-03-28T21:00", "2026-03-29T04:00")),
        ("2026-10-25T00:30:00", BERLIN, ("2026-10-24T20:00", "2026-10-25T05:00")),
    ],
)
def test_nights_are_the_zones_over_months_years_and_changes_of_the_clock(
    at: str, zone: ZoneInfo, night: tuple[str, str] | None
) -> None:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    wanted = night and tuple(datetime.fromisoformat(one).replace(tzinfo=UTC) for one in night)
    assert night_of(moment, zone, TEN, SIX) == wanted


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from([SHANGHAI, BERLIN]))  # noqa: DTZ001
def test_a_moment_is_in_the_night_that_lists_it(at: datetime, zone: ZoneInfo) -> None:
    moment = at.replace(tzinfo=UTC)
    night = night_of(moment, zone, TEN, SIX)
    listed = [one for one in nights_between(moment, moment, zone, TEN, SIX) if one[0] <= moment < one[1]]
    assert listed == ([night] if night else [])


def test_hours_may_lie_within_one_day() -> None:
    at = datetime(2026, 11, 21, 4, 30, tzinfo=UTC)
    assert night_of(at, SHANGHAI, time(12), time(13)) is not None
    assert night_of(at, SHANGHAI, time(13), time(14)) is None


def test_every_kind_that_a_rule_names_is_one_of_the_access_log() -> None:
    for rule in RULES.values():
        assert {kind for kind, _ in rule.all_told} <= set(GROUP_OF), rule.id
        assert rule.acts_told, rule.id


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_an_institution_sets_its_own_limits(tmp_path: Path) -> None:
    own = write(
        tmp_path / "own.yaml",
        """
version: "2026-12"
effective: 2026-12-01
changes:
  access_bulk_looking: {limit: 200, usual: {factor: 2, floor: 50, always: 600}}
  access_night: {begins: "23:30", ends: "05:00"}
  access_new_address: {enabled: false}
on_call: [{username: zhang.san, since: 2026-12-01, until: 2026-12-31}]
""",
    )
    book = load_rules(own)
    assert (book.version, str(book.effective)) == ("1.0.0+2026-12", "2026-12-01")
    assert (book.rule("access_bulk_looking") or LOOKING).limit == 200
    assert (book.rule("access_night") or LOOKING).begins == time(23, 30)
    assert Judge.ADDRESS not in {rule.judge for rule in book.enabled}
    assert book.on_call[0].username == "zhang.san"
    assert load_rules(None) is own_rules()


@pytest.mark.parametrize(
    "text",
    [
        "version: a\neffective: 2026-12-01\nchanges: {access_unheard_of: {limit: 1}}",
        "version: a\neffective: 2026-12-01\nchanges: {access_bulk_looking: {limit: -1}}",
        "version: a\neffective: 2026-12-01\nchanges: {access_bulk_looking: {limit: 400}}",
        "version: a\neffective: 2026-12-01\nchanges: {access_bulk_looking: {limt: 4}}",
        'version: a\neffective: 2026-12-01\nchanges: {access_night: {begins: "06:00"}}',
        "version: a\neffective: soon",
        "effective: 2026-12-01",
        "[",
        "- 1",
    ],
)
def test_a_file_that_cannot_hold_stops_the_start_and_says_where(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsInvalid) as error:
        load_rules(write(tmp_path / "own.yaml", text))
    assert "unusual.rules_file" in str(error.value)
    with pytest.raises(SettingsInvalid):
        load_rules(tmp_path / "absent.yaml")


def test_changes_name_the_version_of_both() -> None:
    own = OwnLimits.model_validate({"version": "x", "effective": "2020-01-01"})
    assert own_rules().with_own(own).effective == own_rules().effective
