"""Whatever is sent, the answer is a success or a problem of the 400s, and never a quotation."""

import asyncio
import json
from urllib.parse import quote

from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import ManualClock
from core.config import Settings
from core.web.app import build_app
from tests.support.web import CANARY, NOW, TokenBook, auth, make_endpoints, registry

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([CANARY, "abc", 2**63, -(2**70), "\x00", "\ud800"])
)
keys = st.sampled_from(["name", "size", "parts", "secret", "colour", "thing_id", CANARY]) | st.text(
    max_size=4
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
bodies = st.lists(values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=40), max_size=25)
paths = st.lists(st.text(max_size=30), max_size=25)


async def send(bodies: list[bytes], paths: list[str]) -> None:
    app = build_app(
        Settings(),
        endpoints=make_endpoints(),
        permissions=registry(),
        authenticator=TokenBook(),
        clock=ManualClock(NOW),
    )
    async with TestClient(TestServer(app)) as client:
        for body in bodies:
            headers = auth() | {"Content-Type": "application/json"}
            await check(await client.post("/api/v1/things", data=body, headers=headers))
        for path in paths:
            part = quote(path, safe="", errors="surrogatepass")
            await check(await client.get(f"/api/v1/things/{part}", headers=auth()))
            await check(await client.get(f"/api/v1/things?tag={part}&{part}=1", headers=auth()))


async def check(answer) -> None:
    text = await answer.text()
    assert answer.status < 500, text
    assert CANARY not in text
    if answer.status >= 400:
        assert json.loads(text)["code"]


@given(bodies=bodies, paths=paths)
@settings(max_examples=12)
def test_any_input_gets_a_clear_answer(bodies, paths):
    asyncio.run(send(bodies, paths))
