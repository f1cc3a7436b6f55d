"""Wall clocks: when a daily window next opens and when the next local day begins, across DST changes."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HORIZON_DAYS = 4
_STEP = timedelta(hours=6)
_SECOND = timedelta(seconds=1)
Window = tuple[time, time]


def is_open(moment: datetime, zone: ZoneInfo, windows: Iterable[Window]) -> bool:
    """Tell whether the wall clock of `zone` stands in a window [opens, closes)."""
    wall = moment.astimezone(zone).time()
    return any(opens <= wall < closes for opens, closes in windows)


def next_opening(after: datetime, zone: ZoneInfo, windows: Iterable[Window]) -> datetime | None:
    """Give the first moment after `after` (UTC) inside a window; None if none comes within days."""
    spans = tuple(windows)
    starts = [opens for opens, _ in spans]
    return _first(after, zone, starts, lambda moment: is_open(moment, zone, spans))


def next_day(after: datetime, zone: ZoneInfo) -> datetime | None:
    """Give the first moment after `after` (UTC) that has another local date."""
    today = local_date(after, zone)
    return _first(after, zone, [time.min], lambda moment: local_date(moment, zone) != today)


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


def _first(
    after: datetime, zone: ZoneInfo, walls: Iterable[time], holds: Callable[[datetime], bool]
) -> datetime | None:
    """Give the first moment at which `holds` can turn true: at one of `walls`, or when the clock is moved."""
    moments = {*_occurrences(after, zone, walls), *_changes(after, zone)}
    return next((moment for moment in sorted(moments) if moment > after and holds(moment)), None)


def _occurrences(after: datetime, zone: ZoneInfo, walls: Iterable[time]) -> Iterator[datetime]:
    """Give each wall time of the coming days as UTC; twice where the clock is put back over it."""
    today = local_date(after, zone)
    for wall in walls:
        for offset in range(HORIZON_DAYS):
            for fold in (0, 1):
                local = datetime.combine(today + timedelta(days=offset), wall, tzinfo=zone)
                yield local.replace(fold=fold).astimezone(UTC)


def _changes(after: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Give the moments (UTC, whole seconds) at which the zone's offset from UTC changes."""
    low = after.astimezone(UTC).replace(microsecond=0)
    end = low + timedelta(days=HORIZON_DAYS)
    while low < end:
        high = low + _STEP
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            yield _bisect(low, high, zone)
        low = high


def _bisect(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    before = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high
