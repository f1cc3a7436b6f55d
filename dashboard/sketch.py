"""A track as a plain drawing: no map, nothing from elsewhere. Pure.

Degrees become metres on a plane that touches the Earth at the middle of the track (equirectangular): over a
day's distances that is exact enough for a sketch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from devicepolicy.whereabouts.judging import EARTH_M
from devicepolicy.whereabouts.view import Point

WIDTH, HEIGHT, EDGE = 640, 360, 28
LEAST_M = 200.0
"""A phone that lies on a desk is drawn as a dot, not as its noise blown up."""
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Dot:
    """One fix in pixels; `look` is the class of its mark."""

    x: float
    y: float
    look: str
    point: Point


@dataclass(frozen=True, slots=True)
class Sketch:
    """A drawing `WIDTH` by `HEIGHT`; the bar is `bar_m` metres or `bar_px` pixels long. North is up."""

    dots: tuple[Dot, ...]
    bar_m: int
    bar_px: float

    @property
    def line(self) -> str:
        """Give the way as the points of an SVG polyline."""
        return " ".join(f"{dot.x:g},{dot.y:g}" for dot in self.dots)


def sketch(points: Sequence[Point]) -> Sketch | None:
    """Draw a track; None where there is nothing to draw."""
    if not points:
        return None
    middle = sum(point.position.latitude for point in points) / len(points)
    metre = math.radians(1) * EARTH_M
    places = [
        (point.position.longitude * metre * math.cos(math.radians(middle)), point.position.latitude * metre)
        for point in points
    ]
    west, east = min(x for x, _ in places), max(x for x, _ in places)
    south, north = min(y for _, y in places), max(y for _, y in places)
    wide, high = max(east - west, LEAST_M), max(north - south, LEAST_M)
    scale = min((WIDTH - 2 * EDGE) / wide, (HEIGHT - 2 * EDGE) / high)
    dots = tuple(
        Dot(
            round(WIDTH / 2 + (x - (west + east) / 2) * scale, 1),
            round(HEIGHT / 2 - (y - (south + north) / 2) * scale, 1),
            _look(point),
            point,
        )
        for (x, y), point in zip(places, points, strict=True)
    )
    bar_m = _round(WIDTH / 4 / scale)
    return Sketch(dots, bar_m, round(bar_m * scale, 1))


def _look(point: Point) -> str:
    if point.position.mock:
        return "mock"
    if point.too_fast:
        return "fast"
    return "away" if point.away else "plain"


def _round(most: float) -> int:
    """Give the longest round number of metres that is no longer."""
    power = int(10 ** math.floor(math.log10(max(most, 1.0))))
    return max(step * power for step in _STEPS if step * power <= max(most, 1.0))
