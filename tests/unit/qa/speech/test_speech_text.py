"""What the recogniser wrote becomes sentences, and nothing is lost or moved on the way."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.speech import guards
from qa.speech.engine import Segment, Word
from qa.speech.text import fold, join_words, split_sentences, tidy, tidy_segment


def segment(text, *, pauses=None, step=200):
    at, words = 0, []
    for index, sign in enumerate(text):
        at += (pauses or {}).get(index, 0)
        words.append(Word(at, at + step, sign, 0.9))
        at += step
    return Segment(0, at, text, 0.9, tuple(words))


@given(st.text())
def test_tidying_keeps_every_offset(text):
    assert len(tidy(text)) == len(text)


@pytest.mark.parametrize(
    ("written", "tidied"),
    [
        ("您好,請問方便嗎?", "您好，请问方便吗？"),
        ("没问题 感谢您", "没问题，感谢您"),
        ("利率是12.5%,好.", "利率是12.5%，好。"),
        ("ok, fine.", "ok, fine."),
    ],
)
def test_marks_are_chinese_beside_chinese(written, tidied):
    assert tidy(written) == tidied


def test_traditional_is_folded():
    assert fold("你們不能這樣,隨便你投訴") == "你们不能这样,随便你投诉"


def test_words_of_a_segment_still_join_to_its_text():
    tidied = tidy_segment(segment("請問,方便嗎?好 的"))
    assert "".join(word.text for word in tidied.words) == tidied.text == "请问，方便吗？好，的"


def test_sentences_end_at_stops_and_long_pauses():
    parts = split_sentences(segment("你好。请讲，我在听，好吗", pauses={10: 900}))
    assert [part.text for part in parts] == ["你好。", "请讲，我在听。", "好吗"]


def test_a_very_long_sentence_is_cut_at_a_comma():
    parts = split_sentences(segment("好" * 70 + "，" + "行" * 20))
    assert [len(part.text) for part in parts] == [71, 20]


def test_marks_alone_are_no_sentence():
    assert split_sentences(segment("，。…")) == []
    assert split_sentences(Segment(0, 1, "。", 0.5)) == []


def test_without_word_times_a_segment_stays_whole():
    whole = Segment(0, 5000, "你好。再见。", 0.5)
    assert split_sentences(whole) == [whole]


@given(
    st.text(alphabet="你好吗，。？a1 ", max_size=60),
    st.dictionaries(st.integers(0, 60), st.integers(0, 2000)),
)
def test_splitting_loses_no_spoken_sign_and_keeps_time(text, pauses):
    parts = split_sentences(segment(text, pauses=pauses))
    assert [sign for part in parts for sign in part.text if sign.isalnum()] == [
        s for s in text if s.isalnum()
    ]
    for one, two in itertools.pairwise(parts):
        assert one.begin_ms <= one.end_ms <= two.begin_ms


def test_words_get_spaces_except_between_han():
    assert "".join(join_words(["征信", "不", "看", "app", "好"])) == "征信不看 app 好"
    assert "".join(join_words(["안녕", "하세요"])) == "안녕 하세요"


@pytest.mark.parametrize(
    "text",
    [
        "字幕由Amara.org社区提供",
        "請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目",
        "谢谢大家收看",
        "作词 作曲 作曲",
        "",
        "……",
        "以下是普通话的电话录音。",
    ],
)
def test_credits_over_silence_are_known(text):
    assert guards.is_filler(text)


@pytest.mark.parametrize(
    "text", ["谢谢", "请您看一下字幕", "订阅费是多少", "我是作曲的", "好的我现在加你", "感谢您的接听"]
)
def test_real_words_are_not_credits(text):
    assert not guards.is_filler(text)


def test_loops_are_told_from_insistence():
    assert guards.is_loop("作曲" * 40, 7.0, 1.0)
    assert guards.is_loop("什么都可以", 3.0, 2.9)
    assert not guards.is_loop("对不起，对不起，对不起，对不起", 3.0, 1.9)
    assert not guards.is_loop("我们的贷款不看征信", 3.0, 1.0)


def test_the_prompt_given_back_is_noticed():
    assert guards.is_echo_of("以下是普通话的电话录音。", "电话录音。")
    assert not guards.is_echo_of("以下是普通话的电话录音。", "电话打不通")


def test_silence_needs_both_signs():
    assert guards.is_silence(0.9, -1.5)
    assert not guards.is_silence(0.9, -0.3)
    assert not guards.is_silence(0.1, -1.5)
