"""The command line answers at once: what a command needs is loaded by that command."""

import subprocess
import sys

HEAVY = ("sqlalchemy", "aiohttp", "alembic", "celery", "numpy", "pydantic_settings", "openpyxl")
LIST_LOADED = """
import sys
sys.argv = ["maskline", "--help"]
import maskline.cli
print(*sys.modules)
"""


def test_help_loads_no_database_no_web_and_no_speech():
    loaded = subprocess.run(
        [sys.executable, "-c", LIST_LOADED], capture_output=True, text=True, check=True, timeout=60
    )
    assert "maskline.commands.running" in loaded.stdout.split()
    assert set(HEAVY).isdisjoint(loaded.stdout.split())
