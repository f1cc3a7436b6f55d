"""Names of settings: field path with the key of a list's item in brackets, and their patterns. Pure."""

import re
from dataclasses import dataclass

_STEP = re.compile(r"([A-Za-z0-9]+)(?:\[([^\[\]]*)\])?(?:\.|$)")
KEY = re.compile(r"[^\[\]\s]{1,200}")
"""What may stand in brackets."""


@dataclass(frozen=True, slots=True)
class Step:
    """One field on the way, and the key of the item if the field is a keyed list."""

    field: str
    key: str | None = None


def steps_of(setting: str) -> tuple[Step, ...]:
    """Take a setting's name apart; raise `ValueError` if it is none."""
    steps: list[Step] = []
    position = 0
    while position < len(setting):
        match = _STEP.match(setting, position)
        if match is None:
            raise ValueError(f"{setting!r} is not the name of a setting")
        steps.append(Step(match[1], match[2]))
        position = match.end()
    if not steps or setting.endswith("."):
        raise ValueError(f"{setting!r} is not the name of a setting")
    return tuple(steps)


def pattern_of(setting: str) -> str:
    """Give the path with empty brackets: `applications[a.b].disabled` -> `applications[].disabled`."""
    return re.sub(r"\[[^\[\]]*\]", "[]", setting)
