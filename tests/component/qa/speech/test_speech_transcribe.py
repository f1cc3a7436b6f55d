"""What lies around the engine, with the real detector and a small honest engine: times, sides, memory, faults."""

import io
import tracemalloc
from itertools import groupby

import numpy as np
import pytest
import soundfile

from qa.speech.channel import ChannelReader
from qa.speech.engine import Role
from qa.speech.errors import AudioUnreadable, SpeechEngineFailed
from qa.speech.transcribe import transcribe, transcribe_file
from tests.support.speech import RATE, EnergyEngine, demo_call


def blocks(samples, length=RATE):
    return [samples[at : at + length] for at in range(0, len(samples), length)]


def test_each_side_is_read_on_its_channel_at_its_time():
    samples, spoken = demo_call("private-deal")
    transcript = transcribe(blocks(samples), RATE, EnergyEngine())
    turns = [list(turn) for _, turn in groupby(spoken, key=lambda said: said.role)]
    assert len(turns) >= 5
    for turn in turns:
        begin, end = turn[0].begin_ms, turn[-1].end_ms
        found = [s for s in transcript.sentences if s.begin_ms < end and s.end_ms > begin]
        assert {s.role.value for s in found} == {turn[0].role}
        assert min(s.begin_ms for s in found) == pytest.approx(begin, abs=250)
        assert max(s.end_ms for s in found) == pytest.approx(end, abs=250)
    begins = [sentence.begin_ms for sentence in transcript.sentences]
    assert begins == sorted(begins)
    assert transcript.duration_ms == len(samples) * 1000 // RATE


def test_both_are_kept_where_they_talk_at_once():
    samples, _ = demo_call("abusive-collection")
    transcript = transcribe(blocks(samples), RATE, EnergyEngine())
    staff, customer = transcript.channels
    both = [
        (one, two)
        for one in staff.speech
        for two in customer.speech
        if one.begin_ms < two.end_ms and two.begin_ms < one.end_ms
    ]
    assert both


@pytest.mark.parametrize("length", [37, 160, 8000, 1_000_000])
def test_the_size_of_the_blocks_does_not_matter(length):
    samples, _ = demo_call("private-deal")
    samples = samples[: 8 * RATE]
    whole = transcribe([samples], RATE, EnergyEngine())
    assert transcribe(blocks(samples, length), RATE, EnergyEngine()).sentences == whole.sentences


@pytest.mark.parametrize("frames", [0, 1, 37, 160, 4000])
def test_next_to_nothing_gives_no_sentence_and_no_error(frames):
    transcript = transcribe([np.zeros((frames, 2), np.int16)], RATE, EnergyEngine())
    assert transcript.sentences == ()
    assert transcript.duration_ms == frames * 1000 // RATE
    assert [channel.speech for channel in transcript.channels] == [(), ()]


def test_noise_is_not_speech():
    noise = np.random.default_rng(1).normal(0, 300, (10 * RATE, 2)).astype(np.int16)
    engine = EnergyEngine()
    assert transcribe(blocks(noise), RATE, engine).sentences == ()
    assert engine.windows == []


class Mute(EnergyEngine):
    def transcribe(self, pcm, sample_rate):
        return []


class Broken(EnergyEngine):
    def transcribe(self, pcm, sample_rate):
        raise SpeechEngineFailed("RuntimeError")


class Lazy(EnergyEngine):
    """Stops after the first three seconds of a window, as whisper does at times."""

    def transcribe(self, pcm, sample_rate):
        return super().transcribe(pcm[: 3 * sample_rate], sample_rate)


def test_speech_that_was_not_read_is_named():
    samples, _ = demo_call("clean-sales")
    transcript = transcribe(blocks(samples), RATE, Mute())
    assert transcript.sentences == ()
    for channel in transcript.channels:
        assert channel.speech_ms > 3000
        assert {span for span in channel.speech if span.length_ms >= 500} == set(channel.unread)


def test_an_engine_that_fails_is_never_silence():
    samples, _ = demo_call("clean-sales")
    with pytest.raises(SpeechEngineFailed):
        transcribe(blocks(samples), RATE, Broken())


def test_what_the_engine_left_out_is_read_again():
    samples, spoken = demo_call("abusive-collection")
    transcript = transcribe(blocks(samples), RATE, Lazy())
    for said in spoken:
        assert any(s.begin_ms < said.end_ms and s.end_ms > said.begin_ms for s in transcript.sentences)
    assert all(channel.unread == () for channel in transcript.channels)


def test_a_long_recording_needs_no_more_memory_than_a_short_one():
    samples, _ = demo_call("private-deal")
    staff = samples[:, :1]

    def peak(times):
        tracemalloc.start()
        transcribe((staff for _ in range(times)), RATE, EnergyEngine(), roles=[Role.STAFF])
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1)
    short, long = peak(2), peak(8)
    assert long < short * 1.3


def test_windows_are_never_longer_than_thirty_seconds():
    samples, _ = demo_call("private-deal")
    staff = samples[:, :1]
    engine = EnergyEngine()
    transcribe([staff, staff, staff], RATE, engine, roles=[Role.STAFF])
    assert len(engine.windows) >= 2
    assert max(engine.windows) <= 30


def test_an_echo_on_the_other_channel_is_left_out():
    samples, _ = demo_call("private-deal")
    alone = samples[: 9 * RATE].copy()
    alone[:, 1] = alone[:, 0] // 30  # 30 dB below
    transcript = transcribe([alone], RATE, EnergyEngine())
    assert {sentence.role for sentence in transcript.sentences} == {Role.STAFF}


@pytest.mark.parametrize(("format_", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("WAV", "ULAW")])
def test_sound_files_are_read(format_, subtype):
    samples, _ = demo_call("private-deal")
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=format_, subtype=subtype)
    file.seek(0)
    seen = []
    transcript = transcribe_file(file, EnergyEngine(), progress=seen.append)
    assert transcript.duration_ms == len(samples) * 1000 // RATE == seen[-1]
    assert len(transcript.sentences) >= 6


def test_what_is_no_recording_is_refused():
    with pytest.raises(AudioUnreadable):
        transcribe_file(io.BytesIO(b"not audio at all"), EnergyEngine())
    with pytest.raises(AudioUnreadable, match="2 channels"):
        transcribe([np.zeros((10, 1), np.int16)], RATE, EnergyEngine())
    with pytest.raises(AudioUnreadable, match="sample rate"):
        transcribe([np.zeros((10, 2), np.int16)], 0, EnergyEngine())
    with pytest.raises(AudioUnreadable, match="int16"):
        transcribe([np.zeros((10, 2), np.float64)], RATE, EnergyEngine())


def test_levels_are_those_of_the_time_asked_for():
    from qa.speech.vad import VadOptions

    reader = ChannelReader(Role.STAFF, 16_000, EnergyEngine(), VadOptions())
    tone = np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    reader.feed(np.concatenate([tone, tone / 100]).astype(np.float32))
    assert reader.level_db(100, 900) == pytest.approx(-3, abs=0.2)
    assert reader.level_db(1100, 1900) == pytest.approx(-43, abs=0.2)
    assert reader.level_db(90_000, 91_000) == -96
