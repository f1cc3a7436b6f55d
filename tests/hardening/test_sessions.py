"""Whose session a cookie is: never one that somebody else put there, never an old one after a proof of identity."""

import re
from datetime import timedelta
from http.cookies import SimpleCookie

import aiohttp
import pytest

from core.web.security import csrf_token
from tests.browser.seed import PASSWORD
from tests.browser.stage import Stage

PLANTED = "A" * 43
NEW_PASSWORD = "correct horse battery 8"


def set_by(answer: aiohttp.ClientResponse) -> str:
    """Give the session's token that an answer sets."""
    cookie: SimpleCookie = SimpleCookie()
    for line in answer.headers.getall("Set-Cookie", []):
        cookie.load(line)
        assert "HttpOnly" in line
        assert "SameSite=Strict" in line
        assert "Domain" not in line
    return cookie["maskline"].value


class Browser:
    """Asks with one cookie, as a browser into which an attacker put it."""

    def __init__(self, stage: Stage, http: aiohttp.ClientSession) -> None:
        self.stage, self.http = stage, http

    async def status(self, token: str) -> int:
        headers = {"Cookie": f"maskline={token}"}
        async with self.http.get(f"{self.stage.url}/api/v1/session", headers=headers) as answer:
            return answer.status

    async def who(self, token: str) -> str:
        headers = {"Cookie": f"maskline={token}"}
        async with self.http.get(f"{self.stage.url}/api/v1/session", headers=headers) as answer:
            return str((await answer.json())["employee_id"]) if answer.status == 200 else ""

    async def post(self, path: str, cookie: str, **form: str) -> tuple[int, str]:
        """Send a form with its token; gives the status and the token that was set, "" if none was."""
        headers = {"Cookie": f"maskline={cookie}", "X-CSRF-Token": csrf_token(cookie)}
        async with self.http.post(
            self.stage.url + path, data=form, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, set_by(answer) if "Set-Cookie" in answer.headers else ""

    async def log_in(self, cookie: str, password: str = PASSWORD) -> str:
        status, token = await self.post("/login", cookie, username="lin", password=password)
        assert status == 303
        return token


@pytest.fixture(autouse=True)
def tomorrow(stage: Stage) -> None:
    """Others tried to log in from this place before; a day later nobody has to wait."""
    stage.clock.advance(timedelta(days=1))


async def test_a_log_in_never_takes_up_a_cookie_that_was_there(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """Session fixation: one that nobody opened, and one that the attacker holds and that is good."""
    browser = Browser(stage, http)
    stage.run(stage.seeder.settle_password("lin"))
    lin, wang = (stage.seeded.people[name].principal.employee_id for name in ("lin", "wang"))
    attackers = stage.run(stage.seeder.token("wang"))
    seen = set()
    for planted in (PLANTED, attackers):
        token = await browser.log_in(planted)
        assert token not in {planted, attackers, PLANTED}
        assert await browser.who(token) == lin
        seen.add(token)
    assert len(seen) == 2
    assert await browser.status(PLANTED) == 401
    assert await browser.who(attackers) == wang, "the attacker's own is theirs, and shows nothing of lin"


async def test_a_form_of_the_log_in_cannot_ride_on_somebody_elses_session(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    """With a live session's cookie a log-in needs that session's token too."""
    token = stage.run(stage.seeder.token("wang"))
    form = {"username": "lin", "password": PASSWORD}
    headers = {"Cookie": f"maskline={token}"}
    async with http.post(f"{stage.url}/login", data=form, headers=headers, allow_redirects=False) as answer:
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


async def test_every_proof_of_identity_gives_a_new_token_and_ends_the_old_one(
    stage: Stage, http: aiohttp.ClientSession
) -> None:
    browser = Browser(stage, http)
    first = await browser.log_in(PLANTED)
    other = await browser.log_in(PLANTED)
    status, second = await browser.post("/confirm", first, password=PASSWORD, next="/today")
    assert status == 303
    assert second not in {"", first}
    assert await browser.status(first) == 401
    assert await browser.status(second) == 200

    form = {"current": PASSWORD, "new": NEW_PASSWORD, "repeated": NEW_PASSWORD}
    status, third = await browser.post("/login/password", second, **form)
    assert status == 303
    assert third not in {"", first, second}
    assert await browser.status(third) == 200
    for dead in (second, other):
        assert await browser.status(dead) == 401, "every session from before the new password is over"

    status, _ = await browser.post("/logout", third)
    assert status == 303
    assert await browser.status(third) == 401, "over on the server, not only forgotten by the browser"
    form = {"current": NEW_PASSWORD, "new": PASSWORD, "repeated": PASSWORD}
    again = await browser.log_in(PLANTED, NEW_PASSWORD)
    assert (await browser.post("/login/password", again, **form))[0] in {303, 422}


async def test_a_token_counts_in_its_own_place_only(stage: Stage, http: aiohttp.ClientSession) -> None:
    """Not in an address, where it would be logged on the way; not in a cookie of another name."""
    token = stage.run(stage.seeder.token("lin"))
    for query in (f"?token={token}", f"?access_token={token}", f"?maskline={token}"):
        async with http.get(f"{stage.url}/api/v1/session{query}") as answer:
            assert answer.status == 401
    for name in ("session", "__Host-maskline", "Maskline"):
        async with http.get(f"{stage.url}/api/v1/session", headers={"Cookie": f"{name}={token}"}) as answer:
            assert answer.status == 401


async def test_no_page_shows_the_sessions_token(stage: Stage, http: aiohttp.ClientSession) -> None:
    """The form's token is another one, and does not lead back to it."""
    token = stage.run(stage.seeder.token("lin"))
    async with http.get(f"{stage.url}/today", headers={"Cookie": f"maskline={token}"}) as answer:
        text = await answer.text()
    assert answer.status == 200
    assert csrf_token(token) in text
    assert token not in text
    assert not re.search(r"maskline=[\w-]{20,}", text)
