"""Whereabouts as their readers see them. A leaf: no I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from devicepolicy.whereabouts.model import PhotoState, Position, Purpose, Refusal


@dataclass(frozen=True, slots=True)
class Point:
    """One fix of a track."""

    at: datetime
    position: Position
    too_fast: bool
    away: bool | None


class CrossingKind(StrEnum):
    ENTERED = "entered"
    LEFT = "left"
    OUTSIDE = "outside"
    """The track begins outside of the permitted places."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """The first fix on the other side of the permitted places' border."""

    at: datetime
    kind: CrossingKind


@dataclass(frozen=True, slots=True)
class Track:
    """A day of one phone by the institution's clock. `consents`: versions of the terms it rests on."""

    day: date
    points: Sequence[Point]
    crossings: Sequence[Crossing]
    refused: Mapping[Refusal, int]
    consents: Sequence[str]


@dataclass(frozen=True, slots=True)
class CheckInView:
    """A check-in. `position` None: its key was destroyed."""

    id: str
    at: datetime
    employee_id: str
    customer_id: str | None
    purpose: Purpose
    mock: bool
    sha256: str
    photo: PhotoState
    photo_sha256: str
    position: Position | None
    terms_version: str


def crossings(points: Sequence[Point]) -> list[Crossing]:
    """Judge where a track goes in and out; fixes that are too rough to tell say nothing."""
    made: list[Crossing] = []
    before: bool | None = None
    for point in points:
        if point.away is None or point.away == before:
            continue
        if point.away:
            made.append(Crossing(point.at, CrossingKind.OUTSIDE if before is None else CrossingKind.LEFT))
        elif before is not None:
            made.append(Crossing(point.at, CrossingKind.ENTERED))
        before = point.away
    return made
