"""Location in policies: off unless written, never laxer than any layer, and judged without I/O."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devicepolicy.capabilities.table import table
from devicepolicy.policies.diff import Direction, diff
from devicepolicy.policies.document import Documents
from devicepolicy.policies.merge import merge
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.schema import schemas
from devicepolicy.policies.settings import flatten
from devicepolicy.whereabouts import judging
from devicepolicy.whereabouts.model import Collection, Position, Provider
from devicepolicy.whereabouts.view import Point, crossings
from devicepolicy.whereabouts.wanted import Whereabouts
from tests.unit.devicepolicy.test_policy_merge import laid

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY = {"day": "MONDAY", "startMinutes": 540, "endMinutes": 1080}
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""A Monday, 12:00 in Shanghai."""


def location(**what: Any) -> dict[str, Any]:
    return {"maskline": {"location": what}}


def position(where: tuple[float, float], accuracy_m: float = 10) -> Position:
    return Position(*where, accuracy_m, Provider.GPS, mock=False)


def test_nothing_is_collected_unless_it_is_written() -> None:
    off = [{}, {"maskline": {}}, location(hours=[MONDAY]), location(mode="LOCATION_OFF", hours=[MONDAY])]
    assert {Whereabouts.of(document, ZONE).mode for document in off} == {Collection.OFF}
    for ready in ready_policies():
        assert Whereabouts.of(ready.document, ZONE).mode is Collection.OFF
    tracked = location(mode="LOCATION_TRACK", hours=[MONDAY])
    assert Whereabouts.of(tracked, ZONE).mode is Collection.TRACK
    tracked["maskline"]["uploads"] = {"location": False}
    assert Whereabouts.of(tracked, ZONE).mode is Collection.OFF, "the main switch"
    assert Whereabouts.of(location(mode="LOCATION_TRACK"), ZONE).outside(NOON), "no hours are never"


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (location(mode="LOCATION_TRACK", intervalMinutes=5), "hours"),
        (location(mode="LOCATION_CHECK_IN_ONLY", hours=[]), "hours"),
        (location(mode="LOCATION_TRACK", hours=[MONDAY]), "intervalMinutes"),
        (location(mode="LOCATION_TRACK", hours=[MONDAY], intervalMinutes=4), "intervalMinutes"),
        (location(mode="LOCATION_CHECK_IN_ONLY", hours=[MONDAY | {"endMinutes": 540}]), "hours[0]"),
        (
            {**location(mode="LOCATION_CHECK_IN_ONLY", hours=[MONDAY]), "locationMode": "LOCATION_DISABLED"},
            "mode",
        ),
        (
            {
                "maskline": {
                    "location": {"mode": "LOCATION_CHECK_IN_ONLY", "hours": [MONDAY]},
                    "permittedHours": [MONDAY | {"endMinutes": 1000}],
                }
            },
            "hours",
        ),
    ],
)
def test_a_policy_that_collects_says_when_and_how_often(document: dict[str, Any], where: str) -> None:
    faults = Documents(schemas(), table()).faults(document)
    assert [fault.path for fault in faults] == [f"$.maskline.location.{where}"]


def test_of_several_layers_the_least_is_collected() -> None:
    one = location(mode="LOCATION_TRACK", intervalMinutes=5, hours=[MONDAY])
    two = location(
        mode="LOCATION_CHECK_IN_ONLY",
        intervalMinutes=60,
        hours=[MONDAY | {"startMinutes": 600, "endMinutes": 1200}],
    )
    for layers in ((one, two), (two, one)):
        made = merge([laid(n, flatten(layer, table())) for n, layer in enumerate(layers)], table()).document
        found = Whereabouts.of(made, ZONE)
        assert (found.mode, found.interval) == (Collection.CHECK_IN_ONLY, timedelta(minutes=60))
        assert [(window.start, window.end) for window in found.windows] == [(600, 1080)]


def test_switching_location_on_is_told_as_laxer_and_leaving_it_out_as_stricter() -> None:
    name, track = "maskline.location.mode", "LOCATION_TRACK"
    for before, after, way in (({}, {name: track}, Direction.LAXER), ({name: track}, {}, Direction.STRICTER)):
        assert [one.direction for one in diff(before, after, table())] == [way]


def test_a_fence_is_judged_with_the_fixs_roughness() -> None:
    groups = [{"anyOf": [{"latitude": 31.24, "longitude": 121.5, "radiusMetres": 500}]}]
    assert judging.away(position((31.24, 121.5)), groups) is False
    assert judging.away(position((31.26, 121.5)), groups) is True
    assert judging.away(position((31.26, 121.5), 5000), groups) is None
    assert judging.away(position((31.24, 121.5)), []) is None
    both = [*groups, {"anyOf": [{"latitude": 39.9, "longitude": 116.4, "radiusMetres": 500}]}]
    assert judging.away(position((31.24, 121.5)), both) is True, "one place of each group"


def test_crossings_follow_from_what_can_be_told() -> None:
    told = [None, True, None, True, False, None, False, True]
    points = [
        Point(NOON + timedelta(hours=n), position((0, 0)), too_fast=False, away=away)
        for n, away in enumerate(told)
    ]
    assert [(one.at.hour - 4, one.kind.value) for one in crossings(points)] == [
        (1, "outside"), (4, "entered"), (7, "left"),
    ]  # fmt: skip


def test_nobody_is_suspected_of_flying_in_an_airliner() -> None:
    shanghai, peking = position((31.2397, 121.4998)), position((39.9087, 116.3975))
    assert not judging.too_fast((NOON, shanghai), (NOON + timedelta(minutes=75), peking))
    assert judging.too_fast((NOON, shanghai), (NOON + timedelta(minutes=30), peking))
    assert not judging.too_fast(
        (NOON, position((31.2397, 121.4998), 2000)), (NOON, position((31.25, 121.5), 2000))
    )


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(PLACES, PLACES)
def test_distances_are_the_same_both_ways_and_never_farther_than_half_round(
    one: tuple[float, float], other: tuple[float, float]
) -> None:
    far = judging.metres(one, other)
    assert 0 <= far <= 20_015_115
    assert far == pytest.approx(judging.metres(other, one), abs=1e-3)
