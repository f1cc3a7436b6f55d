"""What is wanted of a phone and what it proves: versions, entity tags, reports, proofs, on both databases."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, text

from core.access.events import DepartmentMoved
from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.events import (
    DeviceCameBack,
    DeviceWentOffline,
)
from devicepolicy.devices.model import SEEN_EVERY, DeviceState
from devicepolicy.devices.models import ReportRow
from devicepolicy.devices.proof import holds
from devicepolicy.sync import desired as desired_module
from devicepolicy.sync.models import DesiredRow
from tests.support.fleet import POLICY, House, SimPhone

STRICTER = {**POLICY, "bluetoothDisabled": True}


async def versions(house: House, phone: SimPhone) -> list[DesiredRow]:
    async with house.database.read() as session:
        query = select(DesiredRow).where(DesiredRow.device_id == phone.device_id)
        return list(await session.scalars(query.order_by(DesiredRow.version)))


async def settings_of(house: House, phone: SimPhone) -> dict[str, str]:
    found = (await house.row(phone.device_id)).settings["settings"]
    return {name: status["state"] for name, status in found.items()}


async def test_what_a_phone_has_it_is_not_sent_again(house: House) -> None:
    phone = await house.phone()
    first = await phone.fetch()
    assert first is not None
    assert first["policy"] == POLICY
    assert await phone.fetch() is None
    for other in ('"1.abc"', "*", "", '"0.' + "0" * 64 + '"'):
        status, answer, _ = await phone.send("GET", "/desired", headers={"If-None-Match": other})
        assert (status, answer["version"]) == (200, 1)
    house.clock.advance(timedelta(days=6))
    phone.etag = None
    assert await phone.fetch() is not None, "asked anew, it is signed anew"


async def test_versions_only_rise_and_old_ones_never_change(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    (first,) = await versions(house, phone)
    await house.policy(STRICTER)
    await house.policy(STRICTER)
    await house.policy(POLICY)
    found = await versions(house, phone)
    assert [row.version for row in found] == [1, 2, 3]
    assert found[0].sha256 == first.sha256 == found[2].sha256
    assert found[0].document == first.document
    wanted = await phone.fetch()
    assert wanted is not None, "the first document again is still another wish"
    assert wanted["version"] == 3


async def test_one_phones_report_leaves_the_others_alone(house: House) -> None:
    first, second = await house.phone(), await house.phone()
    await first.obey()
    before = await house.row(first.device_id)
    second.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    await second.obey()
    after = await house.row(first.device_id)
    for name in ("settings", "compliance", "report_seq", "desired_version", "status", "last_report_at"):
        assert getattr(after, name) == getattr(before, name), name


async def test_a_server_restored_from_a_backup_gets_ahead_of_its_phones_again(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    for document in (STRICTER, POLICY):
        await house.policy(document)
    await phone.obey()
    assert phone.version == 3
    async with house.database.begin() as session:  # what a backup of before knows
        await session.execute(text("DELETE FROM dp_desired WHERE version > 1"))
        await session.execute(
            text("UPDATE dp_devices SET desired_version = 1, report_seq = 0, report_hash = NULL")
        )
    phone.seq = 10
    answer = await phone.report()
    assert (answer["compliance"], answer["desired_version"]) == ("PENDING", 4), (
        "we do not know: not compliant"
    )
    assert (await phone.obey())["compliance"] == "COMPLIANT", (
        "the phone takes nothing that is behind what it saw"
    )
    assert [row.cause for row in await versions(house, phone)] == ["trusted", "overtaken"]


async def test_what_the_hardware_cannot_do_is_expected_and_no_fault(house: House) -> None:
    await house.policy(
        {**POLICY, "deviceConnectivityManagement": {"usbDataAccess": "DISALLOW_USB_DATA_TRANSFER"}}
    )
    usb = "deviceConnectivityManagement.usbDataAccess"
    phone = await house.phone()
    phone.api_level = 26
    phone.refuses[usb] = (Reason.API_LEVEL, "Android 8")
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    assert (await settings_of(house, phone))[usb] == "EXPECTED"
    phone.api_level = 34
    assert (await phone.report())["compliance"] == "NOT_COMPLIANT", "after the upgrade it could"


async def test_reports_are_taken_in_order_and_once(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    early = phone.told()
    late = phone.told(status={"battery_percent": 10})
    assert (await phone.send("POST", "/report", late))[0] == 200
    status, problem, _ = await phone.send("POST", "/report", early)
    assert (status, problem["code"], problem["facts"]) == (409, "report-out-of-order", {"last_seq": 3})
    again, _, _ = await phone.send("POST", "/report", late)
    assert again == 200, "the answer was lost: the same report gets the same answer"
    status, problem, _ = await phone.send("POST", "/report", {**late, "status": {"battery_percent": 11}})
    assert (status, problem["code"]) == (409, "report-out-of-order")
    assert (await house.row(phone.device_id)).status == {"battery_percent": 10}


async def test_a_clock_that_was_turned_back_orders_nothing_wrong(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    early = house.clock.now() - timedelta(minutes=4)
    status, _, _ = await phone.send(
        "POST", "/report", phone.told(status={"battery_percent": 5}), created=early
    )
    assert status == 200
    assert (await house.row(phone.device_id)).status == {"battery_percent": 5}


async def test_the_proof_of_a_report_is_the_phones_own_signature(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    _, page = await house.ask(house.admin, "GET", f"/devices/{phone.device_id}")
    (line,) = page["proofs"]
    _, proof = await house.ask(house.admin, "GET", f"/devices/{phone.device_id}/reports/{line['id']}")
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(proof["public_key"] + "="))
    assert key == phone.key.public_key()
    assert proof["holds"] is True
    key.verify(base64.b64decode(proof["signature"]), proof["signature_base"].encode())
    body = base64.b64decode(proof["body"])
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert f"sha-256=:{digest}:" in proof["signature_base"]
    assert json.loads(body)["applied_sha256"] == phone.sha256
    found = await house.fleet.queries.proof(house.admin, phone.device_id, line["id"])
    told = (found.public_key, found.signature_base, found.signature, found.body)
    for place, forged in ((0, bytes(32)), (1, told[1] + " "), (2, bytes(64)), (3, body + b" ")):
        assert not holds(*(forged if place == index else value for index, value in enumerate(told)))
    booked = [body for kind, body in await house.booked() if kind == "device.report"]
    assert [entry["content_sha256"] for entry in booked] == [line["content_sha256"]]


async def test_reports_that_say_the_same_are_one_proof_and_time_drops_all_but_the_last(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    for battery in range(5):
        await phone.report(status={"battery_percent": battery})
    assert await house.count(ReportRow) == 1
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    await phone.report()
    assert await house.count(ReportRow) == 2
    house.clock.advance(timedelta(days=house.settings.phones.reports.keep_days + 1))
    await house.fleet.sweep()
    assert await house.count(ReportRow) == 1
    await house.policy(STRICTER)
    assert (await settings_of(house, phone))["screenCaptureDisabled"] == "APPLIED", (
        "the last one still counts"
    )


BAD: tuple[dict[str, Any], ...] = (
    {"seq": 0},
    {"seq": 2**63},
    {"applied_version": 2**31},
    {"settings": {"cameraAccess": {"reason": "NOT_REPORTED"}}},
    {"settings": {"cameraAccess": {"sha256": "x"}}},
    {"settings": {"camera access": {}}},
    {"settings": {"cameraAccess": {"detail": "call 138 0013 8000"}}},
    {"settings": {"cameraAccess": {"detail": "a\nb"}}},
    {"status": {"battery_percent": 101}},
    {"os_version": "13800138000"},
    {"state": "DELETED"},
    {"facts": {"api_level": 33, "backends": []}},
    {"surprise": 1},
)


async def test_a_report_that_is_not_as_agreed_is_refused_whole(house: House) -> None:
    phone = await house.phone()
    for bad in BAD:
        status, problem = await phone.try_report(**bad)
        assert (status, problem["code"]) == (422, "request-invalid"), bad
    assert (await house.row(phone.device_id)).report_seq == 0


async def test_a_wide_change_is_marked_at_once_and_computed_by_the_chore_or_when_asked(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desired_module, "AT_ONCE", 1)
    phones = [await house.phone() for _ in range(4)]
    for phone in phones:
        await phone.obey()
    await house.policy(STRICTER)
    rows = [await house.row(phone.device_id) for phone in phones]
    assert {(row.desired_stale, row.desired_version) for row in rows} == {(True, 1)}
    wanted = await phones[0].fetch()
    assert wanted is not None, "who asks hears what is wanted now, also with an entity tag"
    assert wanted["version"] == 2
    assert (await phones[1].report())["desired_version"] == 2, "and a report is judged by it"
    assert await house.fleet.desired.catch_up(limit=1) == 1
    await house.fleet.catch_up()
    rows = [await house.row(phone.device_id) for phone in phones]
    assert {(row.desired_stale, row.desired_version, row.compliance) for row in rows} == {
        (False, 2, "PENDING")
    }


async def test_a_frozen_phone_is_told_by_its_wish_and_not_compliant_until_it_is(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    async with house.database.begin() as session:
        await house.fleet.desired.set_state(session, phone.device_id, DeviceState.DISABLED, by=None)
    wanted = await phone.fetch()
    assert wanted is not None
    assert (wanted["state"], wanted["version"]) == ("DISABLED", 2)
    phone.etag = None
    await phone.apply()
    assert (await phone.report(state="ACTIVE"))["compliance"] == "NOT_COMPLIANT"
    assert (await phone.report())["compliance"] == "COMPLIANT"
    row = await house.row(phone.device_id)
    assert (row.state, row.applied_state) == (DeviceState.DISABLED, DeviceState.DISABLED)


async def test_a_silent_phone_is_told_once_and_comes_back_with_its_report(house: House) -> None:
    house.hear(DeviceWentOffline, DeviceCameBack)
    phone, other = await house.phone(), await house.phone()
    house.clock.advance(timedelta(seconds=house.settings.phones.reports.offline_s - 1))
    await other.obey()
    house.clock.advance(timedelta(seconds=2) + SEEN_EVERY)
    for _ in range(2):
        await house.fleet.sweep()
    assert [event.device_id for event in house.events] == [phone.device_id]
    assert (await house.row(phone.device_id)).offline
    await phone.obey()
    assert not (await house.row(phone.device_id)).offline
    assert [type(event) for event in house.events] == [DeviceWentOffline, DeviceCameBack]
    _, history = await house.ask(house.admin, "GET", f"/devices/{phone.device_id}/history")
    assert {"offline", "online"} <= {line["kind"] for line in history["items"]}


async def test_a_department_that_moves_takes_its_phones_under_other_policies(house: House) -> None:
    above, team = await house.department(), await house.department()
    phone = await house.phone(department_id=team.id)
    await phone.obey()
    house.policies.special[above.id] = {"bluetoothDisabled": True}
    async with house.database.begin() as session:
        await session.execute(
            text("UPDATE access_departments SET path = :path WHERE id = :id"),
            {"path": f"{above.path}{team.id}/", "id": team.id},
        )
        await house.bus.publish(session, DepartmentMoved(team.id, f"{above.path}{team.id}/", None))
    assert [row.cause for row in await versions(house, phone)] == ["trusted", "department"]


async def test_a_rolled_back_change_leaves_no_wish_behind(house: House) -> None:
    phone = await house.phone()
    await phone.obey()

    async def broken() -> None:
        async with house.database.begin() as session:
            await house.fleet.desired.set_state(session, phone.device_id, DeviceState.LOST, by=None)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await broken()
    assert len(await versions(house, phone)) == 1
    assert (await house.row(phone.device_id)).desired_version == 1
