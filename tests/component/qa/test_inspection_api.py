"""Inspections and alerts over HTTP: filters, scopes, and errors with stable codes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from aiohttp.test_utils import TestClient

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import build_app
from qa import alert_rules_api
from qa.alert_rules import AlertRules
from qa.inspection.api import endpoints
from qa.inspection.rulebook import own_rulebook
from qa.memory import ScriptedTranscriber
from qa.permissions import PERMISSIONS
from tests.support.inspection import AGENT, REGISTRY, InspectionDesk, principal, say

CALL = say(("staff", "我是催收员"), ("staff", "我会告诉你家人"), ("customer", "我的号码是13800138000"))
PEOPLE = {
    "reviewer-token-0123456789": principal(Role.REVIEWER),
    "agent-token-0123456789abc": principal(Role.AGENT, AGENT),
    "stranger-token-0123456789": principal(Role.AGENT, "f" * 32),
    "auditor-token-0123456789a": principal(Role.AUDITOR),
    "administrator-token-01234": principal(Role.ADMINISTRATOR),
}


@dataclass
class Tokens:
    async def authenticate(self, token: str) -> Principal | None:
        return PEOPLE.get(token)


def auth(who: str) -> dict[str, str]:
    token = next(name for name in PEOPLE if name.startswith(who))
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> InspectionDesk:
    return InspectionDesk(database, clock, ScriptedTranscriber(CALL))


@pytest.fixture
async def client(
    settings: Settings,
    aiohttp_client: Callable[..., Awaitable[TestClient]],
    desk: InspectionDesk,
    clock: ManualClock,
) -> TestClient:
    rules = AlertRules(database=desk.database, clock=clock, ledger=desk.ledger, rulebook=own_rulebook())
    app = build_app(
        settings,
        endpoints=[*endpoints(desk.reader, desk.alerts), *alert_rules_api.endpoints(rules)],
        permissions=REGISTRY,
        authenticator=Tokens(),
        clock=clock,
    )
    return await aiohttp_client(app)


async def get(client: TestClient, path: str, who: str, **query: str) -> dict:
    response = await client.get(f"/api/v1{path}", headers=auth(who), params=query)
    assert response.status == 200, await response.text()
    return await response.json()


async def test_list_filters_and_scope(client: TestClient, desk: InspectionDesk) -> None:
    bad, quiet = await desk.call(), await desk.call(recorded=False)
    for facts in (bad, quiet):
        await desk.service.inspect(facts.contact_id)
    everything = await get(client, "/inspections", "reviewer")
    assert [item["contact_id"] for item in everything["items"]] == [quiet.contact_id, bad.contact_id]
    for query in (
        {"band": "coach"}, {"category": "disclosure"}, {"severity": "severe"}, {"contact_id": bad.contact_id},
    ):  # fmt: skip
        found = await get(client, "/inspections", "reviewer", **query)
        assert [item["contact_id"] for item in found["items"]] == [bad.contact_id], query
    assert (await get(client, "/inspections", "reviewer", category="insult"))["items"] == []
    assert (await get(client, "/inspections", "reviewer", until="2026-01-01T00:00:00Z"))["items"] == []
    assert len((await get(client, "/inspections", "reviewer", employee_id=AGENT))["items"]) == 2
    assert len((await get(client, "/inspections", "agent"))["items"]) == 2
    assert (await get(client, "/inspections", "stranger"))["items"] == []
    first = await get(client, "/inspections", "reviewer", limit="1")
    second = await get(client, "/inspections", "reviewer", limit="1", cursor=first["next_cursor"])
    assert second["items"][0]["contact_id"] == bad.contact_id


async def test_detail_with_evidence_report_and_masked_number(
    client: TestClient, desk: InspectionDesk
) -> None:
    facts = await desk.call()
    inspection_id = await desk.service.inspect(facts.contact_id)
    body = await get(client, f"/contacts/{facts.contact_id}/inspection", "agent")
    assert body == await get(client, f"/inspections/{inspection_id}", "agent")
    assert body["transcript"][2]["text"] == "我的号码是***********"
    (finding,) = body["findings"]
    assert (finding["text"], finding["rule_title_zh"]) == ("告诉你家人", "员工向第三人披露或以此相要挟")
    assert body["report"]["summary"]["zh"].startswith("70 分，需辅导")
    auditor = await get(client, f"/inspections/{inspection_id}", "auditor")
    assert auditor["transcript"] is None
    assert auditor["findings"][0]["text"] is None
    response = await client.get(f"/api/v1/inspections/{inspection_id}", headers=auth("stranger"))
    assert response.status == 404
    assert (await response.json())["code"] == "inspection-unknown"


async def test_alert_over_http(client: TestClient, desk: InspectionDesk) -> None:
    facts = await desk.call()
    await desk.service.inspect(facts.contact_id)
    (alert,) = (await get(client, "/alerts", "reviewer", state="open"))["items"]
    assert alert["category_zh"] == "向第三人披露"
    path = f"/api/v1/alerts/{alert['id']}"
    assert (await client.post(f"{path}/take", headers=auth("agent"))).status == 403
    taken = await (await client.post(f"{path}/take", headers=auth("reviewer"))).json()
    assert taken["state"] == "taken"
    refused = await client.post(f"{path}/close", headers=auth("reviewer"), json={"note": ""})
    assert refused.status in {400, 422}
    closed = await client.post(f"{path}/close", headers=auth("reviewer"), json={"note": "已约谈"})
    assert (await closed.json())["note"] == "已约谈"
    again = await client.post(f"{path}/take", headers=auth("reviewer"))
    assert (again.status, (await again.json())["code"]) == (409, "alert-closed")


async def test_rules_about_words_over_http(client: TestClient) -> None:
    path, choice = "/api/v1/word-rules", {"scope": "group", "timing": "daily", "webhook": True}
    assert (await client.get(path, headers=auth("agent"))).status == 403
    refused = await client.put(f"{path}/staff-insult", headers=auth("reviewer"), json=choice)
    assert refused.status == 403
    unknown = await client.put(f"{path}/staff-introduction", headers=auth("administrator"), json=choice)
    assert (unknown.status, (await unknown.json())["code"]) == (404, "alert-rule-unknown")
    chosen = await client.put(f"{path}/staff-insult", headers=auth("administrator"), json=choice)
    assert chosen.status == 200
    found = (await get(client, "/word-rules", "reviewer"))["items"]
    one = next(item for item in found if item["id"] == "staff-insult")
    assert choice.items() <= one.items()
    assert (one["role"], one["title_zh"], one["alert_from"]) == ("staff", "员工辱骂客户", "severe")
    assert {item["scope"] for item in found if item["id"] != "staff-insult"} == {"any"}


def test_every_permission_has_both_titles() -> None:
    for spec in PERMISSIONS:
        assert spec.zh
        assert spec.en
