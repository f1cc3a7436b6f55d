"""The media plane: ports, notice and recorders of all calls of this process."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from core.blobs import BlobStore, BlobWriter
from core.clock import Clock
from core.config import MediaSettings, SettingsInvalid
from core.errors import MasklineError
from core.logging import get_logger
from gateway.media.appender import BlobAppender
from gateway.media.container import MEDIA_TYPE, FileHeader
from gateway.media.errors import PortsExhausted, RecorderUnavailable
from gateway.media.model import Side
from gateway.media.pacer import Pacer
from gateway.media.portpool import PortPool
from gateway.media.prompts import RECORDING_NOTICE, load_notice
from gateway.media.session import MediaSession, SessionParts

_WRITER_THREADS = 4
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PlaneStatus:
    """For `/status`: ports of the range, and how many no call is using."""

    ports: int
    ports_free: int


class MediaPlane:
    """Make it on the running event loop; it refuses to exist without a recording notice."""

    def __init__(
        self,
        settings: MediaSettings,
        blobs: BlobStore,
        clock: Clock,
        *,
        notice_path: Path = RECORDING_NOTICE,
    ) -> None:
        self._blobs = blobs
        self._clock = clock
        self._executor = ThreadPoolExecutor(_WRITER_THREADS, thread_name_prefix="recorder")
        self._parts = SessionParts(
            settings=settings,
            advertised=_advertised(settings),
            pool=PortPool(settings.host, settings.port_low, settings.port_high),
            pacer=Pacer(),
            notice=load_notice(notice_path),
            blobs=blobs,
        )

    def status(self) -> PlaneStatus:
        return PlaneStatus(self._parts.pool.size, self._parts.pool.free)

    async def open(self, call_id: str, recording_key: bytes) -> MediaSession:
        """Arm a recorder and take two ports. `recording_key`: 32 bytes bound to the customer.

        Raises:
            RecorderUnavailable: the blob store did not take the recording's first bytes.
            PortsExhausted: no two ports are free.
        """
        sockets = self._sockets()
        try:
            writer = await self._arm(call_id, recording_key)
        except BaseException:
            for sock in sockets.values():
                self._parts.pool.release(sock)
            raise
        return MediaSession(
            self._parts, call_id, recording_key, BlobAppender(writer, self._executor), sockets
        )

    async def close(self) -> None:
        """Free the threads. Every session must have been closed before."""
        self._parts.pacer.close()
        self._executor.shutdown(wait=False)

    def _sockets(self) -> dict[Side, socket.socket]:
        staff = self._parts.pool.acquire()
        try:
            return {Side.STAFF: staff, Side.CUSTOMER: self._parts.pool.acquire()}
        except PortsExhausted:
            self._parts.pool.release(staff)
            raise

    async def _arm(self, call_id: str, key: bytes) -> BlobWriter:
        """Start the blob and write its header: a disk that takes nothing is found before anyone is called."""
        header = FileHeader(self._clock.now(), call_id).pack()
        try:
            async with asyncio.timeout(self._parts.settings.recorder_stall_s):
                writer = await self._blobs.create(key, MEDIA_TYPE)
                await asyncio.get_running_loop().run_in_executor(self._executor, writer.append, header)
        except (MasklineError, OSError, TimeoutError) as error:
            _log.error("recorder.unavailable", call_id=call_id, error_type=type(error).__name__)
            raise RecorderUnavailable from error
        return writer


def _advertised(settings: MediaSettings) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(settings.advertised_host or settings.host)
        bound = ip_address(settings.host)
    except ValueError:
        raise SettingsInvalid(
            "media.host and media.advertised_host must be IP addresses",
            detail_zh="media.host 与 media.advertised_host 必须是 IP 地址",
        ) from None
    if address.is_unspecified or address.version != bound.version:
        raise SettingsInvalid(
            "set media.advertised_host to the address that phones reach (same family as media.host)",
            detail_zh="请将 media.advertised_host 设为话机可达的地址（与 media.host 同一地址族）",
        )
    return address
