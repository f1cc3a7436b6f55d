"""Commands over HTTP: what administrators send, what phones fetch, and what either is refused."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import API_PREFIX, build_app
from devicepolicy.commands import kinds
from devicepolicy.commands.agent_api import endpoints as agent_endpoints
from devicepolicy.commands.api import endpoints as admin_endpoints
from devicepolicy.commands.kinds import dump, load
from devicepolicy.commands.schemas import CommandIssue
from devicepolicy.identity.documents import DocumentKind, DocumentRefused, verify_document
from devicepolicy.identity.gate import DeviceGate
from maskline.permissions import registry
from tests.support.commanding import Agent, CommandHouse, phone_headers

TOKENS = {"admin": "a" * 32, "second": "b" * 32, "auditor": "c" * 32, "stale": "d" * 32}
AGENT = f"{API_PREFIX}/agent/commands"


@dataclass
class People:
    """Four people with live sessions; one has not proved for long who he is."""

    house: CommandHouse

    async def authenticate(self, token: str) -> Principal | None:
        name = token.removesuffix("-token-0123456789")
        if name not in TOKENS:
            return None
        role = Role.AUDITOR if name == "auditor" else Role.ADMINISTRATOR
        principal = self.house.principal(role, employee_id=TOKENS[name])
        if name == "stale":
            return replace(principal, verified_at=principal.verified_at - timedelta(hours=1))
        return principal


@dataclass
class Site:
    client: TestClient
    house: CommandHouse

    async def ask(self, who: str, method: str, path: str, body: object = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {who}-token-0123456789"}
        async with self.client.request(method, API_PREFIX + path, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def phone(self, agent: Agent, method: str, target: str, body: object = None) -> tuple[int, Any]:
        data = b"" if body is None else json.dumps(body).encode()
        headers = {**phone_headers(agent, method, target, data), "Content-Type": "application/json"}
        async with self.client.request(method, target, data=data or None, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    def read(self, agent: Agent, token: str) -> dict[str, Any]:
        found = verify_document(
            token,
            DocumentKind.COMMAND,
            keys=self.house.signer.keys,
            device_id=agent.device_id,
            now=self.house.clock.now(),
        )
        return dict(found.document)


@pytest.fixture
async def site(
    database: Database,
    clock: ManualClock,
    settings: Settings,
    aiohttp_client: Callable[..., Awaitable[TestClient]],
) -> Site:
    house = CommandHouse(database, clock)
    app = build_app(
        settings,
        endpoints=[
            *admin_endpoints(house.commands),
            *agent_endpoints(house.commands.queue, clock, DeviceGate(database, clock)),
        ],
        permissions=registry(),
        authenticator=People(house),
        clock=clock,
    )
    return Site(await aiohttp_client(app), house)


async def test_a_wipe_by_two_persons_and_a_phone_that_signs(site: Site) -> None:
    agent = await site.house.phone()
    device = f"/devices/{agent.device_id}"
    body = {
        "wipeParams": {
            "wipeDataFlags": ["WIPE_EXTERNAL_STORAGE"],
            "wipeReason": {"defaultMessage": "离职\n回收"},
        },
        "reason": "离职",
    }
    status, wipe = await site.ask("admin", "POST", f"{device}/wipe", body)
    assert (status, wipe["state"], wipe["approval"]) == (201, "QUEUED", "waiting")
    path = f"/commands/{wipe['id']}"
    assert (await site.ask("admin", "POST", f"{path}/approve"))[1]["code"] == "command-own"
    assert (await site.ask("stale", "POST", f"{path}/approve"))[1]["code"] == "step-up-required"
    assert (await site.ask("auditor", "POST", f"{path}/approve"))[0] == 403
    status, approved = await site.ask("second", "POST", f"{path}/approve")
    assert (status, approved["seq"]) == (200, 1)

    status, pulled = await site.phone(agent, "GET", AGENT)
    assert (status, pulled["last_seq"], pulled["results_wanted"]) == (200, 1, [])
    document = site.read(agent, pulled["commands"][0])
    assert document["type"] == "WIPE"
    assert document["wipeParams"]["wipeReason"]["defaultMessage"] == "离职\n回收"
    status, leave = await site.phone(agent, "POST", f"{AGENT}/acks", {"up_to": 1})
    assert (status, leave["begin"]) == (200, [wipe["id"]])
    assert (await site.ask("admin", "POST", f"{path}/cancel"))[1]["code"] == "command-too-late"
    result = {"results": [{"command_id": wipe["id"], "state": "SUCCEEDED"}]}
    for _ in range(2):
        status, known = await site.phone(agent, "POST", f"{AGENT}/results", result)
        assert (status, known["results"]) == (200, [{"command_id": wipe["id"], "state": "SUCCEEDED"}])
    status, detail = await site.ask("auditor", "GET", path)
    assert status == 200
    assert detail["decision"]["decided_by"] == TOKENS["second"]
    happened = [event["kind"] for event in detail["events"]]
    assert happened == ["issued", "approved", "delivered", "acked", "reported"]


async def test_what_a_phone_tells_of_its_result_is_typed_and_kept(site: Site) -> None:
    agent = await site.house.phone()
    order = {"type": "CLEAR_APP_DATA", "clearAppsDataParams": {"packageNames": ["com.tencent.mm"]}}
    _, made = await site.ask("admin", "POST", f"/devices/{agent.device_id}/commands", {"order": order})
    await site.phone(agent, "GET", AGENT)
    told = {"clearAppsDataStatus": {"results": {"com.tencent.mm": {"clearingResult": "APP_PROTECTED"}}}}
    result = {"command_id": made["id"], "state": "FAILED", "error_code": "UNSUPPORTED", "status": told}
    free_text = {**result, "status": {"note": "+8613800138000"}}
    assert (await site.phone(agent, "POST", f"{AGENT}/results", {"results": [free_text]}))[0] == 422
    assert (await site.phone(agent, "POST", f"{AGENT}/results", {"results": [result]}))[0] == 200
    _, detail = await site.ask("admin", "GET", f"/commands/{made['id']}")
    assert (detail["status"], detail["command"]["error"]) == (told, "UNSUPPORTED")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"order": {"type": "DISABLED"}},
        {"order": {"type": "WIPE"}},
        {"order": {"type": "RELINQUISH_OWNERSHIP"}},
        {"order": {"type": "LOCK", "newPassword": "x"}},
        {"order": {"type": "RESET_PASSWORD"}},
        {"order": {"type": "RESET_PASSWORD", "newPassword": "x", "resetPasswordFlags": ["NOW"]}},
        {"order": {"type": "CLEAR_APP_DATA", "clearAppsDataParams": {"packageNames": []}}},
        {"order": {"type": "CLEAR_APP_DATA", "clearAppsDataParams": {"packageNames": ["../etc"]}}},
        {"order": {"type": "LOCK"}, "validity_s": 1},
        {"order": {"type": "START_LOST_MODE", "startLostModeParams": {"lostMessage": "text"}}},
    ],
)
async def test_an_order_that_is_not_one_is_refused_without_quoting_it(site: Site, body: object) -> None:
    agent = await site.house.phone()
    status, problem = await site.ask("admin", "POST", f"/devices/{agent.device_id}/commands", body)
    assert (status, problem["code"]) == (422, "request-invalid")
    assert "DISABLED" not in json.dumps(problem)


async def test_only_the_phone_itself_and_only_now(site: Site) -> None:
    mine, other = await site.house.phone(), await site.house.phone()
    await site.ask("admin", "POST", f"/devices/{mine.device_id}/commands", {"order": {"type": "LOCK"}})
    client = site.client
    async with client.get(AGENT) as answer:
        assert (await answer.json())["code"] == "signature-missing"
    forged = replace(mine, key=other.key)
    assert (await site.phone(forged, "GET", AGENT))[1]["code"] == "signature-forged"
    old = phone_headers(mine, "GET", AGENT, at=site.house.clock.now() - timedelta(minutes=6))
    async with client.get(AGENT, headers=old) as answer:
        problem = await answer.json()
    assert (problem["code"], "server_time" in problem["facts"]) == ("clock-skewed", True)
    body = b'{"up_to":0}'
    headers = phone_headers(mine, "POST", f"{AGENT}/acks", body) | {"Content-Type": "application/json"}
    async with client.post(f"{AGENT}/acks", data=b'{"up_to":1}', headers=headers) as answer:
        assert (await answer.json())["code"] == "signature-forged"
    _, pulled = await site.phone(mine, "GET", AGENT)
    assert (await site.phone(other, "GET", AGENT))[1]["commands"] == []
    with pytest.raises(DocumentRefused) as swapped:
        site.read(other, pulled["commands"][0])
    assert swapped.value.facts == {"reason": "wrong-device"}
    assert (await site.phone(mine, "POST", f"{AGENT}/acks", {"up_to": 2}))[1]["code"] == "command-ack-ahead"
    site.house.clock.advance(timedelta(days=31))
    with pytest.raises(DocumentRefused) as late:
        site.read(mine, pulled["commands"][0])
    assert late.value.facts == {"reason": "expired"}


ANY_TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=200
)


@given(said=ANY_TEXT)
@hypothesis_settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_every_text_survives_from_the_request_to_the_phone(said: str) -> None:
    """Headwind 5.30, byte for byte: JSON in, the vault's bytes, JSON out."""
    order = {
        "type": "START_LOST_MODE",
        "startLostModeParams": {"lostMessage": {"defaultMessage": said}},
    }
    body = CommandIssue.model_validate_json(json.dumps({"order": order}), strict=True)
    found: Any = load(dump(body.order.order()))
    assert found["startLostModeParams"]["lostMessage"]["defaultMessage"].encode() == said.encode()


@given(said=ANY_TEXT)
@hypothesis_settings(max_examples=50)
def test_a_password_is_in_no_print(said: str) -> None:
    order = {"type": "RESET_PASSWORD", "newPassword": "canary" + said[:100]}
    body = CommandIssue.model_validate_json(json.dumps({"order": order}), strict=True)
    assert "canary" not in repr(body) + str(body) + repr(body.order.order()) + body.model_dump_json()
    assert isinstance(body.order.order(), kinds.ResetPassword)
