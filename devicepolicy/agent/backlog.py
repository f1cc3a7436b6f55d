"""What waits to be handed in, on the phone's disk: numbered without holes, dropped only after an answer.

A real agent has a table of SQLite here. The number is part of the write that keeps the item, so a power cut
leaves no hole; the server takes a hole for evidence that is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .signing import JSON
from .store import Store

ITEM, SOUND, ASIDE = "item-", "sound-", "aside-"
BOOK = "backlog"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record or event. `jump_s`: by how much the clock had been set in all when it was made."""

    name: str
    what: str
    jump_s: float
    item: Mapping[str, JSON] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sound:
    """A recording: what is announced of it; its bytes are on the disk under `name`."""

    name: str
    jump_s: float
    told: Mapping[str, JSON] = field(repr=False)
    failures: int = 0


class Backlog:
    """The phone's journal of what it has still to hand in."""

    def __init__(self, store: Store) -> None:
        self._store = store
        kept = store.read(BOOK) or {"told": 0, "jump_s": 0.0}
        self._told: int = kept["told"]
        self._jump_s: float = kept["jump_s"]
        self._names = store.names(ITEM)
        self._last = max([self._told, *(int(name.removeprefix(ITEM)) for name in self._names)])
        self._sounds = store.names(SOUND)
        for name in list(self._sounds):
            if not store.read(name)["whole"]:  # the power went while it was being written
                self._forget_sound(name)

    @property
    def jump_s(self) -> float:
        """By how much the clock has been set in all."""
        return self._jump_s

    def jumped(self, total_s: float) -> None:
        self._jump_s = total_s
        self._save()

    def count(self) -> tuple[int, int]:
        """Give how many items and recordings wait."""
        return len(self._names), len(self._sounds)

    # --- items

    def add(self, what: str, make: Callable[[int], Mapping[str, JSON]]) -> str:
        """Keep an item; `make` is given its number. Gives its id."""
        number = self._last + 1
        item = make(number)
        name = f"{ITEM}{number:016d}"
        self._store.write(name, {"what": what, "jump_s": self._jump_s, "item": dict(item)})
        self._last = number
        self._names.append(name)
        return str(item["id"])

    def items(self, limit: int) -> list[Waiting]:
        """Give the oldest."""
        return [self._waiting(name) for name in self._names[:limit]]

    def _waiting(self, name: str) -> Waiting:
        kept = self._store.read(name)
        return Waiting(name, kept["what"], kept["jump_s"], kept["item"])

    def done(self, waiting: Sequence[Waiting]) -> None:
        """Forget what was answered. The highest number is noted first: it is never given again."""
        self._told = max(self._told, *(int(one.name.removeprefix(ITEM)) for one in waiting))
        self._save()
        for one in waiting:
            self._store.drop(one.name)
            self._names.remove(one.name)

    def aside(self, waiting: Waiting) -> None:
        """Keep an item that the server cannot read, for its maker to look at; it is not sent again."""
        name = waiting.name.replace(ITEM, ASIDE, 1)
        self._store.write(name, {"what": waiting.what, "item": dict(waiting.item)})
        self.done([waiting])

    # --- recordings

    def add_sound(self, sound_id: str, told: Mapping[str, JSON], content: bytes) -> None:
        """Keep a recording. One that the power interrupts is gone: its call then stands without one."""
        name = f"{SOUND}{self._last:016d}-{sound_id}"
        kept = {"told": dict(told), "jump_s": self._jump_s, "failures": 0}
        self._store.write(name, {**kept, "whole": False})
        self._store.write_bytes(name, content)
        self._store.write(name, {**kept, "whole": True})
        self._sounds.append(name)

    def sounds(self) -> list[Sound]:
        """Give the recordings, oldest first."""
        return [self._sound(name) for name in self._sounds]

    def _sound(self, name: str) -> Sound:
        kept = self._store.read(name)
        return Sound(name, kept["jump_s"], kept["told"], kept["failures"])

    def piece(self, sound: Sound, offset: int, size: int) -> bytes:
        return self._store.read_bytes(sound.name, offset, size)

    def failed(self, sound: Sound, told: Mapping[str, JSON], *, most: int) -> None:
        """Note that all of it came and the hash was wrong; after `most` times it is given up."""
        if sound.failures + 1 >= most:
            self._store.write(f"{ASIDE}{sound.name}", {"told": dict(told)})
            self._forget_sound(sound.name)
            return
        kept = {"told": dict(told), "jump_s": sound.jump_s, "failures": sound.failures + 1, "whole": True}
        self._store.write(sound.name, kept)

    def done_sound(self, sound: Sound) -> None:
        self._forget_sound(sound.name)

    def _forget_sound(self, name: str) -> None:
        self._store.drop(name)
        self._sounds.remove(name)

    def _save(self) -> None:
        self._store.write(BOOK, {"told": self._told, "jump_s": self._jump_s})
