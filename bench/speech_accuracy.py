"""How well Mandarin is read: error rates and speed at 16 kHz and on a simulated telephone line.

    nice .venv/bin/python bench/speech_accuracy.py [--data FOLDER] [--clips]

The folder holds sound files and `transcripts.tsv` (columns file, text). Each clip goes through the
whole of qa.speech (detector, windows, engine). The peer is faster-whisper with its own defaults and
the same weights, in the same run.

CER: character edits / characters of the reference, summed over all clips. Pinyin ER: the same over
toneless syllables. Both sides are normalised alike: NFKC, simplified, lower case, no punctuation or
space, 〇 零, 幺 一, 两 二; a number in figures is read out as a value or digit by digit, whichever of the
two is nearer to the other side (notation is not an error of hearing). Interjections count.

Telephone: 300 to 3400 Hz, 8 kHz, µ-law of 8 bits (G.711's curve).
"""

import argparse
import csv
import itertools
import json
import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
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

from qa.speech.engine import Role, SpeechEngine
from qa.speech.model_setup import ensure_whisper_model
from qa.speech.text import fold
from qa.speech.transcribe import transcribe
from qa.speech.whisper_engine import WhisperEngine

REPOSITORY = Path(__file__).resolve().parent.parent
Reader = Callable[[NDArray[np.float32], int], str]
DIGITS = "零一二三四五六七八九"
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


def measure(name: str, read: Reader, data: Path, *, phone: bool, clips: Console | None) -> Row:
    total, audio_s, spent = Errors(), 0.0, 0.0
    with (data / "transcripts.tsv").open(encoding="utf-8", newline="") as file:
        for entry in csv.DictReader(file, delimiter="\t"):
            samples, rate = soundfile.read(data / entry["file"], dtype="float32", always_2d=True)
            mono = samples.mean(axis=1)
            mono = telephone(mono, rate) if phone else soxr.resample(mono, rate, 16000)
            rate = 8000 if phone else 16000
            start = time.perf_counter()
            heard = read(mono, rate)
            spent += time.perf_counter() - start
            audio_s += len(mono) / rate
            errors = compare(entry["text"], heard)
            total += errors
            if clips is not None:
                clips.print(f"{entry['file']}  CER {errors.cer:.2f}  {entry['text']} | {heard}", style="dim")
    return Row(name, "8 kHz" if phone else "16 kHz", total.cer, total.pinyin, spent / audio_s, audio_s)


def engines(arguments: argparse.Namespace) -> dict[str, Reader]:
    model_dir = ensure_whisper_model(arguments.whisper_model)
    found: dict[str, Reader] = {"whisper (ours)": ours(WhisperEngine(model_dir))}
    if arguments.vosk_model is not None:
        from qa.speech.vosk_engine import VoskEngine

        found["vosk (ours)"] = ours(VoskEngine(arguments.vosk_model))
    found["faster-whisper defaults (peer)"] = peer(model_dir)
    return found


def show(rows: list[Row], console: Console) -> None:
    table = Table(title=f"Mandarin, {rows[0].seconds:.0f} s of speech")
    for column in ("engine", "line", "CER", "pinyin ER", "RTF", "CER / peer", "RTF / peer"):
        table.add_column(column, justify="left" if column in {"engine", "line"} else "right")
    for row in rows:
        other = next(peer for peer in rows if peer.line == row.line and peer.engine.endswith("(peer)"))
        figures: list[Any] = [f"{row.cer:.1%}", f"{row.pinyin:.1%}", f"{row.rtf:.2f}"]
        ratios = [f"{row.cer / other.cer:.2f}" if other.cer else "-", f"{row.rtf / other.rtf:.2f}"]
        table.add_row(row.engine, row.line, *figures, *ratios)
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared/data/speech_zh")
    parser.add_argument("--whisper-model", type=Path, default=REPOSITORY / ".cache/whisper-base")
    parser.add_argument("--vosk-model", type=Path, help="folder of a Chinese Vosk model")
    parser.add_argument("--clips", action="store_true", help="show each clip")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    console = Console(width=120)
    rows = [
        measure(name, read, arguments.data, phone=phone, clips=console if arguments.clips else None)
        for phone in (False, True)
        for name, read in engines(arguments).items()
    ]
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        show(rows, console)


if __name__ == "__main__":
    main()
