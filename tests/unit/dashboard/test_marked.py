"""Words that are marked inside a text."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.marked import Cut, cuts

SPANS = st.lists(st.tuples(st.integers(-3, 30), st.integers(-3, 30)), max_size=5)


def test_a_finding_is_cut_out() -> None:
    assert cuts("今天就能下款", [(2, 6)]) == (Cut("今天", marked=False), Cut("就能下款", marked=True))
    assert cuts("您好", []) == (Cut("您好", marked=False),)
    assert cuts("", [(0, 3)]) == ()


@given(st.text(max_size=20), SPANS)
def test_nothing_is_lost_and_only_what_is_covered_is_marked(text: str, spans: list[tuple[int, int]]) -> None:
    found = cuts(text, spans)
    assert "".join(cut.text for cut in found) == text
    at = 0
    for cut in found:
        for place in range(at, at + len(cut.text)):
            covered = any(0 <= begin <= place < end for begin, end in spans)
            assert covered == cut.marked
        at += len(cut.text)
