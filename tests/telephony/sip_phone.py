"""A phone (or a carrier's trunk) for tests: it keeps every byte it gets, and can say anything in any field."""

import asyncio
import itertools
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from core.tasks import cancel, spawn
from gateway.media.model import Law
from tests.support.media import RtpPhone
from tests.support.ports import HOST, free_port
from tests.telephony.sip_text import COPIED, Message, address_of, authorization, parse, uri_of, user_of, write

Address = tuple[str, int]
RETRY_S = 0.5
PAYLOAD_TYPE = {Law.ALAW: 8, Law.ULAW: 0}
_NAME = {Law.ALAW: "PCMA", Law.ULAW: "PCMU"}


@dataclass
class Manners:
    """What a phone puts into its messages beside what it must. Functions are given the kind of message."""

    headers: Callable[[str], list[tuple[str, str]]] = lambda _kind: []
    sdp_session: list[str] = field(default_factory=list)
    """Replaces the lines o=, s= and whatever else stands before c=."""
    sdp_media: list[str] = field(default_factory=list)
    phrase: str = ""
    contact: str = ""
    """Whole value of Contact; {port} is ours."""
    mark: str = ""
    """Part of every tag, branch and Call-ID of ours."""
    display: str = ""
    laws: tuple[Law, ...] = (Law.ALAW, Law.ULAW)
    events: bool = True


class Call:
    """One dialog of a phone, and its RTP."""

    def __init__(self, phone: "SipPhone", call_id: str, remote: Address) -> None:
        self.phone, self.call_id, self.remote = phone, call_id, remote
        self.local = self.peer = ""  # From and To of our requests, tags included
        self.target = ""
        self.cseq = 0
        self.rtp = RtpPhone.start()
        self.direction = "sendrecv"
        self.version = 1
        self.invite: Message | None = None
        self.remote_sdp = ""
        self.outgoing = False
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.final: Message | None = None
        self.ringing, self.acknowledged, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.reinvited: asyncio.Queue[Message] = asyncio.Queue()
        self.accept_reinvite = True
        self._last: dict[str, str] = {}

    @property
    def tag(self) -> str:
        return f"t{self.phone.manners.mark}{self.call_id[:12]}"

    # --- SDP and sound

    def sdp(self) -> str:
        manners = self.phone.manners
        session = manners.sdp_session or [f"o=phone 1 {self.version} IN IP4 {HOST}", "s=call"]
        types = [str(PAYLOAD_TYPE[law]) for law in manners.laws] + (["101"] if manners.events else [])
        lines = [
            "v=0", *(line.format(version=self.version) for line in session), f"c=IN IP4 {HOST}", "t=0 0",
            f"m=audio {self.rtp.port} RTP/AVP {' '.join(types)}",
            *(f"a=rtpmap:{PAYLOAD_TYPE[law]} {_NAME[law]}/8000" for law in manners.laws),
            *(["a=rtpmap:101 telephone-event/8000"] if manners.events else []),
            *manners.sdp_media, f"a={self.direction}",
        ]  # fmt: skip
        return "\r\n".join(lines) + "\r\n"

    def hear(self, sdp: str) -> None:
        """Learn where to send and in which law."""
        if sdp:
            self.remote_sdp = sdp
            self.rtp.call(sdp)

    @property
    def law(self) -> Law:
        """The first law of the gateway's that we have."""
        types = next(line for line in self.remote_sdp.splitlines() if line.startswith("m=audio")).split()[3:]
        laws = {str(PAYLOAD_TYPE[law]): law for law in self.phone.manners.laws}
        return next(laws[pt] for pt in types if pt in laws)

    # --- what a phone may do

    def ring(self) -> None:
        self.answer_invite(180, "Ringing")

    def answer(self) -> None:
        assert self.invite is not None
        self.hear(self.invite.body)
        self.answer_invite(200, "OK", sdp=self.sdp())
        spawn(self._until_acknowledged(self.invite), name="200 until ACK")

    def answer_invite(
        self, status: int, phrase: str, *, sdp: str = "", headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        assert self.invite is not None
        self.phone.respond(self.invite, status, phrase, call=self, sdp=sdp, headers=headers)

    async def bye(self) -> Message:
        self.ended.set()
        return await self.ask("BYE")

    async def cancel(self) -> None:
        """Take our INVITE back."""
        assert self.outgoing
        await self.phone.transact(
            "CANCEL", self.request("CANCEL", cseq=self.cseq, branch=self._last["INVITE"]), self.remote
        )

    async def reinvite(self, direction: str) -> Message:
        """Offer anew, e.g. sendonly for hold; gives the final answer, acknowledged."""
        self.direction, self.version = direction, self.version + 1
        answer = await self.ask("INVITE", sdp=self.sdp())
        self.acknowledge(answer)
        return answer

    async def ask(self, method: str, **how: Any) -> Message:
        return await self.phone.transact(method, self.request(method, **how), self.remote)

    def request(
        self,
        method: str,
        *,
        sdp: str = "",
        body: str = "",
        kind: str = "application/sdp",
        cseq: int | None = None,
        branch: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> bytes:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        body = sdp or body
        branch = branch or f"z9hG4bK{self.phone.manners.mark}{secrets.token_hex(8)}"
        self._last[method] = branch
        lines = [
            ("Via", f"SIP/2.0/UDP {HOST}:{self.phone.port};branch={branch};rport"),
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.peer),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", self.phone.contact()),
            *self.phone.manners.headers(method),
            *headers,
            *([("Content-Type", kind)] if body else []),
        ]
        return write(f"{method} {self.target} SIP/2.0", lines, body)

    def acknowledge(self, answer: Message) -> None:
        self.phone.send(self.request("ACK", cseq=answer.cseq), self.remote)

    async def _until_acknowledged(self, invite: Message) -> None:
        for _ in range(10):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.acknowledged.wait(), RETRY_S)
                return
            if self.ended.is_set():
                return
            self.phone.repeat(invite)

    def close(self) -> None:
        if self.rtp.sock.fileno() >= 0:
            self.rtp.close()


class SipPhone(asyncio.DatagramProtocol):
    """A user agent on one UDP socket. `heard` is every datagram that came to its SIP port."""

    def __init__(self, server: Address, user: str, password: str = "", port: int = 0) -> None:
        self.server, self.user, self.password = server, user, password
        self.port = port or free_port()
        self.algorithm = "MD5"
        self.manners = Manners()
        self.heard: list[bytes] = []
        self.calls: dict[str, Call] = {}
        self.incoming: asyncio.Queue[Call] = asyncio.Queue()
        self.on_call: Callable[[Call], None] = self.incoming.put_nowait
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._answers: dict[tuple[str, str], bytes] = {}
        self._serial = itertools.count(1)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=(HOST, self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        for call in self.calls.values():
            call.close()
        assert self._transport is not None
        self._transport.close()
        await asyncio.sleep(0)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def contact(self) -> str:
        return (self.manners.contact or f"<sip:{self.user}@{HOST}:{{port}}>").format(port=self.port)

    def send(self, data: bytes, to: Address | None = None) -> None:
        assert self._transport is not None
        self._transport.sendto(data, to or self.server)

    # --- as a client

    async def register(self, expires: int = 600) -> Message:
        answer = await self._register(expires, ())
        if answer.status in {401, 407}:
            uri = f"sip:{self.server[0]}:{self.server[1]}"
            value = authorization(answer, "REGISTER", uri, self.user, self.password, self.algorithm)
            answer = await self._register(expires, (("Authorization", value),))
        return answer

    async def _register(self, expires: int, headers: tuple[tuple[str, str], ...]) -> Message:
        lines = [
            ("Via", f"SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{secrets.token_hex(8)};rport"),
            ("From", f"<sip:{self.user}@{HOST}>;tag=r{self.port}"),
            ("To", f"<sip:{self.user}@{HOST}>"),
            ("Call-ID", f"register-{self.port}"),
            ("CSeq", f"{next(self._serial)} REGISTER"),
            ("Max-Forwards", "70"),
            ("Contact", self.contact()),
            ("Expires", str(expires)),
            *headers,
        ]
        data = write(f"REGISTER sip:{self.server[0]}:{self.server[1]} SIP/2.0", lines)
        return await self.transact("REGISTER", data, self.server)

    def place(self, to: str) -> Call:
        """Call somebody; the call's `status` is the final answer's."""
        call = Call(self, f"{self.manners.mark}{secrets.token_hex(8)}@test", self.server)
        call.outgoing = True
        call.target = f"sip:{to}@{self.server[0]}:{self.server[1]}"
        call.local = f"{self.manners.display}<sip:{self.user}@{HOST}>;tag={call.tag}"
        call.peer = f"<{call.target}>"
        self.calls[call.call_id] = call
        spawn(self._place(call), name="place")
        return call

    async def _place(self, call: Call) -> None:
        answer = await self.transact("INVITE", call.request("INVITE", sdp=call.sdp()), self.server, call)
        if answer.status in {401, 407} and self.password:
            self._acknowledge_refusal(call, answer)
            uri = call.target
            value = authorization(answer, "INVITE", uri, self.user, self.password, self.algorithm)
            data = call.request("INVITE", sdp=call.sdp(), headers=(("Proxy-Authorization", value),))
            answer = await self.transact("INVITE", data, self.server, call)
        call.final = answer
        if answer.status == 200:
            call.peer = answer.get("to")
            call.target = uri_of(answer.get("contact"))
            call.hear(answer.body)
            call.acknowledge(answer)
        else:
            self._acknowledge_refusal(call, answer)
            call.ended.set()
        call.status.set_result(answer.status)

    def _acknowledge_refusal(self, call: Call, answer: Message) -> None:
        before, call.peer = call.peer, answer.get("to")
        self.send(call.request("ACK", cseq=answer.cseq, branch=answer.branch))
        call.peer = before

    async def transact(self, method: str, data: bytes, to: Address, call: Call | None = None) -> Message:
        """Send a request again and again until a final answer is there."""
        key = (parse(data).branch, method)
        answers = self._waiting.setdefault(key, asyncio.Queue())
        repeating = spawn(self._repeat(data, to), name=f"repeat {method}")
        try:
            while True:
                async with asyncio.timeout(60):
                    answer = await answers.get()
                repeating.cancel()
                if answer.status >= 200:
                    return answer
                if call is not None and answer.status == 180:
                    call.ringing.set()
        finally:
            await cancel(repeating)
            del self._waiting[key]

    async def _repeat(self, data: bytes, to: Address) -> None:
        while True:
            self.send(data, to)
            await asyncio.sleep(RETRY_S)

    # --- as a server

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.heard.append(data)
        message = parse(data)
        if not message.is_request:
            self._on_answer(message)
        elif message.method == "ACK":
            self._on_ack(message)
        elif not self.repeat(message):
            self._on_request(message, addr)

    def repeat(self, request: Message) -> bool:
        """Send the answer to this request again, if there is one."""
        known = self._answers.get((request.branch, request.method))
        if known is not None:
            self.send(known)
        return known is not None

    def respond(
        self,
        request: Message,
        status: int,
        phrase: str,
        *,
        call: Call | None = None,
        sdp: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        lines = []
        for name, value in request.headers:
            if name in COPIED:
                tagged = name == "to" and ";tag=" not in value and status > 100 and call is not None
                lines.append((name.title(), f"{value};tag={call.tag}" if call and tagged else value))
        if not any(name.lower() == "contact" for name, _ in headers):
            lines.append(("Contact", self.contact()))
        lines += [*self.manners.headers(str(status)), *headers]
        if sdp:
            lines.append(("Content-Type", "application/sdp"))
        data = write(f"SIP/2.0 {status} {self.manners.phrase or phrase}", lines, sdp)
        self._answers[(request.branch, request.method)] = data
        self.send(data)

    def _on_answer(self, message: Message) -> None:
        waiting = self._waiting.get((message.branch, message.method))
        if waiting is not None:
            waiting.put_nowait(message)
        elif message.status >= 200 and message.method == "INVITE":
            call = self.calls.get(message.get("call-id"))
            if call is not None and message.status == 200:
                call.acknowledge(message)

    def _on_ack(self, message: Message) -> None:
        call = self.calls.get(message.get("call-id"))
        if call is not None:
            call.acknowledged.set()

    def _on_request(self, message: Message, source: Address) -> None:
        call = self.calls.get(message.get("call-id"))
        if call is None and message.method == "INVITE":
            self._on_new(message, source)
        elif call is None:
            self.respond(message, 200 if message.method in {"OPTIONS", "MESSAGE"} else 481, "OK")
        elif message.method == "INVITE":
            self._on_reinvite(call, message)
        elif message.method == "CANCEL":
            self.respond(message, 200, "OK", call=call)
            call.ended.set()
            call.answer_invite(487, "Request Terminated")
        else:
            self.respond(message, 200, "OK", call=call)
            if message.method == "BYE":
                call.ended.set()

    def _on_new(self, message: Message, source: Address) -> None:
        call = Call(self, message.get("call-id"), source)
        call.invite = message
        call.local = f"{message.get('to')};tag={call.tag}"
        call.peer = message.get("from")
        call.target = uri_of(message.get("contact"))
        with suppress(ValueError):
            call.remote = address_of(call.target)
        self.calls[call.call_id] = call
        self.respond(message, 100, "Trying")
        self.on_call(call)

    def _on_reinvite(self, call: Call, message: Message) -> None:
        call.reinvited.put_nowait(message)
        if call.accept_reinvite:
            call.hear(message.body)
            call.version += 1
            self.respond(message, 200, "OK", call=call, sdp=call.sdp())


def dialled(call: Call) -> str:
    """Give the user part of the request URI of a call that came in."""
    assert call.invite is not None
    return user_of(f"<{call.invite.start.split()[1]}>")
