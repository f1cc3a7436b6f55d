"""The migrations make exactly the tables that the code declares, forwards and backwards, on both engines."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from pytest_alembic.tests import (  # noqa: F401 - pytest finds them here
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Engine, MetaData, Table, create_engine, text

from core.db import Database
from maskline.migrations import alembic_config, migrate
from tests.support.postgres import PostgresServer

_numbers = count()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = f"empty_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    yield server.url(name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def alembic_config_for_tests(empty_url: str) -> Config:
    return alembic_config(empty_url)


@pytest.fixture(name="alembic_config")
def _alembic_config(alembic_config_for_tests: Config) -> Config:
    return alembic_config_for_tests


@pytest.fixture
def alembic_engine(empty_url: str) -> Engine:
    engine = create_engine(empty_url)
    yield engine
    engine.dispose()


async def test_migrating_twice_changes_nothing(tmp_path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'twice.db'}")
    await migrate(database)
    await migrate(database)
    await database.check()
    await database.close()


def test_days_of_threads_stay_with_who_held_the_thread(tmp_path: Path) -> None:
    """0004 on a database that is in use."""
    url = f"sqlite:///{tmp_path / 'used.db'}"
    config, engine = alembic_config(url), create_engine(url)
    command.upgrade(config, "0003")
    tables = MetaData()
    tables.reflect(engine, only=["gw_threads", "gw_thread_days"], resolve_fks=False)
    threads, days = tables.tables["gw_threads"], tables.tables["gw_thread_days"]
    with engine.begin() as connection:
        connection.execute(threads.insert(), _row(threads, id="t", employee_id="lin", department_id="sales"))
        connection.execute(days.insert(), _row(days, id="d", thread_id="t"))
    command.upgrade(config, "head")
    with engine.begin() as connection:
        found = connection.execute(text("SELECT employee_id, department_id FROM gw_thread_days")).one()
    engine.dispose()
    assert found == ("lin", "sales")


def _row(table: Table, **given: str) -> dict[str, Any]:
    """Give a row with something in every column that must have something."""
    some = {"DATETIME": datetime(2026, 11, 21), "DATE": date(2026, 11, 21), "VARCHAR": "x"}  # noqa: DTZ001
    needed = {column.name: column.type.__visit_name__ for column in table.columns if not column.nullable}
    return {name: some.get(kind, 0) for name, kind in needed.items()} | given
