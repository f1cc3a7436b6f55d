"""Whereabouts at the HTTP edge. All coordinates are WGS-84."""

from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from core.ledger.record import JSON
from core.web.schema import ApiModel, IdStr
from devicepolicy.enrolment.schemas import Sha256
from devicepolicy.uploads.schemas import MAX_BATCH, Moment, PhonesId, Salt
from devicepolicy.whereabouts.check_ins import MAX_PHOTO_BYTES
from devicepolicy.whereabouts.model import (
    CheckInAnswer,
    ConsentState,
    Fix,
    FixAnswer,
    FixOutcome,
    NewCheckIn,
    PhotoState,
    Position,
    Provider,
    Purpose,
    Refusal,
)
from devicepolicy.whereabouts.view import CheckInView, Crossing, Point, Track

Latitude = Annotated[
    float, Field(ge=-90, le=90, allow_inf_nan=False, description="WGS-84, degrees. Never GCJ-02.")
]
Longitude = Annotated[
    float, Field(ge=-180, le=180, allow_inf_nan=False, description="WGS-84, degrees. Never GCJ-02.")
]


class FixIn(ApiModel):
    """One fix. `sha256` is that of the RFC 8785 bytes of it without `sha256`."""

    id: PhonesId
    at: Moment
    salt: Salt
    sha256: Sha256
    lat: Latitude
    lon: Longitude
    accuracy_m: float = Field(ge=0, le=100_000, allow_inf_nan=False)
    provider: Provider
    mock: bool = Field(description="Android `Location.isMock`")

    def position(self) -> Position:
        return Position(self.lat, self.lon, self.accuracy_m, self.provider, self.mock)


class FixesIn(ApiModel):
    """A batch of fixes, in any order. `sent_at` is the phone's clock at this request."""

    sent_at: Moment
    fixes: list[FixIn] = Field(min_length=1, max_length=MAX_BATCH)

    def taken(self, raw: list[dict[str, JSON]]) -> list[Fix]:
        """Give what the service takes; `raw` is what the phone sent, fix by fix."""
        return [
            Fix(one.id, one.at, one.sha256, one.position(), _without_hash(sent))
            for one, sent in zip(self.fixes, raw, strict=True)
        ]


class FixesOut(ApiModel):
    """Outcomes in the order of the batch; after any of them the phone may forget the fix."""

    outcomes: list[FixOutcome]
    server_time: AwareDatetime
    skew_s: int

    @classmethod
    def of(cls, answer: FixAnswer) -> "FixesOut":
        return cls(outcomes=list(answer.outcomes), server_time=answer.server_time, skew_s=answer.skew_s)


class CheckInBody(FixIn):
    """A check-in: a fix, what for, and the picture that follows. `binding_id`: the customer visited."""

    purpose: Purpose
    binding_id: IdStr | None = None
    photo_sha256: Sha256
    photo_size: int = Field(ge=1, le=MAX_PHOTO_BYTES)


class CheckInIn(ApiModel):
    """An employee checks in. `sent_at` is the phone's clock at this request."""

    sent_at: Moment
    check_in: CheckInBody

    def taken(self, raw: dict[str, JSON]) -> NewCheckIn:
        """Give what the service takes; `raw` is the check-in as the phone sent it."""
        one = self.check_in
        return NewCheckIn(
            id=one.id,
            at=one.at,
            sha256=one.sha256,
            position=one.position(),
            original=_without_hash(raw),
            purpose=one.purpose,
            binding_id=one.binding_id,
            photo_sha256=one.photo_sha256,
            photo_size=one.photo_size,
        )


class CheckInPath(ApiModel):
    check_in_id: IdStr


class CheckInStateOut(ApiModel):
    """AWAITED: send the picture. `bound`: the binding is the employee's, and its customer is noted."""

    id: str
    photo: PhotoState
    bound: bool

    @classmethod
    def of(cls, answer: CheckInAnswer) -> "CheckInStateOut":
        return cls(id=answer.id, photo=answer.photo, bound=answer.bound)


class LocationConsentOut(ApiModel):
    """The terms on location that are asked for, and those that are agreed to; null: none that hold."""

    terms_wanted: str
    terms_version: str | None
    given_at: AwareDatetime | None

    @classmethod
    def of(cls, state: ConsentState) -> "LocationConsentOut":
        return cls(terms_wanted=state.wanted, terms_version=state.agreed, given_at=state.given_at)


class DevicePath(ApiModel):
    id: IdStr


class PhotoPath(ApiModel):
    id: IdStr
    check_in_id: IdStr


class DayQuery(ApiModel):
    """Which day, by the institution's clock; today where none is named."""

    day: date | None = None


class PointOut(ApiModel):
    """One fix, WGS-84. `away`: outside of the permitted places; null where that cannot be told."""

    at: AwareDatetime
    lat: float
    lon: float
    accuracy_m: float
    provider: Provider
    mock: bool
    too_fast: bool
    away: bool | None

    @classmethod
    def of(cls, point: Point) -> "PointOut":
        where = point.position
        return cls(
            at=point.at,
            lat=where.latitude,
            lon=where.longitude,
            accuracy_m=where.accuracy_m,
            provider=where.provider,
            mock=where.mock,
            too_fast=point.too_fast,
            away=point.away,
        )


class CrossingOut(ApiModel):
    """At `at` the phone was first seen inside (entered) or outside (left; outside: it began so)."""

    at: AwareDatetime
    kind: str

    @classmethod
    def of(cls, crossing: Crossing) -> "CrossingOut":
        return cls(at=crossing.at, kind=crossing.kind.value)


class TrackOut(ApiModel):
    """A day of one phone, with the consents that it rests on and how many fixes were refused."""

    day: date
    points: list[PointOut]
    crossings: list[CrossingOut]
    refused: dict[Refusal, int]
    consents: list[str] = Field(description="Versions of the terms on location that were agreed to")

    @classmethod
    def of(cls, track: Track) -> "TrackOut":
        return cls(
            day=track.day,
            points=[PointOut.of(point) for point in track.points],
            crossings=[CrossingOut.of(one) for one in track.crossings],
            refused=dict(track.refused),
            consents=list(track.consents),
        )


class CheckInOut(ApiModel):
    """One check-in. `point` is null once what it was sealed under is destroyed."""

    id: str
    at: AwareDatetime
    employee_id: str
    customer_id: str | None
    purpose: Purpose
    mock: bool
    sha256: str
    photo: PhotoState
    photo_sha256: str
    lat: float | None
    lon: float | None
    accuracy_m: float | None
    terms_version: str

    @classmethod
    def of(cls, view: CheckInView) -> "CheckInOut":
        where: dict[str, Any] = {"lat": None, "lon": None, "accuracy_m": None}
        if view.position is not None:
            where = {
                "lat": view.position.latitude,
                "lon": view.position.longitude,
                "accuracy_m": view.position.accuracy_m,
            }
        told = {name: getattr(view, name) for name in cls.model_fields if name not in where}
        return cls(**told, **where)


def _without_hash(sent: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in sent.items() if name != "sha256"}
