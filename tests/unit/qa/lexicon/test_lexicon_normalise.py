"""Folding: what becomes equal, what is skipped, and that every offset leads back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.lexicon.normalise import BARRIER, Folded, fold, fold_character, fold_repeats

NASTY = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("加微信保证下款一二三VXvx①⑵叁㈠ⓋＸ　 \u200b\ufe0f❤️👨‍👩‍👧，。！@#-·ǖéﬁ㎏½Ⅷ🅥𝐯"),
    ),
    max_size=60,
)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Ｖ信", "v信"),
        ("ⓋⓍ", "vx"),
        ("🅥🅧", "vx"),
        ("𝐕𝕩", "vx"),
        ("⒱⒳", "vx"),
        ("加 微\u200b信", "加微信"),
        ("傻@逼", "傻逼"),
        ("通訊錄", "通讯录"),
        ("①⑵⒊³叁三", "123333"),
        ("㈠", "1"),
        ("您", "你"),
        ("jiā wēi xìn", "jiaweixin"),
        ("lǜ", "lv"),
        ("wеі信", "wei信"),
        ("㎏", "kg"),
        ("稍微，信用", f"稍微{BARRIER}信用"),
        ("a\ue123b", f"a{BARRIER}b"),
        ("❤️👨‍👩‍👧", ""),
    ],
)
def test_fold(written: str, folded: str) -> None:
    assert fold(written).text == folded


@given(NASTY)
def test_every_folded_character_comes_from_its_place(text: str) -> None:
    folded = fold(text)
    last = 0
    for index, character in enumerate(folded.text):
        begin, end = folded.span(index, index + 1)
        assert end == begin + 1
        assert begin >= last - 1
        last = end
        assert character in fold_character(text[begin:end])
        assert folded.index(begin) <= index < len(folded.text)


@given(NASTY)
def test_nothing_but_skipped_characters_is_lost(text: str) -> None:
    folded = fold(text)
    kept = {folded.span(index, index + 1)[0] for index in range(len(folded.text))}
    for index, character in enumerate(text):
        assert (index in kept) == bool(fold_character(character))


@given(NASTY)
def test_fold_is_stable(text: str) -> None:
    once = fold(text).text
    assert fold(once).text == once


@given(st.text(alphabet="傻逼啊11a", max_size=20))
def test_repeats_are_counted_and_cover_the_text(text: str) -> None:
    squeezed = fold_repeats(Folded(text, text))
    if squeezed is None:
        assert all(one != two or one == "1" for one, two in itertools.pairwise(text))
        return
    stream, counts = squeezed
    assert "".join(c * n for c, n in zip(stream.text, counts, strict=True)) == text
    assert stream.span(0, len(stream.text)) == (0, len(text))
