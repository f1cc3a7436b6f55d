"""In-memory twins of the ports of quality assurance: for tests and for trying rules without a gateway."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.errors import NotFound
from qa.ports import ContactFacts, StereoAudio
from qa.speech.engine import EngineInfo, Sentence, Transcript


@dataclass
class InMemoryContacts:
    """Contacts and recordings in dictionaries."""

    known: dict[str, ContactFacts] = field(default_factory=dict)
    recordings: dict[str, StereoAudio] = field(default_factory=dict)

    def add(self, facts: ContactFacts, audio: StereoAudio | None = None) -> None:
        self.known[facts.contact_id] = facts
        if audio is not None:
            self.recordings[facts.contact_id] = audio

    async def facts(self, contact_id: str) -> ContactFacts:
        if contact_id not in self.known:
            raise NotFound
        return self.known[contact_id]

    async def audio(self, contact_id: str) -> StereoAudio | None:
        return self.recordings.get(contact_id)


@dataclass
class ScriptedTranscriber:
    """Hears what it was told, whatever the recording."""

    script: Sequence[Sentence] = ()
    info: EngineInfo = field(default_factory=lambda: EngineInfo("scripted", "1", "none", ""))

    def transcribe(self, pcm: NDArray[np.int16], sample_rate: int) -> Transcript:
        return Transcript(self.info, pcm.shape[1] * 1000 // sample_rate, tuple(self.script), ())


@dataclass
class PlainSegmenter:
    """Gives the longest runs of characters between signs."""

    def keywords(self, text: str, count: int) -> tuple[str, ...]:
        runs = {"".join(part) for part in _runs(text)}
        return tuple(sorted(runs, key=lambda run: (-len(run), run))[:count])


def _runs(text: str) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for character in text:
        if character.isalpha():
            runs[-1].append(character)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
