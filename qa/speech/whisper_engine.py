"""faster-whisper on recordings: offline, one pass a window, with guards against what it makes up."""

import threading
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.logging import get_logger
from qa.speech import guards
from qa.speech.engine import EngineInfo, Segment, Word
from qa.speech.errors import SpeechEngineFailed, SpeechModelBroken
from qa.speech.model_setup import fingerprint
from qa.speech.resample import to_16k
from qa.speech.text import tidy_segment
from qa.speech.vad import RATE

PROMPT = "以下是普通话的电话录音。"
"""Makes the model write simplified characters with punctuation; names no word of the trade on purpose."""

_WINDOW_S = 30
_TOKENS_PER_S = 16  # about twice what fast Mandarin needs: a loop ends early
_log = get_logger(__name__)


class WhisperEngine:
    """One model in memory; calls take turns."""

    def __init__(
        self, model_dir: Path, *, threads: int = 1, beam_size: int = 5, prompt: str = PROMPT
    ) -> None:
        from faster_whisper import WhisperModel

        if not (model_dir / "model.bin").is_file():
            raise SpeechModelBroken("model.bin is missing", detail_zh="缺少 model.bin")
        try:
            self._model: Any = WhisperModel(
                str(model_dir), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise SpeechModelBroken(type(error).__name__) from error
        self._beam_size = beam_size
        self._prompt = prompt
        self._lock = threading.Lock()
        self._info = EngineInfo("whisper", version("faster-whisper"), model_dir.name, fingerprint(model_dir))

    @property
    def info(self) -> EngineInfo:
        return self._info

    def transcribe(self, pcm: NDArray[np.int16] | NDArray[np.float32], sample_rate: int) -> list[Segment]:
        """Read mono audio; more than 30 s is read in blind slices, so cut it at pauses before."""
        samples = to_16k(pcm, sample_rate)
        segments: list[Segment] = []
        for start in range(0, len(samples), _WINDOW_S * RATE):
            window = samples[start : start + _WINDOW_S * RATE]
            offset_ms = start * 1000 // RATE
            segments += self._window(window, offset_ms)
        return segments

    def _window(self, samples: NDArray[np.float32], offset_ms: int) -> list[Segment]:
        raw = self._decode(samples)
        if any(self._looped(segment) for segment in raw):
            raw = self._decode(samples, no_repeat_ngram_size=4, repetition_penalty=1.1)
        if all(self._made_up(segment) or guards.is_echo_of(self._prompt, segment.text) for segment in raw):
            # a word or two drown in the prompt: what is left is nothing, or the prompt said again
            raw = self._decode(samples, initial_prompt=None)
        kept = [segment for segment in raw if not self._made_up(segment)]
        if len(kept) < len(raw):
            _log.info("speech_made_up_dropped", count=len(raw) - len(kept), engine="whisper")
        return [tidy_segment(_segment(segment, offset_ms)) for segment in kept]

    def _decode(self, samples: NDArray[np.float32], **options: float | None) -> list[Any]:
        """One pass over one window. No second look at what is left after the last word: it invents there."""
        from faster_whisper import BatchedInferencePipeline

        seconds = len(samples) / RATE
        settings = {"initial_prompt": self._prompt, **options}
        try:
            with self._lock:
                found, _ = BatchedInferencePipeline(self._model).transcribe(
                    samples,
                    language="zh",
                    beam_size=self._beam_size,
                    temperature=0.0,
                    condition_on_previous_text=False,
                    word_timestamps=True,
                    without_timestamps=False,
                    clip_timestamps=[{"start": 0.0, "end": seconds}],
                    batch_size=1,
                    max_new_tokens=min(400, 24 + int(_TOKENS_PER_S * seconds)),
                    **settings,
                )
                return list(found)
        except (RuntimeError, ValueError) as error:
            raise SpeechEngineFailed(type(error).__name__) from error

    @staticmethod
    def _looped(segment: Any) -> bool:
        return guards.is_loop(segment.text, segment.end - segment.start, segment.compression_ratio)

    def _made_up(self, segment: Any) -> bool:
        return (
            guards.is_silence(segment.no_speech_prob, segment.avg_logprob)
            or guards.is_filler(segment.text)
            or self._looped(segment)
        )


def _segment(raw: Any, offset_ms: int) -> Segment:
    words = tuple(
        Word(
            offset_ms + round(word.start * 1000),
            offset_ms + round(word.end * 1000),
            word.word,
            round(float(word.probability), 3),
        )
        for word in raw.words or ()
    )
    confidence = (
        float(np.mean([word.confidence for word in words])) if words else float(np.exp(raw.avg_logprob))
    )
    begin, end = (
        (words[0].begin_ms, words[-1].end_ms)
        if words
        else (
            offset_ms + round(raw.start * 1000),
            offset_ms + round(raw.end * 1000),
        )
    )
    return Segment(begin, end, raw.text, round(confidence, 3), words)
