"""Where the measured data lies: it is not part of the project."""

import os
from pathlib import Path

from bench.figure import Missing, Options

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"
VARIABLE = "BENCH_DATA"


def data_folder(options: Options, *wanted: str) -> Path:
    """Give the folder that has all of `wanted` in it; raise `Missing` with a line that says what to do."""
    folder = options.data or Path(os.environ.get(VARIABLE) or DEFAULT)
    for name in wanted:
        if not (folder / name).exists():
            raise Missing(
                f"no {name} in the data folder: give the folder that holds {', '.join(wanted)} "
                f"as an argument or in {VARIABLE} (default: ../shared/data beside the project)"
            )
    return folder
