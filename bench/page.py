"""Writes docs/reference/benchmarks.md from the results of one run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figure import Figure, Result, number
from bench.plan import Planned

HEAD = (Path(__file__).parent / "page_head.md").read_text("utf-8")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmarks.md"
COLUMNS = (
    "| 项目 / figure | 本系统 / ours | 单位 / unit | 对照 / peer | 其值 / its | 比值 / ratio | 附注 / note |",
    "| --- | ---: | --- | --- | ---: | ---: | --- |",
)


def page(
    plan: Sequence[Planned], results: Mapping[str, Result], facts: Sequence[tuple[str, str]], load: float
) -> str:
    """Give the whole page. `load` is the load average before the run."""
    parts = [HEAD, "## 机器 / Machine\n", _machine([*facts, ("load before", f"{load:.2f}")])]
    parts += ["\n## 总表 / All figures\n", "\n".join(_all(plan, results)), ""]
    for planned in plan:
        parts.append(_section(planned, results.get(planned.name, Result(skipped="not run"))))
    return "\n".join(parts).rstrip() + "\n"


def _machine(facts: Sequence[tuple[str, str]]) -> str:
    return "\n".join(["| | |", "| --- | --- |", *(f"| {name} | {cell(value)} |" for name, value in facts)])


def _all(plan: Sequence[Planned], results: Mapping[str, Result]) -> list[str]:
    figures = [figure for planned in plan for figure in results.get(planned.name, Result()).figures]
    return [*COLUMNS, *map(row, figures)]


def row(figure: Figure) -> str:
    """Give one line of the table."""
    ratio = f"{number(figure.ratio)}{' ↓' if figure.less_is_better else ''}"
    texts = (
        figure.name,
        number(figure.value),
        figure.unit,
        figure.peer,
        number(figure.peer_value),
        ratio,
        figure.note,
    )
    return "| " + " | ".join(map(cell, texts)) + " |"


def cell(text: str) -> str:
    """Make a text safe for a cell of a table."""
    return " ".join(text.replace("|", "\\|").split())


def _section(planned: Planned, result: Result) -> str:
    lines = [
        f"\n## {planned.zh} / {planned.en}\n",
        planned.meaning_zh + "\n",
        planned.meaning_en + "\n",
        f"`bench/{planned.name}.py`" + (f", {result.seconds:.0f} s" if result.seconds else "") + "\n",
    ]
    if result.skipped:
        lines.append(f"跳过 / skipped: {result.skipped}\n")
    if result.detail:
        lines.append(f"```text\n{result.detail.strip()}\n```\n")
    return "\n".join(lines)
