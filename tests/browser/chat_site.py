"""The web chat served beside the stage, and an agent at the other end of one customer's link."""

import asyncio
from typing import TYPE_CHECKING

from core.tasks import spawn
from gateway.contact.model import Purpose
from gateway.messages.build import build_host
from gateway.messages.channels.webchat.channel import WebChatChannel, WebChatOptions
from gateway.messages.channels.webchat.history import ChatHistory
from gateway.messages.channels.webchat.tokens import ChatTokens
from gateway.messages.model import ChannelKind, MessageState
from gateway.messages.models import MessageRow
from gateway.messages.service import SendRequest
from maskline.wiring.messages import chat_tokens, message_ground

if TYPE_CHECKING:
    from tests.browser.stage import Stage


class ChatSite:
    """One site for every customer, as the messages process serves it."""

    def __init__(self, stage: "Stage") -> None:
        self.stage = stage
        ground = stage.ground
        tokens = chat_tokens(ground)
        assert tokens is not None
        self.tokens: ChatTokens = tokens
        options = WebChatOptions(institution="云山贷款公司", burst=1000)
        history = ChatHistory(database=ground.database, subject_keys=ground.subject_keys)
        self.channel = WebChatChannel(options, clock=ground.clock, tokens=tokens, history=history)
        self._stop = asyncio.Event()
        stands_on = message_ground(ground, stage.gateway)
        self._host, _ = build_host(stands_on, stage.messages, [self.channel], worker="chat")
        self.customers: list[ChatThread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.channel.port}"

    async def open(self, *phones: str) -> None:
        """Serve the site and make each customer's thread with a first message."""
        await self.channel.start()
        self._running = spawn(self._host.run(self._stop), name="chat")
        for phone in phones:
            customer = ChatThread(self)
            await customer.open(phone)
            self.customers.append(customer)

    async def break_connections(self) -> None:
        """Drop every socket, as a phone does that loses its network."""
        for sockets in list(self.channel._sockets.values()):
            for socket in list(sockets):
                await socket.close()

    async def close(self) -> None:
        self._stop.set()
        await self._running


class ChatThread:
    """One customer's link, and the agent at the other end."""

    def __init__(self, site: ChatSite) -> None:
        self._site, self._stage = site, site.stage

    async def open(self, phone: str) -> None:
        seeder, stage = self._stage.seeder, self._stage
        customer = await seeder._customer("钱多多", phone, Purpose.SERVICE)
        self._binding = await seeder._bind("lin", customer.id, Purpose.SERVICE)
        self._agent = stage.seeded.people["lin"].principal
        first = await self.send("您好，这里是云山贷款公司客服。请问有什么可以帮您？")
        async with stage.ground.database.begin() as session:
            row = await session.get(MessageRow, first)
            assert row is not None
            link = await self._site.tokens.make(session, row)
            self._thread_id = row.thread_id
        self.token = link.partition("#")[2]

    async def send(self, text: str) -> str:
        request = SendRequest(self._binding.id, ChannelKind.WEBCHAT, text)
        message_id = await self._stage.messages.service.send(self._agent, request)
        async with self._stage.ground.database.read() as session:
            row = await session.get(MessageRow, message_id)
            assert row is not None
            assert row.state in {MessageState.QUEUED, MessageState.SENT}, row.reason_en
        return message_id

    async def heard(self) -> list[str]:
        """What the agent reads, newest first."""
        page, _ = await self._stage.messages.queries.messages(self._agent, self._thread_id)
        return [view.text for view in page]

    async def opted_out(self) -> int:
        rows, _ = await self._stage.messages.queries.opt_outs(self._agent)
        return len(rows)
