"""The migrations make exactly the tables that the code declares, forwards and backwards, on both engines."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from alembic.config import Config
from pytest_alembic.tests import (  # noqa: F401 - pytest finds them here
    test_model_definitions_match_ddl,
    test_single_head_revision,
    test_up_down_consistency,
    test_upgrade,
)
from sqlalchemy import Engine, create_engine

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
