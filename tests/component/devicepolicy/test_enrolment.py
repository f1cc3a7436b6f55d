"""How a phone comes in, goes, and comes in again: over HTTP, on both databases."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text

from core.access.model import Role
from core.access.models import EmployeeState
from devicepolicy.devices.errors import DeviceStateWrong, HolderInvalid
from devicepolicy.devices.events import DeviceEnded, DeviceTrusted
from devicepolicy.devices.model import DeviceState, Trust
from devicepolicy.devices.models import DeviceRow, ReportRow
from devicepolicy.enrolment.errors import TokenInvalid
from devicepolicy.enrolment.model import NewToken, TokenState
from devicepolicy.enrolment.models import ConsentRow, TokenRow
from devicepolicy.enrolment.provisioning import SetUp, Wifi
from devicepolicy.identity.keys import key_id_of, key_text
from devicepolicy.sync.models import DesiredRow
from tests.support.fleet import House, SimPhone


async def code_of(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1].get("code", "")


async def test_the_whole_way_from_a_qr_code_to_a_compliant_phone(house: House) -> None:
    employee = await house.employee(await house.department())
    status, issued = await house.ask(
        house.admin, "POST", "/enrolment-tokens", json={"name": "前台 3 号", "employee_id": employee}
    )
    assert status == 201
    bundle = json.loads(issued["qr_text"])["android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"]
    assert bundle["maskline.token"] == issued["token"]
    assert bundle["maskline.key"] == key_text(*house.fleet.signer.keys.values())
    phone = SimPhone(house)
    answer = await phone.enrol(bundle["maskline.token"])
    assert answer["trust"] == "PENDING"
    assert [key["x"] for key in answer["keys"]] == [bundle["maskline.key"]]
    status, problem, _ = await phone.send("GET", "/desired")
    assert (status, problem["code"]) == (403, "device-pending")
    _, me, _ = await phone.send("GET", "/me")
    assert (me["trust"], me["employee_assigned"]) == ("PENDING", True)
    assert (await house.ask(house.admin, "POST", f"/devices/{phone.device_id}/approve"))[0] == 204
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    row = await house.row(phone.device_id)
    assert (row.trust, row.employee_id, row.state) == (Trust.TRUSTED, employee, DeviceState.ACTIVE)
    kinds = [kind for kind, _ in await house.booked()]
    for kind in (
        "device.token-issued",
        "device.enrolled",
        "device.consent-given",
        "device.trusted",
        "device.report",
    ):
        assert kind in kinds


async def test_without_the_terms_as_they_are_nothing_is_stored(house: House) -> None:
    issued = await house.token()
    phone = SimPhone(house)
    for consent in (
        {"version": "2020", "sha256": "0" * 64, "language": "zh"},
        {"version": "2026-11-01", "sha256": "0" * 64, "language": "zh"},
    ):
        assert await code_of(await phone.try_enrol(issued.token, consent=consent)) == (409, "consent-stale")
    body = phone.invitation(issued.token)
    del body["consent"]
    status, problem, _ = await phone.send("POST", "/enrol", body, key_id=key_id_of(phone.key.public_key()))
    assert (status, problem["code"]) == (422, "request-invalid")
    assert await house.count(DeviceRow) == await house.count(ConsentRow) == 0
    await phone.enrol(issued.token)


async def test_new_terms_stop_collecting_until_they_are_agreed_to(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    house.clock.advance(timedelta(days=1))
    kept = await house.row(phone.device_id)
    status, problem = await phone.try_report(status={"battery_percent": 1})
    assert (status, problem["code"], problem["facts"]) == (403, "consent-required", {"terms_version": "next"})
    after = await house.row(phone.device_id)
    assert (after.status, after.report_seq, after.last_report_at) == (
        kept.status,
        kept.report_seq,
        kept.last_report_at,
    )
    assert (await phone.send("GET", "/desired"))[0] == 200, "what is wanted is no collecting"
    status, me, _ = await phone.send("GET", "/me")
    assert (me["terms_version"], me["terms_wanted"]) == ("2026-11-01", "next")
    terms = (await phone.send("GET", "/terms"))[1]
    agreed = {"version": terms["version"], "sha256": terms["zh"]["sha256"], "language": "zh"}
    for _ in range(2):
        assert (await phone.send("POST", "/consent", agreed))[0] == 204
    assert await house.count(ConsentRow) == 2
    await phone.report()


async def test_a_withdrawn_consent_stops_collecting(house: House) -> None:
    phone = await house.phone()
    for _ in range(2):
        assert (await phone.send("DELETE", "/consent"))[0] == 204
    assert await code_of(await phone.try_report()) == (403, "consent-required")
    assert await house.count(ReportRow) == 0
    async with house.database.read() as session:
        consent = await session.scalar(select(ConsentRow))
    assert consent is not None
    assert consent.withdrawn_at == house.clock.now()
    assert [kind for kind, _ in await house.booked()].count("device.consent-withdrawn") == 1


async def test_a_token_works_once_in_time_and_is_kept_as_a_hash_only(house: House) -> None:
    used, old, revoked = await house.token(), await house.token(validity_s=60), await house.token()
    await SimPhone(house).enrol(used.token)
    await house.fleet.tokens.revoke(house.admin, revoked.view.id)
    await house.fleet.tokens.revoke(house.admin, used.view.id)
    house.clock.advance(timedelta(seconds=60))
    for token in (used.token, old.token, revoked.token, "x" * 43):
        assert await code_of(await SimPhone(house).try_enrol(token)) == (403, "enrolment-token-refused")
    views, _ = await house.fleet.tokens.find(house.admin)
    assert {view.id: view.state for view in views} == {
        used.view.id: TokenState.USED,
        old.view.id: TokenState.EXPIRED,
        revoked.view.id: TokenState.REVOKED,
    }
    async with house.database.read() as session:
        for name in ("dp_enrolment_tokens", "dp_devices", "dp_history", "core_ledger_entries"):
            found = await session.execute(text(f"SELECT * FROM {name}"))  # noqa: S608 - our own names
            assert used.token not in repr(found.all())


async def test_two_phones_race_for_one_token(house: House) -> None:
    issued = await house.token()
    phones = [SimPhone(house) for _ in range(4)]
    answers = await asyncio.gather(*(phone.try_enrol(issued.token) for phone in phones))
    assert sorted(status for status, _ in answers) == [201, 403, 403, 403]
    assert await house.count(DeviceRow) == 1


async def test_a_phone_whose_answer_was_lost_asks_again_and_is_the_same(house: House) -> None:
    issued = await house.token()
    phone = SimPhone(house)
    first = await phone.enrol(issued.token)
    house.clock.advance(timedelta(hours=3))
    again = await phone.enrol(issued.token)
    assert again["device_id"] == first["device_id"]
    assert await house.count(DeviceRow) == await house.count(ConsentRow) == 1


async def test_a_key_is_proved_by_the_request_that_brings_it_and_is_nobody_elses(house: House) -> None:
    phone, stranger = await house.phone(), Ed25519PrivateKey.generate()
    issued = await house.token()
    other = SimPhone(house)
    body = other.invitation(issued.token)
    own_id = key_id_of(other.key.public_key())
    for key, key_id in ((stranger, own_id), (stranger, key_id_of(stranger.public_key()))):
        status, problem, _ = await other.send("POST", "/enrol", body, key=key, key_id=key_id)
        assert (status, problem["code"]) in {(401, "signature-forged"), (401, "device-key-not-proved")}
    for bad in ("", "x", "A" * 43, None, 5):
        status, problem, _ = await other.send("POST", "/enrol", {**body, "public_key": bad}, key_id=own_id)
        assert (status, problem["code"]) == (401, "device-key-not-proved")
    twin = SimPhone(house, key=phone.key)
    assert await code_of(await twin.try_enrol(issued.token)) == (409, "device-key-used")
    await other.enrol(issued.token)


async def test_the_same_hardware_again_leaves_nothing_of_the_old(house: House) -> None:
    """The old key is dead, the old wish is gone; and a claim that nobody approved throws nobody out."""
    house.hear(DeviceEnded, DeviceTrusted)
    old = await house.phone()
    await old.obey()
    new = SimPhone(house, serial=f" {old.serial.lower()} ")
    await new.enrol((await house.token(approves=False)).token)
    assert (await old.obey())["compliance"] == "COMPLIANT", "not approved yet: nothing happens to the old one"
    assert (await house.ask(house.admin, "POST", f"/devices/{new.device_id}/approve"))[0] == 204
    status, problem, _ = await old.send("GET", "/desired")
    assert (status, problem["code"]) == (403, "device-released")
    before, after = await house.row(old.device_id), await house.row(new.device_id)
    assert (before.trust, before.end_reason, before.settings) == (Trust.RELEASED, "replaced", {})
    assert (after.trust, after.previous_id) == (Trust.TRUSTED, old.device_id)
    async with house.database.read() as session:
        assert set(await session.scalars(select(DesiredRow.device_id))) == {new.device_id}
    assert [event.device_id for event in house.events if isinstance(event, DeviceEnded)] == [old.device_id]
    assert (await new.obey())["desired_version"] == 1


async def test_two_waiting_claims_of_one_hardware_and_only_the_approved_one_lives(house: House) -> None:
    phones = [SimPhone(house, serial="SAME-1234") for _ in range(2)]
    for phone in phones:
        await phone.enrol((await house.token(approves=False)).token)
    await house.fleet.enrolment.approve(house.admin, phones[1].device_id)
    await house.fleet.enrolment.approve(house.admin, phones[1].device_id)
    assert (await house.row(phones[0].device_id)).trust is Trust.RELEASED
    with pytest.raises(DeviceStateWrong):
        await house.fleet.enrolment.approve(house.admin, phones[0].device_id)


async def test_a_rejected_phone_is_told_and_gets_nothing(house: House) -> None:
    phone = SimPhone(house)
    await phone.enrol((await house.token(approves=False)).token)
    for _ in range(2):
        assert (await house.ask(house.admin, "POST", f"/devices/{phone.device_id}/reject"))[0] == 204
    for method, path in (("GET", "/desired"), ("GET", "/me"), ("POST", "/report")):
        status, problem, _ = await phone.send(method, path, phone.told() if method == "POST" else None)
        assert (status, problem["code"]) == (403, "device-rejected")
    assert await code_of(await house.ask(house.admin, "POST", f"/devices/{phone.device_id}/approve")) == (
        409,
        "device-state-wrong",
    )


async def test_another_employee_has_to_agree_for_themselves(house: House) -> None:
    team, other_team = await house.department(), await house.department()
    first, second = await house.employee(team), await house.employee(other_team)
    phone = await house.phone(employee_id=first)
    await phone.obey()
    house.policies.special[other_team.id] = {"bluetoothDisabled": True}
    status, _ = await house.ask(
        house.admin, "PUT", f"/devices/{phone.device_id}/holder", json={"employee_id": second}
    )
    assert status == 204
    row = await house.row(phone.device_id)
    assert (row.employee_id, row.department_id, row.terms_version) == (second, other_team.id, None)
    assert row.desired_version == 2, "the new department's policy holds"
    assert await code_of(await phone.try_report()) == (403, "consent-required")


async def test_a_phone_follows_its_employee_into_another_department(house: House) -> None:
    team, other_team = await house.department(), await house.department()
    employee = await house.employee(team)
    phone = await house.phone(employee_id=employee)
    await phone.obey()
    house.policies.special[other_team.id] = {"bluetoothDisabled": True}
    await house.move(employee, other_team)
    row = await house.row(phone.device_id)
    assert (row.department_id, row.desired_version, row.compliance) == (other_team.id, 2, "PENDING")
    assert row.terms_version == "2026-11-01"
    assert (await phone.obey())["compliance"] == "COMPLIANT"


async def test_who_cannot_have_a_phone(house: House) -> None:
    gone = await house.employee(state=EmployeeState.SUSPENDED)
    for bad in ({"employee_id": gone}, {"employee_id": "f" * 32}, {"department_id": "f" * 32}):
        with pytest.raises(HolderInvalid):
            await house.token(**bad)
    employee = await house.employee()
    issued = await house.token(employee_id=employee)
    waiting = SimPhone(house)
    await waiting.enrol((await house.token(employee_id=employee, approves=False)).token)
    async with house.database.begin() as session:
        await session.execute(text("UPDATE access_employees SET state='suspended'"))
    assert await code_of(await SimPhone(house).try_enrol(issued.token)) == (403, "enrolment-token-refused")
    with pytest.raises(HolderInvalid):
        await house.fleet.enrolment.approve(house.admin, waiting.device_id)


async def test_what_does_not_fit_into_a_qr_code_is_told(house: House) -> None:
    with pytest.raises(TokenInvalid):
        await house.fleet.tokens.issue(house.admin, NewToken("x", set_up=SetUp(wifi=Wifi("x", "中" * 600))))
    assert await house.count(TokenRow) == 0


async def test_only_administrators_let_phones_in_and_out(house: House) -> None:
    phone = await house.phone()
    for role in (Role.AGENT, Role.SUPERVISOR, Role.REVIEWER, Role.AUDITOR):
        somebody = house.principal(role)
        for method, path in (
            ("POST", "/enrolment-tokens"),
            ("GET", "/enrolment-tokens"),
            ("POST", f"/devices/{phone.device_id}/release"),
            ("PUT", f"/devices/{phone.device_id}/holder"),
        ):
            more = {} if method == "GET" else {"json": {}}
            assert (await house.ask(somebody, method, path, **more))[0] == 403, (role, path)


async def test_no_serial_number_is_stored_or_told(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    async with house.database.read() as session:
        for name in ("dp_devices", "dp_history", "dp_reports", "core_ledger_entries"):
            found = await session.execute(text(f"SELECT * FROM {name}"))  # noqa: S608 - our own names
            assert phone.serial not in repr(found.all())
    _, detail = await house.ask(house.admin, "GET", f"/devices/{phone.device_id}")
    assert phone.serial not in json.dumps(detail)


async def test_a_token_brings_its_policy(house: House) -> None:
    with pytest.raises(TokenInvalid):
        await house.token(policy_id="f" * 32)
    house.policies.special["e" * 32] = {"bluetoothDisabled": True}
    phone = await house.phone(policy_id="e" * 32)
    wanted = await phone.fetch()
    assert wanted is not None
    assert wanted["policy"]["bluetoothDisabled"] is True
    assert wanted["version"] == 1, "it was there before the first wish was made"
