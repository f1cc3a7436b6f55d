"""One leg of a call: its socket, whom it listens to, what was negotiated, and its counters."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from gateway.media.errors import SdpInvalid
from gateway.media.latch import SourceLatch
from gateway.media.model import Law, LegStats, Side
from gateway.media.rtp import OutboundStream
from gateway.media.sdp import (
    LOCAL_EVENT_PT,
    STATIC_PT,
    LocalMedia,
    RemoteMedia,
    build_sdp,
    parse_sdp,
)
from gateway.media.timeline import StreamClock

_READ_BYTES: Final = 2048
_OFFERED: Final[tuple[Law, ...]] = (Law.ALAW, Law.ULAW)


@dataclass(slots=True)
class Counters:
    """The moving twin of `LegStats`."""

    received: int = 0
    relayed: int = 0
    unbridged: int = 0
    dtmf: int = 0
    comfort_noise: int = 0
    rtcp: int = 0
    foreign: int = 0
    wrong_payload_type: int = 0
    malformed: int = 0
    duplicates: int = 0
    late: int = 0
    trimmed: int = 0
    sent: int = 0
    send_errors: int = 0


PacketHandler = Callable[["Leg", bytes, tuple[str, int], float], None]


class Leg:
    """Owns a bound socket; hands every packet to `handler(leg, data, source, now)`."""

    def __init__(
        self,
        side: Side,
        sock: socket.socket,
        *,
        advertised: IPv4Address | IPv6Address,
        epochs: Callable[[], int],
        handler: PacketHandler,
    ) -> None:
        self.side = side
        self.sock = sock
        self.latch = SourceLatch()
        self.clock = StreamClock(epochs)
        self.out = OutboundStream()
        self.counters = Counters()
        self.remote: RemoteMedia | None = None
        self.listening = False
        """The far end is known and wants to hear us."""
        self.laws: dict[int, Law] = {STATIC_PT[law]: law for law in _OFFERED}
        """Payload types that we said we take."""
        self.send_law = _OFFERED[0]
        self.event_in: int | None = LOCAL_EVENT_PT
        self.event_out: int | None = None
        self.last_rtp_at = 0.0
        self._local = LocalMedia(
            address=advertised,
            port=sock.getsockname()[1],
            session_id=secrets.randbits(62),
            version=0,
        )
        self._codecs = _OFFERED
        self._handler = handler
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock.fileno(), self._readable)

    @property
    def on_hold(self) -> bool:
        """One of the two directions is switched off."""
        return self.remote is not None and (self.remote.held or not self.remote.direction.sends)

    def local_sdp(self, prefer: Law | None) -> str:
        """Write our description: an offer, or, once the remote is known, what answers it.

        `prefer` is the law of the other leg: asking for it saves a translation. The same answer is given
        until the remote describes itself anew (a 183 and its 200 must not differ, RFC 3261 §13.2.1).
        """
        if self.remote is None:
            if self._local.version > 0:  # the offer is out: it stays what it is
                return build_sdp(self._local)
            wanted = replace(self._local, codecs=_preferring(_OFFERED, prefer))
        else:
            wanted = replace(
                self._local,
                codecs=self._codecs,
                telephone_event_pt=self.remote.telephone_event_pt,
                direction=self.remote.direction.mirrored(),
                slots=self.remote.slots,
                audio_index=self.remote.audio_index,
            )
        if wanted != self._local or self._local.version == 0:
            self._local = replace(wanted, version=self._local.version + 1)
        self.laws = {STATIC_PT[law]: law for law in self._local.codecs}
        self.event_in = self._local.telephone_event_pt
        return build_sdp(self._local)

    def set_remote(self, text: str, prefer: Law | None, refused_ports: frozenset[int]) -> RemoteMedia:
        """Take a description. Raises `SdpInvalid` and changes nothing if we cannot live with it.

        `refused_ports`: our own; a leg that pointed at them would feed another call.
        """
        remote = parse_sdp(text)
        if remote.address.version != self._local.address.version:
            raise SdpInvalid("Its address family is not ours.", detail_zh="地址族与本机不同。")
        if remote.address.is_unspecified and self.remote is None:
            raise SdpInvalid("It gives no address.", detail_zh="未给出地址。")
        if remote.port in refused_ports and self._is_local(remote.address):
            raise SdpInvalid("It points at this gateway.", detail_zh="地址指向本网关。")
        self.remote = remote
        self.listening = not remote.held
        self._codecs = _preferring(remote.codecs, prefer)
        self.send_law = self._codecs[0]
        self.event_out = remote.telephone_event_pt
        if not remote.address.is_unspecified:
            self.latch.announce((str(remote.address), remote.port))
        return remote

    def _is_local(self, address: IPv4Address | IPv6Address) -> bool:
        return address.is_loopback or str(address) in {str(self._local.address), self.sock.getsockname()[0]}

    def send(
        self, key: int, seq: int, timestamp: int, now: float, payload_type: int, marker: bool, payload: bytes
    ) -> bool:
        """Send a payload under this leg's own numbering; False if the far end cannot be reached now."""
        target = self.latch.target
        if target is None:
            return False
        packet = self.out.packet(key, seq, timestamp, now, payload_type, marker, payload)
        try:
            self.sock.sendto(packet, target)
        except OSError:  # a full socket buffer, no route: the packet is lost as on any network
            self.counters.send_errors += 1
            return False
        self.counters.sent += 1
        return True

    def close(self) -> None:
        """Stop listening; the socket goes back to its pool."""
        self._loop.remove_reader(self.sock.fileno())

    def stats(self, recorded: int) -> LegStats:
        count = self.counters
        return LegStats(
            **{name: getattr(count, name) for name in Counters.__slots__},
            recorded=recorded,
            lost=self.clock.lost,
            restarts=max(0, self.clock.restarts),
        )

    def _readable(self) -> None:
        """Take one packet; the loop calls again while there are more, and other legs have their turn."""
        try:
            data, source = self.sock.recvfrom(_READ_BYTES)
        except OSError:  # nothing after all, or an ICMP error of an earlier packet
            return
        self._handler(self, data, source[:2], self._loop.time())


def _preferring(laws: tuple[Law, ...], law: Law | None) -> tuple[Law, ...]:
    return (law, *(other for other in laws if other is not law)) if law in laws and law else laws
