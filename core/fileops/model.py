"""Words of file operations, and the port of whoever knows of some."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal


class Operation(StrEnum):
    """What was done."""

    OPENED = "opened"
    LISTENED = "listened"
    MADE = "made"
    DOWNLOADED = "downloaded"
    UPLOADED = "uploaded"
    FORWARDED = "forwarded"
    SAVED = "saved"
    SENT = "sent"
    RECEIVED = "received"


class Source(StrEnum):
    """Who says so. `phone`: the agent on a phone, as far as it could see."""

    SYSTEM = "system"
    ARCHIVE = "archive"
    PHONE = "phone"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in the list: by time, then source, then id. Every operation has its own."""

    at: datetime
    source: Source
    id: str


@dataclass(frozen=True, slots=True)
class FileOperation:
    """One operation. `name` is masked; `received_at` is when it came to be known, where that was later."""

    place: Place
    operation: Operation
    kind: str
    """What kind of file: "recording", "attachment", "evidence", "customers", or as its message says."""
    employee_id: str | None
    department_id: str | None = None
    customer_id: str | None = None
    target_id: str | None = None
    device_id: str | None = None
    app: str | None = None
    name: str | None = field(default=None, repr=False)
    size: int | None = None
    sha256: str | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OperationFilter:
    """Which operations, from `since` to before `until`; None means any."""

    since: datetime
    until: datetime
    operation: Operation | None = None
    employee_id: str | None = None
    source: Source | None = None


class OperationSource(Protocol):
    """Knows of some operations."""

    @property
    def source(self) -> Source: ...

    @property
    def operations(self) -> Collection[Operation]: ...

    async def after(
        self,
        session: AsyncSession,
        principal: Principal,
        wanted: OperationFilter,
        *,
        after: Place | None,
        limit: int,
    ) -> Sequence[FileOperation]:
        """Give the first `limit` operations after a place, in order, as far as they are within reach."""
        ...


def comes_after(source: Source, after: Place | None, *, at: Any, row_id: Any) -> list[ColumnElement[bool]]:
    """Say in SQL which rows of a source come after a place."""
    if after is None:
        return []
    if source > after.source:
        return [at >= after.at]
    if source < after.source:
        return [at > after.at]
    return [or_(at > after.at, and_(at == after.at, row_id > after.id))]
