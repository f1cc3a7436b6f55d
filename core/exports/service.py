"""Makes evidence bundles in the background, keeps them sealed for a day, and notes who took one along."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import IO, cast

from sqlalchemy import Update, select, update

from core.access.model import Principal
from core.blobs import BlobInfo, BlobStore
from core.blobs.ports import BlobReader
from core.clock import Clock
from core.db import Database
from core.errors import MasklineError
from core.exports.blob_file import BlobFile
from core.exports.errors import ExportBusy, ExportNotReady, ExportUnknown, NothingChosen
from core.exports.model import Chosen, Contents, Export, ExportState, Gathered
from core.exports.models import ExportRow
from core.exports.permissions import EVIDENCE_EXPORT
from core.exports.ports import EvidenceSource
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.ledger.evidence import Attachment, Bundle, EvidenceExporter
from core.logging import get_logger
from core.tasks import spawn
from core.vault import Vault

KEPT_FOR = timedelta(hours=24)
SILENT_AFTER = timedelta(minutes=2)
BEAT_AFTER = timedelta(seconds=1)
MEDIA_TYPE = "application/zip"
RUNNING = ExportState.RUNNING
_log = get_logger(__name__)


class EvidenceExports:
    """Exports of one person: previewed, made, taken along. Nobody sees those of another."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        vault: Vault,
        blobs: BlobStore,
        ledger: Ledger,
        exporter: EvidenceExporter,
        source: EvidenceSource,
    ) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._blobs = blobs
        self._ledger = ledger
        self._exporter = exporter
        self._source = source
        self._working: set[asyncio.Task[None]] = set()

    async def preview(self, principal: Principal, chosen: Chosen) -> Contents:
        """Say what a bundle would hold.

        Raises:
            Forbidden, NothingChosen, NothingFound, TooMuch
        """
        principal.require(EVIDENCE_EXPORT)
        if chosen.empty:
            raise NothingChosen
        return await self._source.contents(principal, chosen)

    async def start(self, principal: Principal, chosen: Chosen) -> Export:
        """Begin to make a bundle; it goes on when the page is closed.

        Raises:
            Forbidden, NothingChosen, NothingFound, TooMuch, ExportBusy
        """
        contents = await self.preview(principal, chosen)
        now = self._clock.now()
        row = ExportRow(
            id=new_id(),
            asked_by=principal.employee_id,
            asked_at=now,
            contact_id=chosen.contact_id,
            customer_id=chosen.customer_id,
            since=chosen.since,
            until=chosen.until,
            contacts=contents.contacts,
            entries=contents.entries,
            recordings=contents.recordings,
            bytes=contents.bytes,
            erased=contents.erased,
            state=RUNNING,
            done_bytes=0,
            beat_at=now,
            expires_at=now + KEPT_FOR,
        )
        async with self._database.begin() as session:
            busy = select(ExportRow.id).where(
                ExportRow.asked_by == principal.employee_id,
                ExportRow.state == RUNNING,
                ExportRow.beat_at > now - SILENT_AFTER,
            )
            if await session.scalar(busy.limit(1)):
                raise ExportBusy
            session.add(row)
        task = spawn(self._make(principal, row.id, chosen), name=f"evidence-{row.id}")
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return self._view(row)

    async def mine(self, principal: Principal, limit: int = 20) -> list[Export]:
        """List one's exports, the newest first."""
        principal.require(EVIDENCE_EXPORT)
        async with self._database.read() as session:
            rows = await session.scalars(
                select(ExportRow)
                .where(ExportRow.asked_by == principal.employee_id)
                .order_by(ExportRow.id.desc())
                .limit(limit)
            )
            return [self._view(row) for row in rows]

    async def get(self, principal: Principal, export_id: str) -> Export:
        """Show one; raise `ExportUnknown`."""
        return self._view(await self._row(principal, export_id))

    async def take(self, principal: Principal, export_id: str) -> BlobReader:
        """Open the bundle for a download, and write that it was taken.

        Raises:
            ExportUnknown, ExportNotReady
        """
        row = await self._row(principal, export_id)
        if self._view(row).state is not ExportState.DONE or row.blob_id is None:
            raise ExportNotReady
        reader = await self._blobs.open(row.blob_id, self._key(row.id, row.key_id))
        async with self._database.begin() as session:
            body: dict[str, JSON] = {
                "export": row.id,
                "customer": row.customer_id,
                "sha256": row.sha256,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "evidence.taken", body)
        return reader

    async def settled(self) -> None:
        """Wait until nothing is being made in this process."""
        await asyncio.gather(*self._working)

    async def sweep(self) -> int:
        """Delete bundles that have expired; gives how many. A chore of the relay."""
        async with self._database.begin() as session:
            rows = list(
                await session.scalars(
                    select(ExportRow)
                    .where(ExportRow.expires_at <= self._clock.now(), ExportRow.state != ExportState.EXPIRED)
                    .limit(100)
                )
            )
            for row in rows:
                if row.blob_id is not None:
                    await self._blobs.delete(row.blob_id)
                row.state, row.blob_id = ExportState.EXPIRED, None
            return len(rows)

    # --- the work -------------------------------------------------------------------------------

    async def _make(self, principal: Principal, export_id: str, chosen: Chosen) -> None:
        """Write the bundle into a sealed blob; whatever happens, the row says how it ended."""
        try:
            async with self._source.gather(principal, chosen) as gathered:
                bundle, info, key_id = await self._write(export_id, gathered)
        except Exception as error:  # noqa: BLE001 - told to the person who waits, by its code
            code = error.code if isinstance(error, MasklineError) else "internal"
            _log.error("evidence.failed", error_type=type(error).__name__, code=code)
            async with self._database.begin() as session:
                await session.execute(_of(export_id).values(state=ExportState.FAILED, fault=code))
            return
        await self._finish(principal, export_id, bundle, info, key_id)

    async def _write(self, export_id: str, gathered: Gathered) -> tuple[Bundle, BlobInfo, str]:
        key_id = self._vault.current_key_id
        writer = await self._blobs.create(self._key(export_id, key_id), MEDIA_TYPE)
        try:
            handle = BlobFile(writer)
            progress = _Progress(self._database, self._clock, export_id)
            files = [replace(one, content=progress.through(one)) for one in gathered.attachments]
            bundle = await self._exporter.write(cast("IO[bytes]", handle), gathered.seqs, files)
            await asyncio.to_thread(handle.finish)
            return bundle, await asyncio.to_thread(writer.close), key_id
        except BaseException:
            writer.discard()
            raise

    async def _finish(
        self, principal: Principal, export_id: str, bundle: Bundle, info: BlobInfo, key_id: str
    ) -> None:
        async with self._database.begin() as session:
            row = await session.get_one(ExportRow, export_id)
            row.state, row.done_bytes = ExportState.DONE, row.bytes
            row.key_id, row.blob_id = key_id, info.blob_id
            row.size, row.sha256 = info.size, info.sha256
            row.entries, row.recordings = len(bundle.seqs), len(bundle.attachments)
            row.checkpoint_size = bundle.checkpoint.size
            body: dict[str, JSON] = {
                "export": row.id,
                "customer": row.customer_id,
                "contact": row.contact_id,
                "contacts": row.contacts,
                "entries": len(bundle.seqs),
                "attachments": len(bundle.attachments),
                "sha256": info.sha256,
                "by": principal.employee_id,
            }
            entry = await self._ledger.append(session, "evidence.exported", body)
            row.ledger_seq = entry.seq

    def _key(self, export_id: str, key_id: str | None) -> bytes:
        return self._vault.cipher(key_id).derive_key(f"evidence:{export_id}")

    async def _row(self, principal: Principal, export_id: str) -> ExportRow:
        principal.require(EVIDENCE_EXPORT)
        async with self._database.read() as session:
            row = await session.get(ExportRow, export_id)
        if row is None or row.asked_by != principal.employee_id:
            raise ExportUnknown
        return row

    def _view(self, row: ExportRow) -> Export:
        now, state = self._clock.now(), ExportState(row.state)
        if state is RUNNING and now - row.beat_at > SILENT_AFTER:
            state = ExportState.LOST
        if state is ExportState.DONE and row.expires_at <= now:
            state = ExportState.EXPIRED
        return Export(
            id=row.id,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
            chosen=Chosen(row.contact_id, row.customer_id, row.since, row.until),
            contents=Contents(row.contacts, row.entries, row.recordings, row.bytes, row.erased),
            state=state,
            done_bytes=row.done_bytes,
            fault=row.fault,
            size=row.size,
            sha256=row.sha256,
            checkpoint_size=row.checkpoint_size,
            ledger_seq=row.ledger_seq,
            expires_at=row.expires_at,
        )


class _Progress:
    """Counts the bytes that are read, and says so in the row about once a second."""

    def __init__(self, database: Database, clock: Clock, export_id: str) -> None:
        self._database = database
        self._clock = clock
        self._export_id = export_id
        self._bytes = 0
        self._told_at = clock.now()

    async def through(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Pass an attachment on, piece by piece."""
        if isinstance(attachment.content, bytes):
            await self._count(len(attachment.content))
            yield attachment.content
            return
        async for piece in attachment.content:
            await self._count(len(piece))
            yield piece

    async def _count(self, count: int) -> None:
        self._bytes += count
        now = self._clock.now()
        if now - self._told_at < BEAT_AFTER:
            return
        self._told_at = now
        async with self._database.begin() as session:
            await session.execute(_of(self._export_id).values(done_bytes=self._bytes, beat_at=now))


def _of(export_id: str) -> Update:
    return update(ExportRow).where(ExportRow.id == export_id)
