"""How long an agent waits before it tries again: longer each time, and never as long as the others.

Full jitter: anything between nothing and a bound that doubles. Ten thousand phones that lose their server in
the same moment so come back one after the other, and not in waves.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

FIRST_S = 10.0
MOST_S = 120.0


@dataclass(slots=True)
class Backoff:
    """One row of attempts; `chance` gives a number from 0 to 1."""

    first_s: float = FIRST_S
    most_s: float = MOST_S
    chance: Callable[[], float] = random.random
    failures: int = 0

    def next_s(self) -> float:
        """Give the pause before the next attempt. It counts as failed until `worked` is called."""
        bound_s = min(self.most_s, self.first_s * 2.0**self.failures)
        if bound_s < self.most_s:
            self.failures += 1
        return bound_s * self.chance()

    def worked(self) -> None:
        """Begin anew: somebody answered."""
        self.failures = 0
