"""The command `maskline` as a person types it, on a machine that has never seen it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from core.config import Settings
from tests.support.ports import HOST, free_port, free_range
from tests.support.running import whisper_model
from tests.support.system import MEDIA_PORTS


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Machine:
    """An empty folder and free ports. Everything is set by variables, as `settings` say it."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mk-", dir="/tmp")))
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        low, high = free_range(MEDIA_PORTS)
        self.variables = {
            "MASKLINE_DATA_DIR": str(self.data),
            "MASKLINE_WEB__PORT": str(free_port()),
            "MASKLINE_CHAT__PORT": str(free_port()),
            "MASKLINE_SIP__PORT": str(free_port()),
            "MASKLINE_SIP__TRUNK_PORT": str(free_port()),
            "MASKLINE_MEDIA__PORT_LOW": str(low),
            "MASKLINE_MEDIA__PORT_HIGH": str(high),
            "MASKLINE_SPEECH__WHISPER_MODEL_PATH": str(whisper_model()),
            **self.variables,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if (self.data / "run" / "supervisor.lock").exists():
            self.run("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def port(self) -> int:
        return int(self.variables["MASKLINE_WEB__PORT"])

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def settings(self) -> Settings:
        return Settings(data_dir=self.data)

    def run(
        self,
        *arguments: str,
        language: str = "zh",
        variables: Mapping[str, str] | None = None,
        within_s: float = 240,
    ) -> Said:
        """Type a command in the folder; it must end by itself."""
        changed = {**self.variables, **(variables or {})}
        return run_command(self.folder, *arguments, language=language, variables=changed, within_s=within_s)


def run_command(
    folder: Path,
    *arguments: str,
    language: str = "zh",
    variables: Mapping[str, str] | None = None,
    within_s: float = 240,
) -> Said:
    """Type a command in a folder, with these settings only; it must end by itself."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MASKLINE_")}
    environment = {**kept, "COLUMNS": "400", "MASKLINE_LANGUAGE": language, **(variables or {})}
    done = subprocess.run(
        [sys.executable, "-m", "maskline", *arguments],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, check=False, timeout=within_s, text=True,
    )  # fmt: skip
    assert done.returncode >= 0, signal.Signals(-done.returncode)
    return Said(done.returncode, done.stdout, done.stderr)
