"""What a benchmark gives: figures beside their peers, and how one benchmark runs alone."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


class Missing(Exception):
    """Something that this benchmark needs is not on this machine; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. `ratio` is ours / peer; `less_is_better` for times."""

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float
    note: str = ""
    less_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.value / self.peer_value if self.peer_value else float("nan")


@dataclass(frozen=True, slots=True)
class Result:
    """All of one benchmark. `detail` is plain text for the page; `skipped` says why there is nothing."""

    figures: tuple[Figure, ...] = ()
    detail: str = ""
    skipped: str = ""
    seconds: float = 0.0

    def dump(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def load(cls, text: str) -> "Result":
        data: dict[str, Any] = json.loads(text)
        return cls(**{**data, "figures": tuple(Figure(**figure) for figure in data["figures"])})


@dataclass(frozen=True, slots=True)
class Options:
    """What every benchmark may be told."""

    quick: bool = False
    data: Path | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def number(value: float) -> str:
    """Write a figure with three significant digits, without an exponent."""
    if value != value:  # noqa: PLR0124 - not a number
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1e}"


def table(figures: Sequence[Figure], title: str | None = None) -> Table:
    """Lay figures out for a terminal."""
    made = Table(title=title, title_justify="left")
    made.add_column("figure", overflow="fold")
    made.add_column("ours", justify="right", no_wrap=True)
    made.add_column("unit")
    made.add_column("peer", overflow="fold")
    made.add_column("its figure", justify="right", no_wrap=True)
    made.add_column("ratio", justify="right", no_wrap=True)
    made.add_column("note", overflow="fold")
    for one in figures:
        ratio = f"{number(one.ratio)}{' ↓' if one.less_is_better else ''}"
        made.add_row(one.name, number(one.value), one.unit, one.peer, number(one.peer_value), ratio, one.note)
    return made


def alone(measure: Callable[[Options], Result], about: str, *, takes_data: bool = False) -> Result:
    """Run one benchmark as a command; give what it came to. Exit code 0 also when it was skipped."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    parser.add_argument("--result", type=Path, help="also write the result here, as JSON")
    if takes_data:
        parser.add_argument("data", nargs="?", type=Path, help="folder of the data (or BENCH_DATA)")
    chosen = parser.parse_args()
    begun = time.perf_counter()
    try:
        result = measure(Options(quick=chosen.quick, data=getattr(chosen, "data", None)))
    except Missing as error:
        result = Result(skipped=str(error))
    result = replace(result, seconds=time.perf_counter() - begun)
    if chosen.result is not None:
        chosen.result.write_text(result.dump(), encoding="utf-8")
    console = Console(width=150 if not sys.stdout.isatty() else None)
    if result.skipped:
        console.print(f"skipped: {result.skipped}", style="yellow", markup=False)
        return result
    if result.detail:
        console.print(result.detail, markup=False, highlight=False)
    console.print(table(result.figures))
    console.print("ratio = ours / peer; ↓ less is better", style="dim")
    return result
