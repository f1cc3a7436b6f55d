"""Nights: the hours from one time of day to another, in the institution's zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


def night_of(at: datetime, zone: ZoneInfo, begins: time, ends: time) -> tuple[datetime, datetime] | None:
    """Give the night that a moment is in, as UTC, half open; None by day.

    Where the clock is put forward or back a night is as long as its times of day say.
    """
    day = at.astimezone(zone).date()
    for first in (day - DAY, day):
        night = _night(first, zone, begins, ends)
        if night[0] <= at < night[1]:
            return night
    return None


def nights_between(
    since: datetime, until: datetime, zone: ZoneInfo, begins: time, ends: time
) -> list[tuple[datetime, datetime]]:
    """Give every night that has a moment of the span, the first one first."""
    day, last = since.astimezone(zone).date() - DAY, until.astimezone(zone).date()
    found = []
    while day <= last:
        night = _night(day, zone, begins, ends)
        if night[1] > since and night[0] <= until:
            found.append(night)
        day += DAY
    return found


def first_day(night: tuple[datetime, datetime], zone: ZoneInfo) -> date:
    """Give the day on which a night began."""
    return night[0].astimezone(zone).date()


def _night(day: date, zone: ZoneInfo, begins: time, ends: time) -> tuple[datetime, datetime]:
    last = day if begins < ends else day + DAY
    return (
        datetime.combine(day, begins, zone).astimezone(UTC),
        datetime.combine(last, ends, zone).astimezone(UTC),
    )
