"""Alembic's environment: our tables, and time-outs so that a migration never stands in a queue of locks."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, create_engine

from core.columns import BlindIndexColumn, SealedColumn
from core.db import UtcDateTime
from maskline.tables import load_metadata


def _render(kind: str, thing: Any, _context: object) -> str | Literal[False]:
    """Write our column types as what the database holds, so that old revisions need no code of ours."""
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(thing, SealedColumn | BlindIndexColumn):
        return "sa.LargeBinary()"
    return False


def _run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET lock_timeout = '4s'")
        connection.exec_driver_sql("SET statement_timeout = '60s'")
    context.configure(
        connection=connection,
        target_metadata=load_metadata().metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=_render,
        compare_type=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _main() -> None:
    given = context.config.attributes.get("connection")
    if isinstance(given, Connection):
        _run(given)
        return
    url = context.config.get_main_option("sqlalchemy.url") or ""
    engine = given or create_engine(url.replace("sqlite+aiosqlite", "sqlite"))
    with engine.connect() as connection:
        _run(connection)
        connection.commit()
    if given is None:
        engine.dispose()


_main()
