"""Files of customers: counted when asked for, made when approved, taken once, deleted in time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.blobs import BlobStore
from core.clock import Clock
from core.config import ApprovalSettings
from core.db import Database
from core.ledger import JSON, Ledger
from core.vault import SubjectKeys, Vault
from gateway import permissions
from gateway.customers import repository
from gateway.customers.approvals import sheet
from gateway.customers.approvals.errors import ExportEmpty, ExportTooLarge, FileGone, RequestUnknown
from gateway.customers.approvals.model import ExportWish, RequestKind, SheetFormat
from gateway.customers.approvals.models import ExportRow, RequestRow
from gateway.customers.model import CustomerFilter, CustomerView
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing

BATCH = 100


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that lies encrypted in the store and belongs to no row yet."""

    blob_id: str
    key_id: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file on its way to the one person who may have it. `name` holds nothing personal."""

    content: bytes
    media_type: str
    name: str


class CustomerExports:
    """Makes and hands out files. They are masked: no way leads from here to a full number."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        vault: Vault,
        subject_keys: SubjectKeys,
        sealing: CustomerSealing,
        blobs: BlobStore,
        ledger: Ledger,
        settings: ApprovalSettings,
        time_zone: str,
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._keys = subject_keys
        self._sealing = sealing
        self._blobs = blobs
        self._ledger = ledger
        self._settings = settings
        self._zone = ZoneInfo(time_zone)

    async def count(self, session: AsyncSession, principal: Principal, wish: ExportWish) -> int:
        """Count what a file would hold; raise `ExportEmpty`, `ExportTooLarge`."""
        query = repository.matching(principal, permissions.CUSTOMER_EXPORT, _filter(wish), self._sealing)
        rows = await session.scalar(query.with_only_columns(func.count(CustomerRow.id))) or 0
        if not rows:
            raise ExportEmpty
        if rows > self._settings.export_max_rows:
            raise ExportTooLarge(limit=self._settings.export_max_rows)
        return rows

    async def make(self, maker: Principal, request_id: str, wish: ExportWish) -> MadeFile:
        """Write the file of what `maker` reaches now. Call it outside of any transaction.

        Raises: ExportEmpty, ExportTooLarge.
        """
        async with self._db.read() as session:
            await self.count(session, maker, wish)
            views = await self._views(session, maker, wish)
            owners = await session.execute(
                select(Employee.id, Employee.display_name).where(
                    Employee.id.in_({view.owner_id for view in views})
                )
            )
            names = {found.id: found.display_name for found in owners}
        content = await asyncio.to_thread(sheet.write, wish.sheet, views, names, self._zone)
        key_id = self._vault.current_key_id
        writer = await self._blobs.create(self._key(request_id, key_id), sheet.MEDIA_TYPE[wish.sheet])
        try:
            await asyncio.to_thread(writer.append, content)
            info = await asyncio.to_thread(writer.close)
        except BaseException:
            writer.discard()
            raise
        return MadeFile(info.blob_id, key_id, len(views), info.size, info.sha256)

    async def drop(self, made: MadeFile) -> None:
        """Delete a file that nobody came to need."""
        await self._blobs.delete(made.blob_id)

    def keep(self, session: AsyncSession, request_id: str, made: MadeFile) -> None:
        """Give a file to its request: from now on it can be taken, once and for a while."""
        session.add(
            ExportRow(
                request_id=request_id,
                rows=made.rows,
                size=made.size,
                sha256=made.sha256,
                key_id=made.key_id,
                blob_id=made.blob_id,
                until=self._clock.now() + timedelta(seconds=self._settings.download_s),
            )
        )

    async def take(self, principal: Principal, request_id: str) -> TakenFile:
        """Hand the file to who asked for it, and delete it. The ledger's entry is the access log's line.

        Raises: RequestUnknown (also for everybody else), FileGone.
        """
        principal.require(permissions.CUSTOMER_EXPORT)
        async with self._db.begin() as session:
            row = await session.get(RequestRow, request_id)
            if row is None or row.kind is not RequestKind.EXPORT or row.asked_by != principal.employee_id:
                raise RequestUnknown
            file = await session.get(ExportRow, request_id, with_for_update=True, populate_existing=True)
            if file is None or not is_ready(file, self._clock.now()):
                raise FileGone
            blob_id, shape = file.blob_id or "", row.sheet or SheetFormat.XLSX
            content = await self._read(request_id, file)
            file.taken_at = self._clock.now()
            await session.flush()
            body: dict[str, JSON] = {
                "request": row.id,
                "rows": file.rows,
                "sha256": file.sha256,
                "sheet": shape.value,
                "approved_by": row.decided_by,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "customers.export", body)
        await self._blobs.delete(blob_id)  # and if we die here, the sweep does
        return TakenFile(content, sheet.MEDIA_TYPE[shape], f"customers-{request_id[-8:]}.{shape.value}")

    async def sweep(self) -> int:
        """Delete files that were taken or whose time is over; gives how many. A chore of the relay."""
        over = or_(ExportRow.until <= self._clock.now(), ExportRow.taken_at.is_not(None))
        async with self._db.begin() as session:
            query = select(ExportRow).where(ExportRow.blob_id.is_not(None), over).limit(BATCH)
            rows = list(await session.scalars(query.with_for_update(skip_locked=True)))
            for row in rows:
                await self._blobs.delete(row.blob_id or "")
                row.blob_id = None
            return len(rows)

    async def _read(self, request_id: str, file: ExportRow) -> bytes:
        """Read the whole file; every byte of it is authenticated by the store."""
        reader = await self._blobs.open(file.blob_id or "", self._key(request_id, file.key_id))
        try:
            return await reader.read(0, reader.size)
        finally:
            await reader.aclose()

    async def _views(
        self, session: AsyncSession, maker: Principal, wish: ExportWish
    ) -> Sequence[CustomerView]:
        """Give the customers, masked, newest first, batch by batch."""
        views: list[CustomerView] = []
        cursor: str | None = None
        while True:
            rows, cursor = await repository.find_page(
                session, maker, permissions.CUSTOMER_EXPORT, _filter(wish), self._sealing,
                cursor=cursor, limit=repository.BATCH,
            )  # fmt: skip
            ids = [row.id for row in rows]
            ciphers = await self._keys.ciphers(session, ids)
            tags = await repository.tags_of(session, ids)
            views += [self._sealing.view(row, ciphers.get(row.id), tags[row.id]) for row in rows]
            if cursor is None:
                return views

    def _key(self, request_id: str, key_id: str) -> bytes:
        return self._vault.cipher(key_id).derive_key(f"customer-export:{request_id}")


def is_ready(file: ExportRow, now: datetime) -> bool:
    """Tell whether a file can still be taken."""
    return file.blob_id is not None and file.taken_at is None and file.until > now


def _filter(wish: ExportWish) -> CustomerFilter:
    return CustomerFilter(tag=wish.tag, owner_id=wish.owner_id)
