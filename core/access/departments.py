"""Administration of departments: a tree kept as paths, so that one prefix finds a whole branch."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.errors import DepartmentNameTaken, DepartmentTreeInvalid
from core.access.events import DepartmentMoved
from core.access.grants import DEPARTMENT_READ, DEPARTMENT_WRITE
from core.access.model import Principal
from core.access.models import Department
from core.access.people import DepartmentView, find_department
from core.access.ports import Books
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id

MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class DepartmentChange:
    """A new name and a new place; `parent_id` None means the top."""

    name: str
    parent_id: str | None


class DepartmentService:
    """Changes the tree under a lock on all of it: it is small and seldom changed."""

    def __init__(self, database: Database, clock: Clock, *, books: Books, bus: EventBus) -> None:
        self._database = database
        self._clock = clock
        self._books = books
        self._bus = bus

    async def tree(self, principal: Principal) -> list[DepartmentView]:
        """Give the whole tree, parents before children."""
        principal.require(DEPARTMENT_READ)
        async with self._database.read() as session:
            rows = await session.scalars(select(Department).order_by(Department.path))
            return [_view(row) for row in sorted(rows, key=lambda row: (row.path.count("/"), row.id))]

    async def create(self, principal: Principal, name: str, parent_id: str | None) -> DepartmentView:
        """Add a department.

        Raises:
            DepartmentUnknown, DepartmentNameTaken, DepartmentTreeInvalid
        """
        principal.require(DEPARTMENT_WRITE)
        async with self._database.begin() as session:
            await _lock_tree(session)
            await _check_name(session, name, parent_id, but=None)
            department_id = new_id()
            row = Department(
                id=department_id,
                parent_id=parent_id,
                name=name,
                path=await _path_below(session, parent_id) + f"{department_id}/",
                created_at=self._clock.now(),
            )
            _check_depth(row.path)
            session.add(row)
            await session.flush()
            await self._note(session, "department.created", row, principal)
            return _view(row)

    async def change(
        self, principal: Principal, department_id: str, change: DepartmentChange
    ) -> DepartmentView:
        """Rename a department or move it with everything below.

        Raises:
            DepartmentUnknown, DepartmentNameTaken, DepartmentTreeInvalid
        """
        principal.require(DEPARTMENT_WRITE)
        async with self._database.begin() as session:
            await _lock_tree(session)
            row = await find_department(session, department_id)
            await _check_name(session, change.name, change.parent_id, but=row.id)
            above = await _path_below(session, change.parent_id)
            if above.startswith(row.path):
                raise DepartmentTreeInvalid
            old, new = row.path, f"{above}{row.id}/"
            branch = await session.scalars(
                select(Department).where(Department.path.startswith(old, autoescape=True))
            )
            for below in branch.all():
                below.path = new + below.path.removeprefix(old)
                _check_depth(below.path)
            row.name, row.parent_id = change.name, change.parent_id
            await session.flush()
            if new != old:
                await self._bus.publish(session, DepartmentMoved(row.id, new, principal.id))
            await self._note(session, "department.changed", row, principal)
            return _view(row)

    async def _note(self, session: AsyncSession, kind: str, row: Department, principal: Principal) -> None:
        body = {"department_id": row.id, "parent_id": row.parent_id, "by": principal.id}
        await self._books.append(session, kind, body)


async def _lock_tree(session: AsyncSession) -> None:
    """Lock every department in one order; a new one below a moving one would get a stale path."""
    await session.execute(select(Department.id).order_by(Department.id).with_for_update())


async def _path_below(session: AsyncSession, parent_id: str | None) -> str:
    return "/" if parent_id is None else (await find_department(session, parent_id)).path


async def _check_name(session: AsyncSession, name: str, parent_id: str | None, *, but: str | None) -> None:
    """Names are unique among siblings; the database cannot say so for the top, where the parent is NULL."""
    here = Department.parent_id.is_(None) if parent_id is None else Department.parent_id == parent_id
    found = await session.scalar(select(Department.id).where(here, Department.name == name))
    if found is not None and found != but:
        raise DepartmentNameTaken


def _check_depth(path: str) -> None:
    if path.count("/") - 1 > MAX_DEPTH:
        raise DepartmentTreeInvalid


def _view(row: Department) -> DepartmentView:
    return DepartmentView(row.id, row.parent_id, row.name, row.path)
