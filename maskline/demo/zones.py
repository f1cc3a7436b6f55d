"""Where the demo's customers live: the clock is real, so the place is chosen to fit the hour."""

from datetime import datetime
from zoneinfo import ZoneInfo

# Home first; the others only so that the demo can be played at any hour of the day.
_PLACES = (
    "Asia/Shanghai", "Asia/Urumqi", "Asia/Dubai", "Europe/Berlin", "Europe/London", "America/Sao_Paulo",
    "America/New_York", "America/Denver", "America/Los_Angeles", "Pacific/Honolulu", "Pacific/Auckland",
    "Australia/Sydney", "Asia/Tokyo",
)  # fmt: skip
_DAY = range(9, 20)
_LATE_HOUR = 22


def daytime_zone(now: datetime) -> str:
    """Give a place where it is between 9:00 and 20:00 now, China if it is there."""
    for name in _PLACES:
        if now.astimezone(ZoneInfo(name)).hour in _DAY:
            return name
    raise LookupError("the earth has no day")  # pragma: no cover - some place always has


def late_zone(now: datetime) -> str:
    """Give a place where it is between 22:00 and 23:00 now."""
    for name in _PLACES:
        if now.astimezone(ZoneInfo(name)).hour == _LATE_HOUR:
            return name
    offset = (_LATE_HOUR - now.astimezone(ZoneInfo("UTC")).hour) % 24
    hours = offset if offset <= 14 else offset - 24
    sign = "-" if hours >= 0 else "+"  # POSIX counts the other way: Etc/GMT-8 is east of Greenwich
    return f"Etc/GMT{sign}{abs(hours)}" if hours else "Etc/GMT"
