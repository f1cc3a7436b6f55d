"""A scripted SIP telephone on loopback: registers, calls, answers, says recorded sentences, hangs up.

Built on aiosipua and aiortp, which we did not write: the gateway is shown against somebody else's SIP.
"""

import asyncio
import contextlib
import socket
from typing import Any

import aiortp
import numpy as np
from aiosipua import (
    IncomingCall,
    OutgoingCall,
    Registration,
    SipDigestAuth,
    SipUAC,
    SipUAS,
    build_sdp,
    negotiate_sdp,
)
from aiosipua.transport import UdpSipTransport
from numpy.typing import NDArray

from core.errors import Unavailable
from core.tasks import spawn

SAMPLE_RATE = 8000
FRAME = 160  # 20 ms
HOST = "127.0.0.1"


class PhoneFailed(Unavailable):
    """The demo's telephone got another answer than it should."""

    code = "demo-phone-failed"
    zh = "演示电话未得到预期的应答。"


def _header(lines: bytes, name: bytes) -> bytes | None:
    """Give the first header of that name in a message without folded lines."""
    for line in lines.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


class _Protocol(asyncio.DatagramProtocol):
    """Hands datagrams over. aiosipua's own asserts a base class that asyncio's transport has from 3.12 on."""

    def __init__(self, owner: "_Transport") -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._owner.receive(data, (str(addr[0]), int(addr[1])))


class _Transport(UdpSipTransport):
    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Protocol(self), local_addr=self.local_addr
        )
        self._udp_transport = transport

    def receive(self, data: bytes, source: tuple[str, int]) -> None:
        self._acknowledge_refusal(data, source)
        self._dispatch(data, source)

    def _acknowledge_refusal(self, data: bytes, source: tuple[str, int]) -> None:
        """Send the ACK that RFC 3261 section 17.1.1.3 asks for; aiosipua 0.7.1 acknowledges 2xx only."""
        head, _, rest = data.partition(b"\r\n")
        number, _, method = (_header(rest, b"cseq") or b"").partition(b" ")
        if head[:8] != b"SIP/2.0 " or head[8:9] < b"3" or method.strip() != b"INVITE":
            return
        copied = {name: _header(rest, name) for name in (b"via", b"from", b"to", b"call-id")}
        if self._udp_transport is None or None in copied.values():
            return
        lines = [b"ACK sip:%b:%d SIP/2.0" % (source[0].encode(), source[1])]
        lines += [name + b": " + (value or b"") for name, value in copied.items()]
        lines += [b"cseq: " + number + b" ACK", b"max-forwards: 70", b"content-length: 0", b"", b""]
        self._udp_transport.sendto(b"\r\n".join(lines), source)


class Phone:
    """One telephone with one line. `heard` is every sample that came in, in order."""

    def __init__(self, user: str, *, password: str | None = None, port: int = 0) -> None:
        self.user = user
        self._auth = SipDigestAuth(user, password) if password else None
        self.port = port or free_port()
        self._transport = _Transport(local_addr=(HOST, self.port))
        self._uac = SipUAC(self._transport)
        self._uas = SipUAS(self._transport, uac=self._uac)
        self._uas.on_invite = self._on_invite
        self._uas.on_bye = self._on_bye
        self._uas.on_cancel = self._on_bye
        self._registration: Registration | None = None
        self._outgoing: OutgoingCall | None = None
        self._incoming: IncomingCall | None = None
        self._media: Any = None
        self._timestamp = 0
        self._due: float | None = None  # the next packet
        self._answer_after_s: float | None = None
        self.heard: list[NDArray[np.int16]] = []
        self.rang = asyncio.Event()
        self.connected = asyncio.Event()
        self.ended = asyncio.Event()

    async def start(self) -> None:
        await self._uas.start()

    async def close(self) -> None:
        """Unregister, leave any call and close the sockets."""
        await self.hang_up()
        if self._registration is not None:
            self._registration.unregister()
        await self._uas.stop()

    async def register(self, server: tuple[str, int], *, within_s: float = 5) -> None:
        """Register at `server` with digest; raise `PhoneFailed` where that is refused."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        registration = Registration(
            self._uac, f"sip:{self.user}@{HOST}", server, auth=self._auth, expires=600
        )

        def settle(status: int) -> None:
            if not done.done():
                done.set_result(status)

        registration.on_registered = lambda _: settle(200)
        registration.on_failed = lambda _, status, __: settle(status)
        registration.register()
        self._registration = registration
        status = await asyncio.wait_for(done, within_s)
        if status != 200:
            raise PhoneFailed(f"REGISTER: {status}")

    def answer_calls(self, *, after_s: float = 0.3) -> None:
        """Answer every call that comes in, after ringing for a while."""
        self._answer_after_s = after_s

    async def dial(self, user: str, server: tuple[str, int], *, within_s: float = 30) -> int:
        """Call `user` at `server`. Gives 200 when answered, else the status of the refusal."""
        self._forget_call()
        rtp_port = free_port()
        offer = build_sdp(local_ip=HOST, rtp_port=rtp_port, payload_type=8, codec_name="PCMA")
        call = self._uac.send_invite(
            f"sip:{self.user}@{HOST}", f"sip:{user}@{server[0]}:{server[1]}", server,
            sdp_offer=offer, auth=self._auth,
        )  # fmt: skip
        self._outgoing = call
        call.on_ringing = lambda _: self.rang.set()
        try:
            await call.wait_answered(timeout=within_s)
        except RuntimeError:
            return call._reject_code  # noqa: SLF001 - aiosipua says it nowhere else
        answer = call.sdp_answer
        if answer is None or answer.rtp_address is None or answer.audio is None:
            raise PhoneFailed("200 without SDP")
        await self._open_media(rtp_port, answer.rtp_address, answer.audio.codecs[0].payload_type)
        self.connected.set()
        return 200

    async def say(self, samples: NDArray[np.int16]) -> None:
        """Send 8 kHz samples in real time, 20 ms a packet."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            for index in range(0, len(samples), FRAME):
                if self.ended.is_set():
                    return
                frame = samples[index : index + FRAME]
                if len(frame) < FRAME:
                    frame = np.pad(frame, (0, FRAME - len(frame)))
                self._media.send_audio_pcm(frame.astype("<i2").tobytes(), self._timestamp)
                self._timestamp += FRAME
                self._due = begin + (index + FRAME) / SAMPLE_RATE
                await asyncio.sleep(max(0.0, self._due - loop.time()))
        finally:
            self._due = None

    async def be_silent(self, seconds: float) -> None:
        """Send silence, as a telephone does while nobody speaks."""
        await self.say(np.zeros(int(seconds * SAMPLE_RATE), dtype=np.int16))

    def said_s(self) -> float:
        """Give how many seconds of sound it has sent in this call."""
        return self._timestamp / SAMPLE_RATE

    def behind_s(self) -> float:
        """Give how much of what it is saying is due by now and not sent, in seconds."""
        return 0.0 if self._due is None else asyncio.get_running_loop().time() - self._due

    def heard_samples(self) -> NDArray[np.int16]:
        """Everything heard so far as one array."""
        return np.concatenate(self.heard) if self.heard else np.zeros(0, dtype=np.int16)

    async def hang_up(self) -> None:
        """Leave the call, if there is one."""
        if not self.ended.is_set():
            if self._outgoing is not None and self.connected.is_set():
                self._outgoing.hangup(self._uac)
            elif self._outgoing is not None:
                self._outgoing.cancel(self._uac)
            if self._incoming is not None and self.connected.is_set():
                self._incoming.hangup()
        await self._finish()

    def _on_invite(self, call: IncomingCall) -> None:
        if self._answer_after_s is None:
            call.reject(486)
            return
        self._forget_call()
        self._incoming = call
        call.ringing()
        self.rang.set()
        spawn(self._answer(call, self._answer_after_s), name="demo-answer")

    async def _answer(self, call: IncomingCall, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if self.ended.is_set() or call.sdp_offer is None or call.sdp_offer.rtp_address is None:
            return
        rtp_port = free_port()
        answer, payload_type = negotiate_sdp(call.sdp_offer, local_ip=HOST, rtp_port=rtp_port)
        await self._open_media(rtp_port, call.sdp_offer.rtp_address, payload_type)
        call.accept(answer)
        self.connected.set()

    async def _open_media(self, port: int, remote: tuple[str, int], payload_type: int) -> None:
        self._media = await aiortp.RTPSession.create(
            local_addr=(HOST, port), remote_addr=remote, payload_type=payload_type, dtmf_payload_type=101
        )
        self._media.on_audio = self._on_audio
        self._timestamp = 0

    def _on_audio(self, pcm: bytes, _timestamp: int) -> None:
        self.heard.append(np.frombuffer(pcm, dtype="<i2"))

    def _on_bye(self, *_: object) -> None:
        self.ended.set()
        spawn(self._finish(), name="demo-finish")

    async def _finish(self) -> None:
        self.connected.clear()
        self.ended.set()
        media, self._media = self._media, None
        if media is not None:
            await media.close()

    def _forget_call(self) -> None:
        self._outgoing = self._incoming = None
        self.heard = []
        for event in (self.rang, self.connected, self.ended):
            event.clear()


def free_port() -> int:
    """Find an even port that nobody holds, over UDP and over TCP."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other,
        ):
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
            with contextlib.suppress(OSError):
                other.bind((HOST, port))
                if port % 2 == 0:
                    return port
