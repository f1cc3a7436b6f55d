"""A recording in, a transcript out: each channel read apart, echoes taken out, merged in order of time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.logging import get_logger
from qa.speech.channel import ChannelReader
from qa.speech.crosstalk import Heard, without_echoes
from qa.speech.engine import Role, Sentence, SpeechEngine, Transcript
from qa.speech.errors import AudioUnreadable
from qa.speech.vad import VadOptions

BLOCK_S = 10
RATES = range(8_000, 192_001)
STEREO = (Role.STAFF, Role.CUSTOMER)

_log = get_logger(__name__)


def transcribe(
    blocks: Iterable[NDArray[np.int16] | NDArray[np.float32]],
    sample_rate: int,
    engine: SpeechEngine,
    *,
    roles: Sequence[Role] = STEREO,
    options: VadOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> Transcript:
    """Read a recording that comes in blocks of shape (n, channels); channel i is spoken by `roles[i]`.

    `progress` is told how many milliseconds have been taken in. Silence gives no sentence; speech
    that the engine could not read is named in `channels[i].unread`. Raises `AudioUnreadable` for
    what is no such audio and `Unavailable` if the engine fails.
    """
    if sample_rate not in RATES:
        raise AudioUnreadable(f"sample rate {sample_rate}", detail_zh=f"采样率 {sample_rate}")
    readers = [ChannelReader(role, sample_rate, engine, options or VadOptions()) for role in roles]
    frames = 0
    for block in blocks:
        if block.ndim != 2 or block.shape[1] != len(readers):
            raise AudioUnreadable(
                f"expected {len(readers)} channels", detail_zh=f"应为 {len(readers)} 个声道"
            )
        for channel, reader in enumerate(readers):
            reader.feed(block[:, channel].copy())
        frames += len(block)
        if progress is not None:
            progress(frames * 1000 // sample_rate)
    for reader in readers:
        reader.finish()
    duration_ms = frames * 1000 // sample_rate
    sentences = merge(readers, duration_ms)
    unread = sum(len(reader.summary.unread) for reader in readers)
    _log.info("speech_read", engine=engine.info.name, count=len(sentences), duration_ms=duration_ms)
    if unread:
        _log.warning("speech_unread", engine=engine.info.name, count=unread)
    return Transcript(engine.info, duration_ms, sentences, tuple(reader.summary for reader in readers))


def merge(readers: Sequence[ChannelReader], duration_ms: int) -> tuple[Sentence, ...]:
    """Bring the sentences of all channels into the order of time; none ends after the recording."""
    heard = [
        Heard(_within(sentence, duration_ms), reader.level_db(sentence.begin_ms, sentence.end_ms))
        for reader in readers
        for sentence in reader.sentences
    ]
    heard.sort(key=lambda item: (item.sentence.begin_ms, item.sentence.end_ms, item.sentence.role))
    return tuple(without_echoes(heard))


def _within(sentence: Sentence, duration_ms: int) -> Sentence:
    begin, end = min(sentence.begin_ms, duration_ms), min(sentence.end_ms, duration_ms)
    return Sentence(sentence.role, begin, end, sentence.text, sentence.confidence)


def transcribe_file(
    file: Path | BinaryIO,
    engine: SpeechEngine,
    *,
    roles: Sequence[Role] = STEREO,
    progress: Callable[[int], None] | None = None,
) -> Transcript:
    """Read a sound file (WAV, FLAC, OGG …: what libsndfile reads) piece by piece."""
    try:
        with soundfile.SoundFile(file) as sound:
            blocks = _blocks(sound)
            return transcribe(blocks, sound.samplerate, engine, roles=roles, progress=progress)
    except soundfile.LibsndfileError as error:
        raise AudioUnreadable(error.error_string, detail_zh="文件不是可读的音频") from error


def _blocks(sound: soundfile.SoundFile) -> Iterator[NDArray[np.int16]]:
    while True:
        block = sound.read(BLOCK_S * sound.samplerate, dtype="int16", always_2d=True)
        if not len(block):
            return
        yield block
