"""How the whole house is: parts, processes, what waits, the last signature, the disk, the versions."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.heartbeat import ProcessView, processes
from core.ledger import Checkpoint
from core.outbox import Backlog, backlog
from core.status import Overview, PartStatus, State, overview
from dashboard.parts import DashboardParts
from gateway.messages.rulefile import optout_words, screening_policy, wording
from qa.lexicon.loader import own_packs

# A part that has gone silent is looked for among these even if it never gave a sign of life.
EXPECTED = ("web", "calls", "messages", "worker", "relay")
LATE_AFTER = timedelta(minutes=5)
_LOW, _VERY_LOW = 0.10, 0.03


@dataclass(frozen=True, slots=True)
class Disk:
    """The volume of the data folder, in bytes, and what the folder itself holds."""

    total: int
    free: int

    @property
    def share_free(self) -> float:
        return self.free / self.total if self.total else 0.0

    @property
    def state(self) -> State:
        if self.share_free < _VERY_LOW:
            return State.DOWN
        return State.DEGRADED if self.share_free < _LOW else State.OK


@dataclass(frozen=True, slots=True)
class Fact:
    """One named version."""

    key: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not as it should be: `key` names what it is and what to do, `names` where."""

    key: str
    state: State
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """Everything that the page of the system shows, at one moment."""

    at: datetime
    parts: Mapping[str, PartStatus]
    processes: Sequence[ProcessView]
    missing: Sequence[str]
    backlog: Backlog
    backlog_state: State
    checkpoint: Checkpoint | None
    disk: Disk
    versions: Sequence[Fact]
    troubles: Sequence[Trouble]

    @property
    def state(self) -> State:
        order = (State.OK, State.DEGRADED, State.DOWN)
        return max((one.state for one in self.troubles), key=order.index, default=State.OK)


async def health(parts: DashboardParts) -> Health:
    """Look at everything now."""
    now = parts.clock.now()
    seen = await overview(parts.providers)
    alive = await processes(parts.database, parts.clock)
    async with parts.database.read() as session:
        waiting = await backlog(session)
    disk = await asyncio.to_thread(_disk, parts.settings.data_dir)
    missing = [name for name in EXPECTED if name not in {view.process for view in alive}]
    late = waiting.oldest is not None and now - waiting.oldest > LATE_AFTER
    backlog_state = State.DEGRADED if late or waiting.dead else State.OK
    return Health(
        at=now,
        parts=seen.parts,
        processes=alive,
        missing=missing,
        backlog=waiting,
        backlog_state=backlog_state,
        checkpoint=await parts.ledger.latest_checkpoint(),
        disk=disk,
        versions=await _versions(parts),
        troubles=_troubles(seen, alive, missing, waiting, disk, late=late),
    )


def _disk(folder: Path) -> Disk:
    usage = shutil.disk_usage(folder if folder.exists() else folder.anchor)
    return Disk(usage.total, usage.free)


def _troubles(
    seen: Overview,
    alive: Sequence[ProcessView],
    missing: Sequence[str],
    waiting: Backlog,
    disk: Disk,
    *,
    late: bool,
) -> list[Trouble]:
    """Name what is wrong, the worst first, each thing once."""
    beating = {view.process for view in alive if view.state != "silent"}
    silent = sorted({view.process for view in alive} - beating)
    limping = sorted({view.process for view in alive if view.state in {"degraded", "down"}})
    told = {*missing, *silent, *limping}
    parts = {
        state: tuple(
            name
            for name, part in seen.parts.items()
            if part.state is state and name.removeprefix("process-") not in told
        )
        for state in (State.DOWN, State.DEGRADED)
    }
    found = [
        (missing, Trouble("process-missing", State.DOWN, tuple(missing))),
        (silent, Trouble("process-silent", State.DOWN, tuple(silent))),
        (parts[State.DOWN], Trouble("part-down", State.DOWN, parts[State.DOWN])),
        (disk.state is State.DOWN, Trouble("disk", State.DOWN)),
        (limping, Trouble("process-degraded", State.DEGRADED, tuple(limping))),
        (parts[State.DEGRADED], Trouble("part-degraded", State.DEGRADED, parts[State.DEGRADED])),
        (waiting.dead, Trouble("outbox-dead", State.DEGRADED)),
        (late, Trouble("outbox-late", State.DEGRADED)),
        (disk.state is State.DEGRADED, Trouble("disk", State.DEGRADED)),
    ]
    return [trouble for there, trouble in found if there]


async def _versions(parts: DashboardParts) -> list[Fact]:
    """Name every versioned thing that a verdict or a finding depends on."""
    try:
        own = version("maskline")
    except PackageNotFoundError:
        own = "—"
    packs = ", ".join(f"{pack.id} {pack.version}" for pack in own_packs())
    messages = ", ".join(found.label for found in (screening_policy(), wording(), optout_words()))
    engine = await parts.figures.last_engine()
    return [
        Fact("software", own),
        Fact("rules", parts.rules.digest[:16], str(len(parts.rules.rules))),
        Fact("messages", messages),
        Fact("inspection", parts.rulebook.version),
        Fact("lexicon", packs),
        Fact("speech", engine or ""),
    ]
