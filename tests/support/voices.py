"""Voice files made on the spot, in any codec that the library can write."""

import io
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

RATES = {"libopencore_amrnb": 8000, "libopus": 48000, "libmp3lame": 16000, "aac": 16000, "pcm_s16le": 16000}


def voice_file(container: str, codec: str, *, seconds: float = 1.0) -> bytes:
    """Give a file of `container` (amr, ogg, mp3, mp4, wav) with a tone."""
    rate = RATES[codec]
    tone = (8000 * np.sin(2 * np.pi * 300 * np.arange(int(rate * seconds)) / rate)).astype(np.int16)
    return encoded(tone, rate, container, codec)


def encoded(samples: NDArray[np.int16], sample_rate: int, container: str, codec: str) -> bytes:
    """Give a file with this sound, shape (n,)."""
    rate = RATES[codec]
    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        if codec == "libopencore_amrnb":
            stream.bit_rate = 12200
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size or 1024
        )
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, 0, Fraction(1, sample_rate)
        for source in (frame, None):
            for piece in resampler.resample(source):
                file.mux(stream.encode(piece))
        file.mux(stream.encode(None))
    return buffer.getvalue()
