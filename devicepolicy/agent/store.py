"""Where agent and phone keep what must survive a power cut: a document each, replaced as a whole."""

import json
import os
from pathlib import Path
from typing import Protocol

from .signing import JSON


class Store(Protocol):
    """Keeps named JSON documents. A write is there wholly or not at all."""

    def read(self, name: str) -> JSON: ...

    def write(self, name: str, value: JSON) -> None: ...

    def erase(self) -> None: ...


class MemoryStore:
    """A disk for tests and swarms: it survives its agent, not its process."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def read(self, name: str) -> JSON:
        text = self._kept.get(name)
        return None if text is None else json.loads(text)

    def write(self, name: str, value: JSON) -> None:
        self._kept[name] = json.dumps(value)

    def erase(self) -> None:
        self._kept.clear()


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
        fresh = self._folder / f"{name}.new"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(json.dumps(value, ensure_ascii=False).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / f"{name}.json")

    def erase(self) -> None:
        for file in self._folder.glob("*.json"):
            file.unlink()
