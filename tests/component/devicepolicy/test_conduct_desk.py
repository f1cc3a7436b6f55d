"""Conduct events are found by what people ask for, handled once, in one go, taken back, and noted."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from core.access.model import Principal, Role
from core.pulse import Fact
from devicepolicy.uploads.models import ConductActRow
from devicepolicy.uploads.pulse import conduct
from maskline.wiring.uploads import covered
from tests.support.fleet import House
from tests.support.uploading import CHAT_APP, CUSTOMER, STRANGER, Desk, UploadingPhone, open_desk


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with open_desk(house) as desk:
        yield desk


async def happened(phone: UploadingPhone, *kinds: str) -> None:
    for kind in kinds:
        with_app = kind not in {"ROOT_FOUND", "SIM_CHANGED"}
        await phone.events(phone.item(kind, evidence={"app": CHAT_APP} if with_app else {}))


async def listed(desk: Desk, who: Principal, **query: Any) -> list[dict[str, Any]]:
    status, page = await desk.house.ask(who, "GET", f"/device-conduct?{urlencode(query)}")
    assert status == 200, page
    items: list[dict[str, Any]] = page["items"]
    return items


async def pulse(desk: Desk) -> list[Fact]:
    async with desk.house.database.read() as session:
        return await conduct(session)


async def test_events_are_found_by_kind_severity_state_phone_person_and_time(desk: Desk) -> None:
    house = desk.house
    first, second = await desk.phone(), await desk.phone()
    await happened(first, "ROOT_FOUND", "CODE_SCANNED")
    house.clock.advance(timedelta(hours=1))
    later = house.clock.now()
    await happened(second, "ROOT_FOUND")
    admin = house.admin

    async def kinds(**query: Any) -> list[str]:
        return [line["kind"] for line in await listed(desk, admin, **query)]

    assert await kinds() == ["ROOT_FOUND", "CODE_SCANNED", "ROOT_FOUND"]
    assert await kinds(kind="CODE_SCANNED") == ["CODE_SCANNED"]
    assert await kinds(severity="severe") == ["ROOT_FOUND", "ROOT_FOUND"]
    assert await kinds(device_id=first.device_id) == ["CODE_SCANNED", "ROOT_FOUND"]
    (line,) = await listed(desk, admin, since=later.isoformat())
    assert line["device_id"] == second.device_id
    assert await kinds(employee_id=line["employee_id"]) == ["ROOT_FOUND"]
    assert await kinds(until=later.isoformat()) == ["CODE_SCANNED", "ROOT_FOUND"]
    assert await kinds(handled="true") == []


async def test_many_are_handled_in_one_go_and_taken_back_as_far_as_nobody_came_after(desk: Desk) -> None:
    house = desk.house
    team = await house.department()
    worker = await house.employee(team)
    phone = await desk.phone(employee_id=worker)
    await happened(phone, "ROOT_FOUND", "SIM_CHANGED", "CODE_SCANNED")
    boss = house.principal(Role.SUPERVISOR, department=team)
    ids = [line["id"] for line in await listed(desk, boss)]
    before = await pulse(desk)
    assert [fact.count for fact in before] == [3]

    async def post(who: Principal, path: str, body: Any = None) -> tuple[int, Any]:
        return await house.ask(who, "POST", f"/device-conduct{path}", json=body or {})

    own = house.principal(Role.SUPERVISOR, worker, department=team)
    status, told = await post(own, f"/{ids[0]}/handle", {"note": "没事"})
    assert (status, told["code"]) == (403, "own-conduct")
    wish = {"event_ids": [*ids, "0" * 32], "note": "已当面核实"}
    assert (await post(boss, "/handle", wish))[0] == 404, "one is out of reach: none is touched"
    assert await listed(desk, boss, handled="true") == []
    assert (await post(boss, f"/{ids[0]}/handle", {"note": "先看了这条"}))[0] == 200
    status, batch = await post(boss, "/handle", {"event_ids": ids, "note": "已当面核实"})
    assert (status, sorted(batch["event_ids"]), batch["left"]) == (200, sorted(ids[1:]), [ids[0]])
    assert await listed(desk, boss, handled="false") == []
    assert [fact.count for fact in await pulse(desk)] == [0, 0, 0], "what was done lately, and nothing open"
    assert (await post(boss, "/handle", {"event_ids": ids, "note": "再来"}))[0] == 409

    assert (await post(boss, f"/{ids[1]}/reopen"))[0] == 200
    assert (await post(boss, f"/{ids[1]}/handle", {"note": "重新核实"}))[0] == 200
    status, undone = await post(boss, f"/batches/{batch['batch_id']}/undo")
    assert (status, undone["event_ids"]) == (200, [ids[2]]), "the other was handled anew"
    assert (await post(boss, f"/batches/{batch['batch_id']}/undo"))[1]["code"] == "event-open"
    assert [line["id"] for line in await listed(desk, boss, handled="false")] == [ids[2]]
    assert await pulse(desk) != before

    booked = [(kind, body) for kind, body in await house.booked() if kind.startswith("conduct.")]
    assert [kind.removeprefix("conduct.") for kind, _ in booked] == [
        "handled", "handled", "reopened", "handled", "reopened",
    ]  # fmt: skip
    assert booked[1][1] == {
        "batch": batch["batch_id"],
        "by": boss.employee_id,
        "events": [one for one in sorted(ids) if one != ids[0]],
    }
    assert "核实" not in str(booked)


async def test_notes_tell_the_story_are_sealed_with_the_customer_and_are_not_for_whom_they_are_about(
    desk: Desk,
) -> None:
    house = desk.house
    customer_id = await desk.customer()
    worker = await house.employee()
    phone = await desk.phone(employee_id=worker)
    await phone.records(phone.chat(CUSTOMER), phone.chat(STRANGER))
    await phone.events(phone.item("CONTACT_DELETED", evidence={"counterpart": CUSTOMER, "app": CHAT_APP}))
    admin = house.admin
    ((line,)) = await listed(desk, admin)
    path = f"/device-conduct/{line['id']}"
    status, told = await house.ask(admin, "POST", f"{path}/notes", json={"note": "  等员工回话 "})
    assert (status, told["handled_at"], told["acts"][0]["note"]) == (200, None, "等员工回话")
    assert (await house.ask(admin, "POST", f"{path}/notes", json={"note": "  "}))[0] == 422
    _, told = await house.ask(admin, "POST", f"{path}/handle", json={"note": "员工误删，已恢复"})
    assert [(act["kind"], act["note"]) for act in told["acts"]] == [
        ("noted", "等员工回话"), ("handled", "员工误删，已恢复"),
    ]  # fmt: skip
    assert [(one["counterpart"], one["deleted_by"]) for one in told["records"]] == [
        ("138****8000", line["id"])
    ]
    me = house.principal(Role.AGENT, worker)
    _, seen = await house.ask(me, "GET", path)
    assert [(act["kind"], act["note"]) for act in seen["acts"]] == [("noted", ""), ("handled", "")]
    assert (await house.ask(house.principal(Role.AGENT), "GET", path))[0] == 404
    assert (await house.ask(me, "POST", f"{path}/reopen", json={}))[0] == 403

    async with house.database.begin() as session:
        acts = list(await session.scalars(select(ConductActRow)))
        assert {act.customer_id for act in acts} == {customer_id}
        await desk.keys.destroy(session, customer_id)
    _, told = await house.ask(admin, "GET", path)
    assert [act["note"] for act in told["acts"]] == ["", ""], "gone with the customer's key"
    await house.ask(admin, "POST", f"{path}/notes", json={"note": "客户已注销"})
    _, told = await house.ask(admin, "GET", path)
    assert [act["note"] for act in told["acts"]] == ["", "", "客户已注销"]


def test_contact_data_in_a_note_is_covered() -> None:
    assert "13800138000" not in covered("已联系 13800138000 核实")
    assert covered("已当面核实") == "已当面核实"
