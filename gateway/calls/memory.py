"""The media plane's twin in memory: no sockets and no pacing, but real SDP and real recordings."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from ipaddress import IPv4Address

from core.blobs import BlobInfo, BlobStore, BlobWriter
from core.clock import Clock
from gateway.media.container import MEDIA_TYPE, FileHeader
from gateway.media.errors import NoticeNotPlayed, PortsExhausted
from gateway.media.model import (
    FailureHandler,
    FailureReason,
    Law,
    LegStats,
    MediaReport,
    MediaStats,
    NoticePlayed,
    Side,
)
from gateway.media.plane import PlaneStatus
from gateway.media.recorder import Recorder, frames_to_ms
from gateway.media.recording import RecordingReader
from gateway.media.sdp import LocalMedia, RemoteMedia, build_sdp, parse_sdp

LOOPBACK = IPv4Address("127.0.0.1")
NOTICE_FRAMES = 8000
PACKET_FRAMES = 160
FIRST_PORT = 20000


class InMemoryMedia:
    """A `MediaPlane` whose sessions can be spoken into and broken by a test.

    `faults` maps a step ("open", "notice", "bridge", "close") to the error it raises, `gates` one to an event
    that it waits for; `reached` tells that a step began.
    """

    def __init__(self, blobs: BlobStore, clock: Clock, *, ports: int = 100) -> None:
        self.sessions: dict[str, InMemoryMediaSession] = {}
        self.faults: dict[str, Exception] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.reached: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._blobs = blobs
        self._clock = clock
        self._ports = ports

    def status(self) -> PlaneStatus:
        living = sum(not session.closed for session in self.sessions.values())
        return PlaneStatus(self._ports, self._ports - 2 * living)

    async def open(self, call_id: str, recording_key: bytes) -> "InMemoryMediaSession":
        await self.passes("open")
        if self.status().ports_free < 2:
            raise PortsExhausted
        writer = await self._blobs.create(recording_key, MEDIA_TYPE)
        writer.append(FileHeader(self._clock.now(), call_id).pack())
        session = InMemoryMediaSession(
            self, self._blobs, writer, recording_key, FIRST_PORT + len(self.sessions)
        )
        self.sessions[call_id] = session
        return session

    async def passes(self, step: str) -> None:
        """Wait at the gate of a step, then break if it is to break."""
        self.reached[step].set()
        if step in self.gates:
            await self.gates[step].wait()
        if step in self.faults:
            raise self.faults[step]


class InMemoryMediaSession:
    """A `MediaSession`. `log` tells what was done to it, in order."""

    def __init__(
        self, plane: InMemoryMedia, blobs: BlobStore, writer: BlobWriter, key: bytes, port: int
    ) -> None:
        self.log: list[str] = []
        self.remote: dict[Side, RemoteMedia] = {}
        self.bridged = False
        self.bridging = asyncio.Event()
        self.closed = False
        self._plane = plane
        self._blobs = blobs
        self._writer = writer
        self._key = key
        self._port = port
        self._recorder = Recorder(self)
        self._frames: int | None = None
        self._relayed = dict.fromkeys(Side, 0)
        self._notice: NoticePlayed | None = None
        self._failure: FailureReason | None = None
        self._on_failure: FailureHandler | None = None
        self._report: MediaReport | None = None

    @property
    def recording_id(self) -> str:
        return self._writer.blob_id

    def submit(self, data: bytes, written: Callable[[], None]) -> None:
        self._writer.append(data)
        written()

    def local_sdp(self, side: Side) -> str:
        port = self._port + 2 * side.channel
        return build_sdp(LocalMedia(LOOPBACK, port, session_id=self._port, version=1))

    def set_remote(self, side: Side, sdp: str) -> RemoteMedia:
        self.remote[side] = parse_sdp(sdp)
        self.log.append(f"remote {side}")
        return self.remote[side]

    def hold(self, side: Side, sdp: str) -> RemoteMedia:
        remote = self.set_remote(side, sdp)
        self.log.append(f"{'hold' if remote.held else 'resume'} {side}")
        return remote

    def play_ringback(self, side: Side) -> None:
        self.log.append(f"ringback {side}")

    def stop_ringback(self, side: Side) -> None:
        self.log.append(f"no ringback {side}")

    async def play_notice(self) -> NoticePlayed:
        self.log.append("notice")
        self._frames = 0
        await self._plane.passes("notice")
        self._frames = NOTICE_FRAMES
        packets = NOTICE_FRAMES // PACKET_FRAMES
        self._notice = NoticePlayed(frames_to_ms(NOTICE_FRAMES), packets, packets, "ab" * 32)
        return self._notice

    def bridge(self) -> None:
        if self._notice is None:
            raise NoticeNotPlayed
        if "bridge" in self._plane.faults:
            raise self._plane.faults["bridge"]
        self.log.append("bridge")
        self.bridged = True
        self.bridging.set()

    def speak(self, side: Side, packets: int) -> None:
        """Let one side say something, packet by packet, the other side silent."""
        for _ in range(packets):
            at = self._frames or 0
            self._recorder.on_audio(side, b"\x55" * PACKET_FRAMES, Law.ALAW, at, relayed=self.bridged)
            self._relayed[side] += self.bridged
            self._frames = at + PACKET_FRAMES
            self._recorder.flush(self._frames)

    def fail(self, reason: FailureReason) -> None:
        """Break as the recorder or a silent leg would."""
        self.bridged = False
        if self._failure is None:
            self._failure = reason
            if self._on_failure is not None:
                self._on_failure(reason)

    def stats(self) -> MediaStats:
        recorded = self._recorder.recorded
        return MediaStats(
            staff=self._leg(Side.STAFF, recorded[0]),
            customer=self._leg(Side.CUSTOMER, recorded[1]),
            recorded_packets=self._recorder.recorded_relayed,
            relayed_packets=sum(self._relayed.values()),
            duration_ms=frames_to_ms(self._frames or 0),
            bridged=self.bridged,
        )

    def on_failure(self, callback: FailureHandler) -> None:
        self._on_failure = callback

    async def close(self) -> MediaReport:
        if self._report is None:
            self.bridged = False
            self.log.append("close")
            await self._plane.passes("close")
            info = await self._keep()
            self.closed = True
            stats = self.stats()
            self._report = MediaReport(
                recording=info,
                wav_sha256=None if info is None else await self._wav_sha256(info),
                staff=stats.staff,
                customer=stats.customer,
                recorded_packets=stats.recorded_packets,
                relayed_packets=stats.relayed_packets,
                duration_ms=stats.duration_ms,
                notice=self._notice,
                failure=self._failure,
            )
        return self._report

    async def _keep(self) -> BlobInfo | None:
        if self._frames is None:
            self._writer.discard()
            return None
        self._recorder.finish(self._frames)
        return self._writer.close()

    async def _wav_sha256(self, info: BlobInfo) -> str:
        async with await RecordingReader.open(self._blobs, info.blob_id, self._key) as reader:
            return await reader.wav_sha256()

    def _leg(self, side: Side, recorded: int) -> LegStats:
        return LegStats(
            received=recorded, relayed=self._relayed[side], recorded=recorded, sent=self._relayed[side.other]
        )
