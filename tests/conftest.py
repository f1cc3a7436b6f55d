"""Fixtures that every tier shares: a clock, a database of each kind, settings in a folder of their own."""

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import create_engine

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from maskline.tables import load_metadata
from tests.support.postgres import PostgresMissing, PostgresServer

TESTED = "tested"
STORIES = ("acceptance", "leak", "telephony", "browser", "hardening")
"""Folders whose files share one system from test to test."""

# No test asserts a time: an example may take as long as a busy machine needs, and so may finding one.
hypothesis.settings.register_profile(
    "patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("patient")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Keep the stories in their order: pytest-randomly shuffles all tests but these."""
    written = [item for item in items if item.path.parent.name in STORIES]
    yield
    items[:] = [item for item in items if item.path.parent.name not in STORIES] + written


@pytest.fixture
def clock() -> ManualClock:
    """Saturday, 21 November 2026, 10:00 in Shanghai."""
    return ManualClock(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server a session with one database that has all tables."""
    try:
        server = PostgresServer()
        server.start()
    except PostgresMissing as error:
        pytest.skip(str(error))
    server.execute(f"CREATE DATABASE {TESTED}")
    engine = create_engine(server.url(TESTED))
    load_metadata().metadata.create_all(engine)
    engine.dispose()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = create_engine(f"sqlite:///{path}")
    load_metadata().metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "maskline.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    yield postgres.url(TESTED)
    postgres.empty(TESTED)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database with all tables, once on each engine."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.check()  # a first connect that a test cancels is never closed (SQLAlchemy's pool)
    yield database
    await database.close()
