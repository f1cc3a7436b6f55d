"""The list over several sources: every operation once, in order, whatever the pages and however times tie."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.model import Principal, Role, Scope
from core.audit.permissions import AUDIT_READ
from core.audit.ports import NoNotes
from core.fileops.model import FileOperation, Operation, OperationFilter, Place, Source
from core.fileops.service import FileOperations, FileOperationsWindowInvalid
from core.ids import new_id
from core.web.paging import CursorInvalid, encode_cursor

NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
WINDOW = OperationFilter(NOON, NOON + timedelta(days=14))


class Kept:
    """A source in memory."""

    def __init__(self, source: Source, minutes: Sequence[int]) -> None:
        self.source, self.operations = source, frozenset({Operation.OPENED})
        self.rows = sorted(
            (
                FileOperation(
                    Place(NOON + timedelta(minutes=minute), source, f"{number:032x}"),
                    Operation.OPENED,
                    "x",
                    None,
                )
                for number, minute in enumerate(minutes)
            ),
            key=lambda one: one.place,
        )

    async def after(
        self, session: Any, principal: Any, wanted: Any, *, after: Place | None, limit: int
    ) -> Sequence[FileOperation]:
        return [one for one in self.rows if after is None or one.place > after][:limit]


class NoDatabase:
    def read(self) -> "NoDatabase":
        return self

    async def __aenter__(self) -> SimpleNamespace:
        return SimpleNamespace()

    async def __aexit__(self, *_: object) -> None:
        return None


async def nothing() -> None:
    return None


def the_list(*sources: Kept) -> FileOperations:
    return FileOperations(NoDatabase(), sources, notes=NoNotes(), catch_up=nothing)  # type: ignore[arg-type]


def auditor(scope: Scope = Scope.ALL) -> Principal:
    return Principal(new_id(), None, "", frozenset({Role.AUDITOR}), {AUDIT_READ: scope}, new_id(), NOON)


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=12), min_size=3, max_size=3),
    st.integers(1, 7),
    st.integers(0, 4),
)
async def test_pages_give_every_operation_once_in_order(
    minutes: list[list[int]], limit: int, late: int
) -> None:
    sources = [Kept(source, times) for source, times in zip(Source, minutes, strict=True)]
    operations = the_list(*sources)
    every = sorted(one.place for source in sources for one in source.rows)
    seen: list[Place] = []
    cursor = None
    while True:
        page, cursor = await operations.find(auditor(), WINDOW, cursor=cursor, limit=limit)
        assert len(page) <= limit
        seen += [one.place for one in page]
        if cursor is None:
            break
        # What comes in meanwhile behind the cursor changes nothing of the rest.
        early = Place(NOON - timedelta(minutes=1 + late), sources[0].source, new_id())
        sources[0].rows.insert(0, FileOperation(early, Operation.OPENED, "x", None))
    assert seen == every


@pytest.mark.parametrize("until", [NOON, NOON - timedelta(seconds=1), NOON + timedelta(days=14, seconds=1)])
async def test_a_window_is_fourteen_days_at_most(until: datetime) -> None:
    with pytest.raises(FileOperationsWindowInvalid):
        await the_list().find(auditor(), OperationFilter(NOON, until))


@pytest.mark.parametrize(
    "cursor",
    ["x", encode_cursor("a"), encode_cursor("x", "phone", "y"), encode_cursor("2026-11-21T00:00:00", "phone", "y"),
     encode_cursor("2026-11-21T00:00:00+00:00", "moon", "y")],
)  # fmt: skip
async def test_a_cursor_from_elsewhere_is_refused(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await the_list().find(auditor(), WINDOW, cursor=cursor)
