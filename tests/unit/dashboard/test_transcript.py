"""Marked words: every character once and in order, each finding on its own words."""

from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard.transcript import pieces, turns
from qa.inspection.views import FindingView, SentenceView


def finding(begin: int, end: int, *, severity: str = "minor", sentence: int | None = 0) -> FindingView:
    values: dict[str, Any] = {item.name: "" for item in fields(FindingView)}
    values |= {"id": f"{begin}-{end}", "char_begin": begin, "char_end": end, "severity": severity}
    return FindingView(**(values | {"sentence_index": sentence, "text": None}))


def test_words_are_cut_where_a_finding_begins_and_ends() -> None:
    found = pieces("你真不要脸，还钱", [finding(2, 5)])
    assert [(piece.text, bool(piece.findings)) for piece in found] == [
        ("你真", False),
        ("不要脸", True),
        ("，还钱", False),
    ]


def test_where_findings_overlap_the_worst_one_shows() -> None:
    found = pieces("abcdef", [finding(0, 4, severity="minor"), finding(2, 6, severity="severe")])
    assert [piece.worst.severity if piece.worst else None for piece in found] == ["minor", "severe", "severe"]


def test_what_was_never_said_marks_nothing() -> None:
    sentence = SentenceView(0, "staff", 0, 1000, 0.9, "您好")
    (turn,) = turns([sentence], [finding(0, 0, sentence=None)])
    assert [piece.worst for piece in turn.pieces] == [None]


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=5))
def test_no_character_is_lost_or_doubled(text: str, spans: list[tuple[int, int]]) -> None:
    found = pieces(text, [finding(min(span), max(span)) for span in spans])
    assert "".join(piece.text for piece in found) == text
