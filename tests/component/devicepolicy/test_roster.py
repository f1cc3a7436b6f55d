"""The institution's own phones from a list: brought, expected, recognised, confirmed and rejected."""

import asyncio
from typing import Any

import aiohttp
from sqlalchemy import select, text

from core.access.model import Role
from core.access.models import Employee
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.roster.importer import PREVIEW_KEPT
from devicepolicy.roster.model import Decision, Flag, ListState, RosterFilter, Standing
from devicepolicy.roster.models import DeviceListRow, ListedHardwareRow, ListedPhoneRow
from tests.support.fleet import House, SimPhone

IMEI = "490154203237518"


async def bring(house: House, *lines: str, admits: bool = False, take: bool = True) -> str:
    """Bring a list whose lines are `serial,asset,employee`; gives its id."""
    content = "\n".join(["序列号,资产编号,员工账号", *lines]).encode()
    seen = await house.fleet.lists.preview(house.admin, content, name="采购批次", admits=admits)
    if take:
        await house.fleet.lists.take(house.admin, seen.id)
    return seen.id


async def username(house: House, employee_id: str) -> str:
    async with house.database.read() as session:
        return (await session.get_one(Employee, employee_id)).username


async def arrive(house: House, serial: str, **more: Any) -> tuple[SimPhone, str]:
    """Let a phone enrol that claims this id; gives it and whether it is trusted."""
    phone = SimPhone(house, serial)
    answer = await phone.enrol((await house.token(**{"approves": False, **more})).token)
    return phone, answer["trust"]


async def listed(house: House, **more: Any) -> list[tuple[str | None, Standing]]:
    found, _ = await house.fleet.roster.find(house.admin, RosterFilter(**more))
    return [(one.asset_number, one.standing) for one in reversed(found)]


async def test_a_list_is_looked_at_and_then_taken_without_its_bad_lines(house: House) -> None:
    wang = await username(house, await house.employee())
    content = (
        f"序列号,IMEI,资产编号,员工账号\nSN-0001,{IMEI},A1,{wang}\nSN-0002,,A2,nobody\n,,A3,\nSN-0004,,A4,\n"
    )
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("file", content.encode(), filename="a.csv", content_type="text/csv")
    status, seen = await house.ask(house.admin, "POST", "/device-lists?name=first", data=form)
    assert (status, seen["state"], seen["good"], seen["rows_read"]) == (201, "preview", 2, 4)
    assert [(one["row"], one["code"]) for one in seen["refusals"]] == [
        (3, "employee-unknown"),
        (4, "hardware-missing"),
    ]
    lines = await house.fleet.lists.lines(house.admin, seen["id"])
    assert [(one.row, list(one.hardware.values())) for one in lines] == [
        (2, ["…0001", "…7518"]),
        (5, ["…0004"]),
    ]
    assert await listed(house) == []
    status, taken = await house.ask(house.admin, "POST", f"/device-lists/{seen['id']}/take")
    assert (status, taken["state"], taken["good"], len(taken["refusals"])) == (200, "taken", 2, 2)
    assert await listed(house) == [("A1", Standing.EXPECTED), ("A4", Standing.EXPECTED)]
    status, problem = await house.ask(house.admin, "POST", f"/device-lists/{seen['id']}/take")
    assert (status, problem["code"]) == (409, "device-list-taken")
    for table in ("dp_device_lists", "dp_listed_phones", "dp_listed_hardware", "core_ledger_entries"):
        async with house.database.read() as session:
            rows = repr((await session.execute(text(f"SELECT * FROM {table}"))).all())  # noqa: S608 - our own
        assert IMEI not in rows
        assert "SN-0001" not in rows, table
    body = dict(await house.booked())["device.list-taken"]
    assert (body["count"], body["refused"], body["by"]) == (2, 2, house.admin.employee_id)


async def test_the_mended_file_is_brought_again_and_adds_only_what_is_new(house: House) -> None:
    await bring(house, "SN-0001,A1,", "SN-0002,A2,nobody")
    again = await bring(house, "SN-0001,A1,", "SN-0002,A2,", take=False)
    view = await house.fleet.lists.one(house.admin, again)
    assert (view.good, view.known, view.refusals) == (1, 1, ())
    await house.fleet.lists.take(house.admin, again)
    other = await bring(house, "SN-0001,A9,", take=False)
    (refused,) = (await house.fleet.lists.one(house.admin, other)).refusals
    assert (refused.row, refused.code) == (2, "already-listed")
    assert (await house.ask(house.admin, "POST", f"/device-lists/{other}/take"))[1][
        "code"
    ] == "device-list-empty"
    assert len(await listed(house)) == 2
    await house.fleet.lists.discard(house.admin, other)
    assert await house.count(DeviceListRow) == 2


async def test_two_lists_with_the_same_phone_taken_at_once_list_it_once(house: House) -> None:
    ids = [await bring(house, "SN-0001,A1,", take=False) for _ in range(3)]
    answers = await asyncio.gather(
        *(house.ask(house.admin, "POST", f"/device-lists/{one}/take") for one in ids)
    )
    assert sorted(status for status, _ in answers) in ([200, 409, 409], [200, 409, 422], [200, 422, 422])
    assert await house.count(ListedPhoneRow) == await house.count(ListedHardwareRow) == 1


async def test_a_listed_phone_is_recognised_and_by_default_still_waits(house: House) -> None:
    employee = await house.employee(await house.department())
    await bring(house, f"SN-0001,A1,{await username(house, employee)}", "SN-0002,A2,")
    phone, trust = await arrive(house, " sn-0001 ")
    assert trust == "PENDING"
    assert (await house.row(phone.device_id)).employee_id == employee, "the list names its holder"
    (claim,) = (await house.fleet.roster.claims(house.admin, [phone.device_id])).values()
    assert (claim.list_name, claim.asset_number, claim.flags, claim.lets_in) == ("采购批次", "A1", (), None)
    assert await listed(house) == [("A1", Standing.ENROLLED), ("A2", Standing.EXPECTED)]
    assert await listed(house, standing=Standing.EXPECTED) == [("A2", Standing.EXPECTED)], "who is missing"
    await house.fleet.enrolment.approve(house.admin, phone.device_id)
    assert await listed(house, hardware="sn-0001") == [("A1", Standing.CONFIRMED)]
    status, figures = await house.ask(house.admin, "GET", "/expected-phone-figures")
    assert (status, figures["standing"]) == (200, {"confirmed": 1, "expected": 1})
    stranger, _ = await arrive(house, "SN-9999")
    assert (await house.fleet.roster.claims(house.admin, [stranger.device_id]))[
        stranger.device_id
    ].list_name is None
    await house.fleet.enrolment.release(house.admin, phone.device_id)
    assert await listed(house, hardware="SN-0001") == [("A1", Standing.EXPECTED)], "missing again"


async def test_a_list_that_says_so_lets_its_phones_in_and_no_odd_ones(house: House) -> None:
    wang, lin = await house.employee(), await house.employee()
    list_id = await bring(house, f"SN-0001,A1,{await username(house, wang)}", "SN-0002,A2,", admits=True)
    phone, trust = await arrive(house, "SN-0001", employee_id=wang)
    assert trust == "TRUSTED"
    assert (await house.row(phone.device_id)).trusted_by == house.admin.employee_id
    again, trust = await arrive(house, "SN-0001", employee_id=wang)
    assert trust == "PENDING", "an id that is enrolled already is looked at by a person"
    await house.fleet.enrolment.reject(house.admin, again.device_id)
    await house.fleet.enrolment.release(house.admin, phone.device_id)
    other, trust = await arrive(house, "SN-0001", employee_id=lin)
    assert trust == "PENDING"
    claims = await house.fleet.roster.claims(house.admin, [other.device_id])
    assert claims[other.device_id].flags == (Flag.LISTED_FOR_ANOTHER,)
    assert (
        await house.ask(house.admin, "PUT", f"/device-lists/{list_id}/admission", json={"admits": False})
    )[0] == 204
    assert (await arrive(house, "SN-0002"))[1] == "PENDING"
    enrolled = [body for kind, body in await house.booked() if kind == "device.enrolled"]
    assert [body["flags"] for body in enrolled] == [[], ["already-enrolled"], ["listed-for-another"], []]


async def test_a_rejected_listed_phone_stays_rejected(house: House) -> None:
    await bring(house, "SN-0001,A1,", "SN-0002,A2,", admits=True)
    found, _ = await house.fleet.roster.find(house.admin, RosterFilter())
    done = await house.fleet.roster.decide(house.admin, [one.id for one in found], Decision.REJECT)
    assert (done.done, done.skipped) == (2, 0)
    for approves in (False, True):
        phone, trust = await arrive(house, "SN-0001", approves=approves)
        assert trust == "REJECTED"
        assert (await house.row(phone.device_id)).end_reason == "rejected-on-list"
        status, problem, _ = await phone.send("GET", "/desired")
        assert (status, problem["code"]) == (403, "device-rejected")
    (first,) = [one.id for one in found if one.asset_number == "A1"]
    restored = await house.fleet.roster.decide(house.admin, [first], Decision.RESTORE)
    assert (restored.done, restored.skipped) == (1, 0)
    assert (await arrive(house, "SN-0001"))[1] == "TRUSTED"
    assert (await arrive(house, "SN-0002"))[1] == "REJECTED"


async def test_many_are_confirmed_rejected_and_removed_in_one_go(house: House) -> None:
    lin = await house.employee()
    await bring(
        house,
        *(f"SN-000{number},A{number}," for number in range(1, 6)),
        f"SN-0006,A6,{await username(house, lin)}",
    )
    for number in (1, 2, 3, 6):
        await arrive(house, f"SN-000{number}", employee_id=await house.employee())
    found, _ = await house.fleet.roster.find(house.admin, RosterFilter())
    ids = {one.asset_number: one.id for one in found}
    flagged = [one.asset_number for one in found if one.flags]
    assert flagged == ["A6"]

    async def decide(decision: str, *assets: str) -> tuple[int, int]:
        body = {"decision": decision, "phones": [ids[asset] for asset in assets]}
        status, answer = await house.ask(house.admin, "POST", "/expected-phones/decisions", json=body)
        assert status == 200, answer
        return answer["done"], answer["skipped"]

    assert await decide("confirm", "A1", "A2", "A4", "A6") == (2, 2), "one has not come, one is odd"
    assert await decide("reject", "A1", "A3", "A5") == (2, 1), "who is trusted is released first"
    assert await decide("remove", "A1", "A4", "A5") == (2, 1)
    assert await listed(house) == [
        ("A1", Standing.CONFIRMED),
        ("A2", Standing.CONFIRMED),
        ("A3", Standing.REJECTED),
        ("A6", Standing.ENROLLED),
    ]
    async with house.database.read() as session:
        trusts = sorted(await session.scalars(select(DeviceRow.trust)))
    assert trusts == [Trust.PENDING, Trust.REJECTED, Trust.TRUSTED, Trust.TRUSTED]
    decided = [body["decision"] for kind, body in await house.booked() if kind == "device.list-decided"]
    assert decided == ["reject", "remove"]


async def test_a_supervisor_sees_their_teams_phones_and_decides_nothing(house: House) -> None:
    own, other = await house.department(), await house.department()
    names = [await username(house, await house.employee(place)) for place in (own, other)]
    list_id = await bring(house, f"SN-0001,A1,{names[0]}", f"SN-0002,A2,{names[1]}", "SN-0003,A3,")
    chief = house.principal(Role.SUPERVISOR, department=own)
    status, page = await house.ask(chief, "GET", "/expected-phones")
    assert (status, [one["asset_number"] for one in page["items"]]) == (200, ["A1"])
    assert (await house.ask(chief, "GET", "/expected-phone-figures"))[1] == {"standing": {"expected": 1}}
    body = {"decision": "reject", "phones": [page["items"][0]["id"]]}
    for method, path, more in (
        ("POST", "/expected-phones/decisions", {"json": body}),
        ("GET", "/device-lists", {}),
        ("POST", f"/device-lists/{list_id}/take", {}),
    ):
        assert (await house.ask(chief, method, path, **more))[0] == 403
    assert len(await listed(house, standing=Standing.EXPECTED)) == 3


async def test_a_preview_that_nobody_takes_is_forgotten(house: House) -> None:
    await bring(house, "SN-0001,A1,", take=False)
    kept = await bring(house, "SN-0002,A2,")
    house.clock.advance(PREVIEW_KEPT * 2)
    await house.fleet.lists.forget()
    views, _ = await house.fleet.lists.find(house.admin)
    assert [(view.id, view.state) for view in views] == [(kept, ListState.TAKEN)]
