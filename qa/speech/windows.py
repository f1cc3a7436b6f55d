"""Pack stretches of speech into windows of at most 30 s, and map times in a window back to the recording.

Whisper reads 30 s at a time whatever is in it, so short utterances share a window: long silences
between them are cut down, never the speech.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.speech.vad import RATE, SampleSpan

MAX_WINDOW = 30 * RATE
MAX_GAP = (
    RATE  # as much of a pause as tells the model that a sentence ended; measured: half of it costs accuracy
)


@dataclass(frozen=True, slots=True)
class Piece:
    """`span` of the recording, lying at sample `at` of the window."""

    at: int
    span: SampleSpan

    @property
    def end(self) -> int:
        return self.at + self.span.length


@dataclass(frozen=True, slots=True)
class Window:
    """Pieces in the order of time, silence between them."""

    pieces: tuple[Piece, ...]

    @property
    def length(self) -> int:
        return self.pieces[-1].end

    def begin_to_source(self, milliseconds: float) -> int:
        """Map the beginning of a word: what falls into a pause or a pad belongs to the speech after it."""
        at = milliseconds * RATE / 1000
        for piece in self.pieces:
            if at < piece.end:
                return _milliseconds(piece.span.begin + max(piece.span.pad_before, at - piece.at))
        return _milliseconds(self.pieces[-1].span.end)

    def end_to_source(self, milliseconds: float) -> int:
        """Map the end of a word: what falls into a pause or a pad belongs to the speech before it."""
        at = milliseconds * RATE / 1000
        index = bisect_right([piece.at for piece in self.pieces], at) - 1
        if index < 0:
            return _milliseconds(self.pieces[0].span.begin)
        piece = self.pieces[index]
        last = piece.span.length - piece.span.pad_after
        return _milliseconds(piece.span.begin + min(at - piece.at, last))

    def audio(self, source: NDArray[np.float32], offset: int) -> NDArray[np.float32]:
        """Cut the window out of `source`, whose first sample is sample `offset` of the recording."""
        result = np.zeros(self.length, np.float32)
        for piece in self.pieces:
            result[piece.at : piece.end] = source[piece.span.begin - offset : piece.span.end - offset]
        return result


def _milliseconds(sample: float) -> int:
    return round(sample * 1000 / RATE)


class WindowPacker:
    """Packs spans as they come. Spans must be in order and each no longer than `max_window`."""

    def __init__(self, max_window: int = MAX_WINDOW, max_gap: int = MAX_GAP) -> None:
        self._max_window = max_window
        self._max_gap = max_gap
        self._pieces: list[Piece] = []

    @property
    def needed_from(self) -> int | None:
        """The first sample that the open window contains."""
        return self._pieces[0].span.begin if self._pieces else None

    def add(self, span: SampleSpan) -> list[Window]:
        """Take the next span; give windows that are full now."""
        if span.length > self._max_window:
            raise ValueError("a span must fit into a window")
        if not self._pieces:
            self._pieces = [Piece(0, span)]
            return []
        last = self._pieces[-1]
        if span.begin < last.span.end:
            raise ValueError("spans must be in order")
        at = last.end + min(span.begin - last.span.end, self._max_gap)
        if at + span.length > self._max_window:
            full = self.finish()
            self._pieces = [Piece(0, span)]
            return full
        self._pieces.append(Piece(at, span))
        return []

    def finish(self) -> list[Window]:
        """Give what is left."""
        pieces, self._pieces = tuple(self._pieces), []
        return [Window(pieces)] if pieces else []


def pack(
    spans: Iterable[SampleSpan], max_window: int = MAX_WINDOW, max_gap: int = MAX_GAP
) -> Iterator[Window]:
    """Pack spans that are all known."""
    packer = WindowPacker(max_window, max_gap)
    for span in spans:
        yield from packer.add(span)
    yield from packer.finish()
