"""Rules and scoring on dialogues: what is found, what it costs, what is only suspected."""

import pytest

from qa.inspection.errors import RulebookInvalid
from qa.inspection.model import Band, Score
from qa.inspection.rulebook import Chats, own_rulebook, parse_rulebook
from qa.inspection.rules import Inspector
from qa.inspection.scoring import band_of, score
from qa.lexicon.loader import own_lexicon
from qa.lexicon.model import Severity
from tests.support.inspection import say

HELLO = ("staff", "您好，我是示例金融的客户经理。")


def inspect(*turns: tuple[str, str], purpose: str = "collection", confidence: float = 0.9) -> Score:
    inspector = Inspector(own_rulebook(), own_lexicon())
    found = inspector.inspect(say(*turns, confidence=confidence), purpose=purpose, direction="outbound")
    return score(found, inspector.rulebook.scoring)


def test_clean_call_passes_with_full_score() -> None:
    result = inspect(HELLO, ("customer", "好的"), ("staff", "请按时还款，感谢接听。"))
    assert (result.value, result.band, result.findings) == (100, Band.PASS, ())


@pytest.mark.parametrize(("text", "points"), [("我会告诉你家人", 30), ("加我微信", 10), ("后果自负", 3)])
def test_deduction_by_severity(text: str, points: int) -> None:
    result = inspect(HELLO, ("staff", text))
    assert [item.deduction for item in result.findings] == [points]
    assert result.value == 100 - points


@pytest.mark.parametrize(("chats", "wanted"), [(Chats.ANY, [0, 1]), (Chats.SINGLE, [0]), (Chats.GROUP, [1])])
def test_a_rule_holds_in_single_chats_in_groups_or_in_both(chats: Chats, wanted: list[int]) -> None:
    sentences = say(("staff", "我会告诉你家人"), ("staff", "我会告诉你家人"))
    found = Inspector(own_rulebook(), own_lexicon()).inspect(
        sentences, purpose="collection", direction="", in_group={1}, scopes={"staff-disclosure": chats}
    )
    assert [finding.sentence_index for finding in found] == wanted


def test_a_term_costs_once_however_often_it_is_said() -> None:
    result = inspect(HELLO, ("staff", "我会告诉你家人"), ("staff", "听到没有，我会告诉你老婆"))
    assert [item.deduction for item in result.findings] == [30, 0]


def test_score_does_not_fall_below_zero() -> None:
    result = inspect(("staff", "保证下款，不看征信，百分百通过，无条件放款，稳赚不赔"), purpose="sales")
    assert (result.value, result.band) == (0, Band.FLAG)


def test_fatal_item_takes_all() -> None:
    result = inspect(HELLO, ("staff", "我弄死你"))
    assert (result.value, result.fatal, result.band) == (0, True, Band.FLAG)


def test_evidence_points_into_the_sentence() -> None:
    (item,) = inspect(HELLO, ("staff", "再不还钱，我就告诉你家人")).findings
    finding = item.finding
    assert (finding.sentence_index, finding.char_begin, finding.char_end) == (1, 7, 12)
    assert "再不还钱，我就告诉你家人"[7:12] == finding.text == "告诉你家人"
    assert 2000 <= finding.begin_ms < finding.end_ms <= 4000
    assert finding.begin_ms > 3000
    assert finding.rule_id == "staff-disclosure"
    assert finding.rule_version == own_rulebook().version


def test_homophones_in_speech_that_the_recogniser_doubts_are_only_suspected() -> None:
    sure = inspect(HELLO, ("staff", "加我威信")).findings[0]
    assert (sure.finding.suspected, sure.deduction) == (False, 10)
    doubted = inspect(HELLO, ("staff", "我会告诉你家仁"), confidence=0.3)
    (item,) = doubted.findings
    assert item.finding.suspected
    assert item.deduction == 0
    assert item.finding.alerts  # a person should look
    assert doubted.value == 100


def test_doubted_fatal_words_are_not_fatal() -> None:
    result = inspect(HELLO, ("staff", "我弄死你"), confidence=0.1)
    assert (result.fatal, result.value) == (False, 100)


def test_customers_words_cost_nothing_and_do_not_alert() -> None:
    result = inspect(HELLO, ("customer", "你个王八蛋，保证下款吗"))
    (item,) = result.findings
    assert (item.finding.rule_id, item.deduction, item.finding.alerts) == ("customer-insult", 0, False)


def test_purpose_decides() -> None:
    text = ("staff", "你就是个老赖")
    assert inspect(HELLO, text, purpose="collection").findings
    assert not inspect(HELLO, text, purpose="sales").findings


def test_missing_introduction() -> None:
    turns = [("staff", "喂"), ("customer", "谁啊"), ("staff", "还钱的事"), ("staff", "什么时候还")]
    (item,) = inspect(*turns).findings
    assert (item.finding.rule_id, item.finding.sentence_index, item.deduction) == (
        "staff-introduction",
        None,
        3,
    )
    assert not inspect(("staff", "喂，这里是示例金融"), *turns[1:]).findings
    assert not inspect(*turns[:2]).findings  # too short to judge


@pytest.mark.parametrize(
    ("value", "band"), [(100, "pass"), (85, "pass"), (84, "coach"), (70, "coach"), (69, "flag"), (0, "flag")]
)
def test_bands(value: int, band: str) -> None:
    assert band_of(value, own_rulebook().scoring) == band


def test_rulebook_names_its_faults() -> None:
    with pytest.raises(RulebookInvalid, match="scoring"):
        parse_rulebook("version: '1'\nsource: x\ncategories: {}\nrules: []\n")
    document = """
version: "1"
source: x
categories: {}
rules:
  - {id: aa, kind: lexicon, title: {zh: 甲, en: A}, category: threat, role: staff}
  - {id: aa, kind: lexicon, title: {zh: 甲, en: A}, category: threat, role: staff}
scoring: {initial: 100, fatal_score: 0, deductions: {severe: 30, moderate: 10}, suspected_below: 0.6,
          trusted_speech: 0.5, bands: {pass: 50, coach: 70}}
"""
    with pytest.raises(RulebookInvalid) as caught:
        parse_rulebook(document)
    for fault in ("'aa' stands twice", "has no title", "minor is missing", "coach lies above pass"):
        assert fault in str(caught.value)


def test_every_category_of_the_packs_has_a_rule_and_a_title() -> None:
    book = own_rulebook()
    for category in {term.category for term in own_lexicon().terms}:
        assert any(rule.category is category for rule in book.lexicon_rules), category
        assert category in book.categories
    assert set(book.scoring.deductions) == set(Severity)
