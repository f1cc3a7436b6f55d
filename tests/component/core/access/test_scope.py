"""What SQL lets through is exactly what a plain model of the organisation allows."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from core.access.model import Principal, Role, Scope
from core.access.models import Department, Employee, EmployeeState
from core.access.scope import scope_clause
from core.db import Database
from core.errors import Forbidden

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PERMISSION = "widget.read"


def ident(kind: str, number: int) -> str:
    return f"{kind}{number:031x}"


@dataclass(frozen=True)
class Org:
    """`parents[i]` is the parent of department i (or None); `homes[i]` the department of employee i (or None)."""

    parents: tuple[int | None, ...]
    homes: tuple[int | None, ...]
    asks: int
    scope: Scope

    def path(self, department: int) -> str:
        parent = self.parents[department]
        above = "/" if parent is None else self.path(parent)
        return f"{above}{ident('d', department)}/"

    def is_below(self, department: int | None, top: int) -> bool:
        while department is not None:
            if department == top:
                return True
            department = self.parents[department]
        return False

    def expected(self) -> set[str]:
        """The plain model, walking parents instead of comparing paths."""
        home = self.homes[self.asks]
        return {
            ident("e", number)
            for number, place in enumerate(self.homes)
            if self.scope is Scope.ALL
            or number == self.asks
            or (self.scope is Scope.TEAM and home is not None and self.is_below(place, home))
        }

    def principal(self) -> Principal:
        home = self.homes[self.asks]
        return Principal(
            ident("e", self.asks),
            None if home is None else ident("d", home),
            "" if home is None else self.path(home),
            frozenset({Role.AGENT}),
            {PERMISSION: self.scope},
            "s",
            NOW,
        )


@st.composite
def orgs(draw: st.DrawFn) -> Org:
    count = draw(st.integers(0, 8))
    parents = tuple(
        draw(st.none() | st.integers(0, number - 1)) if number else None for number in range(count)
    )
    home = st.none() | st.integers(0, count - 1) if count else st.none()
    homes = tuple(draw(st.lists(home, min_size=1, max_size=8)))
    return Org(parents, homes, draw(st.integers(0, len(homes) - 1)), draw(st.sampled_from(Scope)))


async def compare(database: Database, org: Org) -> None:
    async with database.begin() as session:
        await session.execute(delete(Employee))
        for number in reversed(range(50)):
            await session.execute(delete(Department).where(Department.id == ident("d", number)))
        for number, parent in enumerate(org.parents):
            session.add(
                Department(
                    id=ident("d", number),
                    parent_id=None if parent is None else ident("d", parent),
                    name=f"d{number}",
                    path=org.path(number),
                    created_at=NOW,
                )
            )
            await session.flush()
        session.add_all(
            Employee(
                id=ident("e", number),
                username=f"e{number}",
                display_name="甲",
                department_id=None if home is None else ident("d", home),
                state=EmployeeState.ACTIVE,
                password_hash="-",
                password_changed_at=NOW,
                created_at=NOW,
            )
            for number, home in enumerate(org.homes)
        )
        await session.flush()
        clause = scope_clause(
            org.principal(), PERMISSION, owner=Employee.id, department=Employee.department_id
        )
        assert set(await session.scalars(select(Employee.id).where(clause))) == org.expected()


@given(org=orgs())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_scope_in_sql_is_scope_in_the_model(database_url: str, org: Org) -> None:
    async def run() -> None:
        database = Database(database_url)
        try:
            await compare(database, org)
        finally:
            await database.close()

    asyncio.run(run())


def test_without_the_permission_there_is_no_clause() -> None:
    who = Org((), (None,), 0, Scope.OWN).principal()
    with pytest.raises(Forbidden):
        scope_clause(who, "other.read", owner=Employee.id, department=Employee.department_id)
