"""Where agent and phone keep what must survive a power cut: documents and sounds, each as a whole."""

import json
import os
from pathlib import Path
from typing import Protocol

from .signing import JSON


class Store(Protocol):
    """Keeps named JSON documents. A write is there wholly or not at all."""

    def read(self, name: str) -> JSON: ...

    def write(self, name: str, value: JSON) -> None: ...

    def names(self, prefix: str) -> list[str]:
        """Give the documents whose names begin so, in order."""

    def read_bytes(self, name: str, offset: int, size: int) -> bytes: ...

    def write_bytes(self, name: str, raw: bytes) -> None: ...

    def drop(self, name: str) -> None:
        """Forget a document and the bytes of this name; neither need be there."""

    def erase(self) -> None: ...


class MemoryStore:
    """A disk for tests and swarms: it survives its agent, not its process."""

    __slots__ = ("_bytes", "_kept")

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self._bytes: dict[str, bytes] = {}

    def read(self, name: str) -> JSON:
        text = self._kept.get(name)
        return None if text is None else json.loads(text)

    def write(self, name: str, value: JSON) -> None:
        self._kept[name] = json.dumps(value)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self._kept if name.startswith(prefix))

    def read_bytes(self, name: str, offset: int, size: int) -> bytes:
        return self._bytes[name][offset : offset + size]

    def write_bytes(self, name: str, raw: bytes) -> None:
        self._bytes[name] = raw

    def drop(self, name: str) -> None:
        self._kept.pop(name, None)
        self._bytes.pop(name, None)

    def erase(self) -> None:
        self._kept.clear()
        self._bytes.clear()


class FileStore:
    """A folder of files, readable by its owner only; each is written beside and renamed (POSIX rename(2))."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self, name: str) -> JSON:
        try:
            return json.loads((self._folder / f"{name}.json").read_text("utf-8"))
        except FileNotFoundError:
            return None

    def write(self, name: str, value: JSON) -> None:
        self._put(f"{name}.json", json.dumps(value, ensure_ascii=False).encode())

    def names(self, prefix: str) -> list[str]:
        return sorted(file.stem for file in self._folder.glob(f"{prefix}*.json"))

    def read_bytes(self, name: str, offset: int, size: int) -> bytes:
        with (self._folder / f"{name}.bin").open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def write_bytes(self, name: str, raw: bytes) -> None:
        self._put(f"{name}.bin", raw)

    def drop(self, name: str) -> None:
        for kind in ("json", "bin"):
            (self._folder / f"{name}.{kind}").unlink(missing_ok=True)

    def erase(self) -> None:
        for kind in ("json", "bin"):
            for file in self._folder.glob(f"*.{kind}"):
                file.unlink()

    def _put(self, name: str, raw: bytes) -> None:
        """Write beside and rename; the folder is synchronised too, or a power cut undoes the name."""
        fresh = self._folder / f"{name}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
