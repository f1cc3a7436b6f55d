"""A small ledger on SQLite with its checkpoints, and the stand-alone verifier run as its user would."""

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from core.clock import ManualClock
from core.db import Database
from core.ledger import LedgerService, LedgerSigner
from core.sealed import Secret

VERIFIER = Path(__file__).parents[2] / "verifier" / "maskline_verify.py"
ORIGIN = "ledger.test/main"
SEED = Secret(b"\x07" * 32)


@dataclass(frozen=True)
class Verdict:
    """What the verifier said."""

    exit_code: int
    codes: list[str]
    warnings: list[str]
    report: dict[str, Any]


def make_service(
    database: Database, clock: ManualClock, folder: Path, *, seed: Secret = SEED, log: str = "checkpoints.log"
) -> LedgerService:
    signer = LedgerSigner(ORIGIN, seed)
    return LedgerService(database=database, clock=clock, signer=signer, checkpoint_log=folder / log)


async def grow(
    service: LedgerService, database: Database, clock: ManualClock, count: int, *, start: int = 0
) -> None:
    """Append `count` entries, a minute apart."""
    for number in range(start, start + count):
        clock.advance(timedelta(minutes=1))
        async with database.begin() as session:
            await service.append(session, "test.fact", {"number": number})


def run_verifier(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the verifier isolated: no user site, no PYTHONPATH, our repository not on its path."""
    return subprocess.run(
        [sys.executable, "-I", str(VERIFIER), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"LC_ALL": "C.UTF-8"},
        timeout=60,
        check=False,
    )


def verify(*arguments: object, cwd: Path) -> Verdict:
    done = run_verifier(*arguments, "--json", cwd=cwd)
    assert not done.stderr, done.stderr
    report = json.loads(done.stdout)
    assert done.returncode == report["exit_code"]
    findings = [finding["code"] for finding in report.get("findings", [])]
    warnings = [finding["code"] for finding in report.get("warnings", [])]
    return Verdict(done.returncode, findings, warnings, report)
