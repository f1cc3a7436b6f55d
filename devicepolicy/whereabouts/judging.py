"""Judges fixes: whether they lie at permitted places, and whether anybody gets about that fast. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from devicepolicy.whereabouts.model import Position

EARTH_M = 6_371_008.8
"""Mean radius of the Earth (IUGG)."""
FASTEST_M_S = 300.0
"""1080 km/h: above any airliner's cruising speed over ground, so that no real journey is suspected."""


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Give the great-circle distance of two places in degrees (haversine)."""
    lat1, lon1, lat2, lon2 = map(math.radians, (*one, *other))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * EARTH_M * math.asin(math.sqrt(min(1.0, half)))


def away(position: Position, groups: Sequence[Mapping[str, Any]]) -> bool | None:
    """Tell whether a fix lies outside of the permitted places: at none of some group's.

    None: no places are named, or the fix is too rough to tell.
    """
    if not groups:
        return None
    told = [_outside_of(position, group.get("anyOf") or ()) for group in groups]
    if any(one is True for one in told):
        return True
    return False if all(one is False for one in told) else None


def _outside_of(position: Position, places: Iterable[Mapping[str, Any]]) -> bool | None:
    here, told = (position.latitude, position.longitude), []
    for place in places:
        far, radius = metres(here, (place["latitude"], place["longitude"])), place["radiusMetres"]
        if far + position.accuracy_m <= radius:
            return False
        told.append(far - position.accuracy_m > radius)
    return True if all(told) else None


def too_fast(one: tuple[datetime, Position], other: tuple[datetime, Position]) -> bool:
    """Tell whether nobody gets from one fix to the other in that time, however rough both are."""
    (at, here), (then, there) = one, other
    far = metres((here.latitude, here.longitude), (there.latitude, there.longitude))
    far -= here.accuracy_m + there.accuracy_m
    return far > FASTEST_M_S * max(abs((at - then).total_seconds()), 1.0)
