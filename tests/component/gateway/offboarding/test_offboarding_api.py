"""Unbinding over HTTP: permissions, proof of identity, answers without numbers and names of customers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from aiohttp.test_utils import TestClient

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.web.app import build_app
from core.web.system import SYSTEM_PERMISSIONS
from gateway.offboarding import api
from gateway.permissions import PERMISSIONS
from tests.support.leaving import ONE_ENGINE, LeavingDesk

Client = Callable[..., Awaitable[TestClient]]
NUMBER = "1380013"


@dataclass
class Web:
    """The API and who asks it."""

    client: TestClient
    known: dict[str, Principal]

    async def authenticate(self, token: str) -> Principal | None:
        return self.known.get(token)

    async def ask(self, who: Principal, method: str, path: str, status: int, body: object = None) -> dict:
        token = who.session_id.ljust(40, "0")
        self.known[token] = who
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        async with self.client.request(method, f"/api/v1{path}", headers=headers, json=body) as answer:
            text = await answer.text() if "json" in answer.content_type else ""
            assert answer.status == status, text
            assert NUMBER not in text
            return {} if not text else await answer.json(content_type=None)


@pytest.fixture
async def web(desk: LeavingDesk, aiohttp_client: Client) -> Web:
    web = Web(None, {})  # type: ignore[arg-type]
    app = build_app(
        desk.settings,
        endpoints=api.endpoints(desk.parts),
        permissions=PermissionRegistry(PERMISSIONS, SYSTEM_PERMISSIONS),
        authenticator=web,
        clock=desk.clock,
    )
    web.client = await aiohttp_client(app)
    return web


@ONE_ENGINE
async def test_from_preview_to_undo(desk: LeavingDesk, web: Web) -> None:
    await desk.bound(0)
    wish = {"employee_id": desk.leaver.employee_id, "successor_id": desk.successor.employee_id}
    await web.ask(desk.leaver, "POST", "/offboardings/preview", 403, wish)
    shown = await web.ask(desk.admin, "POST", "/offboardings/preview", 201, wish)
    assert {effect["kind"] for effect in shown["effects"]} >= {"account", "customers", "bindings", "hold"}
    assert shown["employee"]["roles"] == ["agent"]
    act = {"preview_id": shown["id"], "digest": shown["digest"]}
    await desk.bound(1)
    stale = await web.ask(desk.admin, "POST", "/offboardings", 409, act)
    assert stale["code"] == "preview-stale"
    assert stale["facts"] == {"bindings": "+1 -0", "customers": "+1 -0"}
    shown = await web.ask(desk.admin, "POST", "/offboardings/preview", 201, wish)
    act = {"preview_id": shown["id"], "digest": shown["digest"]}
    done = await web.ask(desk.admin, "POST", "/offboardings", 201, act)
    await desk.service.settled()
    again = await web.ask(desk.other_admin, "POST", "/offboardings/preview", 409, wish)
    assert again["code"] == "already-unbound"
    assert again["facts"]["by"] == desk.admin.employee_id
    auditor = await desk.person(Role.AUDITOR)
    listed = await web.ask(auditor, "GET", "/offboardings", 200)
    assert [item["id"] for item in listed["items"]] == [done["id"]]
    seen = await web.ask(auditor, "GET", f"/offboardings/{done['id']}", 200)
    assert seen["phase"] == "done"
    await web.ask(auditor, "GET", f"/offboardings/{done['id']}/bundle", 200)
    await web.ask(auditor, "POST", f"/offboardings/{done['id']}/undo", 403)
    await web.ask(desk.supervisor, "POST", f"/offboardings/{done['id']}/undo", 403)
    await web.ask(desk.admin, "POST", f"/offboardings/{done['id']}/retry", 200)
    undone = await web.ask(desk.admin, "POST", f"/offboardings/{done['id']}/undo", 200)
    assert undone["offboarding"]["phase"] == "undone"
    late = await web.ask(desk.admin, "POST", f"/offboardings/{done['id']}/undo", 409)
    assert late["code"] == "undo-too-late"
    gone = await web.ask(desk.admin, "POST", f"/offboardings/{done['id']}/lift-hold", 409)
    assert gone["code"] == "hold-absent"


@ONE_ENGINE
async def test_the_act_asks_for_a_fresh_proof_of_identity(desk: LeavingDesk, web: Web) -> None:
    desk.clock.advance(timedelta(hours=2))
    body = {"preview_id": "0" * 32, "digest": "0" * 64}
    for path, wish in (("/offboardings", body), (f"/offboardings/{'0' * 32}/undo", None)):
        problem = await web.ask(desk.admin, "POST", path, 403, wish)
        assert problem["code"] == "step-up-required"


@ONE_ENGINE
async def test_rebinding_from_code_to_scan(desk: LeavingDesk, web: Web) -> None:
    await desk.bound(0)
    wish = {
        "employee_id": desk.successor.employee_id,
        "line_id": desk.line.id,
        "holder_id": desk.leaver.employee_id,
    }
    await web.ask(desk.successor, "POST", "/rebindings", 403, wish)
    code = await web.ask(desk.supervisor, "POST", "/rebindings", 201, wish)
    refused = await web.ask(desk.stranger, "POST", "/rebindings/redeem", 403, {"code": code["text"]})
    assert refused["code"] == "rebinding-code-refused"
    taken = await web.ask(desk.successor, "POST", "/rebindings/redeem", 200, {"code": code["text"]})
    assert (taken["customers"], taken["bindings"]) == (1, 1)
    assert taken["account"]["password"]
    other = await web.ask(desk.supervisor, "POST", "/rebindings", 201, wish)
    await web.ask(desk.supervisor, "DELETE", f"/rebindings/{other['rebinding_id']}", 204)
    await web.ask(desk.supervisor, "DELETE", f"/rebindings/{'0' * 32}", 404)
