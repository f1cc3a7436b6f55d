"""Writes a recording's bytes in order, off the event loop, and knows how long the disk has been silent."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from core.blobs import BlobInfo, BlobWriter
from core.logging import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Piece:
    data: bytes
    written: Callable[[], None]


class BlobAppender:
    """One blob, one write under way at a time. After the first error nothing is written any more."""

    def __init__(self, writer: BlobWriter, executor: Executor) -> None:
        self._writer = writer
        self._executor = executor
        self.on_error: Callable[[], None] = lambda: None
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Piece] = deque()
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.failed = False
        self.last_write_at = self._loop.time()
        """When a write last ended well, on the loop's clock."""

    @property
    def blob_id(self) -> str:
        return self._writer.blob_id

    def submit(self, data: bytes, written: Callable[[], None]) -> None:
        """Queue `data`; `written` is called once it is on disk. Dropped after a failure."""
        if self.failed:
            return
        self._waiting.append(_Piece(data, written))
        self._idle.clear()
        if not self._busy:
            self._next()

    async def close(self, timeout_s: float) -> BlobInfo | None:
        """Write what waits and close the blob; None if that fails or takes longer than `timeout_s`.

        After a failed write, what was written before is closed if the store lets us.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
                if self._busy:  # a write hangs: the blob stays open for `recover_recording`
                    return None
                return await self._loop.run_in_executor(self._executor, self._writer.close)
        except Exception as error:  # noqa: BLE001 - a store may fail in ways of its own: each means "not kept"
            self._fail(error)
            return None

    async def discard(self) -> None:
        """Drop the blob: nothing was recorded."""
        self.failed = True
        self._waiting.clear()
        try:
            await self._loop.run_in_executor(self._executor, self._writer.discard)
        except Exception as error:  # noqa: BLE001 - an empty blob that stays is swept later
            _log.warning("recorder.discard_failed", blob_id=self.blob_id, error_type=type(error).__name__)

    def _next(self) -> None:
        piece = self._waiting.popleft()
        self._busy = True
        job = self._loop.run_in_executor(self._executor, self._writer.append, piece.data)
        job.add_done_callback(lambda done: self._done(done, piece))

    def _done(self, job: "asyncio.Future[None]", piece: _Piece) -> None:
        self._busy = False
        error = None if job.cancelled() else job.exception()
        if job.cancelled() or error is not None:
            self._fail(error)
            return
        self.last_write_at = self._loop.time()
        piece.written()
        if self._waiting:
            self._next()
        else:
            self._idle.set()

    def _fail(self, error: BaseException | None) -> None:
        if self.failed:
            return
        self.failed = True
        self._waiting.clear()
        self._idle.set()
        _log.error("recorder.write_failed", blob_id=self.blob_id, error_type=type(error).__name__)
        self.on_error()
