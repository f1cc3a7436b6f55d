"""Keeps account of the numbers that a phone gives to what it hands in: a hole is evidence that is missing."""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.ids import new_id
from devicepolicy.uploads.models import UploadGapRow, UploadMarkRow


async def seen(session: AsyncSession, device_id: str, numbers: Iterable[int], now: datetime) -> None:
    """Note numbers that came. The phone's row is locked: nobody else writes here."""
    ordered = sorted(set(numbers))
    if not ordered:
        return
    mark = await session.get(UploadMarkRow, device_id)
    if mark is None:
        mark = UploadMarkRow(device_id=device_id, seen_to=0)
        session.add(mark)
    fresh = bisect_left(ordered, mark.seen_to + 1)
    if fresh:
        await _fill(session, device_id, ordered[:fresh], now)
    for number in ordered[fresh:]:
        if number > mark.seen_to + 1:
            session.add(_gap(device_id, mark.seen_to + 1, number - 1, now))
        mark.seen_to = number
    await session.flush()


async def _fill(session: AsyncSession, device_id: str, numbers: list[int], now: datetime) -> None:
    """Close what came late. A gap that somebody was told of stays in the books as filled."""
    query = select(UploadGapRow).where(
        UploadGapRow.device_id == device_id,
        UploadGapRow.filled_at.is_(None),
        UploadGapRow.last >= numbers[0],
        UploadGapRow.first <= numbers[-1],
    )
    for gap in list(await session.scalars(query)):
        inside = numbers[bisect_left(numbers, gap.first) : bisect_left(numbers, gap.last + 1)]
        if not inside:
            continue
        edges = [gap.first - 1, *inside, gap.last + 1]
        left = [(low + 1, high - 1) for low, high in pairwise(edges) if high - low > 1]
        if not left:
            if gap.told_at is None:
                await session.delete(gap)
            gap.filled_at = now
            continue
        (gap.first, gap.last), *others = left
        for first, last in others:
            part = _gap(device_id, first, last, gap.found_at)
            part.told_at, part.conduct_id = gap.told_at, gap.conduct_id
            session.add(part)


def _gap(device_id: str, first: int, last: int, now: datetime) -> UploadGapRow:
    return UploadGapRow(id=new_id(), device_id=device_id, first=first, last=last, found_at=now)
