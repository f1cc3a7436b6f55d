"""0005 on a database that is in use: what administrators did before is in the log, and the check still holds."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from core.access.model import Principal, Role, Scope
from core.audit import AccessFilter, AccessGroup, AuditService, NoNotes
from core.audit.permissions import AUDIT_READ
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from core.ledger import JSON, Ledger
from maskline.migrations import alembic_config
from tests.support.postgres import PostgresServer


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def used(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Database, str]]:
    """Give a database of 0004, with the URL for migrations."""
    name = "used_unusual"
    server: PostgresServer | None = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        server.execute(f"CREATE DATABASE {name}")
        url = server.url(name)
    else:
        url = f"sqlite:///{tmp_path / 'used.db'}"
    database = Database(url.replace("sqlite:", "sqlite+aiosqlite:"))
    command.upgrade(alembic_config(url), "0004")
    yield database, url
    await database.close()
    if server is not None:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_acts_of_administrators_before_the_upgrade_are_in_the_log(used: tuple[Database, str]) -> None:
    database, url = used
    clock = ManualClock(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))
    ledger = Ledger(clock)
    admin, other = new_id(), new_id()

    async def entry(kind: str, body: dict[str, JSON]) -> int:
        async with database.begin() as session:
            return (await ledger.append(session, kind, body)).seq

    first = await entry("employee.roles-set", {"employee_id": other, "by": admin, "roles": ["agent"]})
    await entry("command.issued", {"device_id": other, "kind": "WIPE", "by": admin, "seq": 1})
    bundle = await entry("evidence.exported", {"export": new_id(), "contacts": 7, "by": admin})
    followed = await entry("login.refused", {"employee_id": admin, "locked": False})
    later = await entry("employee.password-reset", {"employee_id": other, "by": admin})
    engine = create_engine(url)
    insert = text(
        "INSERT INTO core_access_log (id, at, kind, actor_id, target_id, ledger_seq) "
        "VALUES (:id, :at, :kind, :actor, :target, :seq)"
    )
    async with database.read() as session:  # the lines that the log of that time had
        rows = await session.execute(text("SELECT seq, created_at FROM core_ledger_entries"))
        times: dict[int, Any] = dict(rows.all())
        body = await ledger.entry(session, bundle)
    with engine.begin() as connection:
        for seq, kind, target in (
            (bundle, "evidence.exported", body.body["export"]),
            (followed, "login.refused", None),
        ):
            values = {"id": new_id(), "at": times[seq], "kind": kind, "actor": admin, "target": target}
            connection.execute(insert, {**values, "seq": seq})
    engine.dispose()
    command.upgrade(alembic_config(url), "head")

    audit = AuditService(database, ledger=ledger, notes=NoNotes())
    auditor = Principal(
        new_id(), None, "", frozenset({Role.AUDITOR}), {AUDIT_READ: Scope.ALL}, new_id(), clock.now()
    )
    found, _ = await audit.find(auditor, AccessFilter(group=AccessGroup.ADMINISTRATION))
    assert {(one.proof_seq, one.kind, one.detail) for one in found} == {
        (first, "employee.roles-set", None),
        (first + 1, "command.issued", "WIPE"),
        (later, "employee.password-reset", None),
    }
    check = await audit.check(auditor)
    assert (check.ok, check.lines, check.missing) == (True, 5, 0)
