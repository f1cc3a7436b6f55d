"""The command `maskline`: every process alone, all together, and what people do at the machine."""

import os
import sys

import typer

from maskline.supervisor import PROCESSES

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print what was being handled
    help="Maskline：合规触达网关 / compliance gateway",
)


@app.callback()
def _before() -> None:
    """Make whatever a command writes this user's alone, and its own logs quiet."""
    from core.logging import configure

    os.umask(0o077)
    configure("cli", level="WARNING")


def _process_command(name: str) -> None:
    @app.command(name, help=f"单独运行 {name} 进程 / run the {name} process alone")
    def command() -> None:
        from maskline import processes
        from maskline.commands.console import settings

        raise typer.Exit(processes.run(name, settings()))


def _add_everything() -> None:
    from maskline.commands import administration, books, keys, running

    for command in (running.serve, running.up, running.stop, running.init, running.demo):
        app.command()(command)
    app.add_typer(administration.admin, name="admin")
    app.add_typer(administration.configuration, name="config")
    app.add_typer(administration.database, name="db")
    app.add_typer(keys.keys, name="keys")
    app.add_typer(books.ledger, name="ledger")
    app.add_typer(books.evidence, name="evidence")


for _name in PROCESSES:
    _process_command(_name)
if sys.argv[1:2] not in [[name] for name in PROCESSES]:
    _add_everything()  # a process starts in half the time without them
