"""The real whisper model on the demo's calls: what is said is read, on its side, at its time."""

import numpy as np
import pytest

from qa.speech.engine import Role
from qa.speech.errors import SpeechModelBroken
from qa.speech.model_setup import pinned_fingerprint, whisper_manifest
from qa.speech.transcribe import transcribe
from qa.speech.whisper_engine import WhisperEngine
from tests.support.speech import RATE, demo_call, toneless

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KEY_TERMS = {
    "clean-sales": ["请问现在方便吗", "需要什么材料", "审核结果", "祝您生活愉快"],
    "abusive-collection": ["打电话给你的家人和同事", "你真不要脸", "骗子", "垃圾", "我要投诉你", "去你单位"],
    "private-deal": ["不看征信", "保证下款", "百分之百通过", "加我微信", "私下办", "不用走公司的流程"],
}


@pytest.fixture(scope="module", params=sorted(KEY_TERMS))
def call(request, whisper):
    samples, spoken = demo_call(request.param)
    blocks = [samples[at : at + 10 * RATE] for at in range(0, len(samples), 10 * RATE)]
    return request.param, transcribe(blocks, RATE, whisper), spoken


def test_key_terms_survive_at_least_in_sound(call):
    name, transcript, spoken = call
    for term in KEY_TERMS[name]:
        side = next(said.role for said in spoken if term in said.text.replace("，", ""))
        heard = " ".join(toneless(s.text) for s in transcript.sentences if s.role.value == side)
        assert toneless(term) in heard, f"{term} was read as: {heard}"


def test_few_syllables_are_wrong(call):
    from jiwer import wer

    _, transcript, spoken = call
    for role in Role:
        said = toneless("".join(s.text for s in spoken if s.role == role.value))
        heard = toneless("".join(s.text for s in transcript.sentences if s.role is role))
        assert wer(said, heard) < 0.15


def test_sentences_stand_where_they_were_said(call):
    _, transcript, spoken = call
    for said in spoken:
        near = [s for s in transcript.sentences if s.role.value == said.role and s.begin_ms < said.end_ms]
        assert any(abs(s.begin_ms - said.begin_ms) < 600 for s in near), said
    assert all(0 < sentence.confidence <= 1 for sentence in transcript.sentences)
    assert all(channel.unread == () for channel in transcript.channels)


def test_text_is_simplified_with_chinese_marks(call):
    from qa.speech.text import tidy

    _, transcript, _ = call
    for sentence in transcript.sentences:
        assert tidy(sentence.text) == sentence.text


def test_the_same_audio_gives_the_same_text(whisper):
    samples, _ = demo_call("private-deal")
    part = samples[: 9 * RATE, 0].copy()
    assert whisper.transcribe(part, RATE) == whisper.transcribe(part, RATE)


@pytest.mark.parametrize("kind", ["silence", "noise", "hum"])
def test_where_nobody_speaks_nothing_is_made_up(whisper, kind):
    at = np.arange(12 * RATE)
    audio = {
        "silence": np.zeros(len(at)),
        "noise": np.random.default_rng(7).normal(0, 400, len(at)),
        "hum": 3000 * np.sin(at * 2 * np.pi * 50 / RATE),
    }[kind].astype(np.int16)
    assert transcribe([np.stack([audio, audio], axis=1)], RATE, whisper).sentences == ()


def test_the_model_is_the_pinned_one(whisper):
    assert whisper.info.name == "whisper"
    assert whisper.info.model == whisper_manifest().model
    assert whisper.info.fingerprint == pinned_fingerprint()


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_a_broken_model_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(SpeechModelBroken):
        WhisperEngine(tmp_path)


def test_audio_of_next_to_no_length_is_read(whisper):
    for frames in (0, 1, 80, 800):
        assert isinstance(whisper.transcribe(np.zeros(frames, np.float32), RATE), list)
