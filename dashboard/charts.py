"""Charts that the server draws: columns as fractions of the plot, so that they fit any width.

A column is a stack of pieces, each with a number and the address of the list behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 200
LABELS = 8
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a column. `look` names its colour (a class), `series` the key of its name."""

    series: str
    look: str
    count: int
    address: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column and what stands below it; `label` is its whole name."""

    label: str
    short: str
    pieces: tuple[Piece, ...]

    @property
    def total(self) -> int:
        return sum(piece.count for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Box:
    """Where a piece is drawn: x and width in percent of the plot, y and height in pixels."""

    piece: Piece
    label: str
    x: float
    width: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A label: `at` is in percent of the width (below) or in pixels from the top (beside a line)."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """Columns ready to be drawn, `height` pixels high."""

    columns: tuple[Column, ...]
    boxes: tuple[Box, ...]
    lines: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    height: int

    @property
    def total(self) -> int:
        return sum(column.total for column in self.columns)


def column_chart(columns: Sequence[Column], height: int = HEIGHT) -> ColumnChart:
    """Lay columns out. Empty pieces are not drawn; a small one is at least two pixels high."""
    top = scale(max((column.total for column in columns), default=0))
    step = 100 / max(1, len(columns))
    boxes: list[Box] = []
    for at, column in enumerate(columns):
        floor = float(height)
        for piece in column.pieces:
            if piece.count == 0:
                continue
            tall = max(2.0, round(height * piece.count / top[-1], 1))
            floor -= tall
            boxes.append(
                Box(piece, column.label, round((at + 0.14) * step, 3), round(0.72 * step, 3), floor, tall)
            )
    every = -(-len(columns) // LABELS) or 1
    labels = tuple(
        Tick(column.short, round((at + 0.5) * step, 3))
        for at, column in enumerate(columns)
        if (len(columns) - 1 - at) % every == 0
    )
    lines = tuple(Tick(str(value), round(height * (1 - value / top[-1]), 1)) for value in top)
    return ColumnChart(tuple(columns), tuple(boxes), lines, labels, height)


def scale(most: int) -> list[int]:
    """Give the values of the lines: round ones, from nought to at least `most`, about four of them."""
    size, step = 1, 1
    while True:
        for factor in STEPS:
            step = factor * size
            if step * 4 >= most:
                return [*range(0, max(most, 1) + step, step)]
        size *= 10
