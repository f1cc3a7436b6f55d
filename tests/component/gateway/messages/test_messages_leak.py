"""Number-blind: a canary in everything that a customer can send, then every byte that comes out is searched."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.ledger.models import EntryRow
from core.logging import configure
from core.outbox import OutboxRow
from core.web.app import build_app
from gateway.messages import api, template_api
from gateway.messages.errors import ChannelUnavailable
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import BodyKind, ReceivedMedia, Traits
from tests.support.messaging import REGISTRY, Post

CANARY = "13977778888"
SPELLINGS = (
    CANARY, "139-7777-8888", "1 3 9 7 7 7 7 8 8 8 8", "１３９７７７７８８８８", "幺三九七七七七八八八八", "+86 13977778888",
    "139我7777的8888", "①③⑨77778888",
)  # fmt: skip
PNG = (
    b"\x89PNG\r\n\x1a\n"
    b"\x00\x00\x00\rIHDR" + (10).to_bytes(4) * 2 + b"\x08\x02\x00\x00\x00tEXt" + CANARY.encode() * 20
)


class Tokens:
    """Tokens known beforehand."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.known = known

    async def authenticate(self, token: str) -> Any:
        return self.known.get(token)


def found_in(data: bytes) -> list[str]:
    text = data.decode("utf-8", "replace")
    digits = "".join(sign for sign in text if sign.isdigit())
    return [spelling for spelling in SPELLINGS if spelling in text] + (
        [CANARY] if CANARY in digits and len(digits) < 4000 else []
    )


@pytest.fixture
async def post(sqlite_url: str, clock: ManualClock) -> Any:
    database = Database(sqlite_url)
    traits = Traits(needs_number=True, dedupes=True, receipts=True, media=True)
    post = Post(database, clock, channels=[InMemoryChannel(traits=traits)])
    await post.set_up()
    post.customer = await post.desk.customer(post.agent, CANARY)
    post.binding = await post.desk.bind(post.agent, post.customer.id)
    yield post
    await database.close()


async def test_no_canary_comes_out(  # noqa: PLR0915 - one story, searched at its end
    post: Post, settings: Settings, tmp_path: Path, capsys: Any, clock: ManualClock
) -> None:
    configure("test", level="DEBUG")
    app = build_app(
        settings,
        endpoints=[*api.endpoints(post.messages), *template_api.endpoints(post.messages.templates)],
        permissions=REGISTRY,
        authenticator=Tokens({"a" * 20: post.agent, "s" * 20: post.supervisor}),
        clock=clock,
    )
    from gateway.customers.phone import PhoneNumber

    sender = PhoneNumber.parse(CANARY)
    for number, text in enumerate(SPELLINGS):
        media = (ReceivedMedia(BodyKind.PICTURE, PNG, CANARY, f"{CANARY}.png"),) if number < 2 else ()
        await post.come(f"打我{text}", f"in-{number}", sender=sender, media=media)
    await post.come(f"td {CANARY}", "in-x", sender=PhoneNumber.parse("13600136000"))
    received = b""
    async with TestClient(TestServer(app)) as client:

        async def ask(method: str, path: str, token: str = "a" * 20, **options: Any) -> Any:
            nonlocal received
            headers = {"Authorization": f"Bearer {token}"}
            async with client.request(method, f"/api/v1{path}", headers=headers, **options) as answer:
                content = await answer.read()
                received += content + str(answer.headers).encode()
                return answer.status, (
                    json.loads(content) if content and answer.content_type.endswith("json") else None
                )

        body = {"binding_id": post.binding.id, "channel": "sms"}
        status, sent = await ask("POST", "/messages", json={**body, "text": f"您的号码是{SPELLINGS[6]}吗"})
        assert (status, sent["state"], sent["action"]) == (201, "queued", "mask")
        status, held = await ask("POST", "/messages", json={**body, "text": f"保证下款，加{CANARY}"})
        assert (status, held["state"], held["findings"][0]["zh"] != "") == (201, "held", True)
        form = FormData()
        form.add_field("file", PNG, filename=f"{CANARY}.png", content_type="image/png")
        status, _ = await ask("POST", f"/messages/files?binding_id={post.binding.id}&channel=sms", data=form)
        assert status == 201
        post.channel.faults = [ChannelUnavailable("58")]
        await post.dispatcher.drain()
        _, threads = await ask("GET", "/threads")
        for thread in threads["items"]:
            _, page = await ask("GET", f"/threads/{thread['id']}/messages")
            for message in page["items"]:
                assert (await ask("GET", f"/messages/{message['id']}"))[0] == 200
                for file in message["attachments"]:
                    status, _ = await ask("GET", f"/attachments/{file['id']}")
                    assert status in {200, 403}
                    if message["role"] == "customer":
                        assert status == 403
        assert (await ask("GET", "/held-messages"))[0] == 403
        status, held_page = await ask("GET", "/held-messages", "s" * 20)
        assert len(held_page["items"]) == 2
        assert (await ask("POST", f"/messages/{held['id']}/release", json={}))[0] == 403
        note = {"comment": f"别写{CANARY}"}
        assert (await ask("POST", f"/messages/{held['id']}/release", "s" * 20, json=note))[0] == 204
        assert (await ask("GET", f"/messages/{held['id']}"))[1]["review_note"].startswith("别写")
        assert (await ask("GET", "/opt-outs"))[0] == 200
        assert (await ask("POST", "/messages", json={**body, "text": "x" * 4001}))[0] == 422
        assert (await ask("GET", "/templates"))[0] == 200
    # The file that the agent sent themself is theirs to see; everything else is searched.
    assert found_in(received.replace(PNG, b"")) == []
    async with post.database.read() as session:
        ledger = "".join(
            bytes(row.record).decode() if isinstance(row.record, bytes) else str(row.record)
            for row in await session.scalars(select(EntryRow))
        )
        outbox = "".join(str(row.payload) + row.key for row in await session.scalars(select(OutboxRow)))
    assert len(ledger) > 1000
    assert not any(spelling in ledger + outbox for spelling in SPELLINGS)
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("maskline.db*"))  # noqa: ASYNC240 - the story is over
    assert len(raw) > 10_000
    assert not any(spelling.encode() in raw for spelling in SPELLINGS)
    logged = capsys.readouterr()
    assert not any(spelling in logged.out + logged.err for spelling in SPELLINGS)
    logging.getLogger().handlers.clear()
