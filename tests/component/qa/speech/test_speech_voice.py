"""A voice message as phones send it (AMR, 8 kHz) is read by the real engine, up to homophones."""

from pathlib import Path

import soundfile

import maskline.demo
from qa.inspection.transcriber import EngineTranscriber
from qa.speech.decode import decode
from qa.speech.engine import Role
from qa.speech.whisper_engine import WhisperEngine
from tests.support.voices import encoded

CLIP = Path(maskline.demo.__file__).parent / "speech" / "private-deal" / "04.flac"


def test_what_was_said_is_read_with_its_role(whisper: WhisperEngine) -> None:
    samples, rate = soundfile.read(CLIP, dtype="int16")
    sound = decode(encoded(samples, rate, "amr", "libopencore_amrnb"), "audio/amr")
    transcript = EngineTranscriber(lambda: whisper).transcribe_voice(
        sound.samples, sound.sample_rate, Role.STAFF
    )
    assert "通过" in "".join(sentence.text for sentence in transcript.sentences)
    assert {sentence.role for sentence in transcript.sentences} == {Role.STAFF}
    assert abs(transcript.duration_ms - 1000 * len(samples) / rate) < 100
