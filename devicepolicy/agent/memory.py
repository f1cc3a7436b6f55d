"""What an agent remembers across restarts."""

from dataclasses import asdict, dataclass, field

from .signing import JSON
from .store import Store


@dataclass(slots=True)
class Kept:
    """A command that was stored. `phase`: kept, begun, done (result not told yet), told."""

    seq: int
    doc: dict[str, JSON]
    expires: int
    phase: str = "kept"
    result: dict[str, JSON] | None = None


@dataclass(slots=True)
class Memory:
    """Everything; times are seconds since 1970 by the server's clock."""

    server: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    key_seq: int = 0
    """Which of the server's keys in a row the newest that is believed is."""
    seed: str = ""
    device_id: str = ""
    trust: str = ""
    ended: str = ""
    terms_version: str = ""
    location_version: str = ""
    """The terms on location that the employee agreed to; empty: none."""
    fixed_s: float = 0.0
    """When the last fix of a track was taken."""
    offset_s: float = 0.0
    floor_s: float = 0.0
    """The newest time that the server signed: it cannot be earlier than this."""
    heard_s: float = 0.0
    report_seq: int = 0
    report_every_s: float = 300.0
    reported_s: float = 0.0
    reported: str = ""
    compliance: str = ""
    etag: str = ""
    wanted: dict[str, JSON] | None = None
    refresh_s: float = 0.0
    believe_until_s: float = 0.0
    applied_version: int | None = None
    applied_sha256: str | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    acked: int = 0
    forgotten_to: int = 0
    commands: dict[str, Kept] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The newest desired version that was seen."""
        return 0 if self.wanted is None else int(self.wanted["version"])

    @classmethod
    def of(cls, store: Store) -> "Memory":
        """Read it, or begin with none."""
        kept = store.read("agent")
        if kept is None:
            return cls()
        commands = {name: Kept(**one) for name, one in kept.pop("commands").items()}
        return cls(**kept, commands=commands)

    def save(self, store: Store) -> None:
        store.write("agent", asdict(self))
