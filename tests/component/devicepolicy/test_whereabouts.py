"""Location is taken in by policy, by consent and within hours, or not at all; what is refused is only counted."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import LargeBinary, inspect, select, text, type_coerce

from core.access.model import Role
from core.audit.models import AccessRow
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from devicepolicy.whereabouts.models import (
    CheckInRow,
    LocationConsentRow,
    LocationFixRow,
    LocationRefusalRow,
)
from tests.support.fleet import House
from tests.support.whereabouts import BUND, PEKING, PlaceDesk, open_place_desk, policy

SHIFT = [{"day": "SATURDAY", "startMinutes": 22 * 60, "endMinutes": 1440},
         {"day": "SUNDAY", "startMinutes": 0, "endMinutes": 6 * 60}]  # fmt: skip
MIDNIGHT = datetime(2026, 11, 28, 16, 0, tzinfo=UTC)
"""In Shanghai Saturday becomes Sunday."""


@pytest.fixture
async def desk(database: Database, clock: ManualClock, settings: Settings) -> AsyncIterator[PlaceDesk]:
    async with open_place_desk(House(database, clock, settings)) as desk:
        yield desk


async def rows(desk: PlaceDesk, table: Any) -> list[Any]:
    async with desk.house.database.read() as session:
        return list(await session.scalars(select(table)))


async def refused(desk: PlaceDesk) -> dict[str, int]:
    return {row.reason.value: row.count for row in await rows(desk, LocationRefusalRow)}


def told(desk: PlaceDesk) -> list[str]:
    return sorted(kind for kind, _ in desk.neighbours.seen_conduct)


async def everything(database: Database) -> bytes:
    """All that stands in any table, as bytes."""
    found = bytearray()
    async with database.read() as session:
        tables = await (await session.connection()).run_sync(lambda sync: inspect(sync).get_table_names())
        for table in tables:
            for row in await session.execute(text(f'SELECT * FROM "{table}"')):  # noqa: S608 - names of ours
                found += repr(tuple(row)).encode()
    return bytes(found)


async def test_without_a_policy_that_tracks_no_fix_is_kept(desk: PlaceDesk) -> None:
    off = [
        policy(None),
        policy("LOCATION_OFF"),
        policy("LOCATION_CHECK_IN_ONLY"),
        policy(uploads={"location": False}),
    ]
    for wanted in off:
        phone = await desk.agreed(wanted)
        assert await phone.fixes(phone.fix()) == ["not-wanted"], wanted
    assert await rows(desk, LocationFixRow) == []
    assert [row.count for row in await rows(desk, LocationRefusalRow)] == [1] * len(off)


async def test_the_general_terms_are_not_consent_to_location(desk: PlaceDesk) -> None:
    phone = await desk.somebody()
    status, answer = await phone.try_fixes(phone.fix(), phone.fix())
    assert (status, answer["code"]) == (403, "location-consent-required")
    assert (await phone.check_in(phone.visit()))[1]["code"] == "location-consent-required"
    assert await rows(desk, LocationFixRow) == await rows(desk, CheckInRow) == []
    assert await refused(desk) == {"no-consent": 3}
    _, state, _ = await phone.send("GET", "/location/consent")
    assert (state["terms_version"], state["terms_wanted"]) == (None, "2026-11-22-location")


async def test_consent_is_to_these_terms_word_for_word_and_only_beside_the_general_ones(
    desk: PlaceDesk,
) -> None:
    phone = await desk.somebody()
    assert (await phone.agree(sha256="0" * 64))[1]["code"] == "consent-stale"
    general = desk.house.fleet.consent.current()
    assert (await phone.agree(version=general.version, sha256=general.sha256["zh"]))[0] == 409
    await phone.send("DELETE", "/consent")
    assert (await phone.agree())[1]["code"] == "consent-required"
    assert await rows(desk, LocationConsentRow) == []


async def test_what_is_agreed_to_is_kept_once_and_in_the_ledger(desk: PlaceDesk) -> None:
    phone = await desk.agreed()
    await phone.agree()
    (consent,) = await rows(desk, LocationConsentRow)
    fix = phone.fix()
    assert await phone.fixes(fix, fix) == ["kept", "duplicate"]
    assert await phone.fixes(fix) == ["duplicate"], "the answer was lost: the phone sends it again"
    assert await phone.fixes({**phone.fix(PEKING, id=fix["id"])}) == ["contradiction"]
    assert await phone.fixes({**phone.fix(), "sha256": "0" * 64}) == ["hash-mismatch"]
    (row,) = await rows(desk, LocationFixRow)
    booked = dict(await desk.house.booked())
    assert booked["location.fixes"]["fixes"] == [row.sha256] == [fix["sha256"]]
    given = booked["location.consent-given"]
    assert (given["terms"], given["consent"]) == ("2026-11-22-location", consent.id)
    assert await refused(desk) == {"contradiction": 1, "hash-mismatch": 1}


async def test_withdrawn_means_nothing_more_and_the_tracks_go_with_their_key(desk: PlaceDesk) -> None:
    phone = await desk.agreed()
    assert await phone.fixes(phone.fix()) == ["kept"]
    assert await phone.withdraw() == await phone.withdraw() == 204
    desk.house.clock.advance(timedelta(minutes=10))
    assert (await phone.try_fixes(phone.fix()))[1]["code"] == "location-consent-required"
    desk.neighbours.held.add((await rows(desk, LocationFixRow))[0].employee_id)
    await desk.whereabouts.upkeep()
    assert len(await rows(desk, LocationFixRow)) == 1, "held for evidence"
    desk.neighbours.held.clear()
    await desk.whereabouts.upkeep()
    await desk.whereabouts.upkeep()
    assert await rows(desk, LocationFixRow) == []
    (consent,) = await rows(desk, LocationConsentRow)
    assert consent.track_erased_at is not None
    async with desk.house.database.read() as session:
        assert await desk.keys.ciphers(session, [consent.track_key, consent.check_in_key]) == {}
    between = phone.fix()
    desk.house.clock.advance(timedelta(minutes=10))
    await phone.agree()
    assert await phone.fixes(between) == ["before-consent"], "what happened without consent stays out"
    kinds = [kind for kind, _ in await desk.house.booked()]
    assert kinds.count("location.consent-ended") == 1
    assert kinds.count("location.erased") == 2


async def test_another_holder_has_to_agree_for_themselves(desk: PlaceDesk) -> None:
    phone = await desk.agreed()
    first = (await desk.house.row(phone.device_id)).employee_id
    second = await desk.house.employee()
    for holder in (second, first):
        await desk.house.fleet.enrolment.assign(desk.house.admin, phone.device_id, employee_id=holder)
        terms = desk.house.fleet.consent.current()
        again = {"version": terms.version, "sha256": terms.sha256["zh"], "language": "zh"}
        assert (await phone.send("POST", "/consent", again))[0] == 204
        assert (await phone.try_fixes(phone.fix()))[1]["code"] == "location-consent-required"
    (consent,) = await rows(desk, LocationConsentRow)
    assert consent.end_reason.value == "assigned"


async def test_hours_are_judged_by_our_clock_across_midnight(desk: PlaceDesk) -> None:
    """A shift from 22:00 to 06:00; the phones' clocks may say what they like."""
    clock = desk.house.clock
    clock.set(MIDNIGHT - timedelta(hours=3))
    phones = [await desk.agreed(policy(hours=SHIFT)) for _ in range(3)]
    for phone, drift in zip(phones, (0, 7, -7), strict=True):
        phone.drift = timedelta(hours=drift)
    for hour, wanted in ((-3, "outside-hours"), (-2, "kept"), (0, "kept"), (5, "kept"), (6, "outside-hours")):
        clock.set(MIDNIGHT + timedelta(hours=hour))
        for phone in phones:
            assert await phone.fixes(phone.fix()) == [wanted], (hour, phone.drift)
    for phone in phones:
        late = [phone.fix(at=(phone.now() - timedelta(hours=ago)).isoformat()) for ago in (2, 8.5, 10)]
        assert await phone.fixes(*late) == ["kept", "outside-hours", "before-consent"], phone.drift
    counted = {(row.day.day, row.reason.value): row.count for row in await rows(desk, LocationRefusalRow)}
    assert counted == {(28, "outside-hours"): 1, (29, "outside-hours"): 2, (29, "before-consent"): 1}


async def test_the_permitted_hours_of_work_cut_those_of_location_and_none_are_never(desk: PlaceDesk) -> None:
    desk.house.clock.set(MIDNIGHT)
    for wanted in (policy(hours=SHIFT, permittedHours=SHIFT[:1]), policy(hours=[])):
        phone = await desk.agreed(wanted)
        assert await phone.fixes(phone.fix()) == ["outside-hours"]
    await desk.house.policy(policy())
    await phone.fetch()
    desk.house.clock.advance(timedelta(hours=1))
    made = [phone.fix(at=(phone.now() - timedelta(minutes=ago)).isoformat()) for ago in (0, 3, 10, 5, 20)]
    assert await phone.fixes(*made[:3]) == ["too-soon", "kept", "kept"], "closer than the interval"
    assert await phone.fixes(*made[3:]) == ["too-soon", "kept"], "in any order"


async def test_mock_locations_and_leaps_are_told_once_a_day(desk: PlaceDesk) -> None:
    phone = await desk.agreed()
    assert await phone.fixes(phone.fix(mock=True)) == ["kept"]
    desk.house.clock.advance(timedelta(minutes=6))
    assert await phone.fixes(phone.fix(mock=True)) == ["kept"]
    assert told(desk) == ["MOCK_LOCATION"]
    desk.house.clock.advance(timedelta(minutes=6))
    await phone.fixes(phone.fix(PEKING))
    assert told(desk) == ["IMPOSSIBLE_SPEED", "MOCK_LOCATION"], "1070 km in six minutes"
    await desk.house.policy(policy(mockLocation="MOCK_LOCATION_ALLOWED"))
    await phone.fetch()
    desk.house.clock.advance(timedelta(days=1))
    await phone.fixes(phone.fix(PEKING, mock=True))
    assert len(told(desk)) == 2
    assert [row.too_fast for row in sorted(await rows(desk, LocationFixRow), key=lambda row: row.at)] == [
        False, False, True, False,
    ]  # fmt: skip


async def test_the_fence_is_judged_again_from_the_fixes(desk: PlaceDesk) -> None:
    place = {"name": "外滩网点", "latitude": BUND[0], "longitude": BUND[1], "radiusMetres": 500}
    phone = await desk.agreed(policy(permittedPlaces=[{"anyOf": [place]}]))
    for where, rough in ((PEKING, 10), (BUND, 10), (BUND, 5000), ((31.30, 121.50), 10)):
        desk.house.clock.advance(timedelta(hours=3))
        assert await phone.fixes(phone.fix(where, accuracy_m=rough)) == ["kept"]
    assert told(desk) == ["OUTSIDE_PLACES", "OUTSIDE_PLACES"]
    day = desk.house.clock.now().astimezone().date()
    status, track = await desk.look(desk.house.admin, phone)
    found = [one["kind"] for one in track["crossings"]]
    assert (status, found, day is not None) == (200, ["outside", "entered", "left"], True)
    assert [point["away"] for point in track["points"]] == [True, False, None, True]


async def test_who_may_see_a_track_and_that_every_look_is_written_down(desk: PlaceDesk) -> None:
    house = desk.house
    team, other = await house.department(), await house.department()
    employee = await house.employee(team)
    phone = await desk.agreed(employee_id=employee, department_id=team.id)
    await phone.fixes(phone.fix())
    own = house.principal(Role.AGENT, employee, team)
    may = [house.admin, house.principal(Role.SUPERVISOR, None, team), own]
    for principal in may:
        status, track = await desk.look(principal, phone)
        assert (status, track["points"][0]["lat"], track["consents"]) == (
            200,
            BUND[0],
            ["2026-11-22-location"],
        )
        assert (await desk.look(principal, phone, "check-ins"))[0] == 200
    for principal in (
        house.principal(Role.SUPERVISOR, None, other),
        house.principal(Role.AGENT, None, team),
    ):
        assert (await desk.look(principal, phone))[0] == 404
    for role in (Role.AUDITOR, Role.REVIEWER):
        assert (await desk.look(house.principal(role), phone))[0] == 403
    lines = await rows(desk, AccessRow)
    assert [line.kind for line in lines].count("location.track-read") == len(may)
    assert [line.kind for line in lines].count("location.check-ins-read") == len(may)
    assert {line.actor_id for line in lines} == {one.employee_id for one in may}


async def test_tracks_go_after_thirty_days_unless_they_are_held(desk: PlaceDesk) -> None:
    phone, other = await desk.agreed(), await desk.agreed()
    for one in (phone, other):
        await one.fixes(one.fix())
    held = await desk.house.row(other.device_id)
    desk.neighbours.held.add(held.employee_id or "")
    desk.house.clock.advance(timedelta(days=29))
    await desk.whereabouts.upkeep()
    assert len(await rows(desk, LocationFixRow)) == 2
    desk.house.clock.advance(timedelta(days=2))
    await desk.whereabouts.upkeep()
    (left,) = await rows(desk, LocationFixRow)
    assert left.device_id == other.device_id
    assert await rows(desk, LocationRefusalRow) == []


async def test_coordinates_stand_nowhere_in_the_clear(
    desk: PlaceDesk, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    phone = await desk.agreed()
    caplog.set_level("DEBUG")
    assert await phone.fixes(phone.fix()) == ["kept"]
    assert (await phone.check_in(phone.visit()))[0] == 200
    await phone.try_fixes({**phone.fix(), "lat": 131.2397})
    await desk.look(desk.house.admin, phone)
    said = capsys.readouterr()
    async with desk.house.database.read() as session:
        sealed = await session.scalar(select(type_coerce(LocationFixRow.body, LargeBinary)))
    for digits in (b"31.2397", b"121.4998"):
        assert digits not in await everything(desk.house.database)
        assert digits not in bytes(sealed or b"")
        assert digits.decode() not in said.out + said.err + caplog.text
    (row,) = await rows(desk, LocationFixRow)
    assert "31.2397" not in repr(row.__dict__)
