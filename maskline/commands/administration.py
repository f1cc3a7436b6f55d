"""`admin create`, `config show`, `config check`, `db migrate`: what an administrator does at the machine.

Like every file here it loads a service only where it is used: `maskline --help` answers at once.
"""

import asyncio
import json
from typing import Annotated

import typer

from maskline.commands.console import clear_errors, out, settings
from maskline.commands.running import show_password
from maskline.texts import text

admin = typer.Typer(no_args_is_help=True, help="管理员 / administrators")
configuration = typer.Typer(no_args_is_help=True, help="配置 / settings")
database = typer.Typer(no_args_is_help=True, help="数据库 / the database")


@admin.command("create")
def create(
    username: Annotated[str, typer.Argument(help="用户名 / user name")],
    name: Annotated[str, typer.Option(help="显示名 / display name")] = "管理员",
) -> None:
    """新建一名管理员，口令只显示一次 / create an administrator; the password is shown once."""
    from maskline.first_run import FirstPassword
    from maskline.ground import open_ground
    from maskline.permissions import registry
    from maskline.wiring.gateway import build_people

    async def run() -> FirstPassword:
        async with open_ground(settings()) as ground:
            people = build_people(ground, registry())
            made = await people.employees.create_first_administrator(username, name, even_if_present=True)
            return FirstPassword(made.employee.username, made.password)

    with clear_errors():
        show_password(asyncio.run(run()))


@configuration.command("show")
def show(
    *, redacted: Annotated[bool, typer.Option("--redacted", help="总是如此 / it always is")] = True
) -> None:
    """显示生效的配置，密钥不显示 / show the settings in force, secrets hidden."""
    del redacted  # there is no other way to show them
    out.print_json(json.dumps(settings().model_dump(mode="json"), ensure_ascii=False))


@configuration.command("check")
def check() -> None:
    """检查配置、密钥、数据目录和端口 / check settings, keys, the data folder and the ports."""
    from maskline.background import supervisor_pid
    from maskline.ground import load_keyring
    from maskline.preflight import check_ports, make_folders

    chosen = settings()
    with clear_errors():
        make_folders(chosen)
        if supervisor_pid(chosen) is None:  # else the ports are ours
            check_ports(chosen)
        load_keyring(chosen)
    out.print(text("config-ok"))


@database.command("migrate")
def migrate() -> None:
    """将数据库升级到最新版本 / bring the database to the newest revision."""
    from core.vault import Keyring
    from maskline.ground import open_ground
    from maskline.migrations import migrate as migrate_database
    from maskline.preflight import make_folders

    async def run() -> None:
        async with open_ground(settings()) as ground:
            await migrate_database(ground.database)

    chosen = settings()
    with clear_errors():
        make_folders(chosen)
        if chosen.keyring is None and not chosen.keyring_path.exists():
            Keyring.create(chosen.keyring_path)
        asyncio.run(run())
    out.print(text("migrated"))
