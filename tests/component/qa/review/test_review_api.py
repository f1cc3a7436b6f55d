"""Reviews over HTTP: the queue, decisions, undo, appeals, and errors with stable codes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from core.access.model import Principal, Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import build_app
from qa.review.api import endpoints
from tests.support.inspection import REGISTRY, principal
from tests.support.review import FIRST, INSPECTED, SECOND, ReviewDesk

PEOPLE = {
    "first-token-0123456789abc": FIRST,
    "second-token-0123456789ab": SECOND,
    "agent-token-0123456789abc": INSPECTED,
    "auditor-token-0123456789a": principal(Role.AUDITOR, "9" * 32),
}


@dataclass
class Tokens:
    async def authenticate(self, token: str) -> Principal | None:
        return PEOPLE.get(token)


@pytest.fixture
def desk(database: Database, clock: ManualClock) -> ReviewDesk:
    return ReviewDesk(database, clock)


@pytest.fixture
async def client(
    settings: Settings,
    aiohttp_client: Callable[..., Awaitable[TestClient]],
    desk: ReviewDesk,
    clock: ManualClock,
) -> TestClient:
    app = build_app(
        settings,
        endpoints=endpoints(desk.reader, desk.service, desk.appeals),
        permissions=REGISTRY,
        authenticator=Tokens(),
        clock=clock,
    )
    return await aiohttp_client(app)


async def ask(
    client: TestClient, who: str, path: str, body: dict[str, Any] | None = None, *, post: bool = False
) -> tuple[int, dict[str, Any]]:
    token = next(name for name in PEOPLE if name.startswith(who))
    headers = {"Authorization": f"Bearer {token}"}
    method = "POST" if post or body is not None else "GET"
    async with client.request(method, f"/api/v1{path}", headers=headers, json=body) as answer:
        return answer.status, await answer.json()


async def test_a_review_from_queue_to_settled_appeal(client: TestClient, desk: ReviewDesk) -> None:
    inspection_id = await desk.inspected()
    _, page = await ask(client, "first", "/reviews?severity=severe")
    (line,) = page["items"]
    assert (line["review"]["inspection_id"], line["review"]["priority"]) == (inspection_id, "severe")
    status, body = await ask(client, "first", f"/inspections/{inspection_id}/review/claim", post=True)
    assert (status, body["summary"]["held_by"]) == (200, FIRST.employee_id)
    status, refused = await ask(client, "second", f"/inspections/{inspection_id}/review/claim", post=True)
    assert (status, refused["code"]) == (409, "review-taken")
    finding = body["findings"][0]["finding_id"]
    path = f"/findings/{finding}"
    status, refused = await ask(client, "first", f"{path}/decisions", {"ruling": "overturn", "revision": 0})
    assert (status, refused["code"]) == (422, "review-comment-missing")
    for found in body["findings"]:
        status, _ = await ask(
            client,
            "first",
            f"/findings/{found['finding_id']}/decisions",
            {"ruling": "confirm", "revision": 0},
        )
        assert status == 200
    status, refused = await ask(client, "first", f"{path}/decisions", {"ruling": "confirm", "revision": 0})
    assert (status, refused["code"]) == (409, "review-outdated")
    status, objected = await ask(client, "agent", f"{path}/appeal", {"reason": "不是我说的"})
    assert (status, objected["appeal"]["state"]) == (200, "open")
    status, refused = await ask(client, "first", f"{path}/decisions/undo", {"revision": 1})
    assert (status, refused["code"]) == (409, "appeal-under-way")
    ruling = {"ruling": "overturn", "comment": "成立", "revision": 1}
    status, refused = await ask(client, "first", f"{path}/decisions", ruling)
    assert (status, refused["code"]) == (403, "appeal-not-yours")
    status, settled = await ask(client, "second", f"{path}/decisions", ruling)
    assert (status, settled["appeal"]["state"], settled["ruling"]) == (200, "accepted", "overturn")
    _, counted = await ask(client, "first", "/reviews/coverage")
    assert counted == {"inspected": 1, "reviewed": 1, "in_review": 0, "due": 0, "appeals": 0}


async def test_who_may_not_is_told_so(client: TestClient, desk: ReviewDesk) -> None:
    (found, *_) = await desk.findings(await desk.inspected())
    ruling = {"ruling": "confirm", "revision": 0}
    for who in ("agent", "auditor"):
        status, refused = await ask(client, who, f"/findings/{found.id}/decisions", ruling)
        assert (status, refused["code"]) == (403, "forbidden")
    status, refused = await ask(client, "auditor", f"/findings/{found.id}/appeal", {"reason": "x"})
    assert status == 403
    status, refused = await ask(client, "agent", f"/findings/{'f' * 32}/appeal", {"reason": "x"})
    assert (status, refused["code"]) == (404, "finding-unknown")
    status, _ = await ask(client, "agent", f"/findings/{found.id}/appeal", {"reason": "   "})
    assert status in {400, 422}
    status, _ = await ask(client, "first", "/reviews?cursor=x")
    assert status in {400, 422}
