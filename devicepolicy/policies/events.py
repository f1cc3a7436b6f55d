"""What happened to policies, told in the same transaction."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """What holds may be different now for these devices; None means that it may be any."""

    device_ids: frozenset[str] | None
