"""A small ledger on SQLite with its checkpoints, and the stand-alone verifier run as its user would."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
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


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def _load_verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("maskline_verify", VERIFIER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


verifier = _load_verifier()


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


def run_verifier(*arguments: object, cwd: Path, path: str = os.defpath) -> subprocess.CompletedProcess[str]:
    """Run the verifier isolated: no user site, no PYTHONPATH, our repository not on its path."""
    return subprocess.run(
        [sys.executable, "-I", str(VERIFIER), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"LC_ALL": "C.UTF-8", "PATH": path},
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


def leaf_of(record: str) -> bytes:
    """Hash a record as RFC 6962 §2.1 hashes a leaf."""
    return hashlib.sha256(b"\x00" + record.encode()).digest()
