"""Days of the institution's calendar as spans of time."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Calendar:
    """The institution's days. `zone` is its time zone."""

    zone: ZoneInfo

    def today(self, now: datetime) -> date:
        return now.astimezone(self.zone).date()

    def begin(self, day: date) -> datetime:
        """Give the first moment of a day."""
        return datetime.combine(day, time(), self.zone)

    def end(self, day: date) -> datetime:
        """Give the first moment after a day."""
        return self.begin(day + timedelta(days=1))
