"""The matcher against a naive reference, and each kind of disguise."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.lexicon.matcher import Lexicon, MatchOptions
from qa.lexicon.model import Category, Hit, MatchedBy, Pack, Scene, Severity, Speaker, Term
from qa.lexicon.normalise import fold


def term(text: str, *more: str, severity: Severity = Severity.MODERATE, **facts) -> Term:
    values = {
        "id": f"t.{text}", "pack": "t", "label": text, "texts": (text, *more), "category": Category.INSULT,
        "severity": severity, "speaker": Speaker.ANY, "scenes": frozenset({Scene.ANY}), "source": "test",
    }  # fmt: skip
    return Term(**{**values, **facts})


def lexicon(*terms: Term, **options) -> Lexicon:
    return Lexicon([Pack("t", "1.0.0", "t", "t", "t", "t", terms)], MatchOptions(**options))


WORDS = ("加微信", "微信", "信用", "保证下款", "爸爸", "vx")
PLAIN = lexicon(*(term(word, pinyin=False) for word in WORDS), repeats=False)
ALPHABET = "加微信用保证下款爸vxVＸ微 @，a\u200b證一"


def naive(text: str) -> set[tuple[str, int, int]]:
    """Try each word at each place, folding characters one by one."""
    found = set()
    for word in WORDS:
        for begin in range(len(text)):
            wanted, end, gap = list(word), begin, 0
            while end < len(text) and wanted:
                folded = fold(text[end]).text
                if not folded and len(wanted) < len(word):
                    gap += 1
                    if gap > 6:
                        break
                elif folded == wanted[0]:
                    wanted.pop(0)
                    gap = 0
                else:
                    break
                end += 1
            if not wanted and not _inside_latin(text, begin, end):
                found.add((word, begin, end))
    return found


def _inside_latin(text: str, begin: int, end: int) -> bool:
    def latin(index: int) -> bool:
        return (
            0 <= index < len(text) and fold(text[index]).text.isascii() and fold(text[index]).text.isalpha()
        )

    return (latin(begin - 1) and latin(begin)) or (latin(end - 1) and latin(end))


@given(st.text(alphabet=ALPHABET, max_size=30))
def test_hits_are_those_of_the_naive_search_without_overlaps(text: str) -> None:
    reference = naive(text)
    hits = PLAIN.find(text)
    assert {(hit.term.label, hit.begin, hit.end) for hit in hits} <= reference
    for label, begin, end in reference:  # each reference match is a hit or overlaps a longer one
        assert any(
            hit.begin < end and begin < hit.end and len(hit.term.label) >= len(label) for hit in hits
        ), (label, begin, end)
    assert all(one.end <= two.begin for one, two in itertools.pairwise(hits))


@given(st.text(alphabet=ALPHABET, max_size=30))
def test_a_hit_holds_the_characters_of_its_term_in_order(text: str) -> None:
    for hit in PLAIN.find(text):
        assert text[hit.begin : hit.end] == hit.text
        assert fold(hit.text).text == hit.term.label


def only(hits: tuple[Hit, ...]) -> Hit:
    assert len(hits) == 1, hits
    return hits[0]


@pytest.mark.parametrize(
    ("text", "how", "found"),
    [
        ("请加微信吧", MatchedBy.EXACT, "加微信"),
        ("请加微訊吧，加薇信", MatchedBy.PINYIN, "加薇信"),
        ("请加 微-信吧", MatchedBy.INSERTED, "加 微-信"),
        ("请加微❤️信吧", MatchedBy.INSERTED, "加微❤️信"),
        ("加加微微信", MatchedBy.REPEATED, "加加微微信"),
        ("佳威信", MatchedBy.PINYIN, "佳威信"),
        ("加wei信", MatchedBy.PINYIN_LATIN, "加wei信"),
        ("jia wei xin", MatchedBy.PINYIN_LATIN, "jia wei xin"),
        ("jiaweixin", MatchedBy.PINYIN_LATIN, "jiaweixin"),
        ("j i a w e i 信", MatchedBy.PINYIN_LATIN, "j i a w e i 信"),
        ("jiā wēi xìn", MatchedBy.PINYIN_LATIN, "jiā wēi xìn"),
    ],
)
def test_disguises(text: str, how: MatchedBy, found: str) -> None:
    hit = only(lexicon(term("加微信")).find(text))
    assert (hit.matched_by, hit.text) == (how, found)
    assert text[hit.begin : hit.end] == found


def test_traditional_and_digit_forms_are_folded() -> None:
    assert only(lexicon(term("通讯录")).find("爆通訊錄")).matched_by is MatchedBy.FOLDED
    assert only(lexicon(term("第三方")).find("第③方")).matched_by is MatchedBy.FOLDED


def test_recogniser_writes_another_character_of_the_same_sound() -> None:
    assert only(lexicon(term("还款计划")).find("海款计划")).matched_by is MatchedBy.PINYIN
    assert only(lexicon(term("银行内部")).find("银航内部")).matched_by is MatchedBy.PINYIN


def test_short_terms_are_not_matched_by_sound_unless_they_say_so() -> None:
    assert lexicon(term("骗子")).find("片子") == ()
    assert only(lexicon(term("骗子", pinyin=True)).find("片子")).matched_by is MatchedBy.PINYIN
    assert lexicon(term("加微信", pinyin=False)).find("佳威信") == ()


def test_fuzzy_and_initials_are_options() -> None:
    assert lexicon(term("上征信吗")).find("桑增信吗") == ()
    hit = only(lexicon(term("上征信吗"), fuzzy=True).find("桑增信吗"))
    assert hit.matched_by is MatchedBy.PINYIN_FUZZY
    assert hit.confidence < only(lexicon(term("上征信吗")).find("尚正信吗")).confidence
    assert lexicon(term("加微信")).find("可以jwx吗") == ()
    assert only(lexicon(term("加微信"), initials=True).find("可以jwx吗")).matched_by is MatchedBy.INITIALS


def test_a_word_does_not_run_over_a_clause_mark() -> None:
    assert lexicon(term("微信")).find("稍微，信用卡") == ()


@pytest.mark.parametrize("text", ["usb", "sbi", "sb1x sbs"])
def test_latin_terms_do_not_cut_words(text: str) -> None:
    assert lexicon(term("sb")).find(text.replace("sb1x ", "")) == ()
    assert only(lexicon(term("sb")).find("你SB啊")).text == "SB"


def test_repeats_need_as_many_as_the_term_has() -> None:
    assert lexicon(term("天天催")).find("今天催") == ()
    assert only(lexicon(term("天天催")).find("天天天催")).end == 4


def test_overlap_severe_wins_then_longest() -> None:
    severe, long = term("打死", severity=Severity.SEVERE), term("打死你")
    assert only(lexicon(severe, long).find("打死你")).term is severe
    assert only(lexicon(term("打死"), long).find("打死你")).term is long


def test_a_suspected_hit_does_not_hide_a_sure_one() -> None:
    loud = term("家卫兴", severity=Severity.SEVERE)
    hit = only(lexicon(loud, term("加微信")).find("加微信"))
    assert (hit.term.label, hit.matched_by) == ("加微信", MatchedBy.EXACT)


def test_speaker_and_scene_decide() -> None:
    staff = term("保证下款", speaker=Speaker.STAFF, scenes=frozenset({Scene.SALES}))
    words = lexicon(staff)
    assert words.find("保证下款", Speaker.STAFF, Scene.SALES)
    assert words.find("保证下款", Speaker.CUSTOMER, Scene.SALES) == ()
    assert words.find("保证下款", Speaker.STAFF, Scene.COLLECTION) == ()


def test_unless_swallows_a_hit_also_when_folded() -> None:
    words = lexicon(term("加微信", unless=("增加微信支付",)))
    assert words.find("我们增加微信支付") == ()
    assert words.find("我们增加微訊支付，加微信")[0].begin == 9
    assert words.find("我们增 加 微 信 支 付") == ()
    assert words.find("我们增佳威信支付") == ()


@given(st.text(max_size=80))
def test_no_text_breaks_the_matcher(text: str) -> None:
    words = lexicon(term("加微信"), term("vx"), fuzzy=True, initials=True)
    for hit in words.find(text):
        assert 0 <= hit.begin < hit.end <= len(text)
