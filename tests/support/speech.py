"""The demo's calls as a recording would hold them: stereo, 8 kHz, staff left, customer right."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import yaml
from numpy.typing import NDArray
from pypinyin import lazy_pinyin

from qa.speech.engine import EngineInfo, Segment, Word

FOLDER = Path(__file__).parents[2] / "maskline/demo/speech"
RATE = 8000


@dataclass(frozen=True, slots=True)
class Spoken:
    role: str
    begin_ms: int
    end_ms: int
    text: str


def demo_call(call_id: str) -> tuple[NDArray[np.int16], list[Spoken]]:
    """Lay the sentences of a call on a time line: samples of shape (n, 2), and what is said when."""
    scenarios = yaml.safe_load((FOLDER / "scenarios.yaml").read_text(encoding="utf-8"))
    call = next(call for call in scenarios["calls"] if call["id"] == call_id)
    at, placed = 0, []
    for number, sentence in enumerate(call["sentences"], 1):
        pcm, rate = soundfile.read(FOLDER / call_id / f"{number:02d}.flac", dtype="int16")
        assert rate == RATE
        begin = max(0, at + sentence["after_ms"] * RATE // 1000)
        placed.append((begin, pcm, sentence))
        at = begin + len(pcm)
    stereo = np.zeros((at + RATE // 2, 2), np.int16)
    for begin, pcm, sentence in placed:
        stereo[begin : begin + len(pcm), 0 if sentence["role"] == "staff" else 1] += pcm
    return stereo, [
        Spoken(s["role"], begin * 1000 // RATE, (begin + len(pcm)) * 1000 // RATE, s["text"])
        for begin, pcm, s in placed
    ]


def cache_dir() -> Path:
    """Where tests keep what is expensive to make: `MASKLINE_TEST_CACHE`, or `.cache` in the repository."""
    return Path(os.environ.get("MASKLINE_TEST_CACHE") or Path(__file__).parents[2] / ".cache")


def toneless(text: str) -> str:
    """Spell what is said, so that homophones are equal."""
    return " ".join(lazy_pinyin([sign for sign in text if sign.isalnum()]))


@dataclass(frozen=True, slots=True)
class EnergyEngine:
    """An engine for tests of what is around an engine: it writes 啊 where it is loud, word by word."""

    windows: list[float] = field(default_factory=list)

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("energy", "1", "none", "0" * 64)

    def transcribe(self, pcm: NDArray[np.int16] | NDArray[np.float32], sample_rate: int) -> list[Segment]:
        self.windows.append(len(pcm) / sample_rate)
        step = sample_rate // 10
        words = tuple(
            Word(at * 1000 // sample_rate, (at + step) * 1000 // sample_rate, "啊", 1.0)
            for at in range(0, len(pcm) - step, step)
            if float(np.mean(pcm[at : at + step].astype(np.float64) ** 2)) > 1e-4
        )
        if not words:
            return []
        return [Segment(words[0].begin_ms, words[-1].end_ms, "啊" * len(words), 1.0, words)]
