"""Least sight, route by route: who may, whose data, from where. A new route is in here by itself."""

import hashlib
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from sqlalchemy import inspect, select

from core.access.model import Role, Scope
from core.web.app import API_PREFIX
from core.web.endpoint import Endpoint
from core.web.security import csrf_token
from gateway.calls.models import CallRow
from gateway.contact.models import ContactRow
from maskline.tables import load_metadata
from qa.inspection.models import AlertRow, FindingRow, InspectionRow
from tests.browser.stage import Stage
from tests.hardening.asking import Answer, act, address, is_open, named, places

# One person of each role; their departments are those of the seed.
PEOPLE = {
    Role.AGENT: "lin",
    Role.SUPERVISOR: "chen",
    Role.REVIEWER: "zhao",
    Role.ADMINISTRATOR: "admin",
    Role.AUDITOR: "sun",
}
# What wang's day leaves: out of reach for lin (own) and for chen (another department's team).
STRANGE_TO_OWN_AND_TEAM = (
    "customer_id", "contact_id", "call_id", "inspection_id", "binding_id", "alert_id", "thread_id", "message_id",
    "employee_id", "session_id", "finding_id", "attachment_id", "block_id", "note_id", "step_id", "import_id",
    "export_id", "device_id", "command_id", "offboarding_id", "rebinding_id", "upload_event_id",
    "batch_id", "check_in_id", "device_list_id", "request_id",
)  # fmt: skip
OF_ONE_PERSON = {"export_id"}
"""Whoever holds the permission sees their own only, whatever the scope."""
ASKS_FOR_A_CODE = {"/login", "/login/code", "/login/change", "/login/enrol", "/confirm"}
"""Pages whose own answer to a wrong password or code is 401."""
SHORT_STREAMS = {"text/event-stream"}


async def ids_of_wang(stage: Stage) -> Mapping[str, str]:
    """Everything of one call that wang made, by the name that paths give it."""
    contact_id = stage.seeded.contacts["abuse"]
    async with stage.ground.database.read() as session:
        contact = await session.get_one(ContactRow, contact_id)
        call = await session.scalar(select(CallRow).where(CallRow.contact_id == contact_id))
        inspection = await session.scalar(select(InspectionRow).where(InspectionRow.contact_id == contact_id))
        assert call is not None
        assert inspection is not None
        finding = await session.scalar(select(FindingRow).where(FindingRow.inspection_id == inspection.id))
        alert = await session.scalar(select(AlertRow).where(AlertRow.inspection_id == inspection.id))
        assert finding is not None
        assert alert is not None
    return {
        **stage.extra,
        "customer_id": contact.customer_id,
        "contact_id": contact_id,
        "call_id": call.id,
        "inspection_id": inspection.id,
        "finding_id": finding.id,
        "alert_id": alert.id,
        "binding_id": contact.binding_id or "",
        "employee_id": stage.seeded.people["wang"].principal.employee_id,
    }


async def ask(
    http: aiohttp.ClientSession, stage: Stage, method: str, path: str, **more: Any
) -> tuple[int, str]:
    """Ask; gives status and the problem's code ("" where there is none). Streams are not read."""
    async with http.request(method, stage.url + path, allow_redirects=False, **more) as response:
        if response.content_type in SHORT_STREAMS:
            return response.status, ""
        if response.content_type == "application/problem+json":
            return response.status, str((await response.json(content_type=None)).get("code"))
        return response.status, ""


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_nobody_gets_in_without_a_session(stage: Stage, http: aiohttp.ClientSession) -> None:
    asked = 0
    for path, endpoint in stage.routes:
        if is_open(endpoint):
            continue
        asked += 1
        status, _ = await ask(http, stage, endpoint.method, address(path, {}))
        assert status == 401 or (status == 303 and endpoint.kind == "page"), (endpoint.name, status)
    assert asked > 80


async def test_public_routes_say_why(stage: Stage) -> None:
    for _, endpoint in stage.routes:
        if is_open(endpoint):
            assert endpoint.public_reason, endpoint.name


@pytest.mark.parametrize("role", list(PEOPLE))
async def test_a_role_without_the_permission_is_refused_before_anything_is_read(
    stage: Stage, http: aiohttp.ClientSession, role: Role
) -> None:
    """With the permission no request is refused for its sake, and none breaks the server."""
    principal = stage.seeded.people[PEOPLE[role]].principal
    refused = allowed = 0
    for path, endpoint in stage.routes:
        if is_open(endpoint):
            continue
        token = await _fresh(stage, PEOPLE[role])
        more: dict[str, Any] = {"headers": bearer(token)}
        if endpoint.method not in {"GET", "DELETE"}:
            more["json"] = {}
        status, code = await ask(http, stage, endpoint.method, address(path, {}), **more)
        assert isinstance(endpoint.permission, str)
        if principal.allows(endpoint.permission):
            allowed += 1
            assert status < 500, (endpoint.name, status, code)
            assert status != 401 or endpoint.path in ASKS_FOR_A_CODE, (endpoint.name, code)
            assert status != 403 or code == "step-up-required", (endpoint.name, code)
        else:
            refused += 1
            assert status == 403, (endpoint.name, status, code)
    assert allowed > 10
    assert refused > 10


@pytest.mark.parametrize("role", list(PEOPLE))
async def test_another_departments_things_are_not_there(
    stage: Stage, http: aiohttp.ClientSession, role: Role
) -> None:
    """A scope of own or team ends where it says; a scope of all gets the very same address."""
    ids = await ids_of_wang_on(stage)
    principal = stage.seeded.people[PEOPLE[role]].principal
    seen = 0
    for path, endpoint in stage.routes:
        names = set(places(path))
        if endpoint.method != "GET" or not names or not names <= set(STRANGE_TO_OWN_AND_TEAM):
            continue
        assert isinstance(endpoint.permission, str)
        scope = principal.scope(endpoint.permission)
        if scope is None:
            continue
        seen += 1
        token = await _fresh(stage, PEOPLE[role])
        status, code = await ask(http, stage, "GET", address(path, ids), headers=bearer(token))
        if scope is Scope.ALL and not names & OF_ONE_PERSON:
            assert status in {200, 204, 303, 422} or code in MISSING, (endpoint.name, status, code)
        else:
            assert status == 404 or await _tells_nothing(http, stage, path, token), (endpoint.name, status)
    assert seen > 5


MISSING = {"step-up-required", "sip-account-not-found", "attachment-not-cleared", "photo-gone"}
"""What a thing of wang's may lack, told to those who may see him."""


async def _tells_nothing(http: aiohttp.ClientSession, stage: Stage, path: str, token: str) -> bool:
    """Whether the answer leads to a place that is not there, or is the same as for what nobody has."""
    seen = []
    for ids in (await ids_of_wang_on(stage), {}):
        filled = address(path, ids)
        async with http.get(stage.url + filled, headers=bearer(token)) as response:
            text = (await response.text()).replace(filled.split("/")[-2], "")
            seen.append((bool(response.history), response.status, text))
    (moved, status, _), _ = seen
    same = seen[0] == seen[1] and path.startswith(API_PREFIX)
    return (
        (moved and status == 404) or same or status == 422
    )  # refused for its query, before anything is read


@pytest.mark.parametrize("username", ["lin", "chen", "sun"])
async def test_nobody_acts_on_or_filters_by_what_is_not_theirs(
    stage: Stage, http: aiohttp.ClientSession, username: str
) -> None:
    """With the id in path, query or body: the same answer as for an id that nothing has, and nothing happened."""
    ids = await ids_of_wang_on(stage)
    nobodys = dict.fromkeys(ids, "")
    principal = stage.seeded.people[username].principal
    before = _on_stage(stage, _print_of(stage, ids))
    assert len(set(before.values())) > 10, "what wang did stands in many tables"
    asked: dict[str, int] = {}
    for path, endpoint in stage.routes:
        if is_open(endpoint):
            continue
        assert isinstance(endpoint.permission, str)
        scope = principal.scope(endpoint.permission)
        names = set(places(path))
        foreign = scope in {Scope.OWN, Scope.TEAM} or names & OF_ONE_PERSON
        if scope is None or not foreign or not names <= set(ids):
            continue
        if not names and not any(named(endpoint.models.get(part), ids) for part in ("query", "body")):
            continue
        token = await _fresh(stage, username)
        theirs = await act(http, stage, (path, endpoint), token, ids)
        assert theirs == await act(http, stage, (path, endpoint), token, nobodys), endpoint.name
        reading = endpoint.method == "GET"  # then the same as for nothing is an empty answer
        assert reading or not names or _refuses(theirs), (
            endpoint.name,
            theirs.status,
            theirs.code,
            theirs.location,
        )
        for name in names:
            asked[name] = asked.get(name, 0) + 1
    assert _on_stage(stage, _print_of(stage, ids)) == before
    wanted = {"lin": 8, "chen": 12, "sun": 1}
    assert len(asked) >= wanted[username], asked


def _refuses(answer: Answer) -> bool:
    """Not there, not allowed here, or refused before anything was looked up."""
    if answer.status == 303:
        return "failed=" in answer.location
    return answer.status in {403, 404, 409, 422}


async def _print_of(stage: Stage, ids: Mapping[str, str]) -> Mapping[str, str]:
    """Hash every row that names one of these ids, table by table."""
    found = {}
    async with stage.ground.database.read() as session:
        here = await (await session.connection()).run_sync(lambda link: set(inspect(link).get_table_names()))
        for table in load_metadata().metadata.sorted_tables:
            if table.name not in here:
                continue
            rows = sorted(
                repr(tuple(row))
                for row in await session.execute(select(table))
                if set(ids.values()) & {value for value in row if isinstance(value, str)}
            )
            found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


async def ids_of_wang_on(stage: Stage) -> Mapping[str, str]:
    return _on_stage(stage, ids_of_wang(stage))


async def test_no_unsafe_route_takes_a_request_from_elsewhere(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """With the cookie alone, a wrong token, from another site or from nowhere: refused, though the asker may."""
    tokens = {username: await _fresh(stage, username) for username in PEOPLE.values()}
    asked = 0
    for path, endpoint in stage.routes:
        if endpoint.method == "GET" or is_open(endpoint):
            continue
        asked += 1
        token = tokens[_somebody_who_may(stage, endpoint)]
        own = {"Cookie": f"maskline={token}"}
        for headers in (
            own,
            own | {"X-CSRF-Token": "0" * 64},
            own | {"X-CSRF-Token": csrf_token(token), "Origin": "https://evil.example"},
            own | {"X-CSRF-Token": csrf_token(token), "Origin": "null"},
            own | {"X-CSRF-Token": csrf_token(token), "Origin": stage.url + ".evil.example"},
            own | {"X-CSRF-Token": csrf_token(token), "Sec-Fetch-Site": "cross-site"},
            own | {"X-CSRF-Token": csrf_token(token), "Sec-Fetch-Site": "same-site"},
        ):
            status, code = await ask(http, stage, endpoint.method, address(path, {}), headers=headers)
            assert status == 403, (endpoint.name, headers, status)
            assert endpoint.kind == "page" or code == "csrf-refused", (endpoint.name, headers, code)
    assert asked > 80


def _somebody_who_may(stage: Stage, endpoint: Endpoint) -> str:
    """Name a person who may call an endpoint; there is one for each, or nobody could use it."""
    assert isinstance(endpoint.permission, str)
    for username in PEOPLE.values():
        if stage.seeded.people[username].principal.allows(endpoint.permission):
            return username
    raise AssertionError(endpoint.name)


async def test_nobody_is_logged_in_or_switched_by_another_site(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """Routes that need no session yet: log-in and preferences. An attacker must not log anybody in as themself."""
    asked = 0
    for path, endpoint in stage.routes:
        if endpoint.method == "GET" or not is_open(endpoint):
            continue
        asked += 1
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            status, code = await ask(http, stage, endpoint.method, address(path, {}), headers=headers)
            if getattr(endpoint, "guard", None) is not None:  # it asks for the signature of a phone
                assert 400 <= status < 500, (endpoint.name, headers, status)
            else:
                assert status == 403, (endpoint.name, headers, status)
                assert endpoint.kind == "page" or code == "csrf-refused", (endpoint.name, headers, code)
    assert asked >= 3


async def test_every_answer_carries_the_strict_headers(stage: Stage, http: aiohttp.ClientSession) -> None:
    token = await _fresh(stage, "zhao")
    for path, endpoint in stage.routes:
        if endpoint.method != "GET":
            continue
        async with http.get(
            stage.url + address(path, {}), headers=bearer(token), allow_redirects=False
        ) as response:
            policy = response.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy, endpoint.name
            assert "unsafe" not in policy, endpoint.name
            assert response.headers["X-Content-Type-Options"] == "nosniff", endpoint.name
            assert response.headers["Cache-Control"] == "no-store", endpoint.name
            assert "Server" not in response.headers, endpoint.name


async def test_every_name_in_a_path_is_known_here(stage: Stage) -> None:
    """A new kind of thing with an owner must be taught to the test of scopes above, or named as ownerless."""
    names = {name for path, _ in stage.routes for name in places(path)}
    unknown = names - set(STRANGE_TO_OWN_AND_TEAM) - OWNERLESS - ELSEWHERE
    assert not unknown, unknown


OWNERLESS = frozenset(
    {
        "line_id", "department_id", "rule_id", "template_id", "version_id", "seq", "policy_id", "number", "assignment_id",
        "rollout_id", "enrolment_token_id", "order", "size",
    }
)  # fmt: skip
"""Belongs to the institution: who holds the permission sees all of them. `order` is a word and no id."""
ELSEWHERE: frozenset[str] = frozenset({"device_id", "report_id", "recording_id"})
"""Has an owner, and its scope is tested in its own folder."""


async def _fresh(stage: Stage, username: str) -> str:
    return _on_stage(stage, stage.seeder.token(username))


def _on_stage(stage: Stage, work: Any) -> Any:
    return stage.run(work)
