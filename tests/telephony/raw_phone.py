"""A phone made of bytes: it sends what it is told, well-formed or not, and keeps what it gets."""

import asyncio
import itertools
from typing import Self

from tests.support.ports import free_port
from tests.telephony.switch_rig import sdp

_numbers = itertools.count(1)


class RawPhone(asyncio.DatagramProtocol):
    """One UDP socket and one dialog with the switch."""

    def __init__(self, switch_port: int, *, port: int = 0) -> None:
        self.port = port or free_port()
        self.switch = ("127.0.0.1", switch_port)
        self.received: asyncio.Queue[str] = asyncio.Queue()
        self.call_id = f"raw-{next(_numbers)}-{self.port}"
        self.remote_tag = ""
        self.cseq = 0
        self.transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.port))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.transport.close()
        await asyncio.sleep(0)

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr) -> None:
        self.received.put_nowait(data.decode("utf-8", "replace"))

    def throw(self, data: bytes) -> None:
        self.transport.sendto(data, self.switch)

    def request(
        self,
        method: str,
        *,
        headers: str = "",
        body: str = "",
        kind: str = "application/sdp",
        uri: str | None = None,
        to_tag: bool = True,
        contact: str | None = None,
        cseq: int | None = None,
        branch: str | None = None,
    ) -> int:
        """Send a request; gives its CSeq number."""
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        branch = branch or f"z9hG4bK{self.call_id}{cseq}{method if method == 'ACK' else ''}"
        tag = f";tag={self.remote_tag}" if self.remote_tag and to_tag else ""
        contact = f"<sip:raw@127.0.0.1:{self.port}>" if contact is None else contact
        lines = [
            f"{method} {uri or f'sip:token1@127.0.0.1:{self.switch[1]}'} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch={branch};rport",
            f"From: <sip:raw@127.0.0.1>;tag=t{self.call_id}",
            f"To: <sip:token1@127.0.0.1>{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            *([f"Contact: {contact}"] if contact else []),
            "Max-Forwards: 70",
            *headers.splitlines(),
            *([f"Content-Type: {kind}"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.throw(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        return cseq

    async def next(self, timeout_s: float = 60.0) -> str:
        async with asyncio.timeout(timeout_s):
            return await self.received.get()

    async def final(self, cseq: int, method: str = "") -> str:
        """Wait for the final answer to a request and acknowledge it if it is an INVITE's."""
        while True:
            message = await self.next()
            if not message.startswith("SIP/2.0 ") or f"CSeq: {cseq} {method}" not in message:
                continue
            if message.startswith("SIP/2.0 1"):
                continue
            if f"CSeq: {cseq} INVITE" in message:
                before = self.remote_tag
                self._learn(message)
                success = message.startswith("SIP/2.0 2")
                self.request("ACK", cseq=cseq, branch=None if success else f"z9hG4bK{self.call_id}{cseq}")
                if not success:
                    self.remote_tag = before
            return message

    async def ask(self, method: str, **how) -> str:
        return await self.final(self.request(method, **how), method)

    async def invite(self, **how) -> int:
        return self.request("INVITE", body=sdp(), **how)

    async def next_request(self, method: str) -> str:
        while True:
            message = await self.next()
            if message.startswith(method + " "):
                return message

    def reply(self, request: str, status: str) -> None:
        """Answer a request of the switch with no body."""
        kept = [
            line
            for line in request.partition("\r\n\r\n")[0].split("\r\n")[1:]
            if line.lower().startswith(("via:", "from:", "to:", "call-id:", "cseq:"))
        ]
        text = "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""])
        self.throw(text.encode())

    def _learn(self, message: str) -> None:
        to = next(line for line in message.split("\r\n") if line.startswith("To:"))
        if ";tag=" in to:
            self.remote_tag = to.partition(";tag=")[2].partition(";")[0]


def status_of(message: str) -> int:
    return int(message.split()[1])
