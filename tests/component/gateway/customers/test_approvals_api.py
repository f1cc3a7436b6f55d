"""Maker and checker over HTTP: asked, listed, decided, taken, and refused with the right status."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.access.model import Principal
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import build_app
from gateway.customers import api as customers_api
from gateway.customers.approvals import api as approvals_api
from gateway.customers.approvals.build import ApprovalStatus
from tests.component.gateway.contact.test_edge import Caller, Tokens
from tests.support.approving import ApprovalDesk
from tests.support.desk import ALONE, REGISTRY

NUMBER, NEW = "13911112222", "13955556666"


@pytest.fixture
async def house(database: Database, clock: ManualClock) -> ApprovalDesk:
    return await ApprovalDesk(database, clock).set_up()


@pytest.fixture
async def client(
    house: ApprovalDesk, settings: Settings
) -> AsyncIterator[tuple[TestClient[Any, Any], Tokens]]:
    tokens = Tokens()
    endpoints = [
        *customers_api.endpoints(house.desk.customers, house.desk.importer),
        *approvals_api.endpoints(house.parts),
    ]
    app = build_app(
        settings, endpoints=endpoints, permissions=REGISTRY, authenticator=tokens, clock=house.clock
    )
    async with TestClient(TestServer(app)) as test_client:
        yield test_client, tokens


def caller(client: tuple[TestClient[Any, Any], Tokens], principal: Principal) -> Caller:
    client[1].known[principal.employee_id] = principal
    return Caller(client[0], principal.employee_id)


async def test_a_request_goes_its_way(house: ApprovalDesk, client: Any) -> None:
    agent, chief, admin = (caller(client, one) for one in (house.agent, house.chief, house.admin))
    made = await agent("POST", "/customers", 201, json={"phone": NUMBER, "name": "张三丰"})
    path = f"/customers/{made['id']}"
    refused = await agent("PATCH", path, 409, json={"phone": NEW})
    assert refused["code"] == "customer-approval-required"
    wish = {"phone": NEW, "reason": f"换号 {NEW}"}
    asked = await agent("POST", f"{path}/change-requests", 201, json=wish)
    assert (asked["state"], asked["own"], asked["may_decide"]) == ("waiting", True, False)
    assert asked["differences"] == [
        {"field": "phone", "before": "139****2222", "after": "139****6666", "hidden": False}
    ]
    assert (await agent("POST", f"{path}/change-requests", 409, json=wish))[
        "code"
    ] == "customer-request-pending"
    decision = f"/customer-requests/{asked['id']}/decision"
    await agent("POST", decision, 403, json={"approve": True})
    (waiting,) = (await chief("GET", "/customer-requests?decidable=true", 200))["items"]
    assert waiting["may_decide"]
    assert (await chief("POST", decision, 422, json={"approve": False}))[
        "code"
    ] == "customer-request-text-invalid"
    done = await chief("POST", decision, 200, json={"approve": True, "note": "已回访"})
    assert (done["state"], done["note"]) == ("done", "已回访")
    assert (await chief("POST", decision, 409, json={"approve": True}))[
        "code"
    ] == "customer-request-not-waiting"
    assert (await agent("GET", path, 200))["phone_masked"] == "139****6666"
    assert (await admin("DELETE", path, 409))["code"] == "customer-approval-required"
    gone = {"ground": "customer_request", "reason": "本人要求"}
    erasure = await admin("POST", f"{path}/erasure-requests", 201, json=gone)
    own = await admin("POST", f"/customer-requests/{erasure['id']}/decision", 403, json={"approve": True})
    assert own["code"] == "customer-request-own"
    taken_back = await admin("POST", f"/customer-requests/{erasure['id']}/withdraw", 200)
    assert taken_back["state"] == "withdrawn"
    for one in (agent, chief, admin):
        assert NUMBER.encode() not in one.received
        assert NEW.encode() not in one.received


async def test_a_list_is_downloaded_once(house: ApprovalDesk, client: Any) -> None:
    chief, admin = caller(client, house.chief), caller(client, house.admin)
    await chief("POST", "/customers", 201, json={"phone": NUMBER, "name": "张三丰"})
    asked = await chief("POST", "/customer-exports", 201, json={"sheet": "csv", "reason": "核对"})
    await admin("POST", f"/customer-requests/{asked['id']}/decision", 200, json={"approve": True})
    path = f"/api/v1/customer-requests/{asked['id']}/file"
    headers = {"Authorization": f"Bearer {house.chief.employee_id}"}
    async with client[0].post(path, headers=headers) as response:
        content = await response.read()
        assert response.status == 200, content
        assert response.headers["Content-Disposition"].startswith("attachment;")
        assert "no-store" in response.headers["Cache-Control"]
    assert b"139****2222" in content
    assert NUMBER.encode() not in content
    assert (await chief("POST", path.removeprefix("/api/v1"), 409))["code"] == "customer-export-gone"
    await admin("POST", path.removeprefix("/api/v1"), 404)


async def test_the_status_says_what_one_person_may_do_alone() -> None:
    assert set((await ApprovalStatus(ALONE).status()).facts.values()) == {False}
