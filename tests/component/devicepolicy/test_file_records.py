"""What phones tell of files: taken like any record, shown in the list of file operations with its name covered."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.access.model import Role
from core.audit.ports import NoNotes
from core.fileops import api
from core.fileops.model import FileOperation, Operation, OperationFilter, Source
from core.fileops.service import FileOperations
from core.web.app import build_app
from devicepolicy.uploads.file_operations import PhoneOperations
from maskline.wiring.uploads import covered
from tests.support.fleet import House
from tests.support.uploading import CHAT_APP, CUSTOMER, Desk, UploadingPhone, open_desk


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    async with open_desk(house) as desk:
        yield desk


def the_list(desk: Desk) -> FileOperations:
    async def nothing() -> None:
        return None

    source = PhoneOperations(desk.house.vault, desk.keys, cover=covered)
    return FileOperations(desk.house.database, [source], notes=NoNotes(), catch_up=nothing)


async def told(desk: Desk, **more: Any) -> list[FileOperation]:
    now = desk.house.clock.now()
    window = OperationFilter(now - timedelta(days=7), now + timedelta(days=7))
    found, _ = await the_list(desk).find(desk.house.principal(Role.AUDITOR), replace(window, **more))
    return found


def a_file(phone: UploadingPhone, deed: str, **more: Any) -> dict[str, Any]:
    return phone.item("FILE", app=CHAT_APP, deed=deed, **more)


async def test_deeds_with_files_are_kept_once_and_listed_in_time_order(desk: Desk) -> None:
    phone = await desk.phone()
    customer = await desk.customer()
    first = a_file(
        phone, "forwarded", contact=CUSTOMER, name="合同 13800138000.pdf", size=1024, content_sha256="a" * 64
    )
    desk.house.clock.advance(timedelta(seconds=1))
    second = a_file(phone, "saved", name="报价.xlsx")
    assert await phone.records(second, first) == ["kept", "kept"]
    assert await phone.records(first) == ["duplicate"]
    one, two = await told(desk)
    assert (one.operation, one.name, one.size, one.sha256) == (
        Operation.FORWARDED,
        "合同 138****8000.pdf",
        1024,
        "a" * 64,
    )
    assert (one.place.source, one.customer_id, one.app) == (Source.PHONE, customer, CHAT_APP)
    assert (two.operation, two.name, two.size, two.customer_id) == (Operation.SAVED, "报价.xlsx", None, None)
    assert [found.place for found in await told(desk, operation=Operation.SAVED)] == [two.place]
    assert await told(desk, source=Source.SYSTEM) == []
    assert await desk.work() == [], "a deed is no message: nothing is handed on to be inspected"
    async with desk.house.database.begin() as session:
        await desk.keys.destroy(session, customer)
    erased, _ = await told(desk)
    assert (erased.name, erased.size, erased.operation) == (None, None, Operation.FORWARDED)


async def test_only_files_of_apps_under_policy_are_taken(desk: Desk) -> None:
    phone = await desk.phone()
    other = phone.item("FILE", app="com.example.diary", deed="saved", name="日记.txt")
    assert await phone.records(other) == ["not-wanted"]
    for bad in ({"deed": "deleted"}, {"deed": "saved", "size": -1}, {"deed": "saved", "content_sha256": "x"}):
        status, _ = await phone.hand_in("records", [phone.item("FILE", app=CHAT_APP, **bad)])
        assert status == 422
    assert await told(desk) == []


async def test_the_api_pages_a_window_of_fourteen_days_by_a_thousand(desk: Desk) -> None:
    house, phone = desk.house, await desk.phone()
    await phone.records(*(a_file(phone, "downloaded", name=f"{number}.pdf") for number in range(5)))
    app = build_app(
        house.settings,
        endpoints=api.endpoints(the_list(desk)),
        permissions=house.permissions,
        authenticator=house.tokens,
        clock=house.clock,
    )
    async with TestClient(TestServer(app)) as client:
        house.http = client
        auditor, now = house.principal(Role.AUDITOR), house.clock.now()
        window = {
            "startTime": str(int(now.timestamp()) - 86_400),
            "endTime": (now + timedelta(days=13)).isoformat(),
        }
        seen, asked = [], {**window, "limit": "2"}
        for _ in range(3):
            status, page = await house.ask(auditor, "GET", "/file-operations", params=asked)
            assert status == 200, page
            seen += [one["name"] for one in page["items"]]
            asked["cursor"] = page["next_cursor"]
        assert (sorted(seen), page["next_cursor"]) == ([f"{number}.pdf" for number in range(5)], None)
        long = {**window, "endTime": (now + timedelta(days=13, seconds=1)).isoformat()}
        status, problem = await house.ask(auditor, "GET", "/file-operations", params=long)
        assert (status, problem["code"]) == (422, "file-operations-window-invalid")
        status, _ = await house.ask(auditor, "GET", "/file-operations", params={**window, "limit": "1001"})
        assert status == 422
        status, _ = await house.ask(
            house.principal(Role.SUPERVISOR), "GET", "/file-operations", params=window
        )
        assert status == 403
