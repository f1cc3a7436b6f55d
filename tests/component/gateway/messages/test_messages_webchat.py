"""The web chat over a real socket: one token, one thread, both ways, within its limits."""

import asyncio
import base64
from datetime import timedelta

import aiohttp
import pytest
from sqlalchemy import func, select

from core.clock import ManualClock
from core.db import Database
from core.tasks import cancel, spawn
from gateway.contact.model import Purpose
from gateway.messages.channels.webchat.channel import WebChatChannel, WebChatOptions
from gateway.messages.channels.webchat.history import ChatHistory
from gateway.messages.channels.webchat.tokens import ChatTokens
from gateway.messages.model import BodyKind, ChannelKind, MessageState
from gateway.messages.models import EarlyReceiptRow
from gateway.messages.service import SendRequest
from tests.support.messaging import Post

INVITE = "【{{institution}}】请在此与我们沟通 {{chat_link}} {{opt_out}}"
REF = "a" * 32


class Site:
    """The site, the host that serves it and browsers."""

    def __init__(self, post, chat, http):
        self.post, self.chat, self.http = post, chat, http

    @property
    def origin(self):
        return f"http://127.0.0.1:{self.chat.port}"

    async def invite(self):
        """Send the link by SMS, as it is done; give the token that the customer gets."""
        templates = self.post.messages.templates
        draft = await templates.create(self.post.supervisor, "网聊邀请", Purpose.COLLECTION, INVITE, ())
        await templates.decide(self.post.reviewer, draft.id, approve=True)
        message_id = await self.post.send("", template_version_id=draft.id, channel=ChannelKind.SMS)
        await self.post.dispatcher.drain()
        view = await self.post.messages.queries.message(self.post.agent, message_id)
        assert "[chat-link]" in view.text
        sent = self.post.channel.sent[-1].text
        token = sent.split("#")[1].split(" ")[0]
        assert f"https://chat.bank.example/#{token} " in sent
        return token

    async def open(self, token, origin=None, **hello):
        socket = await self.http.ws_connect(
            f"{self.origin}/ws", headers={"Origin": origin or self.origin}, max_msg_size=0
        )
        await socket.send_json({"type": "hello", "token": token, **hello})
        return socket


async def hear(socket, kind):
    async with asyncio.timeout(60):
        while True:
            frame = await socket.receive_json()
            if frame["type"] == kind:
                return frame


@pytest.fixture
async def site(database: Database, clock: ManualClock):
    post = Post(database, clock)
    desk = post.desk
    tokens = ChatTokens(
        database=database, clock=clock, vault=desk.vault, subject_keys=desk.keys, ledger=desk.ledger,
        base_url="https://chat.bank.example/", days=7,
    )  # fmt: skip
    history = ChatHistory(database=database, subject_keys=desk.keys)
    chat = WebChatChannel(WebChatOptions(burst=4, hello_s=0.5), clock=clock, tokens=tokens, history=history)
    post.channels.append(chat)
    post.links = tokens
    post.wire()
    await post.set_up()
    await chat.start()
    listening = spawn(post.host.listen(chat), name="listen")
    async with aiohttp.ClientSession() as http:
        yield Site(post, chat, http)
    await chat.close()
    await cancel(listening)


async def test_both_ways(site):
    post = site.post
    socket = await site.open(await site.invite())
    await hear(socket, "ready")
    await socket.send_json({"type": "say", "ref": REF, "text": "我的电话是13800138000"})
    assert (await hear(socket, "kept"))["ref"] == REF
    await socket.send_json({"type": "say", "ref": REF, "text": "我的电话是13800138000"})
    await hear(socket, "kept")
    from gateway.messages.queries import ThreadFilter

    wanted = ThreadFilter(channel=ChannelKind.WEBCHAT)
    ((thread,), _) = await post.messages.queries.threads(post.agent, wanted)
    (page, _) = await post.messages.queries.messages(post.agent, thread.row.id)
    assert [view.text for view in page] == ["我的电话是138****8000"]
    answer = SendRequest(post.binding.id, ChannelKind.WEBCHAT, "收到，谢谢")
    message_id = await post.messages.service.send(post.agent, answer)
    await post.dispatcher.drain()
    line = await hear(socket, "line")
    assert (line["id"], line["text"], line["mine"]) == (message_id, "收到，谢谢", False)
    assert (await post.row(message_id)).state is MessageState.SENT
    await socket.send_json({"type": "seen", "id": message_id})
    await socket.send_json({"type": "say", "ref": "b" * 32, "text": "好"})
    await hear(socket, "kept")
    assert (await post.row(message_id)).state is MessageState.DELIVERED
    png = b"\x89PNG\r\n\x1a\n" + b"\x00" * 100
    data = base64.b64encode(png).decode()
    await socket.send_json({"type": "give", "ref": "c" * 32, "name": "a.png", "data": data})
    await hear(socket, "kept")
    (page, _) = await post.messages.queries.messages(post.agent, thread.row.id)
    assert page[0].row.kind is BodyKind.PICTURE
    await socket.close()


async def test_a_browser_acknowledges_only_what_it_was_shown_and_once(site):
    """An id of another thread, one that nothing has, the same again: none of it reaches the books."""
    post = site.post
    token = await site.invite()
    elsewhere = await post.send("您好", channel=ChannelKind.SMS)
    wish = SendRequest(post.binding.id, ChannelKind.WEBCHAT, "您好")
    mine = await post.messages.service.send(post.agent, wish)
    await post.dispatcher.drain()
    socket = await site.open(token)
    await hear(socket, "ready")
    for seen in (elsewhere, "f" * 32, mine, mine, *[mine] * 50):
        await socket.send_json({"type": "seen", "id": seen})
    await socket.send_json({"type": "say", "ref": REF, "text": "好"})
    await hear(socket, "kept")
    assert (await post.row(mine)).state is MessageState.DELIVERED
    assert (await post.row(elsewhere)).state is MessageState.SENT
    async with post.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(EarlyReceiptRow)) == 0
    await socket.close()


async def test_what_waits_is_shown_when_the_customer_comes(site):
    post = site.post
    token = await site.invite()
    held = SendRequest(post.binding.id, ChannelKind.WEBCHAT, "保证下款")
    await post.messages.service.send(post.agent, held)
    message_id = await post.messages.service.send(
        post.agent, SendRequest(post.binding.id, ChannelKind.WEBCHAT, "您好")
    )
    await post.dispatcher.drain()
    socket = await site.open(token)
    line = await hear(socket, "line")
    assert (line["id"], line["waiting"]) == (message_id, True)
    assert (await socket.receive_json())["type"] == "ready"
    await socket.close()


@pytest.mark.parametrize("case", ["wrong", "expired", "revoked", "erased", "silent", "nonsense"])
async def test_a_link_that_is_not_good(site, case):
    post = site.post
    token = await site.invite()
    if case == "expired":
        post.clock.advance(timedelta(days=8))
    if case == "revoked":
        right = await site.chat._tokens.check(token)
        assert await site.chat._tokens.revoke(right.thread_id) == 1
    if case == "erased":
        from gateway.messages.model import Receipt, ReceiptState

        row = post.channel.sent[-1].reference
        receipt = Receipt(ChannelKind.SMS, ReceiptState.DELIVERED, provider_reference=f"m-{row}")
        await post.messages.receipts.take(receipt, post.channel.traits)
        await post.desk.customers.erase(post.admin, post.customer.id)
    if case == "silent":
        socket = await site.http.ws_connect(f"{site.origin}/ws", headers={"Origin": site.origin})
    elif case == "nonsense":
        socket = await site.open(token, more=1)
    else:
        socket = await site.open("x" * 43 if case == "wrong" else token)
    message = await socket.receive(timeout=60)
    assert (message.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, 1008)


async def test_limits(site):
    token = await site.invite()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await site.open(token, origin="https://evil.example")
    socket = await site.open(token)
    await hear(socket, "ready")
    for number in range(5):
        await socket.send_json({"type": "say", "ref": f"{number:032x}", "text": "x"})
    assert (await hear(socket, "slow"))["ref"] == f"{4:032x}"
    await socket.send_json({"type": "say", "ref": "z", "text": "x"})
    while not socket.closed:
        await socket.receive(timeout=60)
    assert socket.close_code == 1003
    others = [await site.open(token) for _ in range(2)]
    for other in others:
        await other.close()
    site.post.clock.advance(timedelta(minutes=5))
    big = await site.open(token)
    await hear(big, "ready")
    await big.send_json({"type": "say", "ref": REF, "text": "x" * 1001})
    while not big.closed:
        await big.receive(timeout=60)
    assert big.close_code == 1003


async def test_the_page_and_its_headers(site):
    for path in ("/", "/chat.js", "/chat.css"):
        async with site.http.get(site.origin + path) as answer:
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cache-Control"] == "no-store"
    for path in ("/../channel.py", "/static/chat.js", "/index.html"):
        async with site.http.get(site.origin + path) as answer:
            assert answer.status == 404


async def test_a_typed_placeholder_makes_no_link(site):
    post = site.post
    message_id = await post.send("点 [chat-link]", channel=ChannelKind.SMS)
    await post.dispatcher.drain()
    assert post.channel.sent[-1].text == "点 [chat-link]"
    assert (await post.row(message_id)).state is MessageState.SENT
