"""Stretches of speech: found in order, packed without loss, and every time mapped back."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.speech.vad import CHUNK, RATE, SampleSpan, SpanBuilder, VadOptions
from qa.speech.windows import MAX_WINDOW, WindowPacker, pack


@st.composite
def spans(draw):
    at, found = 0, []
    for gap, length in draw(
        st.lists(st.tuples(st.integers(0, 90_000), st.integers(1, MAX_WINDOW)), max_size=30)
    ):
        found.append(SampleSpan(at + gap, at + gap + length))
        at += gap + length
    return found


@given(spans())
def test_windows_hold_every_span_once_and_are_short_enough(given_spans):
    windows = list(pack(given_spans))
    assert [piece.span for window in windows for piece in window.pieces] == given_spans
    assert all(window.length <= MAX_WINDOW for window in windows)
    for window in windows:
        for one, two in zip(window.pieces, window.pieces[1:], strict=False):
            assert one.end <= two.at


@given(spans(), st.data())
def test_a_time_in_speech_maps_back_to_where_it_was(given_spans, data):
    for window in pack(given_spans):
        piece = data.draw(st.sampled_from(window.pieces))
        inside = data.draw(st.integers(0, piece.span.length - 1))
        there = (piece.at + inside) * 1000 / RATE
        expected = (piece.span.begin + inside) * 1000 / RATE
        assert window.begin_to_source(there) == pytest.approx(expected, abs=1)
        assert window.end_to_source(there) == pytest.approx(expected, abs=1)


@given(spans(), st.floats(0, 31_000), st.floats(0, 31_000))
def test_mapping_keeps_the_order_of_time_and_stays_in_speech(given_spans, one, two):
    early, late = sorted((one, two))
    for window in pack(given_spans):
        first, last = window.pieces[0].span.begin * 1000 / RATE, window.pieces[-1].span.end * 1000 / RATE
        for mapped in (window.begin_to_source, window.end_to_source):
            assert mapped(early) <= mapped(late)
            assert first - 1 <= mapped(early) <= last + 1


def test_a_time_in_a_pause_goes_to_the_speech_after_or_before_it():
    (window,) = pack([SampleSpan(0, RATE), SampleSpan(5 * RATE, 6 * RATE)])
    assert window.pieces[1].at == 2 * RATE  # five seconds of pause became one
    assert window.begin_to_source(1500) == 5000
    assert window.end_to_source(1500) == 1000


def test_pads_are_no_speech():
    (window,) = pack([SampleSpan(RATE, 3 * RATE, pad_before=RATE // 2, pad_after=RATE // 4)])
    assert window.begin_to_source(0) == 1500
    assert window.end_to_source(2000) == 2750


def test_audio_of_a_window_is_the_speech_with_silence_between():
    source = np.arange(1, 101, dtype=np.float32)
    (window,) = pack([SampleSpan(1010, 1015), SampleSpan(1050, 1052)], max_gap=3)
    assert window.audio(source, 1000).tolist() == [11, 12, 13, 14, 15, 0, 0, 0, 51, 52]


def test_spans_must_be_in_order_and_fit():
    packer = WindowPacker()
    packer.add(SampleSpan(100, 200))
    with pytest.raises(ValueError, match="order"):
        packer.add(SampleSpan(150, 300))
    with pytest.raises(ValueError, match="fit"):
        packer.add(SampleSpan(200, 201 + MAX_WINDOW))


def build(row, options=None):
    builder = SpanBuilder(options or VadOptions())
    found = [span for probability in row for span in builder.add(probability)]
    return found + builder.finish()


@given(st.lists(st.floats(0, 1), max_size=3000))
def test_speech_spans_are_ordered_apart_and_bounded(row):
    found = build(row)
    for one, two in itertools.pairwise(found):
        assert one.end <= two.begin
    for span in found:
        assert 0 <= span.begin < span.end <= len(row) * CHUNK
        assert span.length <= MAX_WINDOW
        assert span.pad_before + span.pad_after < span.length


@given(st.lists(st.floats(0, 1), max_size=2000))
def test_each_certain_stretch_of_speech_is_in_a_span(row):
    found = build(row)
    for index in range(len(row) - 4):
        if all(probability >= 0.5 for probability in row[index : index + 4]):
            middle = (index + 2) * CHUNK
            assert any(span.begin <= middle < span.end for span in found)


def test_a_click_is_no_speech_and_a_short_pause_does_not_cut():
    assert build([0.0] * 20 + [0.9] + [0.0] * 40) == []
    assert len(build([0.9] * 20 + [0.1] * 5 + [0.9] * 20 + [0.0] * 40)) == 1


def test_endless_speech_is_cut_at_its_weakest_moment():
    row = [0.9] * 2000
    row[800] = 0.6
    found = build(row)
    assert found[0].end == 800 * CHUNK
    assert found[1].begin == found[0].end  # nothing is lost between


@given(st.lists(st.floats(0, 1), max_size=1500))
def test_audio_that_may_still_be_needed_is_named(row):
    builder = SpanBuilder()
    for probability in row:
        needed = builder.needed_from
        for span in builder.add(probability):
            assert span.begin >= needed
    needed = builder.needed_from
    assert all(span.begin >= needed for span in builder.finish())
