"""A voice message of any codec becomes samples; anything else is said to be unreadable."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.speech import decode as module
from qa.speech.decode import CONTAINERS, SAMPLE_RATE, decode
from qa.speech.errors import AudioUnreadable
from tests.support.voices import voice_file

FILES = {
    "audio/amr": ("amr", "libopencore_amrnb"),
    "audio/ogg": ("ogg", "libopus"),
    "audio/mpeg": ("mp3", "libmp3lame"),
    "audio/mp4": ("mp4", "aac"),
    "audio/wav": ("wav", "pcm_s16le"),
}


@pytest.mark.parametrize("media_type", FILES)
def test_a_second_of_tone_is_a_second_of_tone(media_type: str) -> None:
    sound = decode(voice_file(*FILES[media_type]), media_type)
    assert sound.sample_rate == SAMPLE_RATE
    assert abs(len(sound.samples) - SAMPLE_RATE) < SAMPLE_RATE / 10
    assert sound.samples.dtype == np.int16
    spectrum = np.abs(np.fft.rfft(sound.samples.astype(float)))
    assert abs(np.argmax(spectrum) * SAMPLE_RATE / len(sound.samples) - 300) < 5


def test_a_long_file_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_S", 1)
    sound = decode(voice_file("wav", "pcm_s16le", seconds=5), "audio/wav")
    assert len(sound.samples) == SAMPLE_RATE


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"", "audio/amr"),
        (b"#!AMR\n", "audio/amr"),
        (b"#!SILK_V3" + bytes(40), "audio/silk"),
        (voice_file("amr", "libopencore_amrnb"), "audio/ogg"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "audio/mpeg"),
    ],
)
def test_what_cannot_be_decoded_is_said_to_be_unreadable(content: bytes, media_type: str) -> None:
    with pytest.raises(AudioUnreadable):
        decode(content, media_type)


@given(st.binary(max_size=200), st.sampled_from(sorted(CONTAINERS)))
def test_no_bytes_break_it(content: bytes, media_type: str) -> None:
    with contextlib.suppress(AudioUnreadable):
        assert decode(content, media_type).samples.ndim == 1
