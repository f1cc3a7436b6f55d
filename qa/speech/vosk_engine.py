"""Vosk (Kaldi): reads recordings, and streams live audio with partial results.

Kaldi adds a random dither to each frame: doubtful words may differ from one reading to the next
unless the model's conf/mfcc.conf says --dither=0.
"""

import json
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.speech.engine import EngineInfo, Segment, Word
from qa.speech.errors import SpeechEngineFailed, SpeechModelBroken
from qa.speech.model_setup import fingerprint
from qa.speech.resample import to_16k
from qa.speech.text import join_words, tidy_segment
from qa.speech.vad import RATE

_BLOCK = RATE // 4


class VoskEngine:
    """One model shared by any number of streams; each stream has a recognizer of its own."""

    def __init__(self, model_dir: Path) -> None:
        import vosk

        if not any((model_dir / name).is_file() for name in ("am/final.mdl", "final.mdl")):
            raise SpeechModelBroken("final.mdl is missing", detail_zh="缺少 final.mdl")
        vosk.SetLogLevel(-1)
        try:
            self._model = vosk.Model(str(model_dir))
        except Exception as error:  # vosk raises nothing narrower
            raise SpeechModelBroken(type(error).__name__) from error
        name = model_dir.parent.name if model_dir.name == "model" else model_dir.name
        self._info = EngineInfo("vosk", version("vosk"), name, fingerprint(model_dir))

    @property
    def info(self) -> EngineInfo:
        return self._info

    def open_stream(self) -> "VoskStream":
        """Begin to read one speaker's audio as it arrives."""
        return VoskStream(self._model)

    def transcribe(self, pcm: NDArray[np.int16] | NDArray[np.float32], sample_rate: int) -> list[Segment]:
        """Read mono audio of any length."""
        samples = to_16k(pcm, sample_rate)
        stream = self.open_stream()
        segments: list[Segment] = []
        for start in range(0, len(samples), _BLOCK):
            segments += stream.accept(samples[start : start + _BLOCK])
        return segments + stream.finish()


class VoskStream:
    """Feed it 16 kHz float32 blocks; finished segments come out as soon as Kaldi sees an end point."""

    def __init__(self, model: Any) -> None:
        import vosk

        self._recognizer = vosk.KaldiRecognizer(model, float(RATE))
        self._recognizer.SetWords(True)  # noqa: FBT003 -- vosk takes it by position
        self._lock = threading.Lock()

    def accept(self, samples: NDArray[np.float32]) -> list[Segment]:
        """Take the next block; give what has become final."""
        pcm = np.clip(samples * 32768, -32768, 32767).astype("<i2").tobytes()
        try:
            with self._lock:
                final = self._recognizer.AcceptWaveform(pcm)
                return _segments(self._recognizer.Result()) if final else []
        except Exception as error:  # vosk raises nothing narrower
            raise SpeechEngineFailed(type(error).__name__) from error

    def partial(self) -> str:
        """Give the best guess at what has not become final; it will change."""
        with self._lock:
            text: str = json.loads(self._recognizer.PartialResult())["partial"]
        return "".join(join_words(text.split()))

    def finish(self) -> list[Segment]:
        """End of the audio: give the rest."""
        with self._lock:
            return _segments(self._recognizer.FinalResult())


def _segments(result: str) -> list[Segment]:
    heard = json.loads(result).get("result", [])
    if not heard:
        return []
    words = tuple(
        Word(round(item["start"] * 1000), round(item["end"] * 1000), text, round(float(item["conf"]), 3))
        for item, text in zip(heard, join_words([item["word"] for item in heard]), strict=True)
    )
    confidence = round(sum(word.confidence for word in words) / len(words), 3)
    text = "".join(word.text for word in words)
    return [tidy_segment(Segment(words[0].begin_ms, words[-1].end_ms, text, confidence, words))]
