"""One list of file operations over all sources: in time order, by cursor, each page asked for once."""

import heapq
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from core.access.model import Principal
from core.audit.model import Seen
from core.audit.permissions import AUDIT_READ
from core.audit.ports import AccessNotes
from core.db import Database
from core.errors import Invalid
from core.fileops.model import FileOperation, OperationFilter, OperationSource, Place, Source
from core.web.paging import CursorInvalid, decode_cursor, encode_cursor

LONGEST = timedelta(days=14)
MOST = 1000
ALL = "all"


class FileOperationsWindowInvalid(Invalid):
    """The window must begin before it ends and be 14 days at most; ask for a longer time window by window."""

    code = "file-operations-window-invalid"
    zh = "查询窗口须先起后止，至多 14 天；更长的时间请分段查询。"


class FileOperations:
    """Reads; whoever reads is in the access log first. `catch_up` brings that log up to date."""

    def __init__(
        self,
        database: Database,
        sources: Sequence[OperationSource],
        *,
        notes: AccessNotes,
        catch_up: Callable[[], Awaitable[object]],
    ) -> None:
        self._db = database
        self._sources = sources
        self._notes = notes
        self._catch_up = catch_up

    async def find(
        self, principal: Principal, wanted: OperationFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[FileOperation], str | None]:
        """List operations, the oldest first, with the next cursor.

        Raises:
            Forbidden, FileOperationsWindowInvalid, CursorInvalid
        """
        principal.require(AUDIT_READ)
        if not timedelta() < wanted.until - wanted.since <= LONGEST:
            raise FileOperationsWindowInvalid
        after = _place(cursor) if cursor is not None else None
        await self._notes.note(principal, Seen.FILE_OPERATIONS, wanted.employee_id or ALL)
        await self._catch_up()
        asked = [
            source
            for source in self._sources
            if (wanted.source is None or source.source is wanted.source)
            and (wanted.operation is None or wanted.operation in source.operations)
        ]
        async with self._db.read() as session:
            pages = [
                await source.after(session, principal, wanted, after=after, limit=limit + 1)
                for source in asked
            ]
        merged = list(heapq.merge(*pages, key=lambda one: one.place))[: limit + 1]
        following = _cursor(merged[limit - 1].place) if len(merged) > limit else None
        return merged[:limit], following


def _cursor(place: Place) -> str:
    return encode_cursor(place.at.astimezone(UTC).isoformat(), place.source.value, place.id)


def _place(cursor: str) -> Place:
    at, source, row_id = decode_cursor(cursor, 3)
    try:
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise CursorInvalid
        return Place(moment, Source(source), row_id)
    except ValueError:
        raise CursorInvalid from None
