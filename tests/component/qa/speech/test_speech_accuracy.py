"""Recorded people, where the shared material is at hand: error rates stay within bounds."""

import os
from pathlib import Path

import jiwer
import pytest
import soundfile

from qa.speech.engine import Role
from qa.speech.transcribe import transcribe
from tests.support.speech import toneless

FOLDER = Path(
    os.environ.get("MASKLINE_TEST_SPEECH_DATA") or Path(__file__).parents[5] / "shared/data/speech_zh"
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason="set MASKLINE_TEST_SPEECH_DATA to a folder with Mandarin clips"
    ),
]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("funasr_asr_example.wav", "欢迎大家来体验达摩院推出的语音识别模型"),
        ("stepeditx_speed_prompt.wav", "上次你说鞋子有点磨脚我给你买了一双软软的鞋垫"),
    ],
)
def test_recorded_mandarin_is_read(whisper, file, text):
    samples, rate = soundfile.read(FOLDER / file, dtype="float32", always_2d=True)
    result = transcribe([samples[:, :1]], rate, whisper, roles=[Role.CUSTOMER])
    heard = "".join(sign for s in result.sentences for sign in s.text if sign.isalnum())
    assert jiwer.cer(text, heard) <= 0.15
    assert jiwer.wer(toneless(text), toneless(heard)) <= 0.1
