"""The command line, from the Typer app itself."""

import os
import subprocess
import sys
from pathlib import Path

import typer

from reference_blocks.markdown import code, table

REPOSITORY = Path(__file__).resolve().parents[2]


def commands() -> str:
    """One section a command: what it does, arguments and options."""
    from maskline.cli import app

    root = typer.main.get_command(app)
    return "\n\n".join(_sections(root, "maskline"))


def _sections(group: object, path: str) -> list[str]:
    sections: list[str] = []
    for name, command in getattr(group, "commands", {}).items():
        words = f"{path} {name}"
        if getattr(command, "commands", None):
            sections += _sections(command, words)
            continue
        sections.append("\n\n".join([f"### `{_usage(words, command)}`", _help(command), *_params(command)]))
    return sections


def _usage(words: str, command: object) -> str:
    arguments = [
        f"{one.name.upper()}..." if one.nargs == -1 else one.name.upper()
        for one in command.params
        if one.param_type_name == "argument"
    ]
    return " ".join([words, *arguments])


def _help(command: object) -> str:
    return (command.help or "").strip()


def _params(command: object) -> list[str]:
    rows = [
        (
            code(", ".join([*one.opts, *one.secondary_opts])),
            "—" if one.default in {None, False} else code(one.default),
            getattr(one, "help", None) or "",
        )
        for one in command.params
    ]
    return [table(("参数 / parameter", "默认 / default", "含义 / meaning"), rows)] if rows else []


def make_targets() -> dict[str, str]:
    """Give the targets of the Makefile with their texts."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True
    )
    return {words[1]: " ".join(words[2:]) for line in shown.stdout.splitlines() if (words := line.split())}


if __name__ == "__main__":
    sys.stdout.write(commands())
