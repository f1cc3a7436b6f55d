"""Lists by cursor: stable under inserts, no page numbers, no counting."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Invalid
from core.web.schema import ApiModel

T = TypeVar("T")
S = TypeVar("S", bound=BaseModel)


class CursorInvalid(Invalid):
    """This cursor does not come from here."""

    code = "cursor-invalid"
    zh = "分页游标无效。"


class PageQuery(ApiModel):
    """The query of a list. Derive from it to add filters."""

    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=50, ge=1, le=200)


class Page(ApiModel, Generic[S]):
    """One page; `next_cursor` is null on the last."""

    items: list[S]
    next_cursor: str | None = None


def encode_cursor(*keys: str) -> str:
    """Make a cursor of sort keys. They travel in a URL: ids and times only, nothing personal."""
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, count: int) -> list[str]:
    """Give back the sort keys, or raise `CursorInvalid`."""
    try:
        keys = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid from error
    if not isinstance(keys, list) or len(keys) != count or any(_bad_key(key) for key in keys):
        raise CursorInvalid
    return keys


def _bad_key(key: object) -> bool:
    return not isinstance(key, str) or not key.isascii() or not key.isprintable()


async def paginate(
    session: AsyncSession,
    statement: Select[T],
    *,
    key: ColumnElement[str] | Any,
    cursor: str | None,
    limit: int,
    newest_first: bool = True,
) -> tuple[Sequence[T], str | None]:
    """Run `statement` for one page ordered by `key`, a unique text column such as the id.

    Ids are UUIDv7, so their order is that of birth. Gives the rows and the next cursor.
    """
    if cursor is not None:
        (last,) = decode_cursor(cursor, 1)
        statement = statement.where(key < last if newest_first else key > last)
    statement = statement.order_by(key.desc() if newest_first else key.asc()).limit(limit + 1)
    result = await session.execute(statement.add_columns(key))
    rows = result.all()
    more = len(rows) > limit
    rows = rows[:limit]
    return [row[0] for row in rows], encode_cursor(rows[-1][-1]) if more and rows else None
