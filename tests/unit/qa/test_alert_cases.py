"""What belongs to one alert, and what still calls for it after a review."""

from qa.alert_cases import calling_for, face_of, take_in, waits
from qa.alert_rules import Choice, Timing
from qa.inspection.models import AlertRow, FindingRow


def finding(
    number: int, *, message: str | None = "m1", rule: str = "staff-threat", **more: object
) -> FindingRow:
    told = {"category": "threat", "severity": "severe", "suspected": False, "fatal": False, "confidence": 0.9}
    return FindingRow(id=f"f{number}", rule_id=rule, message_id=message, **{**told, **more})


def alert(joins: str, **more: object) -> AlertRow:
    told = {
        "category": "threat",
        "severity": "severe",
        "messages": 1,
        "hits": 1,
        "rules": [],
        "suspected": False,
    }
    return AlertRow(id=f"a-{joins}", joins=joins, **{**told, **more})


def test_the_face_is_the_surest_then_the_gravest() -> None:
    suspected = finding(1, suspected=True, fatal=True)
    moderate, severe = finding(2, severity="moderate"), finding(3, confidence=0.7)
    assert face_of([suspected, moderate, severe]) is severe


def test_it_waits_only_if_all_its_rules_are_told_once_a_day() -> None:
    daily = {"staff-threat": Choice(timing=Timing.DAILY)}
    assert waits([finding(1)], daily)
    assert not waits([finding(1), finding(2, rule="staff-insult")], daily)
    assert not waits([finding(1)], {})


def test_what_is_graver_becomes_the_face() -> None:
    told = alert("m1", severity="moderate", category="insult", rules=["staff-insult"])
    take_in(told, [finding(1)], waiting=False)
    assert (told.severity, told.category, told.finding_id, told.hits) == ("severe", "threat", "f1", 2)
    assert told.rules == ["staff-insult", "staff-threat"]


def test_findings_call_for_the_alert_of_their_message_and_of_a_call_for_that_of_their_category() -> None:
    first, last, call = alert("m1"), alert("m2", messages=2), alert("threat")
    standing = [finding(1), finding(2, message="m3"), finding(3, message=None, category="insult")]
    messages = [first, last]
    assert [row.id for row in calling_for(first, messages, standing)] == ["f1"]
    assert [row.id for row in calling_for(last, messages, standing[:2])] == ["f2"], "it stands for m3 too"
    assert [row.id for row in calling_for(call, [call], standing)] == ["f1", "f2"]
    assert calling_for(first, messages, [finding(4, severity="minor")]) == []
