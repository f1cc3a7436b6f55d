"""What a phone's policy asks it to hand in, and when. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from devicepolicy.uploads.catalogue import OutsideHours
from devicepolicy.uploads.model import EventKind, Outcome, RecordKind

_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_SIM_CALLS_PERMITTED = frozenset({"SIM_CALLS_ALLOWED", "SIM_CALLS_RECORDED"})


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one weekday (Monday is 0), in minutes of the day; the end is not in it."""

    day: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of one phone. What its policy does not name is not collected (PIPL Article 6)."""

    kinds: frozenset[RecordKind]
    apps: frozenset[str]
    """The messaging apps under policy: nothing of another app is taken."""
    events: frozenset[EventKind]
    windows: tuple[Window, ...] | None
    """None: no hours are named. Empty: layers that leave nothing in common; then no hour is permitted."""
    zone: ZoneInfo
    sim_calls: bool
    """Whether calls past the gateway are permitted."""
    recorded_from_s: int = 0
    """A call that was shorter is not recorded."""

    @classmethod
    def of(cls, policy: Mapping[str, Any], zone: ZoneInfo) -> "Wanted":
        """Read a policy document."""
        own = policy.get("maskline") or {}
        uploads = own.get("uploads") or {}
        apps = frozenset(app["packageName"] for app in own.get("messagingApps") or () if "packageName" in app)
        sim_calls, sim_messages = own.get("simCalls"), own.get("simMessages")
        asked = {
            RecordKind.CALL: bool(uploads.get("callLog")),
            RecordKind.SMS: bool(uploads.get("sms")) or sim_messages == "SIM_MESSAGES_UPLOADED",
            RecordKind.CHAT: bool(apps),
            RecordKind.RECORDING: bool(uploads.get("simRecordings")) or sim_calls == "SIM_CALLS_RECORDED",
        }
        return cls(
            kinds=frozenset(kind for kind, wanted in asked.items() if wanted),
            apps=apps,
            events=frozenset(EventKind(name) for name in own.get("conductEvents") or ()),
            windows=windows_of(own.get("permittedHours")),
            zone=zone,
            sim_calls=sim_calls in _SIM_CALLS_PERMITTED,
            recorded_from_s=uploads.get("effectiveCallSeconds") or 0,
        )

    def record(self, kind: RecordKind, app: str | None) -> bool:
        """Tell whether a kind of record is asked for."""
        if kind in {RecordKind.CHAT, RecordKind.FILE}:  # files of a chat are asked for with the chat
            return RecordKind.CHAT in self.kinds and app in self.apps
        return kind in self.kinds

    def recording(self, duration_s: int) -> bool:
        """Tell whether a call that was so long is to be recorded and handed in."""
        return RecordKind.RECORDING in self.kinds and duration_s >= self.recorded_from_s

    def outside(self, at: datetime) -> bool:
        """Tell whether a moment lies outside of the permitted hours. Without windows none does."""
        return self.windows is not None and not within(self.windows, at, self.zone)


def within(windows: Sequence[Window], at: datetime, zone: ZoneInfo) -> bool:
    """Tell whether a moment lies in one of these windows, by the zone's clock."""
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    return any(window.day == local.weekday() and window.start <= minute < window.end for window in windows)


def windows_of(told: Sequence[Mapping[str, Any]] | None) -> tuple[Window, ...] | None:
    if told is None:
        return None
    return tuple(Window(_DAYS.index(one["day"]), one["startMinutes"], one["endMinutes"]) for one in told)


def refusal(
    rule: OutsideHours, *, wanted: bool, outside: bool, of_customer: bool, at: datetime, since: datetime
) -> Outcome | None:
    """Say why something is not collected; None: it is."""
    if not wanted:
        return Outcome.NOT_WANTED
    if at < since:
        return Outcome.BEFORE_CONSENT
    if outside and (rule is OutsideHours.DROP or (rule is OutsideHours.CUSTOMERS and not of_customer)):
        return Outcome.OUTSIDE_HOURS
    return None
