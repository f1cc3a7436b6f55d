"""The fixed table of causes: no phrase and no code of one leg reaches the other unless it stands here."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cause:
    """A final SIP status and its constant phrase."""

    status: int
    phrase: str


@dataclass(frozen=True, slots=True)
class CauseTable:
    """`causes.toml`, read once."""

    version: int
    phrases: dict[int, str]
    remote: dict[int, int]
    remote_class: dict[int, int]
    own_class: dict[int, int]

    def from_remote(self, status: int) -> Cause:
        """Give what we say when a remote answered `status` (300-699, anything else counts as 500)."""
        ours = self.remote.get(status) or self.remote_class.get(status // 100, 500)
        return Cause(ours, self.phrases[ours])

    def own(self, status: int) -> Cause:
        """Give the phrase of a status that we send, or the fallback of its class."""
        known = status if status in self.phrases else self.own_class.get(status // 100, 500)
        return Cause(known, self.phrases[known])


@cache
def causes() -> CauseTable:
    """Read the table beside this file."""
    data = tomllib.loads((Path(__file__).parent / "causes.toml").read_text(encoding="utf-8"))
    return CauseTable(
        version=data["version"],
        phrases={int(code): phrase for code, phrase in data["phrases"].items()},
        remote=_numbers(data["remote"]),
        remote_class=_numbers(data["remote_class"]),
        own_class=_numbers(data["own_class"]),
    )


def _numbers(table: dict[str, int]) -> dict[int, int]:
    return {int(key): value for key, value in table.items()}
