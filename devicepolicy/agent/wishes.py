"""What the settings in force on the phone ask it to collect, and when."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from .phone import SimulatedPhone
from .signing import JSON

CHINA = timezone(timedelta(hours=8))
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_APP = re.compile(r"maskline\.messagingApps\[([^\[\]]+)\]\.")
_OWN_STATE = frozenset(
    {
        "CONTACT_DELETED",
        "CONTACT_BLOCKED",
        "CHAT_DELETED",
        "BLOCKED_APP_OPENED",
        "SIM_CHANGED",
        "ROOT_FOUND",
        "DEVELOPER_MODE_ON",
        "CHAT_APP_NEW_LOGIN",
    }
)
"""Events of the work phone itself, not of anybody's private life: told at any hour."""
_PERMITTED = frozenset({"SIM_CALLS_ALLOWED", "SIM_CALLS_RECORDED"})


@dataclass(frozen=True, slots=True)
class Wishes:
    """Reads the phone, never the wish: what is not in force is not collected."""

    phone: SimulatedPhone
    zone: tzinfo

    def record(self, kind: str, app: str | None = None) -> bool:
        """Tell whether records of a kind (CALL, SMS, CHAT, FILE) are asked for."""
        value = self.phone.value
        if kind == "CALL":
            return bool(value("maskline.uploads.callLog"))
        if kind == "SMS":
            uploaded = value("maskline.simMessages") == "SIM_MESSAGES_UPLOADED"
            return uploaded or bool(value("maskline.uploads.sms"))
        matches = (_APP.match(name) for name in self.phone.names())
        return app in {match[1] for match in matches if match}

    def recording(self, duration_s: int) -> bool:
        """Tell whether a call that was so long is to be recorded."""
        value = self.phone.value
        asked = value("maskline.simCalls") == "SIM_CALLS_RECORDED" or value("maskline.uploads.simRecordings")
        return bool(asked) and duration_s >= (value("maskline.uploads.effectiveCallSeconds") or 0)

    def event(self, kind: str) -> bool:
        return kind in (self.phone.value("maskline.conductEvents") or ())

    def sim_calls(self) -> bool:
        """Tell whether calls outside of the gateway are permitted."""
        return self.phone.value("maskline.simCalls") in _PERMITTED

    def open_now(self, now_s: float) -> bool:
        """Tell whether these are permitted hours, by the phone's own time zone."""
        windows = self.phone.value("maskline.permittedHours")
        return windows is None or self._within(windows, now_s)

    def location(self) -> str:
        """Tell what is asked of the phone's whereabouts; what is not in force is off."""
        value = self.phone.value
        if value("maskline.uploads.location") is False:
            return "LOCATION_OFF"
        return str(value("maskline.location.mode") or "LOCATION_OFF")

    def location_interval_s(self) -> float:
        return 60.0 * max(5, self.phone.value("maskline.location.intervalMinutes") or 5)

    def location_open(self, now_s: float) -> bool:
        """Tell whether location may be collected now: in its hours and the permitted ones; none are never."""
        windows = self.phone.value("maskline.location.hours") or []
        return self._within(windows, now_s) and self.open_now(now_s)

    def _within(self, windows: Sequence[Mapping[str, JSON]], now_s: float) -> bool:
        at = datetime.fromtimestamp(now_s, UTC).astimezone(self.zone)
        minute = at.hour * 60 + at.minute
        return any(
            window["day"] == _DAYS[at.weekday()] and window["startMinutes"] <= minute < window["endMinutes"]
            for window in windows
        )

    def at_any_hour(self, kind: str) -> bool:
        return kind in _OWN_STATE
