"""Bring audio to what engines and detector want: 16 kHz, float32 in -1..1."""

import numpy as np
import soxr
from numpy.typing import NDArray

from qa.speech.errors import AudioUnreadable
from qa.speech.vad import RATE


def as_float(pcm: NDArray[np.int16] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale int16 to -1..1; float32 passes."""
    if pcm.dtype == np.int16:
        return np.multiply(pcm, 1 / 32768, dtype=np.float32)
    if pcm.dtype == np.float32:
        return np.nan_to_num(pcm).astype(np.float32, copy=False)
    raise AudioUnreadable("samples must be int16 or float32", detail_zh="采样必须为 int16 或 float32")


def to_16k(pcm: NDArray[np.int16] | NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Resample mono audio, shape (n,), to 16 kHz."""
    if pcm.ndim != 1:
        raise AudioUnreadable("one channel at a time", detail_zh="每次只能处理一个声道")
    samples = as_float(pcm)
    if sample_rate == RATE or not len(samples):
        return samples
    resampled: NDArray[np.float32] = soxr.resample(samples, sample_rate, RATE)
    return resampled
