"""Calls over HTTP: within scope, masked, with proof and sound."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
from aiohttp.test_utils import TestClient

from core.access.model import Principal, Role, Scope
from core.access.permissions import PermissionRegistry
from core.ids import new_id
from core.web.app import build_app
from core.web.system import SYSTEM_PERMISSIONS
from gateway.calls import account_api, api
from gateway.calls.client import CallsClient
from gateway.calls.control import SECRET_NAME, SOCKET_NAME
from gateway.calls.desk import CallDesk
from gateway.calls.permissions import PERMISSIONS
from gateway.calls.queries import CallQueries
from gateway.calls.recordings import Recordings
from gateway.media.model import Side
from gateway.numbers.model import BindingView
from gateway.switch import protocol as sip
from tests.component.gateway.calls.house import CUSTOMER, LINE, STAFF_SDP, House, Phone, Scene
from tests.support.desk import shanghai

Client = Callable[..., Awaitable[TestClient]]


@dataclass
class Tokens:
    """An authenticator: a principal's session id, padded, is its token."""

    known: dict[str, Principal]

    async def authenticate(self, token: str) -> Principal | None:
        return self.known.get(token)

    def auth(self, principal: Principal) -> dict[str, str]:
        token = principal.session_id.ljust(40, "0")
        self.known[token] = principal
        return {"Authorization": f"Bearer {token}", "Accept-Language": "en"}


@dataclass
class Web:
    """The API of calls, and people who ask it."""

    client: TestClient
    tokens: Tokens

    async def get(self, who: Principal, path: str, status: int = 200) -> dict[str, object]:
        async with self.client.get(f"/api/v1{path}", headers=self.tokens.auth(who)) as answer:
            assert answer.status == status, await answer.text()
            assert CUSTOMER not in await answer.text()
            body: dict[str, object] = await answer.json(content_type=None)
            return body

    async def post(
        self, who: Principal, path: str, status: int, body: dict[str, str] | None = None
    ) -> dict[str, object]:
        headers = self.tokens.auth(who)
        async with self.client.post(f"/api/v1{path}", headers=headers, json=body) as answer:
            assert answer.status == status, await answer.text()
            return {} if status == 204 else await answer.json(content_type=None)


@pytest.fixture
async def web(house: House, aiohttp_client: Client) -> AsyncIterator[Web]:
    tokens = Tokens({})
    queries = CallQueries(house.database, subject_keys=house.desk.keys, sealing=house.desk.sealing)
    secret = house.desk.vault.secret(SECRET_NAME).reveal_text()
    async with CallsClient(house.settings.run_dir / SOCKET_NAME, secret) as process:
        desk = CallDesk(house.database, queries=queries, process=process, ledger=house.desk.ledger)
        recordings = Recordings(
            house.database,
            house.clock,
            queries=queries,
            subject_keys=house.desk.keys,
            blobs=house.blobs,
            ledger=house.desk.ledger,
        )
        app = build_app(
            house.settings,
            endpoints=[
                *api.endpoints(desk, queries, recordings),
                *account_api.endpoints(house.accounts(), house.settings.sip),
            ],
            permissions=PermissionRegistry(PERMISSIONS, SYSTEM_PERMISSIONS),
            authenticator=tokens,
            clock=house.clock,
        )
        yield Web(await aiohttp_client(app), tokens)


async def one_call(scene: Scene, phone: Phone, binding: BindingView) -> str:
    """Have a conversation of two seconds; give its id."""
    _, customer = await scene.connect(phone, binding.token)
    await scene.bridged()
    scene.session.speak(Side.STAFF, 60)
    scene.session.speak(Side.CUSTOMER, 40)
    scene.ended(customer)
    await scene.next(sip.Hangup)
    return (await scene.closed()).id


async def test_a_call_is_shown_masked_with_verdict_times_packets_and_proof(
    house: House, web: Web, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        call_id = await one_call(scene, phone, binding)
    listed = await web.get(agent, "/calls")
    (call,) = listed["items"]  # type: ignore[misc]
    assert call["id"] == call_id
    assert call["customer_phone"] == "138****8000"
    assert call["customer_name"].startswith("张")
    assert (call["state"], call["cause"], call["has_recording"]) == ("ended", "completed", True)
    assert call["line_number"].endswith(LINE[1:])
    shown = await web.get(agent, f"/calls/{call_id}")
    assert shown["verdict"]["decision"] == "allow"  # type: ignore[index]
    assert shown["media"]["recorded_packets"] == 100  # type: ignore[index]
    (entry,) = await house.entries("call.ended")
    assert shown["proof"]["ended_seq"] == entry.seq  # type: ignore[index]
    assert shown["proof"]["verdict_seq"] is not None  # type: ignore[index]
    assert shown["times"]["bridged_at"] is not None  # type: ignore[index]


async def test_nobody_sees_what_is_not_in_their_scope(
    house: House, web: Web, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        call_id = await one_call(scene, phone, binding)
    stranger = await house.principal(Role.AGENT)
    assert (await web.get(stranger, "/calls"))["items"] == []
    for path in ("", "/recording", "/peaks"):
        assert (await web.get(stranger, f"/calls/{call_id}{path}", 404))["code"] == "call-not-found"
    await web.post(stranger, f"/calls/{call_id}/hangup", 404)
    reviewer = await house.principal(Role.REVIEWER)
    assert len((await web.get(reviewer, "/calls"))["items"]) == 1  # type: ignore[arg-type]
    await web.post(reviewer, "/calls", 403, {"binding_id": binding.id})
    admin = await house.principal(Role.ADMINISTRATOR)  # manages, but does not listen
    await web.get(admin, f"/calls/{call_id}/recording", 403)


async def test_filters_and_pages(
    house: House, web: Web, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        await one_call(scene, phone, binding)
        house.clock.set(shanghai(22, 30))
        await scene.dial(phone, binding.token)
        await scene.next(sip.Refuse)
        await scene.closed()

    async def found(query: str) -> list[str]:
        items = (await web.get(agent, f"/calls?{query}"))["items"]
        return [call["state"] for call in items]  # type: ignore[attr-defined]

    assert await found("") == ["refused", "ended"]
    assert await found("decision=deny") == ["refused"]
    assert await found("connected=true") == ["ended"]
    assert await found("cause=completed&flow=staff&purpose=collection") == ["ended"]
    assert await found("since=2026-11-21T14:00:00Z") == ["refused"]
    assert await found("until=2026-11-21T14:00:00Z") == ["ended"]
    assert await found(f"customer_id={new_id()}") == []
    first = await web.get(agent, "/calls?limit=1")
    second = await web.get(agent, f"/calls?limit=1&cursor={first['next_cursor']}")
    assert second["next_cursor"] is None
    assert first["items"] != second["items"]
    await web.get(agent, "/calls?cause=anything", 422)


async def test_live_calls_and_who_hung_up(
    house: House, web: Web, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        await scene.register(phone)
        placed = await web.post(agent, "/calls", 201, {"binding_id": binding.id, "idempotency_key": "k"})
        again = await web.post(agent, "/calls", 201, {"binding_id": binding.id, "idempotency_key": "k"})
        assert again == placed
        staff = await scene.next(sip.Originate)
        (live,) = (await web.get(agent, "/calls/live"))["items"]  # type: ignore[misc]
        assert (live["id"], live["state"]) == (placed["call_id"], "ringing")
        scene.answered(staff.leg, STAFF_SDP)
        await scene.next(sip.Originate)
        supervisor = await house.principal(Role.SUPERVISOR)
        supervisor = replace(supervisor, grants={**supervisor.grants, "call.hangup": Scope.ALL})
        await web.post(supervisor, f"/calls/{placed['call_id']}/hangup", 204)
        row = await scene.closed()
        await web.post(agent, f"/calls/{placed['call_id']}/hangup", 409)
    assert row.ended_by == "supervisor"
    (entry,) = await house.entries("call.hangup-asked")
    assert entry.body["by"] == supervisor.employee_id
    assert (await web.get(agent, "/calls/live"))["items"] == []


async def test_a_refusal_over_http_names_the_rule(
    house: House, web: Web, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    house.clock.set(shanghai(22, 30))
    async with house.open() as scene:
        await scene.register(phone)
        problem = await web.post(agent, "/calls", 403, {"binding_id": binding.id})
    assert problem["code"] == "call-refused"
    assert problem["facts"]["rule_id"] == "hours-collection"  # type: ignore[index]
    assert problem["detail"]
    other = await web.post(agent, "/calls", 503, {"binding_id": binding.id})
    assert other["code"] == "calls-unavailable"


async def test_the_recording_plays_by_range_and_the_ledger_knows_who_listened(
    house: House, web: Web, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        call_id = await one_call(scene, phone, binding)
    headers = web.tokens.auth(agent)
    path = f"/api/v1/calls/{call_id}/recording"
    async with web.client.get(path, headers=headers) as answer:
        whole = await answer.read()
        assert (answer.status, answer.content_type) == (200, "audio/wav")
    assert whole[:4] == b"RIFF"
    assert len(whole) > 44 + 2 * 4 * 8000
    async with web.client.get(path, headers={**headers, "Range": "bytes=1000-1999"}) as answer:
        assert answer.status == 206
        assert await answer.read() == whole[1000:2000]
    (entry,) = await house.entries("recording.listened")  # one listening, however many ranges
    assert (entry.body["call_id"], entry.body["by"]) == (call_id, agent.employee_id)
    peaks = await web.get(agent, f"/calls/{call_id}/peaks?buckets=20")
    assert len(peaks["staff"]) == len(peaks["customer"]) == 20  # type: ignore[arg-type]
    async with house.database.begin() as session:
        await house.desk.keys.destroy(session, binding.customer_id)
    assert (await web.get(agent, f"/calls/{call_id}/recording", 404))["code"] == "no-recording"
    assert (await web.get(agent, f"/calls/{call_id}"))["call"]["customer_phone"] == ""  # type: ignore[index]


async def test_a_call_that_nobody_answered_has_no_recording(
    house: House, web: Web, agent: Principal, binding: BindingView, phone: Phone
) -> None:
    async with house.open() as scene:
        await scene.dial(phone, binding.token)
        scene.failed((await scene.next(sip.Originate)).leg, 486)
        call_id = (await scene.closed()).id
    assert (await web.get(agent, f"/calls/{call_id}/recording", 404))["code"] == "no-recording"


async def test_phone_accounts_over_http(house: House, web: Web, agent: Principal) -> None:
    admin = await house.principal(Role.ADMINISTRATOR)
    path = f"/employees/{agent.employee_id}/sip-account"
    await web.post(agent, path, 403)
    made = await web.post(admin, path, 201)
    assert len(str(made["password"])) == 24
    assert made["server"] == "127.0.0.1:5070"
    await web.post(admin, path, 409)
    rotated = await web.post(admin, f"{path}/rotate", 200)
    assert rotated["password"] != made["password"]
    seen = await web.get(agent, path)
    assert seen["username"] == made["username"]
    assert "password" not in seen
