"""What a speech engine is, and the shapes that pass between the steps of a transcription.

All times are milliseconds from the beginning of the audio that was given.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Role(StrEnum):
    """Who speaks. Channel 0 of a recording is staff, channel 1 the customer."""

    STAFF = "staff"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time."""

    begin_ms: int
    end_ms: int

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.begin_ms


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or one character where the engine gives those, with its punctuation. 0 <= confidence <= 1."""

    begin_ms: int
    end_ms: int
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Segment:
    """What an engine read in one go. If there are `words`, their texts joined are `text`."""

    begin_ms: int
    end_ms: int
    text: str
    confidence: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of one side of a call."""

    role: Role
    begin_ms: int
    end_ms: int
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """Where one side spoke, and where it spoke and the engine read nothing."""

    role: Role
    speech: tuple[Span, ...]
    unread: tuple[Span, ...]

    @property
    def speech_ms(self) -> int:
        return sum(span.length_ms for span in self.speech)


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Which engine and which model read a recording: `fingerprint` is a SHA-256 over the model's files."""

    name: str
    version: str
    model: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """A whole call in the order of time, and how it was read."""

    engine: EngineInfo
    duration_ms: int
    sentences: tuple[Sentence, ...]
    channels: tuple[ChannelSummary, ...]


class SpeechEngine(Protocol):
    """Reads mono audio of one speaker. Implementations may be called from several threads."""

    @property
    def info(self) -> EngineInfo: ...

    def transcribe(self, pcm: NDArray[np.int16] | NDArray[np.float32], sample_rate: int) -> list[Segment]:
        """Read `pcm` (shape (n,), int16 or float32 in -1..1; at most 30 s is read at full accuracy).

        Nothing said gives an empty list. Raises `Unavailable` if the engine fails: silence is never
        the answer to a fault.
        """
        ...
