"""Which benchmarks there are, in which order, how long each may take, and what its figures mean."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Planned:
    """One benchmark: `python -m bench.NAME`. `limit_s` ends a run that hangs."""

    name: str
    zh: str
    en: str
    limit_s: int
    meaning_zh: str
    meaning_en: str


PLAN = tuple(
    Planned(**entry) for entry in yaml.safe_load((Path(__file__).parent / "plan.yaml").read_text("utf-8"))
)
