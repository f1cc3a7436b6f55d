"""The database's history: one line of revisions, run by `migrate`."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, make_url

from core.db import Database

FOLDER = Path(__file__).parent


def alembic_config(url: str) -> Config:
    """Configure Alembic for a database; `%` is escaped because its configuration interpolates."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.set_main_option(
        "sqlalchemy.url", make_url(url).render_as_string(hide_password=False).replace("%", "%%")
    )
    return config


async def migrate(database: Database) -> None:
    """Bring the database to the newest revision."""
    config = alembic_config(database.url.render_as_string(hide_password=False))

    def run(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async with database.engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
