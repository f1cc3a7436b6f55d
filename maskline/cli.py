"""The command `maskline`."""

import typer

from core import config
from core.errors import MasklineError
from maskline.supervisor import EXIT_CONFIGURATION, PROCESSES
from maskline.texts import language, text

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Maskline：合规触达网关 / compliance gateway"
)


def settings_or_exit() -> config.Settings:
    """Read the settings; one clear line and code 78 when they are not acceptable."""
    try:
        return config.load()
    except MasklineError as error:
        typer.echo(text("error", text=error.message(language())), err=True)
        raise typer.Exit(EXIT_CONFIGURATION) from None


def _process_command(name: str) -> None:
    @app.command(name, help=f"运行 {name} 进程 / run the {name} process alone")
    def command() -> None:
        from maskline import processes

        raise typer.Exit(processes.run(name, settings_or_exit()))


for _name in PROCESSES:
    _process_command(_name)
