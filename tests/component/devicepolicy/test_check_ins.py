"""A check-in is an employee's own act: position, purpose and picture, kept encrypted and for its own time."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.access.model import Role
from core.audit.models import AccessRow
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.ids import new_id
from devicepolicy.whereabouts import sealing
from devicepolicy.whereabouts.models import (
    CheckInRow,
    LocationConsentRow,
    LocationFixRow,
    LocationRefusalRow,
)
from maskline.wiring.whereabouts import SafePictures
from tests.support.fleet import House
from tests.support.whereabouts import PICTURE, PlaceDesk, open_place_desk, policy

CHECK_INS = policy("LOCATION_CHECK_IN_ONLY")


@pytest.fixture
async def desk(database: Database, clock: ManualClock, settings: Settings) -> AsyncIterator[PlaceDesk]:
    async with open_place_desk(House(database, clock, settings)) as desk:
        yield desk


async def rows(desk: PlaceDesk, table: Any) -> list[Any]:
    async with desk.house.database.read() as session:
        return list(await session.scalars(select(table).order_by(table.received_at, table.id)))


async def test_a_visit_with_its_picture_is_kept_once_and_proved(desk: PlaceDesk) -> None:
    phone, binding, customer = await desk.agreed(CHECK_INS), new_id(), await desk.customer()
    row = await desk.house.row(phone.device_id)
    desk.bindings.known[row.employee_id or "", binding] = customer
    visit = phone.visit(binding_id=binding)
    status, answer = await phone.check_in(visit)
    assert (status, answer["photo"], answer["bound"]) == (200, "AWAITED", True)
    assert (await phone.check_in(visit))[1] == answer, "sent again after a lost answer"
    for _ in range(2):
        status, whole = await phone.photo(answer["id"])
        assert (status, whole["photo"]) == (200, "COMPLETE")
    assert (await phone.check_in(visit))[1]["photo"] == "COMPLETE"
    (kept,) = await rows(desk, CheckInRow)
    assert (kept.customer_id, kept.media_type) == (customer, "image/jpeg")
    booked = dict(await desk.house.booked())
    assert booked["location.check-in"]["photo_sha256"] == visit["photo_sha256"]
    assert booked["location.check-in-photo"] == {
        "check_in": kept.id, "sha256": visit["photo_sha256"], "size": len(PICTURE),
    }  # fmt: skip
    async with desk.house.database.begin() as session:
        await desk.whereabouts.forget_customer(session, customer)
    _, page = await desk.look(desk.house.admin, phone, "check-ins")
    assert (page["items"][0]["purpose"], page["items"][0]["customer_id"]) == ("sales-visit", None)
    assert await rows(desk, LocationFixRow) == [], "a check-in is no track"


async def test_pictures_are_seen_by_those_who_may_and_each_look_is_written_down(desk: PlaceDesk) -> None:
    house = desk.house
    team, other = await house.department(), await house.department()
    phone = await desk.agreed(CHECK_INS, employee_id=await house.employee(team), department_id=team.id)
    _, made = await phone.check_in(phone.visit())
    path = f"/devices/{phone.device_id}/check-ins/{made['id']}/photo"
    supervisor = house.principal(Role.SUPERVISOR, None, team)
    assert (await house.ask(supervisor, "GET", path))[0] == 404, "it has not come"
    await phone.photo(made["id"])
    assert house.http is not None
    headers = {"Authorization": f"Bearer {house.let_in(supervisor)}"}
    async with house.http.get(f"/api/v1{path}", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "image/jpeg")
        assert await response.read() == PICTURE
    for stranger in (house.principal(Role.SUPERVISOR, None, other), house.principal(Role.AGENT)):
        assert (await house.ask(stranger, "GET", path))[0] == 404
    async with house.database.read() as session:
        lines = list(await session.scalars(select(AccessRow)))
    assert [(line.kind, line.target_id) for line in lines] == [("location.check-in-photo-shown", made["id"])]


async def test_what_is_not_the_announced_picture_is_refused_and_not_kept(desk: PlaceDesk) -> None:
    phone = await desk.agreed(CHECK_INS)
    _, made = await phone.check_in(phone.visit())
    for content, reason in (
        (PICTURE[:-1], "size"),
        (b"MZ" + PICTURE[2:], "type"),
        (PICTURE[:-1] + b"!", "sha256"),
    ):
        status, answer = await phone.photo(made["id"], content)
        assert (status, answer["code"], answer["facts"]["reason"]) == (422, "photo-refused", reason)
        (row,) = await rows(desk, CheckInRow)
        assert (row.photo.value, row.blob_id) == ("AWAITED", None)
    assert (await phone.photo(made["id"]))[0] == 200, "the right one is still welcome"


async def test_no_check_in_against_policy_hours_or_consent_and_no_picture_after_a_withdrawal(
    desk: PlaceDesk,
) -> None:
    phone, stranger = await desk.agreed(policy("LOCATION_OFF")), await desk.agreed(CHECK_INS)
    await desk.house.policy(policy("LOCATION_OFF"))
    await phone.fetch()
    status, answer = await phone.check_in(phone.visit())
    assert (status, answer["code"], answer["facts"]["reason"]) == (409, "check-in-refused", "not-wanted")
    await desk.house.policy(policy("LOCATION_CHECK_IN_ONLY", hours=[]))
    await phone.fetch()
    assert (await phone.check_in(phone.visit()))[1]["facts"]["reason"] == "outside-hours"
    await desk.house.policy(CHECK_INS)
    await phone.fetch()
    _, made = await phone.check_in(phone.visit(mock=True))
    assert ("MOCK_LOCATION") in {kind for kind, _ in desk.neighbours.seen_conduct}
    assert (await stranger.photo(made["id"]))[0] == 404, "another phone's"
    await phone.withdraw()
    assert (await phone.photo(made["id"]))[1]["code"] == "location-consent-required"
    async with desk.house.database.read() as session:
        counts = {row.reason.value: row.count for row in await session.scalars(select(LocationRefusalRow))}
    assert counts == {"not-wanted": 1, "outside-hours": 1, "no-consent": 1}


async def test_check_ins_outlive_tracks_and_a_withdrawal_and_go_in_their_own_time(desk: PlaceDesk) -> None:
    phone, held = await desk.agreed(), await desk.agreed()
    for one in (phone, held):
        await one.fixes(one.fix())
        _, made = await one.check_in(one.visit())
        await one.photo(made["id"])
    first, second = await rows(desk, CheckInRow)
    await phone.withdraw()
    desk.neighbours.held.add(second.employee_id)
    desk.house.clock.advance(timedelta(days=31))
    await desk.whereabouts.upkeep()
    assert [row.device_id for row in await rows(desk, LocationFixRow)] == [held.device_id]
    assert len(await rows(desk, CheckInRow)) == 2
    assert (await desk.look(desk.house.admin, phone, "check-ins"))[1]["items"][0]["lat"] is not None
    desk.house.clock.advance(timedelta(days=335))
    await desk.whereabouts.upkeep()
    (left,) = await rows(desk, CheckInRow)
    assert left.id == second.id, "held for evidence"
    found = await desk.blobs.open(left.blob_id, await key_of(desk, left))
    assert found.size == len(PICTURE)
    await found.aclose()
    erased = [body["class"] for kind, body in await desk.house.booked() if kind == "location.erased"]
    assert erased == ["tracks", "check-ins"], "keys under which nothing is left are destroyed"
    assert first.blob_id != left.blob_id


async def key_of(desk: PlaceDesk, row: CheckInRow) -> bytes:
    async with desk.house.database.read() as session:
        consent = await session.get_one(LocationConsentRow, row.consent_id)
        cipher = await desk.keys.cipher(session, consent.check_in_key)
    return sealing.photo_key(cipher, row.id)


def test_pictures_go_through_the_checks_of_every_upload() -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0" + b"\0" * 20
    huge = png[:16] + b"\0\1\0\0\0\1\0\0" + png[24:]
    pictures = SafePictures()
    assert pictures.check(png) == "image/png"
    for bad in (huge, b"GIF89a" + bytes(20), b"%PDF-1.7", b"<svg onload=x>", b"", b"PK\x03\x04"):
        assert pictures.check(bad) is None
