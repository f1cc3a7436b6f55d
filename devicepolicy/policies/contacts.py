"""What a policy says of its employee's contacts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.ledger.record import JSON

_COMPLIANCE, _SILENCE = "contactNeedsCompliance", "maxSilenceMinutes"


@dataclass(frozen=True, slots=True)
class ContactRule:
    """None: the policy says nothing, so what the deployment says holds."""

    needs_compliance: bool | None = None
    """True: no contact unless the phone is enrolled and compliant. False: its compliance does not matter."""
    max_silence_minutes: int | None = None

    @classmethod
    def of(cls, policy: Mapping[str, Any]) -> "ContactRule":
        """Read a policy document."""
        own = policy.get("maskline") or {}
        return cls(own.get(_COMPLIANCE), own.get(_SILENCE))

    @classmethod
    def in_settings(cls, settings: Mapping[str, JSON]) -> "ContactRule":
        """Read a policy's settings by their paths; values were checked when it was published."""
        needs, minutes = settings.get(f"maskline.{_COMPLIANCE}"), settings.get(f"maskline.{_SILENCE}")
        return cls(needs if isinstance(needs, bool) else None, minutes if isinstance(minutes, int) else None)
