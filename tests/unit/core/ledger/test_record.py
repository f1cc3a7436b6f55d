"""What is hashed for an entry is RFC 8785's JSON, whoever writes it; phone numbers are stopped at any depth."""

import json
from datetime import UTC, datetime
from enum import StrEnum

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from core.ledger.record import LedgerBodyInvalid, make_entry, read_entry

AT = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Nd")))
LEAVES = st.none() | st.booleans() | WORDS | st.floats(allow_nan=False, allow_infinity=False)
LEAVES |= st.integers(-(2**53) + 1, 2**53 - 1)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=12)


class Word(StrEnum):
    YES = "yes"


@given(st.dictionaries(WORDS, VALUES, max_size=5))
@example({"control": '\x00\x08\x1f\x7f\u2028"\\/', "b": 1, "a": [True, None, -0.0, 1e21]})
@example({"\ue000": 1, "\U0001f600": 2, "é": 3})
@example({"word": Word.YES, "pair": ("x", 1), "big": 2**53 - 1})
def test_the_record_is_canonical(body: dict[str, object]) -> None:
    entry = make_entry(7, "test.fact", AT, body)  # type: ignore[arg-type]
    value = {"at": "2026-11-03T02:00:00.000000Z", "body": body, "kind": "test.fact", "seq": 7, "v": 1}
    assert entry.record == rfc8785.dumps(value)  # type: ignore[arg-type]
    assert read_entry(entry.record) == entry
    assert entry.body == json.loads(entry.record)["body"]


@pytest.mark.parametrize(
    "body", [{"n": 2**53}, {"n": -(2**53)}, {"x": float("inf")}, {"x": {1: 2}}, {"x": {True: 2}}, {"x": b""}]
)
def test_what_rfc_8785_cannot_say_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(LedgerBodyInvalid):
        make_entry(0, "test.fact", AT, body)  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["+8613800138000", "13800138000", "010-88886666", "+1234567"])
def test_a_number_is_stopped_wherever_it_is(number: str) -> None:
    places = (
        {"a": number},
        {number: 1},
        {"a": [0.5, {"b": [f"to {number}."]}]},
        {"a": {"b": {number: None}}},
    )
    for body in places:
        with pytest.raises(LedgerBodyInvalid) as caught:
            make_entry(0, "test.fact", AT, body)  # type: ignore[arg-type]
        assert number not in str(caught.value)
