from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.contact.chain import evaluate, refuse
from gateway.contact.errors import RulesInvalid
from gateway.contact.facts import BindingFact, BlockFact, ConsentFact, Facts, PastContact
from gateway.contact.localtime import is_open, local_date, next_day, next_opening
from gateway.contact.model import Channel, Decision, Direction, Outcome, Purpose
from gateway.contact.rulebook import DATA, load
from gateway.contact.rules import FUNCTIONS

BOOK = load()
NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ZONES = (
    "Asia/Shanghai", "America/New_York", "America/St_Johns", "Europe/London", "Australia/Lord_Howe",
    "America/Havana", "Asia/Beirut", "Africa/Cairo", "America/Asuncion", "Pacific/Chatham", "Asia/Kathmandu",
    "America/Santiago", "Asia/Tehran", "Pacific/Apia", "Africa/Casablanca",
)  # fmt: skip
WINDOWS = ((time(8), time(22)),)


def facts(**changes: object) -> Facts:
    base = Facts(
        now=NOON,
        zone=ZoneInfo("Asia/Shanghai"),
        employee_id="a",
        purpose=Purpose.COLLECTION,
        channel=Channel.CALL,
        direction=Direction.OUTBOUND,
        employee_active=True,
        phone_refusal=None,
        customer_erased=False,
        binding=BindingFact(
            "a", Purpose.COLLECTION, NOON + timedelta(days=400), released=False, line_active=True
        ),
        consents=(),
        blocks=(),
        history=(),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def past(outcome: Outcome, at: datetime = NOON, **changes: object) -> PastContact:
    base = PastContact(Purpose.COLLECTION, Channel.CALL, Direction.OUTBOUND, outcome, at)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_plain_call_is_allowed() -> None:
    assert evaluate(facts(), BOOK).decision is Decision.ALLOW


@pytest.mark.parametrize(
    ("wall", "allowed"), [("07:59:59", False), ("08:00:00", True), ("21:59:59", True), ("22:00:00", False)]
)
@pytest.mark.parametrize("zone", ZONES)
def test_the_edges_of_the_quiet_hours(zone: str, wall: str, allowed: bool) -> None:
    info = ZoneInfo(zone)
    now = datetime.combine(date(2026, 11, 25), time.fromisoformat(wall), tzinfo=info).astimezone(UTC)
    verdict = evaluate(facts(now=now, zone=info), BOOK)
    assert verdict.allowed is allowed
    if not allowed:
        assert verdict.rule_id == "hours-collection"
        assert verdict.next_allowed_at is not None
        assert verdict.next_allowed_at.astimezone(info).time() == time(8)


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        # New York springs forward on 8 March 2026 and falls back on 1 November 2026.
        ("America/New_York", "2026-03-07T23:00-05:00", "2026-03-08T08:00-04:00"),
        ("America/New_York", "2026-10-31T23:00-04:00", "2026-11-01T08:00-05:00"),
        # Lord Howe moves by half an hour.
        ("Australia/Lord_Howe", "2026-10-03T23:00+10:30", "2026-10-04T08:00+11:00"),
        # Samoa had no 30 December 2011.
        ("Pacific/Apia", "2011-12-29T23:00-10:00", "2011-12-31T08:00+14:00"),
    ],
)
def test_the_morning_after_the_clock_is_moved(zone: str, now: str, expected: str) -> None:
    moment = datetime.fromisoformat(now).astimezone(UTC)
    assert next_opening(moment, ZoneInfo(zone), WINDOWS) == datetime.fromisoformat(expected)


def test_midnight_that_does_not_exist_still_begins_a_day() -> None:
    # In Beirut the clock goes from 00:00 to 01:00 on 29 March 2026.
    beirut = ZoneInfo("Asia/Beirut")
    begins = next_day(datetime(2026, 3, 28, 20, tzinfo=UTC), beirut)
    assert begins is not None
    assert begins.astimezone(beirut).isoformat() == "2026-03-29T01:00:00+03:00"


moments = st.datetimes(datetime(2025, 3, 3), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
clocks = st.times().map(lambda value: value.replace(microsecond=0))


@settings(max_examples=200)
@given(moments, st.sampled_from(ZONES), clocks, clocks)
def test_next_opening_is_the_first_moment_that_is_open(
    now: datetime, zone: str, one: time, other: time
) -> None:
    assume(one != other)
    windows = ((min(one, other), max(one, other)),)
    info = ZoneInfo(zone)
    assume(not is_open(now, info, windows))
    opening = next_opening(now, info, windows)
    assert opening is not None
    assert opening > now
    assert is_open(opening, info, windows)
    assert not is_open(opening - SECOND, info, windows) or opening - SECOND < now
    probe = now
    while probe < opening:
        assert not is_open(probe, info, windows)
        probe += timedelta(minutes=7)


@settings(max_examples=150)
@given(moments, st.sampled_from(ZONES), st.integers(3, 6), st.data())
def test_at_next_allowed_it_is_allowed_and_a_second_before_it_is_not(
    now: datetime, zone: str, count: int, data: st.DataObject
) -> None:
    info = ZoneInfo(zone)
    history = tuple(
        past(data.draw(st.sampled_from([Outcome.CONNECTED, Outcome.UNANSWERED, Outcome.PENDING])), now)
        for _ in range(count)
    )
    until = now + data.draw(st.timedeltas(timedelta(seconds=1), timedelta(days=3)))
    blocks = (BlockFact(None, None, until),) if data.draw(st.booleans()) else ()
    binding = BindingFact("a", Purpose.COLLECTION, now + timedelta(days=30), released=False, line_active=True)
    around = facts(now=now, zone=info, history=history, blocks=blocks, binding=binding)
    verdict = evaluate(around, BOOK)
    assume(not verdict.allowed)
    assert verdict.next_allowed_at is not None
    assert evaluate(around.at(verdict.next_allowed_at), BOOK).allowed
    before = verdict.next_allowed_at - SECOND
    assert before < now or not evaluate(around.at(before), BOOK).allowed
    day = local_date(now, info)
    for rule in BOOK.chain(day, around.purpose, around.channel, around.direction):
        hit = FUNCTIONS[rule.kind](around, rule)
        if hit is not None and hit.next_allowed_at is not None:
            assert FUNCTIONS[rule.kind](around.at(hit.next_allowed_at), rule) is None
            earlier = hit.next_allowed_at - SECOND
            assert earlier < now or FUNCTIONS[rule.kind](around.at(earlier), rule) is not None


@pytest.mark.parametrize(
    ("history", "rule_id"),
    [
        ([past(Outcome.CONNECTED)] * 2, None),
        ([past(Outcome.CONNECTED)] * 3, "cap-connected-collection"),
        ([past(Outcome.CONNECTED)] * 2 + [past(Outcome.PENDING)], "cap-connected-collection"),
        ([past(Outcome.UNANSWERED)] * 5, None),
        ([past(Outcome.UNANSWERED)] * 6, "cap-unanswered-collection"),
        ([past(Outcome.UNANSWERED)] * 4 + [past(Outcome.PENDING)] * 2, "cap-unanswered-collection"),
        ([past(Outcome.FAILED)] * 9, None),
        ([past(Outcome.CONNECTED, purpose=Purpose.SERVICE)] * 3, None),
        ([past(Outcome.CONNECTED, channel=Channel.MESSAGE)] * 3, None),
        ([past(Outcome.CONNECTED, direction=Direction.INBOUND)] * 3, None),
        ([past(Outcome.CONNECTED, NOON - timedelta(hours=12, seconds=1))] * 3, None),  # yesterday in Shanghai
        ([past(Outcome.CONNECTED, NOON - timedelta(hours=12))] * 3, "cap-connected-collection"),
    ],
)
def test_what_counts_against_the_caps(history: list[PastContact], rule_id: str | None) -> None:
    assert evaluate(facts(history=tuple(history)), BOOK).rule_id == rule_id


def test_a_cap_ends_at_midnight_but_the_chain_only_at_eight() -> None:
    around = facts(history=(past(Outcome.CONNECTED),) * 3)
    verdict = evaluate(around, BOOK)
    assert verdict.next_allowed_at == datetime(2026, 11, 22, 0, tzinfo=UTC)  # 08:00 in Shanghai
    rules = BOOK.chain(date(2026, 11, 21), around.purpose, around.channel, around.direction)
    (own,) = refuse(around, rules)
    assert own.next_allowed_at == datetime(2026, 11, 21, 16, tzinfo=UTC)  # midnight in Shanghai


def test_only_an_act_helps_an_expiring_binding() -> None:
    night = datetime(2026, 11, 21, 15, tzinfo=UTC)
    ends = BindingFact("a", Purpose.COLLECTION, night + timedelta(hours=1), released=False, line_active=True)
    verdict = evaluate(facts(now=night, binding=ends), BOOK)
    assert (verdict.rule_id, verdict.next_allowed_at) == ("hours-collection", None)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_consent_is_asked_for_sales_only(purpose: Purpose) -> None:
    binding = replace(facts().binding, purpose=purpose)
    verdict = evaluate(facts(purpose=purpose, binding=binding), BOOK)
    assert (verdict.rule_id == "consent-sales") is (purpose is Purpose.SALES)
    given_ = ConsentFact(Purpose.SALES, NOON, None)
    assert evaluate(facts(purpose=purpose, binding=binding, consents=(given_,)), BOOK).allowed
    withdrawn = ConsentFact(Purpose.SALES, NOON, NOON)
    again = evaluate(facts(purpose=purpose, binding=binding, consents=(withdrawn,)), BOOK)
    assert again.allowed is (purpose is not Purpose.SALES)


@pytest.mark.parametrize(
    ("block", "refused"),
    [
        (BlockFact(None, None, None), True),
        (BlockFact(Purpose.COLLECTION, Channel.CALL, None), True),
        (BlockFact(Purpose.SALES, None, None), False),
        (BlockFact(None, Channel.MESSAGE, None), False),
        (BlockFact(None, None, NOON), False),
        (BlockFact(None, None, NOON + SECOND), True),
    ],
)
def test_do_not_contact_by_purpose_channel_and_time(block: BlockFact, refused: bool) -> None:
    assert (evaluate(facts(blocks=(block,)), BOOK).rule_id == "do-not-contact") is refused


def test_every_reason_speaks_both_languages_with_its_figures() -> None:
    verdict = evaluate(facts(history=(past(Outcome.CONNECTED),) * 3, now=NOON + timedelta(hours=11)), BOOK)
    assert verdict.rule_id == "hours-collection"
    assert "23:00:00" in verdict.reason_zh
    assert "08:00-22:00" in verdict.reason_en
    (capped,) = verdict.others
    assert "3" in capped.zh
    assert "3" in capped.en
    assert "{" not in verdict.reason_zh + verdict.reason_en + capped.zh + capped.en


def test_the_shipped_rules_cover_everything_and_name_their_source() -> None:
    BOOK.check(date(2026, 11, 21))
    assert all(rule.source.zh and rule.source.en for rule in BOOK.rules)
    with pytest.raises(RulesInvalid):
        BOOK.check(date(2025, 2, 27))  # a day before the collection standard took effect


def spoil(folder: Path, name: str, **changes: object) -> Path:
    for path in DATA.glob("*.yaml"):
        (folder / path.name).write_bytes(path.read_bytes())
    target = folder / name
    data = yaml.safe_load((DATA / name).read_text("utf-8"))
    target.write_text(yaml.safe_dump({**data, **changes}, allow_unicode=True), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("hours-sales.v1.yaml", {"parameters": {"windows": [["22:00", "08:00"]]}}),
        ("hours-sales.v1.yaml", {"parameters": {"windows": []}}),
        ("cap-connected.v1.yaml", {"parameters": {"limit": 3, "counts": ["connected"]}}),
        ("cap-connected.v1.yaml", {"reasons": {"cap-reached": {"zh": "{name}", "en": "x"}}}),
        ("cap-connected.v1.yaml", {"reasons": {"other": {"zh": "x", "en": "x"}}}),
        ("consent-sales.v1.yaml", {"surprise": 1}),
        ("consent-sales.v1.yaml", {"effective_until": "2020-01-01"}),
    ],
)
def test_a_faulty_rule_file_stops_everything(tmp_path: Path, name: str, changes: dict[str, object]) -> None:
    with pytest.raises(RulesInvalid):
        load(spoil(tmp_path, name, **changes))


def test_two_versions_may_follow_but_not_overlap(tmp_path: Path) -> None:
    folder = spoil(tmp_path, "hours-sales.v1.yaml", effective_until="2026-12-01")
    later = yaml.safe_load((DATA / "hours-sales.v1.yaml").read_text("utf-8"))
    later |= {"version": "2", "effective_from": "2026-12-01", "parameters": {"windows": [["10:00", "18:00"]]}}
    (folder / "hours-sales.v2.yaml").write_text(yaml.safe_dump(later, allow_unicode=True), "utf-8")
    book = load(folder)
    for day, version in ((date(2026, 11, 30), "1"), (date(2026, 12, 1), "2")):
        chain = book.chain(day, Purpose.SALES, Channel.CALL, Direction.OUTBOUND)
        assert [rule.version for rule in chain if rule.id == "hours-sales"] == [version]
    later["effective_from"] = "2026-11-30"
    (folder / "hours-sales.v2.yaml").write_text(yaml.safe_dump(later, allow_unicode=True), "utf-8")
    with pytest.raises(RulesInvalid):
        load(folder)
