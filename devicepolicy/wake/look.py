"""What a wake says: look here, there is something of this version. Never what it is."""

import json
from dataclasses import dataclass
from enum import StrEnum


class Place(StrEnum):
    """Where a phone should look."""

    COMMANDS = "commands"
    POLICY = "policy"
    BYE = "bye"
    """Nowhere any more: this phone's connection is over."""


@dataclass(frozen=True, slots=True)
class Look:
    """`version` is the highest number there is (of commands: `last_seq`); 0 where nobody knows.

    A phone that has not seen that version asks for it, signed, and learns the rest there.
    """

    place: Place
    version: int = 0

    def text(self) -> str:
        return json.dumps({"look": self.place.value, "version": self.version}, separators=(",", ":"))
