"""The web chat as a channel: a small public site of its own, apart from the staff's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from core.clock import Clock
from core.logging import get_logger
from core.vault import SubjectErased
from core.web.server import serve
from gateway.messages.channels.webchat.frames import MAX_FRAME_BYTES, Frame, Give, Hello, Say, Seen
from gateway.messages.channels.webchat.history import ChatHistory, ChatLine
from gateway.messages.channels.webchat.throttle import Bucket
from gateway.messages.channels.webchat.tokens import ChatRight, ChatTokens
from gateway.messages.errors import ChatTokenInvalid
from gateway.messages.model import (
    BodyKind,
    ChannelEvent,
    ChannelKind,
    Outgoing,
    Receipt,
    ReceiptState,
    Received,
    ReceivedMedia,
    Submitted,
    Traits,
)
from gateway.messages.ports import Delivery, PartTaken

STATIC = Path(__file__).with_name("static")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "maskline",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FILES = {"/": "index.html"} | {f"/{name}": name for name in ("chat.js", "texts.js", "chat.css")}
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WebChatOptions:
    """Where the site listens, what browsers may call it, and its limits."""

    host: str = "127.0.0.1"
    port: int = 0
    origins: frozenset[str] = frozenset()
    """Origins that a WebSocket may come from; empty: the request's own host only."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-For is believed."""
    institution: str = ""
    secure: bool = False
    """Customers come over TLS, and browsers are told to come by nothing else."""
    hello_s: float = 5.0
    heartbeat_s: float = 25.0
    sockets: int = 2000
    sockets_a_thread: int = 3
    burst: int = 10
    per_minute: float = 20.0
    connects_per_minute: float = 30.0


class WebChatChannel:
    """A `MessageChannel` whose provider is our own site."""

    kind = ChannelKind.WEBCHAT
    traits = Traits(needs_number=False, dedupes=True, receipts=True, max_text=1000)

    def __init__(
        self, options: WebChatOptions, *, clock: Clock, tokens: ChatTokens, history: ChatHistory
    ) -> None:
        self._options = options
        self._clock = clock
        self._tokens = tokens
        self._history = history
        self._coming: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._sockets: dict[str, dict[web.WebSocketResponse, set[str]]] = {}
        """By thread: each open browser, and what it was sent and has not acknowledged."""
        self._talk = Bucket(clock, burst=options.burst, per_minute=options.per_minute)
        self._connects = Bucket(clock, burst=options.burst, per_minute=options.connects_per_minute)
        self._proxies = [ip_network(network, strict=False) for network in options.trusted_proxies]
        self._serving: AsyncExitStack | None = None
        self.port = options.port

    @property
    def connected(self) -> bool:
        return self._serving is not None

    def app(self) -> web.Application:
        """Give the site: its files and a WebSocket."""
        app = web.Application(client_max_size=4096)
        app.on_response_prepare.append(self._set_headers)
        for path in FILES:
            app.router.add_get(path, self._file)
        app.router.add_get("/ws", self._socket)
        return app

    async def start(self) -> None:
        """Listen.

        Raises:
            ListenRefused: the port is taken or the address is not ours.
        """
        if self._serving is not None:
            return
        serving = AsyncExitStack()
        site = serve(self.app(), host=self._options.host, port=self._options.port)
        self.port = await serving.enter_async_context(site)
        self._serving = serving

    async def submit(self, outgoing: Outgoing, taken: PartTaken) -> Submitted:
        """Take a message: it lies in the thread; open browsers get it now, others when they come."""
        reference = f"w-{outgoing.message_id}"
        await taken(0, reference)
        line = ChatLine(
            outgoing.message_id, mine=False, at=self._clock.now(), text=outgoing.text, waiting=True
        )
        for socket, shown in list(self._sockets.get(outgoing.thread_id, {}).items()):
            shown.add(line.message_id)
            await _send(socket, _line(line))
        return Submitted((reference,))

    async def deliveries(self) -> AsyncIterator[Delivery]:
        while (delivery := await self._coming.get()) is not None:
            yield delivery

    async def close(self) -> None:
        for sockets in list(self._sockets.values()):
            for socket in list(sockets):
                await socket.close(code=WSCloseCode.GOING_AWAY)
        if self._serving is not None:
            await self._serving.aclose()
            self._serving = None
        self._coming.put_nowait(None)

    async def _set_headers(self, _request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        if self._options.secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"

    async def _file(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / FILES[request.path])

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if not self._own_origin(request) or not self._connects.take(self._source(request)):
            raise web.HTTPForbidden
        if sum(map(len, self._sockets.values())) >= self._options.sockets:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(
            heartbeat=self._options.heartbeat_s, max_msg_size=MAX_FRAME_BYTES, compress=False
        )
        await socket.prepare(request)
        right = await self._hello(socket)
        if right is None:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"token")
            return socket
        mine = self._sockets.setdefault(right.thread_id, {})
        if len(mine) >= self._options.sockets_a_thread:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return socket
        shown = mine.setdefault(socket, set())
        try:
            await self._talk_to(socket, right, shown)
        finally:
            mine.pop(socket, None)
            if not mine:
                self._sockets.pop(right.thread_id, None)
        return socket

    def _own_origin(self, request: web.Request) -> bool:
        """A page of another site must not use a customer's connection (CSWSH)."""
        origin = request.headers.get("Origin", "")
        if self._options.origins:
            return origin in self._options.origins
        return origin.split("://")[-1] == request.host

    def _source(self, request: web.Request) -> str:
        """Give who asks, for the limits: behind our own proxy the last address that it wrote down."""
        peer = request.remote or "?"
        written = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        for address in reversed([*(one.strip() for one in written if one.strip()), peer]):
            if not self._is_proxy(address):
                return address[:64]
        return peer

    def _is_proxy(self, address: str) -> bool:
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._proxies)

    async def _hello(self, socket: web.WebSocketResponse) -> ChatRight | None:
        try:
            async with asyncio.timeout(self._options.hello_s):
                message = await socket.receive()
            if message.type is not WSMsgType.TEXT:
                return None
            frame = Frame.validate_json(message.data)
            return await self._tokens.check(frame.token) if isinstance(frame, Hello) else None
        except (TimeoutError, ValidationError, ChatTokenInvalid):
            return None

    async def _talk_to(self, socket: web.WebSocketResponse, right: ChatRight, shown: set[str]) -> None:
        try:
            lines = await self._history.latest(right)
        except SubjectErased:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION)
            return
        shown |= {line.message_id for line in lines if not line.mine}
        for line in lines:
            await _send(socket, _line(line))
        await _send(socket, {"type": "ready", "institution": self._options.institution})
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            try:
                frame = Frame.validate_json(message.data)
            except ValidationError:
                await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                return
            if isinstance(frame, Hello):
                break
            if isinstance(frame, Seen):
                if frame.id not in shown:
                    continue  # nobody's, another thread's, or acknowledged before
                shown.discard(frame.id)
            elif not self._talk.take(right.thread_id):
                await _send(socket, {"type": "slow", "ref": frame.ref})
                continue
            self._coming.put_nowait(self._delivery(socket, right, frame))

    def _delivery(
        self, socket: web.WebSocketResponse, right: ChatRight, frame: Say | Give | Seen
    ) -> Delivery:
        event: ChannelEvent
        if isinstance(frame, Seen):
            event = Receipt(self.kind, ReceiptState.DELIVERED, provider_reference=f"w-{frame.id}")
            reference = frame.id
        else:
            text = frame.text if isinstance(frame, Say) else ""
            media: tuple[ReceivedMedia, ...] = ()
            if isinstance(frame, Give):
                media = (ReceivedMedia(BodyKind.FILE, frame.data, file_name=frame.name),)
            event = Received(
                self.kind,
                f"{right.thread_id}:{frame.ref}",
                thread_id=right.thread_id,
                text=text,
                media=media,
            )
            reference = frame.ref

        async def settle() -> None:
            if not isinstance(frame, Seen):
                await _send(socket, {"type": "kept", "ref": reference})

        async def give_back() -> None:
            await _send(socket, {"type": "again", "ref": reference})

        return Delivery(event, settle, give_back)


def _line(line: ChatLine) -> dict[str, object]:
    return {
        "type": "line",
        "id": line.message_id,
        "mine": line.mine,
        "at": line.at.isoformat(),
        "text": line.text,
        "waiting": line.waiting,
    }


async def _send(socket: web.WebSocketResponse, frame: dict[str, object]) -> None:
    """Send if the browser is still there; what it missed it gets when it comes again."""
    try:
        await socket.send_json(frame)
    except (ConnectionError, RuntimeError) as error:
        _log.info("webchat.socket_gone", error_type=type(error).__name__)
