"""Red packets and transfers in figures: sums as phones stated them, and the list behind every one of them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from core.access.model import Role
from devicepolicy.canonical import sha256_of
from devicepolicy.uploads.conduct_desk import EventFilter
from devicepolicy.uploads.model import EventKind, MoneyDirection
from devicepolicy.uploads.money import MoneyBy, MoneyLine
from tests.support.fleet import House
from tests.support.uploading import CHAT_APP, CUSTOMER, Desk, UploadingPhone, open_desk

PACKET, TRANSFER = EventKind.RED_PACKET, EventKind.TRANSFER
SENT, RECEIVED, UNSTATED = MoneyDirection.SENT, MoneyDirection.RECEIVED, MoneyDirection.UNSTATED


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with open_desk(house) as desk:
        yield desk


async def test_amounts_are_summed_by_person_team_and_day_and_each_sum_has_its_list(desk: Desk) -> None:
    house = desk.house
    sales, service = await house.department(), await house.department()
    wang, lin = await house.employee(sales), await house.employee(service)
    one, two = await desk.phone(employee_id=wang), await desk.phone(employee_id=lin)
    await desk.customer()
    begin = house.clock.now() - timedelta(hours=1)

    def money(phone: UploadingPhone, kind: str, **more: object) -> dict[str, Any]:
        return phone.item(kind, evidence={"app": CHAT_APP, "counterpart": CUSTOMER, **more})

    first = money(one, "RED_PACKET", amount_fen=8800, outgoing=True)
    told = [
        first,
        money(one, "RED_PACKET", outgoing=True),
        money(one, "TRANSFER", amount_fen=1, outgoing=False),
    ]
    assert await one.events(*told) == ["kept"] * 3
    assert await one.events(first) == ["duplicate"], "sent twice, counted once"
    other = {name: value for name, value in first.items() if name != "sha256"}
    other["evidence"] = {**first["evidence"], "amount_fen": 1_000_000}
    other["sha256"] = sha256_of(other)
    assert await one.events(other) == ["contradiction"], "the same event with another amount"
    house.clock.advance(timedelta(hours=15))  # the next day in Shanghai
    assert await two.events(money(two, "TRANSFER", amount_fen=50_000_000_00)) == ["kept"]
    end = house.clock.now() + timedelta(hours=1)
    auditor = house.principal(Role.AUDITOR)
    found = await desk.uploads.money.count(auditor, begin, end)
    assert found[MoneyBy.EMPLOYEE] == sorted(
        [
            MoneyLine(wang, PACKET, SENT, 2, 1, 8800),
            MoneyLine(wang, TRANSFER, RECEIVED, 1, 1, 1),
            MoneyLine(lin, TRANSFER, UNSTATED, 1, 1, 50_000_000_00),
        ],
        key=lambda line: (line.key or "", line.kind.value),
    )
    assert {(line.key, line.amount_fen) for line in found[MoneyBy.DEPARTMENT]} == {
        (sales.id, 8800),
        (sales.id, 1),
        (service.id, 50_000_000_00),
    }
    assert [(line.key, line.count) for line in found[MoneyBy.DAY]] == [
        ("2026-11-21", 2),
        ("2026-11-21", 1),
        ("2026-11-22", 1),
    ]
    for line in found[MoneyBy.EMPLOYEE]:
        wanted = EventFilter(
            kind=line.kind, employee_id=line.key, direction=line.direction, once=True, since=begin, until=end
        )
        assert await desk.uploads.desk.count(auditor, wanted) == line.count
    chief = house.principal(Role.SUPERVISOR, department=service)
    (own,) = (await desk.uploads.money.count(chief, begin, end))[MoneyBy.EMPLOYEE]
    assert own.key == lin


async def test_the_api_tells_the_same_and_refuses_a_span_without_end(desk: Desk) -> None:
    phone = await desk.phone()
    await desk.customer()
    evidence = {"app": CHAT_APP, "counterpart": CUSTOMER, "amount_fen": 520, "outgoing": True}
    assert await phone.events(phone.item("RED_PACKET", evidence=evidence)) == ["kept"]
    now = desk.house.clock.now()
    since, until = (now - timedelta(days=1)).isoformat(), (now + timedelta(days=1)).isoformat()
    admin = desk.house.admin
    span = {"since": since, "until": until, "by": "day"}
    status, told = await desk.house.ask(admin, "GET", "/money-figures", params=span)
    line = {"kind": "RED_PACKET", "direction": "sent", "count": 1, "stated": 1, "amount_fen": 520}
    assert (status, told) == (200, {"by": "day", "lines": [{"key": "2026-11-21", **line}]})
    late = {"since": since, "until": (now + timedelta(days=366)).isoformat()}
    status, problem = await desk.house.ask(admin, "GET", "/money-figures", params=late)
    assert (status, problem["code"]) == (422, "money-span-invalid")


async def test_an_amount_is_whole_fen_and_only_where_the_catalogue_says_so(desk: Desk) -> None:
    phone = await desk.phone()
    for kind, amount in (("RED_PACKET", 88.5), ("RED_PACKET", -1), ("CODE_SCANNED", 100)):
        item = phone.item(kind, evidence={"app": CHAT_APP, "amount_fen": amount})
        status, problem = await phone.hand_in("events", [item])
        assert (status, problem["code"]) == (422, "request-invalid")
