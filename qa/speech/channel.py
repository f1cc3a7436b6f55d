"""One channel of a recording: resample, find speech, pack windows, read them, map times back.

Holds at most one window and one stretch of speech of audio at a time, so an hour costs no more
memory than a minute.
"""

from array import array
from dataclasses import replace
from math import log10

import numpy as np
import soxr
from numpy.typing import NDArray

from qa.speech.engine import ChannelSummary, Role, Segment, Sentence, Span, SpeechEngine
from qa.speech.resample import as_float
from qa.speech.text import split_sentences
from qa.speech.vad import CHUNK, RATE, SampleSpan, SileroDetector, SpanBuilder, VadOptions
from qa.speech.windows import Piece, Window, WindowPacker

_SILENCE_DB = -96.0
_NOTHING = 1e-7  # -70 dB: below the noise of G.711; half of a call is that, and costs no detector
_WORD_MS = 500  # a shorter sound may well be a breath


class ChannelReader:
    """Feed it blocks of one channel; sentences pile up in `sentences`."""

    def __init__(self, role: Role, sample_rate: int, engine: SpeechEngine, options: VadOptions) -> None:
        self.role = role
        self.sentences: list[Sentence] = []
        self._engine = engine
        self._resampler = (
            soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32") if sample_rate != RATE else None
        )
        self._detector = SileroDetector()
        self._builder = SpanBuilder(options)
        self._packer = WindowPacker()
        self._audio = np.zeros(0, np.float32)
        self._offset = 0  # of the first sample of _audio
        self._judged = 0  # samples that the detector has seen
        self._levels = array("f")
        self._speech: list[Span] = []
        self._unread: list[Span] = []

    def feed(self, block: NDArray[np.int16] | NDArray[np.float32]) -> None:
        """Take the next samples of this channel."""
        self._take(as_float(block), last=False)

    def finish(self) -> None:
        """End of the recording: read the rest."""
        self._take(np.zeros(0, np.float32), last=True)
        for span in self._builder.finish():
            self._pack(span)
        for window in self._packer.finish():
            self._read(window)

    @property
    def summary(self) -> ChannelSummary:
        return ChannelSummary(self.role, tuple(self._speech), tuple(self._unread))

    def level_db(self, begin_ms: int, end_ms: int) -> float:
        """Give the mean level between two times, in dB relative to full scale."""
        first = begin_ms * RATE // 1000 // CHUNK
        last = max(first + 1, end_ms * RATE // 1000 // CHUNK)
        power = np.asarray(self._levels[first:last])
        return 10 * log10(float(power.mean())) if len(power) and power.mean() > 0 else _SILENCE_DB

    def _take(self, samples: NDArray[np.float32], *, last: bool) -> None:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        self._audio = np.concatenate([self._audio, samples])
        if last:
            missing = -(self._offset + len(self._audio)) % CHUNK
            self._audio = np.concatenate([self._audio, np.zeros(missing, np.float32)])
        while self._judged + CHUNK <= self._offset + len(self._audio):
            at = self._judged - self._offset
            chunk = self._audio[at : at + CHUNK]
            power = float(np.mean(chunk**2))
            self._levels.append(power)
            self._judged += CHUNK
            for span in self._builder.add(self._detector(chunk) if power > _NOTHING else 0.0):
                self._pack(span)
        self._forget()

    def _forget(self) -> None:
        needed = self._builder.needed_from
        if self._packer.needed_from is not None:
            needed = min(needed, self._packer.needed_from)
        if needed > self._offset:
            self._audio = self._audio[needed - self._offset :].copy()
            self._offset = needed

    def _pack(self, span: SampleSpan) -> None:
        self._speech.append(_span(span))
        for window in self._packer.add(span):
            self._read(window)

    def _read(self, window: Window) -> None:
        segments = self._transcribe(window)
        missed = _missed(window, segments)
        while missed and len(missed) < len(window.pieces):
            # the model stopped before the end of what was said: the rest gets a window of its own
            window = Window(missed)
            again = self._transcribe(window)
            segments += again
            missed = _missed(window, again)
        self._unread += [_span(piece.span) for piece in missed if _span(piece.span).length_ms >= _WORD_MS]
        segments.sort(key=lambda segment: segment.begin_ms)
        self.sentences += [
            Sentence(self.role, part.begin_ms, part.end_ms, part.text, part.confidence)
            for segment in segments
            for part in split_sentences(segment)
        ]

    def _transcribe(self, window: Window) -> list[Segment]:
        audio = window.audio(self._audio, self._offset)
        return [_mapped(segment, window) for segment in self._engine.transcribe(audio, RATE)]


def _span(span: SampleSpan) -> Span:
    """Give the speech in `span`, without its pads."""
    return Span(
        round((span.begin + span.pad_before) * 1000 / RATE), round((span.end - span.pad_after) * 1000 / RATE)
    )


def _missed(window: Window, segments: list[Segment]) -> tuple[Piece, ...]:
    """Give the pieces of which nothing was read, moved to the beginning of a window of their own."""
    left = [piece for piece in window.pieces if not any(_touches(s, piece.span) for s in segments)]
    return tuple(replace(piece, at=piece.at - left[0].at) for piece in left)


def _touches(segment: Segment, span: SampleSpan) -> bool:
    """Say whether any word of `segment` lies in `span`."""
    whole = _span(span)
    marks = segment.words or (segment,)
    return any(mark.begin_ms < whole.end_ms and mark.end_ms > whole.begin_ms for mark in marks)


def _mapped(segment: Segment, window: Window) -> Segment:
    """Give `segment` the times of the recording."""
    words = []
    for word in segment.words:
        begin = window.begin_to_source(word.begin_ms)
        words.append(replace(word, begin_ms=begin, end_ms=max(begin, window.end_to_source(word.end_ms))))
    begin = words[0].begin_ms if words else window.begin_to_source(segment.begin_ms)
    end = words[-1].end_ms if words else window.end_to_source(segment.end_ms)
    return replace(segment, begin_ms=begin, end_ms=max(begin, end), words=tuple(words))
