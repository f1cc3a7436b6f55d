"""The transcriber over a speech engine that is loaded when the first recording comes."""

from collections.abc import Callable, Iterator
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from qa.speech.engine import Role, SpeechEngine, Transcript
from qa.speech.transcribe import BLOCK_S, transcribe


class EngineTranscriber:
    """Reads one recording at a time: an engine fills a core."""

    def __init__(self, load: Callable[[], SpeechEngine]) -> None:
        self._load = load
        self._engine: SpeechEngine | None = None
        self._lock = Lock()

    def transcribe(self, pcm: NDArray[np.int16], sample_rate: int) -> Transcript:
        """Read `pcm` of shape (2, n). See `qa.speech.transcribe`."""
        with self._lock:
            return transcribe(_blocks(pcm, BLOCK_S * sample_rate), sample_rate, self._ready())

    def transcribe_voice(self, pcm: NDArray[np.int16], sample_rate: int, role: Role) -> Transcript:
        """Read one speaker's `pcm` of shape (n,)."""
        with self._lock:
            blocks = _blocks(pcm.reshape(1, -1), BLOCK_S * sample_rate)
            return transcribe(blocks, sample_rate, self._ready(), roles=(role,))

    def _ready(self) -> SpeechEngine:
        if self._engine is None:
            self._engine = self._load()
        return self._engine


def _blocks(pcm: NDArray[np.int16], length: int) -> Iterator[NDArray[np.int16]]:
    for begin in range(0, pcm.shape[1], length):
        yield pcm[:, begin : begin + length].T
