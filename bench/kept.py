"""Runs of their own: too long for `make bench`, kept as files, and on the page until they are made again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.figure import Result
from bench.page import COLUMNS, cell, row

FOLDER = Path(__file__).parent / "kept"
HEADING = "## 单独的运行 / Runs of their own"
ABOUT = """\
太长而不随 `make bench` 运行的，各由所写的命令单独测得，结果存于 `bench/kept/`，直到重测。

Too long for `make bench`: each was measured by the command that stands there, and is kept in `bench/kept/`
until it is measured again.
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One such run. `facts` are those of the machine, `load` is the load average before it."""

    name: str
    zh: str
    en: str
    command: str
    facts: tuple[tuple[str, str], ...]
    load: float
    result: Result

    @classmethod
    def read(cls, text: str) -> "Kept":
        data: dict[str, Any] = json.loads(text)
        facts = tuple((name, value) for name, value in data["facts"])
        return cls(**{**data, "facts": facts, "result": Result.load(json.dumps(data["result"]))})

    def text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"


def keep(run: Kept, folder: Path = FOLDER) -> Path:
    """Write a run down; it takes the place of the one before of its name."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{run.name}.json"
    path.write_text(run.text(), encoding="utf-8")
    return path


def kept_runs(folder: Path = FOLDER) -> list[Kept]:
    """Give what is kept, by name."""
    return [Kept.read(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def with_kept(text: str, runs: Sequence[Kept]) -> str:
    """Give a page with these runs at its end, instead of those that stand there."""
    before = text.partition(f"\n{HEADING}\n")[0].rstrip()
    if not runs:
        return before + "\n"
    return "\n".join([before, "", "", HEADING, "", ABOUT, *map(_section, runs)]).rstrip() + "\n"


def _section(run: Kept) -> str:
    facts = "; ".join(f"{name} {value}" for name, value in (*run.facts, ("load before", f"{run.load:.2f}")))
    lines = [
        f"### {run.zh} / {run.en}",
        "",
        f"`{run.command}`, {run.result.seconds:.0f} s; {cell(facts)}",
        "",
    ]
    lines += [*COLUMNS, *map(row, run.result.figures), ""]
    if run.result.detail:
        lines += ["```text", run.result.detail.strip(), "```", ""]
    return "\n".join(lines)
