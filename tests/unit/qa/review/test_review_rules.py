"""The pure parts of review: history, score by the findings that stand, and the sample."""

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.inspection.rulebook import own_rulebook
from qa.review.history import in_force
from qa.review.model import Ruling
from qa.review.policy import Sampler, own_policy
from qa.review.scoring import Standing, Weighed, standing

BOOK = own_rulebook()
ORIGINAL = Standing(60, "flag", fatal=False)


@dataclass(frozen=True)
class Said:
    id: str
    step: str


def found(name: str, term: str = "t", cost: int = 30, *, suspected: bool = False, fatal: bool = False,
          rule: str = "staff-threat") -> Weighed:  # fmt: skip
    return Weighed(name, rule, term, "severe", suspected, fatal, cost)


def test_a_ruling_supersedes_and_an_undo_restores() -> None:
    history = [Said("1", "confirm"), Said("2", "overturn"), Said("3", "undo")]
    assert in_force([]) is None
    assert in_force(history[:2]).ruling is Ruling.OVERTURN
    assert in_force(history).decision_id == "1"
    assert in_force([*history, Said("4", "undo")]) is None


def test_without_a_ruling_that_matters_the_original_score_holds_exactly() -> None:
    odd = Standing(61, "flag", fatal=False)  # by a scheme that is no longer in force
    assert standing(odd, [found("a")], {"a": Ruling.CONFIRM}, BOOK) == odd


def test_an_overturned_finding_costs_nothing() -> None:
    findings = [found("a", "x"), found("b", "y", 10)]
    assert standing(ORIGINAL, findings, {"a": Ruling.OVERTURN}, BOOK) == Standing(90, "pass", fatal=False)


def test_a_term_said_twice_costs_as_long_as_one_of_both_stands() -> None:
    findings = [found("a"), found("b", cost=0)]
    assert standing(ORIGINAL, findings, {"a": Ruling.OVERTURN}, BOOK).score == 70
    both = {"a": Ruling.OVERTURN, "b": Ruling.OVERTURN}
    assert standing(ORIGINAL, findings, both, BOOK).score == 100


def test_a_confirmed_suspicion_costs_what_its_severity_costs() -> None:
    suspected = [found("a", cost=0, suspected=True)]
    clean = Standing(100, "pass", fatal=False)
    assert standing(clean, suspected, {}, BOOK) == clean
    assert standing(clean, suspected, {"a": Ruling.CONFIRM}, BOOK).score == 70
    note = [found("a", cost=0, suspected=True, rule="customer-insult")]
    assert standing(clean, note, {"a": Ruling.CONFIRM}, BOOK).score == 100


def test_the_fatal_score_goes_with_the_last_fatal_finding() -> None:
    findings = [found("a", "x", fatal=True), found("b", "y", fatal=True)]
    zero = Standing(0, "flag", fatal=True)
    assert standing(zero, findings, {"a": Ruling.OVERTURN}, BOOK) == zero
    both = {"a": Ruling.OVERTURN, "b": Ruling.OVERTURN}
    assert standing(zero, findings, both, BOOK) == Standing(100, "pass", fatal=False)


def test_nothing_scored_stays_without_a_score() -> None:
    nothing = Standing(None, None, fatal=False)
    assert standing(nothing, [found("a")], {"a": Ruling.OVERTURN}, BOOK) == nothing


@given(st.integers(1, 100), st.text("abcdef", min_size=1, max_size=8), st.binary(min_size=16, max_size=16))
def test_the_sample_is_even_for_everybody_and_reproducible(percent: int, employee: str, key: bytes) -> None:
    taken = [number for number in range(1, 1001) if Sampler(key, percent).takes(employee, number)]
    assert len(taken) == 10 * percent
    assert taken == [number for number in range(1, 1001) if Sampler(key, percent).takes(employee, number)]


def test_the_sample_cannot_be_foreseen_from_one_colleague_or_key() -> None:
    firsts = Counter(
        next(number for number in range(1, 21) if Sampler(bytes([seed]) * 32, 5).takes("e", number))
        for seed in range(200)
    )
    assert len(firsts) == 20
    assert max(firsts.values()) < 40


@pytest.mark.parametrize("number", [1, 7, 20])
def test_no_share_means_no_sample(number: int) -> None:
    assert not Sampler(b"k", 0).takes("e", number)


def test_the_policy_that_comes_with_the_product_is_read() -> None:
    assert 1 <= own_policy().appeal_days <= 30
    assert own_policy().source
