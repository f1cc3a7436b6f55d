"""Policies over HTTP: from a ready document to a phone's preview, with what is refused and how it is told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import build_app
from devicepolicy.capabilities.table import table
from maskline.permissions import registry
from tests.support.policing import CAMERA_OFF, CAMERA_ON, PolicyHouse


@dataclass
class Tokens:
    """An authenticator: a principal's session id, padded, is its token."""

    known: dict[str, Principal] = field(default_factory=dict)

    async def authenticate(self, token: str) -> Principal | None:
        return self.known.get(token)


@dataclass
class Web:
    """The API of policies, asked as somebody."""

    client: TestClient
    tokens: Tokens
    who: Principal

    async def ask(self, method: str, path: str, status: int = 200, body: Any = None) -> Any:
        token = self.who.session_id.ljust(40, "0")
        self.tokens.known[token] = self.who
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
        more = {} if body is None else {"json": body}
        async with self.client.request(method, f"/api/v1{path}", headers=headers, **more) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json(content_type=None) if status != 204 else None


@pytest.fixture
def house(database: Database, clock: ManualClock) -> PolicyHouse:
    return PolicyHouse(database, clock)


@pytest.fixture
async def web(
    house: PolicyHouse, settings: Settings, aiohttp_client: Callable[..., Awaitable[TestClient]]
) -> Web:
    tokens = Tokens()
    app = build_app(
        settings,
        endpoints=house.policies.endpoints(),
        permissions=registry(),
        authenticator=tokens,
        clock=house.clock,
    )
    return Web(await aiohttp_client(app), tokens, await house.person(Role.ADMINISTRATOR))


async def test_from_a_ready_policy_to_a_phone(house: PolicyHouse, web: Web) -> None:
    phone = await house.phone(api_level=30)
    keys = [one["key"] for one in (await web.ask("GET", "/policy-starters"))["items"]]
    assert keys == ["strict-collection", "sales", "incident"]
    made = await web.ask("POST", "/policies", 201, {"name": "催收", "ready": "strict-collection"})
    policy = f"/policies/{made['id']}"
    draft = await web.ask("GET", f"{policy}/draft")
    draft["document"]["adjustVolumeDisabled"] = True
    saved = await web.ask("PUT", f"{policy}/draft", 200, {"document": draft["document"], "revision": 1})
    version = await web.ask(
        "POST", f"{policy}/versions", 201, {"revision": saved["revision"], "note": "首版"}
    )
    assert version["number"] == 1
    assert (await web.ask("GET", f"{policy}/versions/1"))["sha256"] == version["sha256"]
    assert (await web.ask("GET", policy))["latest"] == 1
    assert (await web.ask("GET", "/policies"))["items"][0]["name"] == "催收"
    target = {"kind": "everybody"}
    laid = await web.ask(
        "POST", "/policy-assignments", 201,
        {"layer": "organisation", "target": target, "policy_id": made["id"], "number": 1},
    )  # fmt: skip
    shown = await web.ask("GET", f"/devices/{phone.device_id}/policy")
    assert shown["sha256"] == version["sha256"]
    assert shown["document"] == version["document"]
    settings = {one["setting"]: one for one in shown["settings"]}
    usb = settings["deviceConnectivityManagement.usbDataAccess"]
    assert usb["gap"]["reason"] == "API_LEVEL"
    assert usb["source"]["assignment_id"] == laid["id"]
    assert usb["asked"] == [
        {"layer": "organisation", "policy_name": "催收", "version": 1, "value": "DISALLOW_USB_DATA_TRANSFER"}
    ]
    assert shown["gaps"] == sum(one["gap"] is not None for one in shown["settings"])
    await web.ask("DELETE", f"/policy-assignments/{laid['id']}", 204)
    await web.ask("DELETE", f"/policy-assignments/{laid['id']}", 404)


async def test_every_fault_of_a_document_is_told_at_its_place(web: Web) -> None:
    bad = {"cameraDisabled": True, "applications": [{"packageName": "com.tencent.mm", "installType": "NO"}]}
    problem = await web.ask("POST", "/policies", 422, {"name": "坏", "document": bad})
    assert problem["code"] == "policy-document-invalid"
    assert [one["where"] for one in problem["violations"]] == [
        "body.document.cameraDisabled",
        "body.document.applications[0].installType",
    ]
    assert "CAMERA_ACCESS_DISABLED" in problem["violations"][0]["problem"]
    checked = await web.ask("POST", "/policy-checks", 200, {"document": bad})
    assert [one["code"] for one in checked["items"]] == ["deprecated", "enum"]
    assert (await web.ask("POST", "/policy-checks", 200, {"document": CAMERA_OFF}))["items"] == []
    problem = await web.ask("POST", "/policies", 422, {"name": "无", "ready": "none"})
    assert problem["violations"][0]["where"] == "body.ready"


async def test_the_capability_table_is_shown_whole(web: Web) -> None:
    shown = await web.ask("GET", "/policy-capabilities")
    assert shown["sha256"] == table().digest
    assert len(shown["items"]) == len(table().rows)
    (camera,) = [one for one in shown["items"] if one["key"] == "camera"]
    assert camera["value_api"] == {"CAMERA_ACCESS_ENFORCED": 31}
    assert camera["user_manager"][0] == "no_camera"


async def test_a_roll_out_by_hand(house: PolicyHouse, web: Web) -> None:
    policy_id = await house.published(web.who, "催收", CAMERA_OFF, CAMERA_ON)
    diff = await web.ask("GET", f"/policies/{policy_id}/diff?before=1&after=0")
    assert [(one["setting"], one["direction"]) for one in diff["items"]] == [("cameraAccess", "laxer")]
    laid = await web.ask(
        "POST", "/policy-assignments", 201,
        {
            "layer": "organisation", "target": {"kind": "everybody"}, "policy_id": policy_id, "number": 1,
            "rollout": {"percentage": 5},
        },
    )  # fmt: skip
    assert (laid["version"], len(laid["rollout_id"])) == (None, 32)
    rollout = f"/policy-rollouts/{laid['rollout_id']}"
    shown = await web.ask("GET", rollout)
    assert (shown["percentage"], shown["abort_percent"], shown["state"]) == (5, 10, "running")
    assert (await web.ask("POST", f"{rollout}/completion", 409))["code"] == "rollout-state"
    assert (await web.ask("POST", f"{rollout}/widening", 422, {"percentage": 4}))[
        "code"
    ] == "rollout-narrowing"
    assert (await web.ask("POST", f"{rollout}/halt"))["state"] == "halted"
    assert (await web.ask("POST", f"{rollout}/resumption"))["state"] == "running"
    await web.ask("POST", f"{rollout}/widening", 200, {"percentage": 100})
    assert (await web.ask("POST", f"{rollout}/completion"))["state"] == "done"
    body = {"assignment_id": laid["id"], "number": 2, "percentage": 50}
    second = await web.ask("POST", "/policy-rollouts", 201, body)
    assert (second["from_version"], second["to_version"]) == (1, 2)
    point = f"/policy-assignments/{laid['id']}/version"
    assert (await web.ask("PUT", point, 409, {"number": 2}))["code"] == "rollout-open"
    await web.ask("POST", f"/policy-rollouts/{second['id']}/rollback")
    assert (await web.ask("PUT", point, 200, {"number": 2}))["version"] == 2
    assert len((await web.ask("GET", "/policy-rollouts"))["items"]) == 2
    assert (await web.ask("GET", "/policy-rollouts?open_only=true"))["items"] == []
    listed = await web.ask("GET", f"/policy-assignments?policy_id={policy_id}")
    assert [one["version"] for one in listed["items"]] == [2]


async def test_a_preview_of_what_is_not_there_yet(house: PolicyHouse, web: Web) -> None:
    policy_id = await house.published(web.who, "催收", CAMERA_OFF)
    body = {
        "api_level": 30,
        "mode": "WORK_PROFILE_PERSONALLY_OWNED",
        "what_if": {"policy_id": policy_id, "number": 0},
    }
    shown = await web.ask("POST", "/policy-previews", 200, body)
    assert shown["document"] == CAMERA_OFF
    assert shown["layers"][0]["assignment_id"] == ""
    assert house.changes == []


async def test_a_reader_reads(house: PolicyHouse, web: Web) -> None:
    policy_id = await house.published(web.who, "催收", CAMERA_OFF)
    web.who = await house.person(Role.AUDITOR)
    await web.ask("GET", f"/policies/{policy_id}/versions")
    await web.ask("PUT", f"/policies/{policy_id}/draft", 403, {"document": {}, "revision": 1})
    await web.ask("POST", f"/policies/{policy_id}/versions", 403, {"revision": 1})
    body = {"layer": "organisation", "target": {"kind": "everybody"}, "policy_id": policy_id, "number": 1}
    await web.ask("POST", "/policy-assignments", 403, body)
