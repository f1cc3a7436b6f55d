from collections import Counter

import pytest

from gateway.numbers.choice import Candidate, LineChooser, Wish
from gateway.numbers.lines import normalise_line
from gateway.numbers.model import CityMatch, DirectDial, Stickiness

LINES = [
    Candidate("1", "北京", direct_free=True),
    Candidate("2", "上海", direct_free=True),
    Candidate("3", "北京", direct_free=False),
]


def rank(wish: Wish, seed: int = 1, lines: list[Candidate] = LINES) -> list[str]:
    return [candidate.line_id for candidate in LineChooser(seed).rank(lines, wish, draw="customer")]


def wish(
    city: str | None = None,
    match: CityMatch = CityMatch.LOOSE,
    stickiness: Stickiness = Stickiness.ANY,
    direct: DirectDial = DirectDial.TOKEN,
    last: str | None = None,
) -> Wish:
    return Wish(city, match, stickiness, direct, last)


@pytest.mark.parametrize("seed", range(8))
def test_city_strict_drops_and_loose_prefers(seed: int) -> None:
    assert set(rank(wish("北京市", CityMatch.STRICT), seed)) == {"1", "3"}
    assert rank(wish("广州", CityMatch.STRICT), seed) == []
    assert rank(wish("上海"), seed)[0] == "2"
    assert len(rank(wish("广州"), seed)) == 3


@pytest.mark.parametrize("seed", range(8))
def test_sticky_comes_first_and_avoid_last_puts_it_behind(seed: int) -> None:
    assert rank(wish("北京", stickiness=Stickiness.STICKY, last="2"), seed)[0] == "2"
    assert rank(wish(stickiness=Stickiness.AVOID_LAST, last="2"), seed)[-1] == "2"
    only = [LINES[1]]
    assert rank(wish(stickiness=Stickiness.AVOID_LAST, last="2"), seed, only) == ["2"]


@pytest.mark.parametrize("seed", range(8))
def test_direct_dialling_is_required_or_preferred(seed: int) -> None:
    assert set(rank(wish(direct=DirectDial.REQUIRED), seed)) == {"1", "2"}
    assert rank(wish("北京", direct=DirectDial.PREFERRED), seed) == ["1", "3", "2"]


def test_the_same_seed_chooses_the_same_and_draws_spread() -> None:
    assert rank(wish(), 5) == rank(wish(), 5)
    chooser = LineChooser(5)
    firsts = Counter(chooser.rank(LINES, wish(), draw=str(n))[0].line_id for n in range(300))
    assert min(firsts.values()) > 60


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("010-8888 6666", "+861088886666"),
        ("95588", "95588"),
        ("400-123-4567", "4001234567"),
        ("12", None),
        ("sip:1", None),
    ],
)
def test_lines_are_stored_in_one_form(text: str, stored: str | None) -> None:
    assert normalise_line(text, "CN") in {stored, f"+86{stored}"}
