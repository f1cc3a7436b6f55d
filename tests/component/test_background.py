"""What a start in the background waits for: it says whom, and gives up on those who die, not on who is slow."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from core.config import Settings
from maskline import background
from maskline.preflight import CannotStart, make_folders
from maskline.tables import load_metadata
from tests.support.ports import free_port

DIED = '{"event": "process.died", "name": "worker"}\n'


class Supervisor:
    """A supervisor that runs for so many looks."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def poll(self) -> int | None:
        self.left -= 1
        return None if self.left >= 0 else 1


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A folder where nobody has given a sign of life, and a clock on which every start takes long."""
    for name in ("TELL_AFTER_S", "BROKEN_AFTER_S"):
        monkeypatch.setattr(background, name, -1.0)
    settings = Settings(data_dir=tmp_path / "data", web={"port": free_port()})  # type: ignore[arg-type]
    make_folders(settings)
    (settings.data_dir / "logs").mkdir(exist_ok=True)
    engine = create_engine(f"sqlite:///{settings.data_dir / 'maskline.db'}")
    load_metadata().metadata.create_all(engine)
    engine.dispose()
    return settings


async def test_a_slow_start_is_waited_for_and_says_for_whom(settings: Settings) -> None:
    (settings.data_dir / "logs" / "supervisor.log").write_text(DIED * 9, "utf-8")  # of earlier starts
    told: list[str] = []
    with pytest.raises(CannotStart):  # only when the supervisor itself is gone
        await background.wait_until_ready(settings, Supervisor(4), told.append)  # type: ignore[arg-type]
    assert len(told) == 4
    assert all("web, calls, messages, worker, relay" in line for line in told)


async def test_processes_that_die_again_and_again_end_the_wait(settings: Settings) -> None:
    log = settings.data_dir / "logs" / "supervisor.log"

    def tell(_: str) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(DIED)

    supervisor = Supervisor(1000)
    with pytest.raises(CannotStart, match="worker"):
        await background.wait_until_ready(settings, supervisor, tell)  # type: ignore[arg-type]
    assert supervisor.left > 900
