"""The HTTP edge of customers, numbers and contacts, with real requests over a real database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import build_app
from gateway.contact.model import Channel, ContactRequest, Direction, Purpose
from tests.support.desk import REGISTRY, Desk, shanghai

NUMBER = "13911112222"
ADMIN, AGENT, OTHER = "admin" * 5, "agent" * 5, "other" * 5


class Tokens:
    """Tokens known beforehand."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}

    async def authenticate(self, token: str) -> Principal | None:
        return self.known.get(token)


class Caller:
    """Somebody with a token; keeps every byte that they receive."""

    def __init__(self, client: TestClient[Any, Any], token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}
        self.received = b""

    async def __call__(self, method: str, path: str, status: int, **options: Any) -> Any:
        async with self._client.request(
            method, f"/api/v1{path}", headers=self._headers, **options
        ) as response:
            content = await response.read()
            self.received += content + str(response.headers).encode()
            assert response.status == status, content.decode()
            return await response.json() if content else None


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
async def client(desk: Desk, settings: Settings) -> AsyncIterator[tuple[TestClient[Any, Any], Tokens]]:
    tokens = Tokens()
    app = build_app(
        settings, endpoints=desk.endpoints(), permissions=REGISTRY, authenticator=tokens, clock=desk.clock
    )
    async with TestClient(TestServer(app)) as test_client:
        yield test_client, tokens


@pytest.fixture
async def admin(desk: Desk, client: tuple[TestClient[Any, Any], Tokens]) -> Caller:
    client[1].known[ADMIN] = await desk.employee(Role.ADMINISTRATOR)
    return Caller(client[0], ADMIN)


@pytest.fixture
async def agent(desk: Desk, client: tuple[TestClient[Any, Any], Tokens]) -> Caller:
    client[1].known[AGENT] = await desk.employee(Role.AGENT)
    return Caller(client[0], AGENT)


async def test_from_a_customer_to_a_dry_run(
    desk: Desk, admin: Caller, agent: Caller, client: tuple[TestClient[Any, Any], Tokens]
) -> None:
    me = client[1].known[AGENT].employee_id
    made = await agent("POST", "/customers", 201, json={"phone": NUMBER, "name": "张三丰", "tags": ["甲"]})
    assert (made["phone_masked"], made["name_masked"]) == ("139****2222", "张**")
    found = await agent("POST", "/customers/search", 200, json={"name": "张", "last_four": "2222"})
    assert found["items"] == [made]
    assert (await agent("GET", "/customers", 200, params={"tag": "甲"}))["items"] == [made]
    assert await agent("GET", f"/customers/{made['id']}", 200) == made
    await agent("PATCH", f"/customers/{made['id']}", 200, json={"city": "北京"})
    given_at = desk.clock.now().isoformat()
    consent = {"purpose": "sales", "source": "app", "given_at": given_at, "evidence": f"打 {NUMBER}"}
    await agent("POST", f"/customers/{made['id']}/consents", 201, json=consent)
    line = {"number": "01088886666", "city": "北京", "owner_name": "示例机构"}
    assert (await agent("POST", "/lines", 403, json=line))["code"] == "forbidden"
    await admin("POST", "/lines", 201, json=line)
    ends = (desk.clock.now() + timedelta(days=1)).isoformat()
    wish = {"employee_id": me, "customer_id": made["id"], "purpose": "sales", "expires_at": ends}
    binding = await agent("POST", "/bindings", 201, json=wish)
    assert (await agent("GET", "/bindings", 200))["items"] == [binding]
    verdict = await agent("POST", "/contacts/dry-run", 200, json={"binding_id": binding["id"]})
    assert verdict["decision"] == "allow"
    block = await agent(
        "POST", f"/customers/{made['id']}/do-not-contact", 201, json={"reason": "complaint", "note": NUMBER}
    )
    desk.clock.set(shanghai(22, 30))
    verdict = await agent("POST", "/contacts/dry-run", 200, json={"binding_id": binding["id"]})
    assert (verdict["rule_id"], verdict["next_allowed_at"]) == ("do-not-contact", None)
    assert [other["rule_id"] for other in verdict["others"]] == ["hours-sales"]
    await admin("DELETE", f"/customers/{made['id']}/do-not-contact/{block['id']}", 200)
    verdict = await agent("POST", "/contacts/dry-run", 200, json={"binding_id": binding["id"]})
    assert (verdict["rule_id"], verdict["next_allowed_at"]) == ("hours-sales", "2026-11-22T01:00:00Z")
    stranger = "0" * 32
    assert (await agent("POST", "/contacts/dry-run", 404, json={"binding_id": stranger}))["code"]
    assert (await agent("GET", "/contacts", 200))["items"] == []
    request = ContactRequest(
        me, binding["id"], Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION, "calls-1"
    )
    async with desk.database.begin() as session:
        await desk.contacts.judge(session, request)
    for caller in (agent, admin):
        (contact,) = (await caller("GET", "/contacts", 200, params={"outcome": "refused"}))["items"]
        assert (contact["decision"], contact["reason_code"]) == ("deny", "purpose-mismatch")
        assert [other["rule_id"] for other in contact["others"]] == ["hours-collection"]
        assert contact["others"][0]["next_allowed_at"] == "2026-11-22T00:00:00Z"
        assert isinstance(contact["verdict_seq"], int)
    client[1].known[OTHER] = await desk.employee(Role.AGENT)
    other = Caller(client[0], OTHER)
    assert (await other("GET", "/contacts", 200))["items"] == []
    assert (await other("POST", "/contacts/dry-run", 404, json={"binding_id": binding["id"]}))["code"]
    rules = await agent("GET", "/rules", 200)
    assert {rule["id"] for rule in rules["items"]} >= {"hours-collection", "cap-connected-collection"}
    assert all(rule["source"]["zh"] for rule in rules["items"])
    await agent("DELETE", f"/bindings/{binding['id']}", 204)
    for caller in (agent, admin):
        assert NUMBER.encode() not in caller.received


async def test_bad_input_gets_a_code_and_no_number_back(agent: Caller, admin: Caller) -> None:
    faulty = {"phone": f"{NUMBER}9", "name": NUMBER, "tags": [NUMBER]}
    problem = await agent("POST", "/customers", 422, json=faulty)
    assert problem["code"] == "customer-invalid"
    assert problem["facts"] == {"phone": "phone-invalid", "name": "number-in-text", "tags": "number-in-text"}
    assert {fault["where"] for fault in problem["violations"]} == {"body.phone", "body.name", "body.tags"}
    for body in ({"phone": [NUMBER], "name": 1}, {"phone": NUMBER * 50, "name": "x"}, {NUMBER: NUMBER}):
        assert (await agent("POST", "/customers", 422, json=body))["code"] == "request-invalid"
    await agent("POST", "/customers", 201, json={"phone": NUMBER, "name": "张三"})
    assert (await admin("POST", "/customers", 409, json={"phone": NUMBER, "name": "李四"}))[
        "code"
    ] == "customer-exists"
    await agent("POST", "/customers/search", 422, json={"last_four": NUMBER})
    assert (await agent("GET", "/customers", 422, params={"cursor": "x"}))["code"] == "cursor-invalid"
    for caller in (agent, admin):
        assert NUMBER.encode() not in caller.received


async def test_an_import_by_upload(agent: Caller, admin: Caller) -> None:
    def form() -> FormData:
        data = FormData()
        content = f"手机号,姓名\n{NUMBER},张三\n{NUMBER}9,李四\n"
        data.add_field("file", content.encode(), filename=f"{NUMBER}.csv", content_type="text/csv")
        return data

    assert (await agent("POST", "/customers/import", 403, data=form()))["code"] == "forbidden"
    report = await admin("POST", "/customers/import", 200, data=form())
    assert (report["good"], report["written"]) == (1, 0)
    assert [(row["row"], row["column"], row["code"]) for row in report["refusals"]] == [
        (3, "phone", "phone-invalid")
    ]
    dry = await admin(
        "POST", "/customers/import", 200, data=form(), params={"dry_run": "true", "mode": "good_rows"}
    )
    assert (dry["dry_run"], dry["written"]) == (True, 0)
    report = await admin("POST", "/customers/import", 200, data=form(), params={"mode": "good_rows"})
    assert report["written"] == 1
    assert NUMBER.encode() not in agent.received + admin.received


async def test_erasure_asks_for_a_fresh_proof_of_identity(desk: Desk, agent: Caller, admin: Caller) -> None:
    made = await agent("POST", "/customers", 201, json={"phone": NUMBER, "name": "张三"})
    await agent("DELETE", f"/customers/{made['id']}", 403)
    desk.clock.advance(timedelta(minutes=11))
    assert (await admin("DELETE", f"/customers/{made['id']}", 403))["code"] == "step-up-required"
    desk.clock.advance(timedelta(minutes=-11))
    await admin("DELETE", f"/customers/{made['id']}", 204)
    assert (await admin("GET", f"/customers/{made['id']}", 200))["phone_masked"] == ""
