"""Put the whisper model together from the packages that carry it: resumable, verified, atomic, offline."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from core.logging import get_logger
from qa.speech.errors import NoSpeechEngine, SpeechModelBroken

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""

_BLOCK = 4 * 1024 * 1024
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of the model and the package files which, joined, make it."""

    name: str
    size: int
    sha256: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """What the model consists of and where it comes from."""

    model: str
    requirements: tuple[str, ...]
    files: tuple[ModelFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


@cache
def whisper_manifest() -> ModelManifest:
    """Read `whisper_files.json`."""
    raw = json.loads(Path(__file__).with_name("whisper_files.json").read_text(encoding="utf-8"))
    files = tuple(
        ModelFile(file["name"], file["size"], file["sha256"], tuple(file["parts"])) for file in raw["files"]
    )
    return ModelManifest(raw["model"], tuple(raw["requirements"]), files)


def _part_path(part: str) -> Path | None:
    package, _, rest = part.partition("/")
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / rest
    return path if path.is_file() else None


def packages_installed() -> bool:
    """Say whether all packages that carry the model are here."""
    return all(_part_path(part) is not None for file in whisper_manifest().files for part in file.parts)


def sha256_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_complete(directory: Path) -> bool:
    """Say whether each file of the model is there in its right size (content is checked on loading)."""
    return all(
        (directory / file.name).is_file() and (directory / file.name).stat().st_size == file.size
        for file in whisper_manifest().files
    )


def ensure_whisper_model(target_dir: Path, progress: Progress | None = None) -> Path:
    """Make sure that `target_dir` holds the whole model, and give it back.

    Several processes may call this at once. An interrupted run leaves `<target_dir>.partial`, which the
    next one continues. Raises `NoSpeechEngine` if the packages are missing, `SpeechModelBroken` if what
    they hold is not the model that was pinned.
    """
    if is_complete(target_dir):
        return target_dir
    target_dir.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target_dir.with_name(target_dir.name + ".lock")):
        if is_complete(target_dir):
            return target_dir
        partial = target_dir.with_name(target_dir.name + ".partial")
        partial.mkdir(exist_ok=True)
        done = 0
        for file in whisper_manifest().files:
            _assemble(file, partial / file.name, done, progress)
            done += file.size
        if target_dir.exists():
            shutil.rmtree(target_dir)
        partial.rename(target_dir)
        _log.info("speech_model_assembled", model=whisper_manifest().model, size=done)
    return target_dir


def _assemble(file: ModelFile, target: Path, done: int, progress: Progress | None) -> None:
    sources = [_part_path(part) for part in file.parts]
    if None in sources:
        raise missing_packages()
    for attempt in range(2):
        have = target.stat().st_size if target.exists() else 0
        if have > file.size:
            have = 0
        _append([path for path in sources if path], target, have, done, progress)
        if target.stat().st_size == file.size and sha256_of(target) == file.sha256:
            return
        target.unlink()
        if attempt == 0 and have == 0:
            break  # written afresh and still wrong: the packages are
    raise SpeechModelBroken(
        f"{file.name}: reinstall the packages", detail_zh=f"{file.name}：请重新安装模型包"
    )


def _append(sources: list[Path], target: Path, have: int, done: int, progress: Progress | None) -> None:
    """Copy what `sources` hold beyond the first `have` bytes behind those bytes of `target`."""
    total = whisper_manifest().size
    skip = have
    with target.open("r+b" if have else "wb") as out:
        out.seek(have)
        for source in sources:
            size = source.stat().st_size
            if skip >= size:
                skip -= size
                continue
            with source.open("rb") as file:
                file.seek(skip)
                skip = 0
                while block := file.read(_BLOCK):
                    out.write(block)
                    have += len(block)
                    if progress is not None:
                        progress(done + have, total)
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def missing_packages() -> NoSpeechEngine:
    """Say what to install."""
    requirements = " ".join(whisper_manifest().requirements)
    return NoSpeechEngine(
        f"Install the model packages: pip install {requirements}",
        detail_zh=f"请安装模型包：pip install {requirements}",
    )


def fingerprint(directory: Path) -> str:
    """Hash names and contents of all files under `directory`: the identity of a model."""
    paths = (path for path in directory.rglob("*") if path.is_file())
    return _digest({path.relative_to(directory).as_posix(): sha256_of(path) for path in paths})


def pinned_fingerprint() -> str:
    """Give the fingerprint that the pinned model must have."""
    return _digest({file.name: file.sha256 for file in whisper_manifest().files})


def _digest(hashes: dict[str, str]) -> str:
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))
    return hashlib.sha256(lines.encode()).hexdigest()
