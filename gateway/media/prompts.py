"""Prompts: committed 8 kHz FLAC files, ready in both laws, known by the hash of their file."""

import hashlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from gateway.media import g711
from gateway.media.errors import NoticeUnavailable
from gateway.media.model import SAMPLE_RATE, Law

FOLDER = Path(__file__).parent / "prompts"
RECORDING_NOTICE = FOLDER / "recording_notice_zh.flac"
PACKET_FRAMES = 160
_SHORTEST_FRAMES = SAMPLE_RATE  # a notice of less than a second says nothing
_QUIETEST_PEAK = 1000


@dataclass(frozen=True, slots=True)
class Prompt:
    """A sound to play, padded to whole packets of 20 ms."""

    sha256: str
    """Of the file as it is stored."""
    ms: int
    codes: dict[Law, bytes] = field(repr=False)

    @property
    def packets(self) -> int:
        return len(self.codes[Law.ULAW]) // PACKET_FRAMES


def load_notice(path: Path = RECORDING_NOTICE) -> Prompt:
    """Read the recording notice. Raises `NoticeUnavailable` if it is missing, unreadable or silent."""
    try:
        raw = path.read_bytes()
        samples, rate = soundfile.read(BytesIO(raw), dtype="int16")
    except (OSError, soundfile.SoundFileError):
        raise NoticeUnavailable from None
    if rate != SAMPLE_RATE or samples.ndim != 1 or len(samples) < _SHORTEST_FRAMES:
        raise NoticeUnavailable("It must be mono, 8 kHz, of at least a second.")
    if int(np.abs(samples.astype(np.int32)).max()) < _QUIETEST_PEAK:
        raise NoticeUnavailable("It is silent.")
    padded = np.pad(samples, (0, -len(samples) % PACKET_FRAMES))
    return Prompt(
        sha256=hashlib.sha256(raw).hexdigest(),
        ms=len(padded) * 1000 // SAMPLE_RATE,
        codes={law: g711.encode(padded, law) for law in Law},
    )
