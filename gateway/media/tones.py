"""The ring tone a caller hears while the other side rings, made by ourselves (no carrier announcement)."""

import math
from functools import lru_cache

import numpy as np

from gateway.media import g711
from gateway.media.model import SAMPLE_RATE, Law

_HERTZ = 450  # mainland China, ITU-T E.180 Supplement 2: 450 Hz, 1 s on, 4 s off
_ON_S = 1
_OFF_S = 4
_AMPLITUDE = 32767 * 10 ** (-16 / 20)  # -16 dBFS
_FADE_FRAMES = 40


@lru_cache(maxsize=2)
def ringback(law: Law) -> bytes:
    """One period of the tone, five seconds, G.711."""
    time = np.arange(_ON_S * SAMPLE_RATE)
    tone = _AMPLITUDE * np.sin(2 * math.pi * _HERTZ * time / SAMPLE_RATE)
    ramp = np.linspace(0, 1, _FADE_FRAMES)
    tone[:_FADE_FRAMES] *= ramp
    tone[-_FADE_FRAMES:] *= ramp[::-1]
    period = np.concatenate([tone, np.zeros(_OFF_S * SAMPLE_RATE)])
    return g711.encode(period.astype(np.int16), law)
