"""`python -m maskline`: the same as the command `maskline`."""

from maskline.cli import app

app()
