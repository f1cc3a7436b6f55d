"""The page of figures: what was measured stands there, what was not says why, and a table stays a table."""

import io
import math
from pathlib import Path

import pytest
from rich.console import Console

from bench.data import data_folder
from bench.figure import Figure, Missing, Options, Result, number, table
from bench.kept import HEADING, Kept, keep, kept_runs, with_kept
from bench.page import cell, page, row
from bench.plan import PLAN

BENCH = Path(__file__).parents[3] / "bench"
RATE = Figure("verdicts | SQLite", 120.0, "verdicts/s", "bare\ntransaction", 480.0, "p99 9 ms")
DELAY = Figure("delay", 30.0, "µs", "loopback", 10.0, less_is_better=True)


def test_a_row_has_seven_cells_whatever_the_texts_hold():
    line = row(RATE)
    assert line == "| verdicts \\| SQLite | 120 | verdicts/s | bare transaction | 480 | 0.25 | p99 9 ms |"
    assert cell(" a \n b | c ") == "a b \\| c"


def test_less_is_better_is_marked():
    assert "| 3 ↓ |" in row(DELAY)


def test_a_peer_without_a_figure_gives_no_ratio():
    assert math.isnan(Figure("x", 1, "s", "none", 0).ratio)
    assert "| – |" in row(Figure("x", 1, "s", "none", 0))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1234567.0, "1,234,567"),
        (99.95, "100"),
        (12.345, "12.3"),
        (0.02, "0.02"),
        (0.00002, "2.0e-05"),
        (0, "0"),
    ],
)
def test_numbers_have_three_digits_and_no_needless_exponent(value, written):
    assert number(value) == written


def test_the_page_has_a_section_for_each_benchmark_and_the_machine():
    results = {
        "verdicts": Result((RATE,), seconds=12.4),
        "lexicon": Result(skipped="no evasion in the data folder"),
        "ledger": Result((DELAY,), detail="one\ntwo"),
    }
    text = page(PLAN, results, [("processor", "A | B"), ("Python", "3.11")], 0.25)
    for planned in PLAN:
        assert f"## {planned.zh} / {planned.en}" in text
        assert planned.meaning_en in text
    assert "| processor | A \\| B |" in text
    assert "| load before | 0.25 |" in text
    assert text.count(row(RATE)) == 1
    assert "跳过 / skipped: no evasion in the data folder" in text
    assert "跳过 / skipped: not run" in text
    assert "```text\none\ntwo\n```" in text
    assert "`bench/verdicts.py`, 12 s" in text


def test_every_planned_benchmark_is_a_file_of_its_own():
    names = [planned.name for planned in PLAN]
    assert len(set(names)) == len(names)
    assert [name for name in names if not (BENCH / f"{name}.py").exists()] == []


def test_results_survive_their_file():
    result = Result((RATE, DELAY), "détail 详", "", 3.5)
    assert Result.load(result.dump()) == result


def test_the_terminal_shows_the_same_figures():
    console = Console(width=200, file=io.StringIO())
    console.print(table([RATE, DELAY]))
    shown = console.file.getvalue()
    assert "480" in shown
    assert "3 ↓" in shown


def test_missing_data_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(Missing, match=r"no evasion in the data folder.*BENCH_DATA"):
        data_folder(Options(), "evasion")
    (tmp_path / "evasion").mkdir()
    assert data_folder(Options(), "evasion") == tmp_path


def run_of(name: str, rate: float) -> Kept:
    result = Result((Figure(f"pushed, {name}", rate, "phones/s", "bare", 2.0),), "10 refused", "", 700.0)
    return Kept(name, "一万台", "ten thousand", f"python -m {name}", (("date", "today"),), 0.1, result)


def test_a_run_of_its_own_stays_on_the_page_until_it_is_made_again(tmp_path):
    assert kept_runs(tmp_path) == []
    keep(run_of("phones-10000", 100.0), tmp_path)
    keep(run_of("phones-03000", 300.0), tmp_path)
    keep(run_of("phones-10000", 200.0), tmp_path)
    runs = kept_runs(tmp_path)
    assert runs == [run_of("phones-03000", 300.0), run_of("phones-10000", 200.0)]
    first = page(PLAN, {"verdicts": Result((RATE,))}, [("processor", "A")], 0.25)
    text = with_kept(first, runs)
    assert text.startswith(first.rstrip())
    assert text.count(HEADING) == 1
    for run in runs:
        assert text.count(row(run.result.figures[0])) == 1
        assert f"`{run.command}`, 700 s; date today; load before 0.10" in text
    again = page(PLAN, {"verdicts": Result((DELAY,))}, [("processor", "B")], 0.5)
    assert with_kept(again, runs).count(row(runs[0].result.figures[0])) == 1, "a new page keeps them"
    only = with_kept(text, runs[:1])
    assert (row(runs[0].result.figures[0]) in only, row(runs[1].result.figures[0]) in only) == (True, False)
    assert with_kept(text, []) == first
