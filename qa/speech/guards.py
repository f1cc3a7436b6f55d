"""Tell speech from what a model makes up: credits over silence, and loops.

Pure functions over what the model says about itself.
"""

import re
from functools import cache
from pathlib import Path

import yaml

from qa.speech.text import fold

NO_SPEECH = 0.6
LOW_LOGPROB = -1.0
HIGH_COMPRESSION = 2.4
"""The thresholds of openai/whisper's own transcribe()."""

FASTEST_SPEECH = 11.0
"""Characters a second. Fast Mandarin is 6 to 7 syllables a second (about 400 a minute)."""

_LOOP = re.compile(r"(.{1,20}?)\1{3,}")
_LETTERS = re.compile(r"[\W_]+")


@cache
def _fillers() -> tuple[re.Pattern[str], ...]:
    raw = yaml.safe_load(Path(__file__).with_name("hallucinations.yaml").read_text(encoding="utf-8"))
    return tuple(re.compile(pattern) for pattern in raw["patterns"])


def _bare(text: str) -> str:
    return _LETTERS.sub("", fold(text).lower())


def is_filler(text: str) -> bool:
    """Say whether `text` is nothing but a known subtitle credit, or nothing at all."""
    bare = _bare(text)
    return not bare or any(pattern.fullmatch(bare) for pattern in _fillers())


def is_echo_of(prompt: str, text: str) -> bool:
    """Say whether the model may have given its own prompt back: all of `text` stands in it."""
    return _bare(text) in _bare(prompt)


def is_silence(no_speech: float, logprob: float) -> bool:
    """Say whether the model itself believes that nobody spoke."""
    return no_speech > NO_SPEECH and logprob < LOW_LOGPROB


def is_loop(text: str, seconds: float, compression: float) -> bool:
    """Say whether the model ran in a circle: too compressible, or repeats faster than anybody speaks.

    对不起，对不起，对不起，对不起 in three seconds is speech.
    """
    bare = _bare(text)
    if compression > HIGH_COMPRESSION:
        return True
    return bool(_LOOP.search(bare)) and len(bare) > FASTEST_SPEECH * max(seconds, 0.1)
