"""Notes, next steps and the work list over HTTP: rights, scope, refusals, and no number in any answer."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import build_app
from gateway.customers.notes import api as notes_api
from gateway.customers.notes.service import NoteService
from gateway.worklist import api as worklist_api
from gateway.worklist.service import WorkList
from tests.support.desk import REGISTRY, Desk, shanghai

OWN, SAID = "13911112222", "13722223333"


class Tokens:
    """Who somebody is, by a token of ours."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}

    async def authenticate(self, token: str) -> Principal | None:
        return self.known.get(token)


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> Desk:
    clock.set(shanghai(10))
    return Desk(database, clock)


@pytest.fixture
async def client(desk: Desk, settings: Settings) -> AsyncIterator[tuple[TestClient[Any, Any], Tokens]]:
    tokens = Tokens()
    common = {"database": desk.database, "subject_keys": desk.keys, "sealing": desk.sealing}
    notes = NoteService(**common, ledger=desk.ledger, clock=desk.clock)
    work = WorkList(**common, clock=desk.clock, time_zone="Asia/Shanghai")
    app = build_app(
        settings,
        endpoints=[*notes_api.endpoints(notes), *worklist_api.endpoints(work)],
        permissions=REGISTRY,
        authenticator=tokens,
        clock=desk.clock,
    )
    async with TestClient(TestServer(app)) as client:
        yield client, tokens


async def test_the_whole_way_over_http(desk: Desk, client: tuple[TestClient[Any, Any], Tokens]) -> None:
    http, tokens = client
    for name, role in (("mine", Role.AGENT), ("other", Role.AGENT), ("auditor", Role.AUDITOR)):
        tokens.known[name * 5] = await desk.employee(role)
    customer = await desk.customer(tokens.known["mine" * 5], OWN)
    received = b""

    async def ask(who: str, method: str, path: str, status: int, body: Any = None) -> Any:
        nonlocal received
        headers = {"Authorization": f"Bearer {who * 5}"}
        async with http.request(method, f"/api/v1{path}", headers=headers, json=body) as answer:
            content = await answer.read()
            received += content
            assert answer.status == status, content.decode()
            return await answer.json() if content else None

    base = f"/customers/{customer.id}"
    note = await ask("mine", "POST", f"{base}/notes", 201, {"text": f"改打 {SAID} 或 {OWN}"})
    assert note["masked"]
    await ask("mine", "POST", f"{base}/notes", 422, {"text": "\t"})
    await ask("mine", "POST", f"{base}/notes", 422, {"text": "x", SAID: SAID})
    await ask("other", "POST", f"{base}/notes", 404, {"text": "x"})
    await ask("auditor", "GET", f"{base}/notes", 403)
    due = (desk.clock.now() + timedelta(hours=2)).isoformat()
    step = await ask("mine", "POST", f"{base}/next-steps", 201, {"kind": "call", "due_at": due, "text": SAID})
    await ask("mine", "POST", f"{base}/next-steps", 422, {"kind": "call", "due_at": "2020-01-01T00:00:00Z"})
    (item,) = (await ask("mine", "GET", "/worklist", 200))["items"]
    assert (item["turn"], item["step"]["id"]) == ("due", step["id"])
    assert (await ask("other", "GET", "/worklist", 200))["items"] == []
    await ask("mine", "GET", "/worklist?cursor=nonsense", 422)
    await ask("mine", "POST", f"{base}/next-steps/{step['id']}/done", 204)
    assert (await ask("mine", "GET", f"{base}/next-steps?open_only=true", 200))["items"] == []
    await ask("mine", "POST", f"{base}/next-steps/{step['id']}/reopen", 204)
    await ask("other", "POST", f"{base}/next-steps/{step['id']}/done", 404)
    await ask("mine", "POST", f"{base}/notes/{note['id']}/withdraw", 204)
    assert (await ask("mine", "GET", f"{base}/notes", 200))["items"][0]["text"] == ""
    await ask("mine", "POST", f"{base}/notes/{note['id']}/restore", 204)
    assert "139****2222" in (await ask("mine", "GET", f"{base}/notes", 200))["items"][0]["text"]
    for number in (OWN, SAID):
        assert number.encode() not in received
