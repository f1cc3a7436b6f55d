"""The media of one call: two legs, notice, bridge and recorder."""

import asyncio
import hashlib
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from core.blobs import BlobInfo, BlobStore
from core.config import MediaSettings
from core.errors import MasklineError
from core.logging import get_logger
from core.tasks import spawn
from gateway.media.appender import BlobAppender
from gateway.media.container import EventKind
from gateway.media.errors import NoticeNotPlayed
from gateway.media.leg import Leg
from gateway.media.model import (
    DtmfHandler,
    FailureHandler,
    FailureReason,
    Law,
    LegStats,
    MediaReport,
    MediaStats,
    NoticePlayed,
    Side,
)
from gateway.media.pacer import Pacer
from gateway.media.player import PromptPlayer, RingbackPlayer
from gateway.media.portpool import PortPool
from gateway.media.ports import AudioTap
from gateway.media.prompts import Prompt
from gateway.media.recorder import Recorder, frames_to_ms
from gateway.media.recording import RecordingReader
from gateway.media.relay import Relay
from gateway.media.sdp import RemoteMedia
from gateway.media.watch import Watch

_HEARD: Final = 0.95
"""Part of the notice's packets that must have left for each leg."""
_CLOSE_TIMEOUT_S: Final = 10.0
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What the plane lends to each of its sessions."""

    settings: MediaSettings
    advertised: IPv4Address | IPv6Address
    pool: PortPool
    pacer: Pacer
    notice: Prompt
    blobs: BlobStore


class MediaSession:
    """Given by `MediaPlane.open`; always `close()` it, whatever happened."""

    def __init__(
        self,
        parts: SessionParts,
        call_id: str,
        key: bytes,
        appender: BlobAppender,
        sockets: dict[Side, socket.socket],
    ) -> None:
        self._parts = parts
        self._call_id = call_id
        self._key = key
        self._appender = appender
        self._loop = asyncio.get_running_loop()
        self._recorder = Recorder(appender)
        self._relay = Relay(self._recorder)
        self._legs = {
            side: Leg(
                side,
                sock,
                advertised=parts.advertised,
                epochs=self._relay.next_epoch,
                handler=self._relay.on_packet,
            )
            for side, sock in sockets.items()
        }
        self._relay.connect(self._legs[Side.STAFF], self._legs[Side.CUSTOMER])
        self._ringback: dict[Side, RingbackPlayer] = {}
        self._prompt: PromptPlayer | None = None
        self._watch: Watch | None = None
        self._notice: NoticePlayed | None = None
        self._failure: FailureReason | None = None
        self._failure_handler: FailureHandler | None = None
        self._closing: asyncio.Task[MediaReport] | None = None
        self._frames: int | None = None
        appender.on_error = lambda: self._fail(FailureReason.RECORDER_WRITE_FAILED)

    @property
    def recording_id(self) -> str:
        """Blob id of the recording being written: keep it with the call, `recover_recording` needs it."""
        return self._appender.blob_id

    def local_sdp(self, side: Side) -> str:
        """Write our SDP for that leg: an answer if `set_remote` came first, else an offer.

        Its version grows whenever it changes.
        """
        return self._legs[side].local_sdp(self._law_of(side.other))

    def set_remote(self, side: Side, sdp: str) -> RemoteMedia:
        """Take the leg's offer, answer or re-offer (also hold and resume: see `.held`).

        Raises:
            SdpInvalid: we cannot live with it; nothing has changed.
        """
        return self._legs[side].set_remote(sdp, self._law_of(side.other), self._parts.pool.used)

    def hold(self, side: Side, sdp: str) -> RemoteMedia:
        """Take a re-offer in the middle of a call; the same as `set_remote`."""
        return self.set_remote(side, sdp)

    def play_ringback(self, side: Side) -> None:
        """Start our own ring tone towards that leg; idempotent."""
        if side not in self._ringback and self._closing is None:
            self._ringback[side] = RingbackPlayer(self._legs[side], self._relay.next_epoch())
            self._parts.pacer.add(self._ringback[side])

    def stop_ringback(self, side: Side) -> None:
        player = self._ringback.pop(side, None)
        if player is not None:
            self._parts.pacer.remove(player)

    async def play_notice(self) -> NoticePlayed:
        """Start the recording and play the notice to both legs at once; returns when it has finished.

        Raises:
            NoticeNotPlayed: a leg did not get it, or the call ended meanwhile.
        """
        if self._watch is not None or self._closing is not None:
            raise NoticeNotPlayed
        for side in Side:
            self.stop_ringback(side)
        self._start_recording()
        staff, customer = self._legs[Side.STAFF], self._legs[Side.CUSTOMER]
        self._prompt = PromptPlayer(self._parts.notice, (staff, customer), self._relay.next_epoch())
        self._note(EventKind.NOTICE_BEGIN)
        self._parts.pacer.add(self._prompt)
        try:
            await asyncio.shield(self._prompt.finished)
        finally:
            self._parts.pacer.remove(self._prompt)
        self._note(EventKind.NOTICE_END)
        notice = self._parts.notice
        if min(self._prompt.sent) < _HEARD * notice.packets:
            raise NoticeNotPlayed
        staff_packets, customer_packets = self._prompt.sent
        self._notice = NoticePlayed(notice.ms, staff_packets, customer_packets, notice.sha256)
        return self._notice

    def bridge(self) -> None:
        """Let the voices through. Raises `NoticeNotPlayed` before `play_notice` has finished."""
        if self._notice is None:
            raise NoticeNotPlayed
        self._relay.bridged = self._failure is None and self._closing is None

    def add_tap(self, tap: AudioTap) -> None:
        """Give `tap` a copy of both legs' audio from now on."""
        self._relay.add_tap(tap)

    def stats(self) -> MediaStats:
        staff, customer = self._leg_stats(Side.STAFF), self._leg_stats(Side.CUSTOMER)
        return MediaStats(
            staff=staff,
            customer=customer,
            recorded_packets=self._recorder.recorded_relayed,
            relayed_packets=staff.relayed + customer.relayed,
            duration_ms=frames_to_ms(self._length()),
            bridged=self._relay.bridged,
        )

    def on_failure(self, callback: FailureHandler) -> None:
        """Name who is told, once, that the call cannot go on; at once if that is known already."""
        self._failure_handler = callback
        if self._failure is not None:
            self._loop.call_soon(callback, self._failure)

    def on_dtmf(self, callback: DtmfHandler) -> None:
        self._relay.dtmf_handler = callback

    async def close(self) -> MediaReport:
        """Stop everything, close the recording, free the ports. Later calls give the same report."""
        if self._closing is None:
            self._closing = spawn(self._close(), name="media.close")
        return await asyncio.shield(self._closing)

    def _start_recording(self) -> None:
        now = self._loop.time()
        self._relay.start_recording(now)
        self._watch = Watch(
            self._parts.settings,
            relay=self._relay,
            recorder=self._recorder,
            appender=self._appender,
            legs=(self._legs[Side.STAFF], self._legs[Side.CUSTOMER]),
            fail=self._fail,
            started_at=now,
        )
        self._parts.pacer.add(self._watch)

    def _note(self, kind: EventKind) -> None:
        frame = self._relay.frame(self._loop.time())
        for side in Side:
            self._recorder.note(kind, side, 0, frame)

    def _law_of(self, side: Side) -> Law | None:
        leg = self._legs[side]
        return leg.send_law if leg.remote is not None else None

    def _length(self) -> int:
        return self._relay.frame(self._loop.time()) if self._frames is None else self._frames

    def _leg_stats(self, side: Side) -> LegStats:
        return self._legs[side].stats(self._recorder.recorded[side.channel])

    def _fail(self, reason: FailureReason) -> None:
        """No recorder, no call: the voices stop before anybody is told."""
        self._relay.bridged = False
        if self._failure is not None:
            return
        self._failure = reason
        _log.error("media.failed", call_id=self._call_id, reason=reason.value)
        if self._failure_handler is not None and self._closing is None:
            self._failure_handler(reason)

    async def _close(self) -> MediaReport:
        self._relay.bridged = False
        for side in Side:
            self.stop_ringback(side)
        if self._prompt is not None:
            self._prompt.abort()
        if self._watch is not None:
            self._parts.pacer.remove(self._watch)
        for leg in self._legs.values():
            leg.close()
        try:
            info = await self._keep()
            wav_sha256 = await self._read_back(info) if info is not None else None
        finally:
            for leg in self._legs.values():
                self._parts.pool.release(leg.sock)
        stats = self.stats()
        return MediaReport(
            recording=info,
            wav_sha256=wav_sha256,
            staff=stats.staff,
            customer=stats.customer,
            recorded_packets=stats.recorded_packets,
            relayed_packets=stats.relayed_packets,
            duration_ms=stats.duration_ms,
            notice=self._notice,
            failure=self._failure,
        )

    async def _keep(self) -> BlobInfo | None:
        if self._watch is None:  # never answered: nothing was recorded
            await self._appender.discard()
            return None
        self._frames = self._recorder.finish(self._relay.frame(self._loop.time()))
        return await self._appender.close(_CLOSE_TIMEOUT_S)

    async def _read_back(self, info: BlobInfo) -> str | None:
        """Read what was stored as an auditor will: the hash of its WAV, None if it cannot be read."""
        digest = hashlib.sha256()
        try:
            async with await RecordingReader.open(self._parts.blobs, info.blob_id, self._key) as reader:
                async for piece in reader.wav_stream():
                    digest.update(piece)
        except MasklineError as error:
            _log.error("recording.unreadable", call_id=self._call_id, code=error.code)
            return None
        return digest.hexdigest()
