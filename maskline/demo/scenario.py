"""The demo's calls as data: who says what when, laid out as one track of sound for each side."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.errors import Invalid

FOLDER = Path(__file__).parent / "speech"
SAMPLE_RATE = 8000


class ScenarioBroken(Invalid):
    """A sound file of the demo is missing or is not 8 kHz mono."""

    code = "demo-scenario-broken"
    zh = "演示语音文件缺失，或不是 8 kHz 单声道。"


class _Sentence(BaseModel):
    model_config = ConfigDict(frozen=True)

    role: Literal["staff", "customer"]
    after_ms: int
    text: str


class ScriptedCall(BaseModel):
    """One call of scenarios.yaml. `expect` names the categories that its inspection must find."""

    model_config = ConfigDict(frozen=True)

    id: str
    title_zh: str
    title_en: str
    purpose: Literal["sales", "collection"]
    expect: tuple[str, ...]
    sentences: tuple[_Sentence, ...]


@dataclass(frozen=True, slots=True)
class Tracks:
    """What each side sends: 8 kHz samples of the same length, silence where the other one speaks."""

    staff: NDArray[np.int16]
    customer: NDArray[np.int16]

    @property
    def seconds(self) -> float:
        return len(self.staff) / SAMPLE_RATE


def scripted_calls() -> tuple[ScriptedCall, ...]:
    """Read the calls in the order in which they are played."""
    data = yaml.safe_load((FOLDER / "scenarios.yaml").read_text("utf-8"))
    return tuple(ScriptedCall.model_validate(call) for call in data["calls"])


def tracks_of(call: ScriptedCall, *, lead_in_s: float) -> Tracks:
    """Lay a call's sentences out on both tracks, after `lead_in_s` of silence for the notice.

    Raises:
        ScenarioBroken: a sound file is missing or not 8 kHz mono.
    """
    places: list[tuple[str, int, NDArray[np.int16]]] = []
    end = int(lead_in_s * SAMPLE_RATE)
    for number, sentence in enumerate(call.sentences, start=1):
        sound = _read(FOLDER / call.id / f"{number:02}.flac")
        begin = max(0, end + sentence.after_ms * SAMPLE_RATE // 1000)
        places.append((sentence.role, begin, sound))
        end = max(end, begin + len(sound))
    silence = np.zeros(end + SAMPLE_RATE // 2, dtype=np.int16)
    tracks = {"staff": silence, "customer": silence.copy()}
    for role, begin, sound in places:
        tracks[role][begin : begin + len(sound)] = sound
    return Tracks(**tracks)


def _read(path: Path) -> NDArray[np.int16]:
    try:
        sound, rate = soundfile.read(path, dtype="int16")
    except (OSError, RuntimeError):
        raise ScenarioBroken(path.name, detail_zh=path.name) from None
    if rate != SAMPLE_RATE or sound.ndim != 1:
        raise ScenarioBroken(path.name, detail_zh=path.name)
    samples: NDArray[np.int16] = sound
    return samples
