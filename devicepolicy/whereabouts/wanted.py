"""What a phone's policy asks of its whereabouts, and when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from devicepolicy.capabilities.orders import Windows
from devicepolicy.uploads.wanted import Window, windows_of, within
from devicepolicy.whereabouts.model import Collection

FLOOR_MINUTES = 5
"""No policy gets fixes that are closer; `policies/data/own.yaml` refuses it too."""
SLACK = 0.8
"""A fix may come this much early: phones batch and wake late."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is asked of one phone. What is not named is not collected: no mode is off, no hours are never."""

    mode: Collection
    interval: timedelta
    windows: tuple[Window, ...]
    zone: ZoneInfo

    @classmethod
    def of(cls, policy: Mapping[str, Any], zone: ZoneInfo) -> "Whereabouts":
        """Read a policy document. The hours are those that the permitted hours leave of them."""
        own = policy.get("maskline") or {}
        location = own.get("location") or {}
        mode = Collection(location.get("mode", Collection.OFF))
        if (own.get("uploads") or {}).get("location") is False:
            mode = Collection.OFF
        hours, permitted = location.get("hours") or [], own.get("permittedHours")
        if permitted is not None:
            hours = Windows().strictest(hours, permitted)
        minutes = max(FLOOR_MINUTES, location.get("intervalMinutes") or FLOOR_MINUTES)
        return cls(mode, timedelta(minutes=minutes), windows_of(hours) or (), zone)

    def outside(self, at: datetime) -> bool:
        """Tell whether a moment lies outside of the hours of collection."""
        return not within(self.windows, at, self.zone)

    @property
    def apart(self) -> timedelta:
        """How far apart two fixes of a track are at least."""
        return self.interval * SLACK
