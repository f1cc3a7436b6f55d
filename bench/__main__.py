"""`python -m bench`: every benchmark one after the other, one table, and the page of the documentation.

With `--quick` the runs are short and the page stays as it is.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from bench import machine
from bench.figure import Result, table
from bench.kept import kept_runs, with_kept
from bench.page import PAGE, page
from bench.plan import PLAN, Planned

ROOT = Path(__file__).resolve().parents[1]
_ERROR = re.compile(r"^[\w.]*(?:Error|Exception): .*", re.MULTILINE)


def run(planned: Planned, folder: Path, *, quick: bool) -> Result:
    """Run one benchmark in a process of its own; what goes wrong with it is told and stops nothing else."""
    path, log = folder / f"{planned.name}.json", folder / f"{planned.name}.log"
    command = [sys.executable, "-m", f"bench.{planned.name}", "--result", str(path)]
    with log.open("wb") as output:
        try:
            done = subprocess.run(
                [*command, *(["--quick"] if quick else [])],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=planned.limit_s,
                check=False,
            )  # fmt: skip
            failed = f"ended with code {done.returncode}" if done.returncode else ""
        except subprocess.TimeoutExpired:
            failed = f"stopped after {planned.limit_s} s"
    if failed or not path.exists():
        told = _ERROR.findall(log.read_text(encoding="utf-8", errors="replace"))
        return Result(skipped=": ".join([failed or "no result", *told[-1:]]))
    return Result.load(path.read_text(encoding="utf-8"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these: " + ", ".join(one.name for one in PLAN))
    parser.add_argument("--quick", action="store_true", help="short runs; the page is not written")
    parser.add_argument("--page", type=Path, default=PAGE, help="where to write the page")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - {one.name for one in PLAN}
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    plan = [one for one in PLAN if not chosen.names or one.name in chosen.names]
    console = Console(width=None if sys.stdout.isatty() else 170)
    load = machine.load()
    if load > 0.5:
        console.print(f"load average {load:.2f}: something else runs, figures will be noisy", style="yellow")
    results: dict[str, Result] = {}
    broken = 0
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        for planned in plan:
            begun = time.monotonic()
            result = results[planned.name] = run(planned, Path(folder), quick=chosen.quick)
            told = f"skipped: {result.skipped}" if result.skipped else "done"
            broken += result.skipped.startswith(("ended", "stopped", "no result"))
            console.print(f"{planned.name:16} {time.monotonic() - begun:5.0f} s  {told}", markup=False)
    console.print(table([figure for result in results.values() for figure in result.figures]))
    console.print("ratio = ours / peer; ↓ less is better", style="dim")
    if chosen.quick or chosen.names:
        console.print("short or partial run: the page of the documentation is unchanged", style="dim")
    else:
        made = with_kept(page(plan, results, machine.facts(), load), kept_runs())
        chosen.page.write_text(made, encoding="utf-8")
        console.print(f"written: {chosen.page.relative_to(ROOT)}", markup=False)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
