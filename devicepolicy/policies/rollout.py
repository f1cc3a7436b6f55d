"""Who is in a staged roll-out, and when it halts by itself. Pure."""

import hashlib
from dataclasses import dataclass

SHARES = 10_000
"""A percentage is cut into hundredths."""


def bucket(rollout_id: str, device_id: str) -> int:
    """Give a device's place from 0 to 9,999: always the same in one roll-out, another in the next.

    The roll-out's id is part of the hash, so that it is not always the same phones that go first.
    """
    digest = hashlib.sha256(f"{rollout_id}:{device_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SHARES


def included(rollout_id: str, device_id: str, percentage: int) -> bool:
    """Say whether a device is in; a wider roll-out includes everybody of a narrower one."""
    return bucket(rollout_id, device_id) < percentage * (SHARES // 100)


@dataclass(frozen=True, slots=True)
class AbortRule:
    """Halt when at least `percent` of the phones that reported fail, but not before `after` reported."""

    percent: int
    after: int

    def broken(self, *, reported: int, failed: int) -> bool:
        return reported >= self.after and failed > 0 and failed * 100 >= self.percent * reported
