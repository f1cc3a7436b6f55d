"""Which engine reads recordings: what is configured, else what is installed, else a clear error."""

from pathlib import Path

from core.config import Settings
from qa.speech.engine import SpeechEngine
from qa.speech.errors import NoSpeechEngine, SpeechModelBroken
from qa.speech.model_setup import (
    Progress,
    ensure_whisper_model,
    is_complete,
    missing_packages,
    packages_installed,
    pinned_fingerprint,
)


def select_engine(settings: Settings, *, progress: Progress | None = None) -> SpeechEngine:
    """Load the engine that these settings mean.

    `auto` takes a configured whisper model, else a configured vosk model, else the whisper model in the
    data folder, which is put together from its packages if they are installed. A configured path that
    holds no model is an error, never a reason to take another engine. Raises `NoSpeechEngine` or
    `SpeechModelBroken`, both `Unavailable`.
    """
    speech = settings.speech
    if speech.engine == "vosk" or (
        speech.engine == "auto" and speech.whisper_model_path is None and speech.vosk_model_path is not None
    ):
        return _vosk(speech.vosk_model_path)
    if speech.whisper_model_path is not None:
        return _whisper(_existing(speech.whisper_model_path), speech.threads)
    directory = settings.whisper_model
    if not is_complete(directory) and not packages_installed():
        raise _nothing()
    engine = _whisper(ensure_whisper_model(directory, progress), speech.threads)
    if engine.info.fingerprint != pinned_fingerprint():
        raise SpeechModelBroken(
            "remove the folder models/whisper-base in the data folder and start again",
            detail_zh="请删除数据目录下的 models/whisper-base 后重试",
        )
    return engine


def _existing(path: Path) -> Path:
    if not path.is_dir():
        raise SpeechModelBroken(
            "speech.whisper_model_path is not a folder", detail_zh="speech.whisper_model_path 不是目录"
        )
    return path


def _vosk(path: Path | None) -> SpeechEngine:
    if path is None or not path.is_dir():
        raise NoSpeechEngine(
            "Set speech.vosk_model_path to the folder of a Vosk model, for example vosk-model-small-cn-0.22",
            detail_zh="请将 speech.vosk_model_path 设为 Vosk 模型目录，例如 vosk-model-small-cn-0.22",
        )
    from qa.speech.vosk_engine import VoskEngine

    return VoskEngine(path)


def _whisper(directory: Path, threads: int) -> SpeechEngine:
    from qa.speech.whisper_engine import WhisperEngine

    return WhisperEngine(directory, threads=threads)


def _nothing() -> NoSpeechEngine:
    packages = missing_packages()
    return NoSpeechEngine(
        f"{packages.detail}; or set speech.vosk_model_path to the folder of a Vosk model",
        detail_zh=f"{packages.detail_zh}；或将 speech.vosk_model_path 设为 Vosk 模型目录",
    )
