"""What quality assurance needs from the rest of the house; `maskline` plugs it in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qa.speech.engine import Transcript


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """One contact as the gateway's books have it. `subject_id` is the customer, whose key seals the texts."""

    contact_id: str
    subject_id: str | None
    channel: str
    direction: str
    purpose: str
    employee_id: str
    department_id: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    outcome: str
    has_recording: bool


@dataclass(frozen=True, slots=True)
class StereoAudio:
    """A call's sound: shape (2, n), channel 0 staff, channel 1 customer."""

    samples: NDArray[np.int16] = field(repr=False)
    sample_rate: int = 8000


class ContactSource(Protocol):
    """Reads contacts and their recordings."""

    async def facts(self, contact_id: str) -> ContactFacts:
        """Give the facts of an ended contact; raise `NotFound` if there is no such contact."""
        ...

    async def audio(self, contact_id: str) -> StereoAudio | None:
        """Give the recording, None if there is none; raise `SubjectErased` if it cannot be read any more."""
        ...


class Transcriber(Protocol):
    """Turns a call into sentences. Long and heavy: called in a thread."""

    def transcribe(self, pcm: NDArray[np.int16], sample_rate: int) -> Transcript:
        """Read `pcm` of shape (2, n); raise `Unavailable` if there is no engine or it fails."""
        ...


class Segmenter(Protocol):
    """Finds the words that a text is about."""

    def keywords(self, text: str, count: int) -> tuple[str, ...]:
        """Give up to `count` words, the most telling first."""
        ...
