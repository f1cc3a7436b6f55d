"""Decodes a voice message (AMR, Opus or Vorbis in Ogg, MP3, M4A, WAV) into samples, within bounds.

The container is forced by the type that the first bytes told, so a file cannot make the library open another
file or an address, as play lists do.
"""

import io
from dataclasses import dataclass, field
from itertools import chain

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from qa.speech.errors import AudioUnreadable

MAX_S = 600
"""Ten minutes: messengers stop a voice message after one; a file may be longer, but is no film."""
SAMPLE_RATE = 16_000
CONTAINERS = {
    "audio/amr": "amr",
    "audio/amr-wb": "amr",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "mov",
    "audio/wav": "wav",
}


@dataclass(frozen=True, slots=True)
class Sound:
    """One channel of samples, shape (n,)."""

    samples: NDArray[np.int16] = field(repr=False)
    sample_rate: int


def decode(content: bytes, media_type: str) -> Sound:
    """Give the sound; raise `AudioUnreadable` for an unknown type, a broken file, or one without sound.

    What goes beyond `MAX_S` seconds is left out.
    """
    container = CONTAINERS.get(media_type)
    if container is None:
        raise AudioUnreadable(media_type, detail_zh=media_type)
    try:
        parts = _decoded(content, container)
    except (av.error.FFmpegError, ValueError, IndexError):
        raise AudioUnreadable(container, detail_zh=container) from None
    if not parts:
        raise AudioUnreadable(container, detail_zh=container)
    return Sound(np.concatenate(parts)[: MAX_S * SAMPLE_RATE], SAMPLE_RATE)


def _decoded(content: bytes, container: str) -> list[NDArray[np.int16]]:
    parts: list[NDArray[np.int16]] = []
    resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    length = 0
    with av.open(io.BytesIO(content), mode="r", format=container) as file:
        for frame in chain(
            file.decode(file.streams.audio[0]), (None,)
        ):  # None: what the resampler holds back
            for piece in resampler.resample(frame):
                parts.append(piece.to_ndarray().reshape(-1).astype(np.int16, copy=False))
                length += len(parts[-1])
            if length >= MAX_S * SAMPLE_RATE:
                break
    return parts
