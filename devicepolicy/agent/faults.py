"""What goes wrong on demand: settings refused, late or lied about, power, clock, network, uploads."""

import random
from dataclasses import dataclass, field

POINTS = ("applying", "applied", "kept", "begun", "effect", "done", "reporting")
"""Where power may fail: between two settings, before the version is noted, after commands were stored,
before and after an effect, before its result is stored, before a report goes out."""
UPLOAD_POINTS = ("noticed", "recorded", "sending", "sent", "piece", "complete")
"""And with uploads: before an item or a sound is on the disk, before a batch goes out, after its answer and
before it is dropped, before a piece goes out, after a recording is whole and before it is dropped."""


class PowerLost(Exception):
    """The phone is off. What was on its disk is there when it starts again; this agent object is not."""


class NetworkLost(Exception):
    """The request did not get there, or its answer did not come back: the agent cannot tell which."""


@dataclass(slots=True)
class Faults:
    """All quiet unless told. `power` fails once at a point; `drops` are used up one by each request."""

    refuse: dict[str, str] = field(default_factory=dict)
    """Setting to AMAPI `NonComplianceReason`: the phone does not carry it out, and says why."""
    late: dict[str, int] = field(default_factory=dict)
    """Setting to rounds: it takes effect only after so many rounds, and is PENDING until then."""
    lie: set[str] = field(default_factory=set)
    """Settings that the phone says to have carried out and has not; what it reads back gives it away."""
    refuse_commands: dict[str, str] = field(default_factory=dict)
    """Command type to `ErrorCode`."""
    clock_s: float = 0.0
    """How far the phone's own clock is off; may change at any time."""
    power: str | None = None
    drops: list[str | None] = field(default_factory=list)
    """Each `request` (lost on its way), `answer` (served, then lost) or None (gets through)."""
    loss: float = 0.0
    """Share of requests or answers that get lost, by chance."""
    twice: bool = False
    """Each batch of uploads goes out twice."""
    shuffled: bool = False
    """Uploads go out in any order."""
    lies: int = 0
    """So many items or recordings are sent with a hash that is not theirs."""
    changes: int = 0
    """So many items are sent once more under the same id with other content."""
    chance: random.Random = field(default_factory=random.Random)

    def cut(self, point: str) -> None:
        """Lose power here if that is asked for."""
        if self.power == point:
            self.power = None
            raise PowerLost(point)

    def next_drop(self) -> str | None:
        """Say what happens to this request."""
        if self.drops:
            return self.drops.pop(0)
        if self.loss and self.chance.random() < self.loss:
            return self.chance.choice(("request", "answer"))
        return None
