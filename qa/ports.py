"""What quality assurance needs from the rest of the house; `maskline` plugs it in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

from qa.speech.engine import Role, Transcript


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


@dataclass(frozen=True, slots=True)
class ThreadDayFacts:
    """One local day of a thread as the gateway's books have it. `subject_id` is the customer.

    `contacts` are those of the messages that were asked about.
    """

    thread_day_id: str
    thread_id: str
    day: date
    subject_id: str
    employee_id: str
    department_id: str | None
    purpose: str
    started_at: datetime
    contacts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MessageText:
    """One text of a message: what was written, or what a machine read in one of its files (`attachment_id`).

    `said` is False for what never left: blocked, rejected, failed. `hidden` are spans of characters that
    hold contact data and are shown to nobody without a special right. `confidence` is the reader's.
    `in_group`: written in a group chat.
    """

    message_id: str
    role: Role
    at: datetime
    said: bool
    text: str = field(repr=False)
    hidden: tuple[tuple[int, int], ...] = ()
    attachment_id: str | None = None
    confidence: float = 1.0
    in_group: bool = False


@dataclass(frozen=True, slots=True)
class ThreadTexts:
    """What was written in one day, or in one message, in order. House texts are not among `texts`.

    `waiting_voices` are voice messages that no machine has tried to read yet; `unread_voices` counts those
    that none could read.
    """

    texts: tuple[MessageText, ...]
    messages: int
    stopped: int = 0
    recalled: int = 0
    waiting_voices: tuple[str, ...] = ()
    unread_voices: int = 0


class ThreadSource(Protocol):
    """Reads threads. Facts need no key; texts need the customer's."""

    async def day(self, thread_day_id: str) -> ThreadDayFacts:
        """Give the facts of a day; raise `NotFound` if there is no such day."""
        ...

    async def day_of_message(self, message_id: str) -> ThreadDayFacts:
        """Give the day that a message belongs to, with that message's contact only; raise `NotFound`."""
        ...

    async def texts_of_day(self, thread_day_id: str) -> ThreadTexts:
        """Give everything of a day; raise `SubjectErased`."""
        ...

    async def texts_of_message(self, message_id: str) -> ThreadTexts:
        """Give everything of one message; raise `SubjectErased`."""
        ...


@dataclass(frozen=True, slots=True)
class VoiceFile:
    """A voice message as it lies in the blob store."""

    attachment_id: str
    message_id: str
    role: Role
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VoiceText:
    """What a machine made of a voice message. `result` is one of read, silent, unreadable.

    `hidden` are spans of the text in which a number was heard.
    """

    result: str
    text: str = field(default="", repr=False)
    confidence: float = 0.0
    hidden: tuple[tuple[int, int], ...] = ()


class VoiceSource(Protocol):
    """Hands out voice messages and keeps what was read in them, sealed with the message."""

    async def open(self, attachment_id: str) -> VoiceFile | None:
        """Give the file; None if it was tried already. Raise `NotFound`, `SubjectErased`."""
        ...

    async def keep(self, session: AsyncSession, attachment_id: str, found: VoiceText) -> None:
        """Keep what was read, in the caller's transaction; a second reading of one file is dropped."""
        ...


@dataclass(frozen=True, slots=True)
class ConductFacts:
    """A sensitive behaviour as the gateway's books have it."""

    conduct_id: str
    kind: str
    employee_id: str | None
    department_id: str | None
    subject_id: str | None
    thread_id: str | None
    message_id: str | None
    at: datetime


class ConductSource(Protocol):
    async def conduct(self, conduct_id: str) -> ConductFacts:
        """Give one behaviour; raise `NotFound`."""
        ...


@dataclass(frozen=True, slots=True)
class MaskedCustomer:
    """A customer as everybody may see it."""

    name: str
    phone: str


class CustomerMasks(Protocol):
    async def masked(
        self, session: AsyncSession, subject_ids: Collection[str]
    ) -> Mapping[str, MaskedCustomer]:
        """Give customers by id; who is erased or unknown is left out."""
        ...


class VoiceTranscriber(Protocol):
    """Turns one speaker's sound into sentences. Long and heavy: called in a thread."""

    def transcribe_voice(self, pcm: NDArray[np.int16], sample_rate: int, role: Role) -> Transcript:
        """Read `pcm` of shape (n,); raise `Unavailable` if there is no engine or it fails."""
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
