"""How commands talk: one console for people, one line for an error, settings or code 78."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from core.errors import MasklineError
from maskline.supervisor import EXIT_CONFIGURATION
from maskline.texts import language, text

if TYPE_CHECKING:
    from core.config import Settings

out = Console()
err = Console(stderr=True)

_OF_CONFIGURATION = {"cannot-start", "keyring-invalid", "keyring-missing", "settings-invalid"}


@contextmanager
def clear_errors(code: int = 1) -> Iterator[None]:
    """Turn an error of the domain into one clear line and an exit code: 78 if the machine is not set up."""
    try:
        yield
    except MasklineError as error:
        err.print(text("error", text=error.message(language())), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(EXIT_CONFIGURATION if error.code in _OF_CONFIGURATION else code) from None


def settings() -> "Settings":
    """Read the settings; one clear line and code 78 when they are not acceptable."""
    from core import config

    with clear_errors(EXIT_CONFIGURATION):
        return config.load()
