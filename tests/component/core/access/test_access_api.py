"""Access over HTTP: cookies for browsers, tokens for programs, and the role x endpoint matrix."""

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from core.access.api import endpoints
from core.access.model import Role
from core.access.models import Session
from core.access.sessions import hash_token
from core.web.app import build_app
from core.web.endpoint import Public
from core.web.security import csrf_token
from tests.support.access import PASSWORD


@pytest.fixture
async def client(office, aiohttp_client):
    app = build_app(
        office.settings,
        endpoints=endpoints(office.access),
        permissions=office.permissions,
        authenticator=office.access.sessions,
        clock=office.clock,
    )
    return await aiohttp_client(app)


async def bearer(office, *roles, **more):
    made = await office.ready(*roles, **more)
    return {"Authorization": f"Bearer {(await office.log_in(made.employee.username)).token}"}


async def test_a_browser_logs_in_works_and_logs_out(office, client):
    made = await office.ready()
    body = {"username": made.employee.username, "password": PASSWORD}
    answer = await client.post("/api/v1/session", json=body)
    opened = await answer.json()
    assert (answer.status, opened["stage"], opened["token"]) == (201, "full", None)
    cookie = answer.cookies["maskline"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    headers = {"Cookie": f"maskline={cookie.value}"}
    me = await (await client.get("/api/v1/session", headers=headers)).json()
    assert me["csrf_token"] == opened["csrf_token"] == csrf_token(cookie.value)
    assert me["roles"] == ["agent"]
    assert me["permissions"]["widget.read"] == "own"
    assert cookie.value not in str(me)
    assert (await client.delete("/api/v1/session", headers=headers)).status == 403
    answer = await client.delete("/api/v1/session", headers=headers | {"X-CSRF-Token": me["csrf_token"]})
    assert (answer.status, answer.cookies["maskline"].value) == (204, "")
    assert (await client.get("/api/v1/session", headers=headers)).status == 401


async def test_a_planted_cookie_does_not_become_a_session(office, client, database):
    made = await office.ready()
    planted = "planted-token-0123456789abcdefghij"
    body = {"username": made.employee.username, "password": PASSWORD}
    answer = await client.post("/api/v1/session", json=body, headers={"Cookie": f"maskline={planted}"})
    assert answer.status == 201
    assert answer.cookies["maskline"].value != planted
    client.session.cookie_jar.clear()
    assert (await client.get("/api/v1/session", headers={"Cookie": f"maskline={planted}"})).status == 401
    async with database.read() as session:
        assert hash_token(planted) not in set(await session.scalars(select(Session.token_hash)))


async def test_log_in_from_another_site_is_refused(office, client):
    made = await office.ready()
    body = {"username": made.employee.username, "password": PASSWORD}
    answer = await client.post("/api/v1/session", json=body, headers={"Origin": "https://evil.example"})
    assert answer.status == 403


async def test_wrong_log_ins_answer_alike_and_never_quote(office, client):
    made = await office.ready()
    answers = []
    for name in (made.employee.username, "13912345678"):
        answer = await client.post("/api/v1/session", json={"username": name, "password": "secret-guess-1"})
        text = await answer.json()
        text.pop("request_id")
        answers.append((answer.status, text))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert "13912345678" not in str(answers)
    for _ in range(4):
        answer = await client.post("/api/v1/session", json={"username": "13912345678", "password": "x"})
    answer = await client.post("/api/v1/session", json={"username": "13912345678", "password": "x"})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "30")


async def test_an_administrator_from_first_log_in_to_full(office, client):
    made = await office.access.employees.create_first_administrator("root", "管理员")
    body = {"username": "root", "password": made.password, "deliver": "token"}
    opened = await (await client.post("/api/v1/session", json=body)).json()
    assert opened["stage"] == "change_password"

    def auth():
        return {"Authorization": f"Bearer {opened['token']}"}

    assert (await client.get("/api/v1/employees", headers=auth())).status == 403
    weak = {"current": made.password, "new": "root12345678"}
    answer = await client.put("/api/v1/account/password", json=weak, headers=auth())
    assert (answer.status, (await answer.json())["code"]) == (422, "password-weak")
    good = {"current": made.password, "new": PASSWORD}
    opened = await (await client.put("/api/v1/account/password", json=good, headers=auth())).json()
    assert opened["stage"] == "enrol_totp"
    started = await (await client.post("/api/v1/account/totp", headers=auth())).json()
    assert started["qr"].startswith("data:image/svg+xml")
    totp = pyotp.TOTP(started["secret"])
    code = {"code": totp.at(office.clock.now())}
    answer = await client.post("/api/v1/account/totp/confirm", json=code, headers=auth())
    confirmed = await answer.json()
    opened = confirmed["session"]
    assert (opened["stage"], len(confirmed["recovery_codes"])) == ("full", 10)
    assert (await client.get("/api/v1/employees", headers=auth())).status == 200

    body["password"] = PASSWORD
    opened = await (await client.post("/api/v1/session", json=body)).json()
    assert opened["stage"] == "totp"
    assert (await client.get("/api/v1/employees", headers=auth())).status == 403
    answer = await client.post("/api/v1/session/totp", json=code, headers=auth())
    assert (answer.status, (await answer.json())["code"]) == (401, "code-refused")
    code = {"code": confirmed["recovery_codes"][0]}
    opened = await (await client.post("/api/v1/session/totp", json=code, headers=auth())).json()
    assert opened["stage"] == "full"


async def test_staff_is_administered(office, client):
    headers = await bearer_of_administrator(office)
    department = await (
        await client.post("/api/v1/departments", json={"name": "催收一部"}, headers=headers)
    ).json()
    new = {"username": "li.si", "display_name": "李四", "roles": ["agent"], "department_id": department["id"]}
    answer = await client.post("/api/v1/employees", json=new, headers=headers)
    made = await answer.json()
    assert (answer.status, made["employee"]["roles"], len(made["password"])) == (201, ["agent"], 23)
    path = f"/api/v1/employees/{made['employee']['id']}"
    assert (await (await client.get(path, headers=headers)).json())["username"] == "li.si"
    answer = await client.put(f"{path}/roles", json={"roles": ["auditor", "agent"]}, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (422, "roles-incompatible")
    answer = await client.put(f"{path}/roles", json={"roles": ["supervisor"]}, headers=headers)
    assert (await answer.json())["roles"] == ["supervisor"]
    answer = await client.put(f"{path}/department", json={"department_id": None}, headers=headers)
    assert (await answer.json())["department_id"] is None
    assert (await (await client.post(f"{path}/suspend", headers=headers)).json())["state"] == "suspended"
    assert (await (await client.post(f"{path}/reactivate", headers=headers)).json())["state"] == "active"
    assert (await client.post(f"{path}/password-reset", headers=headers)).status == 200
    assert (await (await client.get(f"{path}/sessions", headers=headers)).json()) == {"items": []}
    assert (await (await client.delete(f"{path}/sessions", headers=headers)).json()) == {"ended": 0}
    listed = await (await client.get("/api/v1/employees?limit=1&state=active", headers=headers)).json()
    assert len(listed["items"]) == 1
    assert listed["next_cursor"]
    answer = await client.get(f"/api/v1/employees?cursor={listed['next_cursor']}x", headers=headers)
    assert answer.status in {200, 422}
    renamed = {"name": "催收二部", "parent_id": None}
    answer = await client.put(f"/api/v1/departments/{department['id']}", json=renamed, headers=headers)
    assert (await answer.json())["name"] == "催收二部"
    assert len((await (await client.get("/api/v1/departments", headers=headers)).json())["items"]) == 1
    sessions = (await (await client.get("/api/v1/account/sessions", headers=headers)).json())["items"]
    assert [item["is_current"] for item in sessions].count(True) == 1


async def bearer_of_administrator(office):
    made, totp, _ = await office.enrolled(Role.ADMINISTRATOR)
    office.clock.advance(timedelta(minutes=5))
    pending = await office.who(await office.log_in(made.employee.username))
    opened = await office.access.login.second_step(pending, totp.at(office.clock.now()), source="192.0.2.7")
    return {"Authorization": f"Bearer {opened.token}"}


async def test_rights_are_changed_only_with_a_recent_proof(office, client):
    headers = await bearer_of_administrator(office)
    made = await office.hire()
    office.clock.advance(timedelta(minutes=11))
    path = f"/api/v1/employees/{made.employee.id}"
    answer = await client.put(f"{path}/roles", json={"roles": ["supervisor"]}, headers=headers)
    assert (answer.status, (await answer.json())["code"]) == (403, "step-up-required")


async def test_every_role_meets_every_endpoint(office, client):
    """The whole matrix from the route table: 403 exactly where the role's grants lack the permission."""
    checked = 0
    for role in Role:
        headers = (
            await bearer_of_administrator(office)
            if role is Role.ADMINISTRATOR
            else await bearer(office, role)
        )
        grants = office.permissions.grants_for([role])
        for declared in endpoints(office.access):
            if isinstance(declared.permission, Public) or declared.method == "DELETE":
                continue
            path = "/api/v1" + declared.path.replace("{employee_id}", "0" * 32).replace(
                "{department_id}", "0" * 32
            ).replace("{session_id}", "0" * 32)
            answer = await client.request(declared.method, path, headers=headers)
            told = (await answer.json()).get("code")
            assert (told == "forbidden") is (declared.permission not in grants), (role, declared.name, told)
            checked += 1
    assert checked == 5 * 19
