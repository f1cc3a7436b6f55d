"""Who sees which phones: every address, every role (Headwind 5.38: limited users read what was others')."""

from datetime import timedelta
from typing import Any

import pytest

from core.access.model import Role
from core.errors import Forbidden
from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.model import Trust
from devicepolicy.devices.queries import DeviceFilter
from tests.support.fleet import House, SimPhone


async def the_fleet(house: House) -> tuple[dict[str, Any], dict[str, SimPhone]]:
    """Two departments, one below the other, one beside; a phone in each, and one of nobody."""
    top = await house.department()
    below, beside = await house.department(top), await house.department()
    people = {
        name: await house.employee(unit) for name, unit in (("mine", top), ("team", below), ("other", beside))
    }
    phones = {
        name: await house.phone(employee_id=employee, name=f"phone {name}")
        for name, employee in people.items()
    }
    phones["nobody"] = await house.phone(name="spare 备用")
    for phone in phones.values():
        await phone.obey()
    readers = {
        "agent": house.principal(Role.AGENT, people["mine"], top),
        "supervisor": house.principal(Role.SUPERVISOR, None, top),
        "stranger": house.principal(Role.AGENT),
        "auditor": house.principal(Role.AUDITOR),
        "admin": house.admin,
    }
    return readers, phones


SEES = {
    "agent": {"mine"},
    "supervisor": {"mine", "team"},
    "stranger": set(),
    "auditor": {"mine", "team", "other", "nobody"},
    "admin": {"mine", "team", "other", "nobody"},
}


async def test_headwind_5_38_5_33_nobody_reads_a_phone_beyond_their_scope(house: House) -> None:
    """Headwind 5.38, 5.33: a limited user could read what belonged to others."""
    readers, phones = await the_fleet(house)
    (_, detail) = await house.ask(house.admin, "GET", f"/devices/{phones['other'].device_id}")
    report = detail["proofs"][0]["id"]
    for name, reader in readers.items():
        status, page = await house.ask(reader, "GET", "/devices")
        assert status == 200
        assert {item["id"] for item in page["items"]} == {phones[one].device_id for one in SEES[name]}, name
        _, figures = await house.ask(reader, "GET", "/device-figures")
        assert sum(figures["trust"].values()) == len(SEES[name]), name
        for one, phone in phones.items():
            wanted = 200 if one in SEES[name] else 404
            for path in ("", "/history"):
                status, _ = await house.ask(reader, "GET", f"/devices/{phone.device_id}{path}")
                assert status == wanted, (name, one, path)
        status, _ = await house.ask(reader, "GET", f"/devices/{phones['other'].device_id}/reports/{report}")
        assert status == (200 if "other" in SEES[name] else 404), name
    own = readers["agent"]
    status, _ = await house.ask(own, "GET", f"/devices/{phones['mine'].device_id}/reports/{report}")
    assert status == 404, "another phone's report under one's own"


async def test_a_role_without_the_permission_gets_nothing(house: House) -> None:
    reviewer = house.principal(Role.REVIEWER)
    for path in ("/devices", "/device-figures", f"/devices/{'f' * 32}"):
        assert (await house.ask(reviewer, "GET", path))[0] == 403
    with pytest.raises(Forbidden):
        await house.fleet.queries.find(reviewer, DeviceFilter())
    supervisor = house.principal(Role.SUPERVISOR)
    with pytest.raises(Forbidden):
        await house.fleet.enrolment.approve(supervisor, "f" * 32)
    with pytest.raises(DeviceNotFound):
        await house.fleet.enrolment.approve(house.admin, "f" * 32)


async def test_lists_filter_search_and_page(house: House) -> None:
    readers, phones = await the_fleet(house)
    admin = readers["admin"]
    phones["team"].refuses["cameraAccess"] = (Reason.USER_ACTION, "no")
    await phones["team"].report()
    house.clock.advance(timedelta(hours=1))
    await phones["mine"].report()
    await house.fleet.sweep()
    waiting = SimPhone(house)
    await waiting.enrol((await house.token(approves=False, name="100%_ready")).token)

    async def found(**query: str) -> set[str]:
        status, page = await house.ask(admin, "GET", "/devices", params=query)
        assert status == 200, page
        return {item["id"] for item in page["items"]}

    def ids(*names: str) -> set[str]:
        return {phones[name].device_id for name in names}

    assert await found(trust="PENDING") == {waiting.device_id}
    assert await found(online="true") == ids("mine")
    assert await found(online="false") == ids("team", "other", "nobody")
    assert await found(compliance="NOT_COMPLIANT") == ids("team")
    assert await found(text="备用") == ids("nobody")
    assert await found(text="PHONE") == ids("mine", "team", "other")
    assert await found(text="100%_") == {waiting.device_id}
    assert await found(text="%") == {waiting.device_id}, "a wild card is a character"
    _, first = await house.ask(admin, "GET", "/devices", params={"limit": "3"})
    _, second = await house.ask(
        admin, "GET", "/devices", params={"limit": "3", "cursor": first["next_cursor"]}
    )
    assert len({item["id"] for page in (first, second) for item in page["items"]}) == 5
    _, figures = await house.ask(admin, "GET", "/device-figures")
    assert figures == {
        "trust": {"TRUSTED": 4, "PENDING": 1},
        "compliance": {"COMPLIANT": 3, "NOT_COMPLIANT": 1},
        "offline": 3,
    }


async def test_a_phones_page_shows_what_it_measured_and_what_happened(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    _, page = await house.ask(house.admin, "GET", f"/devices/{phone.device_id}")
    device = page["device"]
    assert device["status"] == {
        "battery_percent": 80, "charging": False, "signal_percent": 70, "network": "4g", "free_storage_mb": None,
    }  # fmt: skip
    assert (device["online"], device["compliance"], device["counts"]) == (True, "COMPLIANT", {"APPLIED": 2})
    assert (device["desired_version"], device["applied_version"], device["trust"]) == (1, 1, Trust.TRUSTED)
    assert [line["kind"] for line in page["history"]] == [
        "compliance", "desired", "trusted", "consent-given", "enrolled",
    ]  # fmt: skip
    for line in page["settings"]:
        assert line["wanted_sha256"] == line["reported_sha256"]
        assert line["state"] == "APPLIED"
