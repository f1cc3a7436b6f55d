"""A simulated phone: every setting of the table, the orders it can be given, and faults on demand.

A real agent puts Android's or the maker's interfaces here (docs/reference/agent-protocol.md says which); the
rest of this package need not change.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TypeAlias

from .faults import Faults
from .settings import Facts, Settings, known
from .signing import JSON
from .store import Store

OWNED = frozenset({"FULLY_MANAGED", "DEDICATED", "WORK_PROFILE_COMPANY_OWNED"})
MANAGED = frozenset({"FULLY_MANAGED", "DEDICATED"})
ALL = OWNED | {"WORK_PROFILE_PERSONALLY_OWNED"}
ORDERS: Mapping[str, tuple[int, frozenset[str]]] = {
    "LOCK": (21, ALL),
    "UNLOCK": (21, ALL),
    "WIPE": (21, ALL),
    "RESET_PASSWORD": (26, ALL),
    "REBOOT": (24, MANAGED),
    "START_LOST_MODE": (30, OWNED),
    "STOP_LOST_MODE": (30, OWNED),
    "CLEAR_APP_DATA": (28, ALL),
    "RELINQUISH_OWNERSHIP": (30, OWNED),
    "REQUEST_DEVICE_INFO": (21, ALL),
}
"""Types of commands: least API level and management modes. Levels are from memory of Android's reference."""
LAST = frozenset({"WIPE", "RELINQUISH_OWNERSHIP"})
"""After these nothing of the agent is left: it tells the result first and then does them, come what may."""
Outcome: TypeAlias = dict[str, JSON]


@dataclass(slots=True)
class Body:
    """What the phone is like, on its disk. `effects` counts how often each command took effect."""

    values: dict[str, JSON] = field(default_factory=dict)
    waiting: dict[str, list[JSON]] = field(default_factory=dict)
    state: str = "ACTIVE"
    locked: bool = False
    silent_lock: bool = False
    lost: bool = False
    boots: int = 0
    passwords_set: int = 0
    cleared: list[str] = field(default_factory=list)
    wiped: bool = False
    owned: bool = True
    effects: dict[str, int] = field(default_factory=dict)


class SimulatedPhone:
    """One phone. Each change is on its disk before the call returns, wholly or not at all."""

    def __init__(
        self,
        store: Store,
        facts: Facts | None = None,
        *,
        faults: Faults | None = None,
        settings: Settings | None = None,
        hardware: str = "SIM-0001",
    ) -> None:
        self.facts = facts or Facts()
        self.faults = faults or Faults()
        self.settings = settings or known()
        self.hardware = hardware
        self._store = store
        kept = store.read("phone")
        self.body = Body() if kept is None else Body(**kept)

    # --- settings

    def value(self, name: str) -> JSON:
        """Read back what is in force; None: nothing."""
        return self.body.values.get(name)

    def names(self) -> frozenset[str]:
        return frozenset(self.body.values)

    def put(self, name: str, value: JSON) -> str | None:
        """Carry a setting out; give AMAPI's reason if it is not in force when this returns."""
        row = self.settings.of(name)
        gap = "UNSUPPORTED" if row is None else row.gap(value, self.facts)
        reason = gap or self.faults.refuse.get(name)
        if reason is not None:
            return reason
        if name in self.faults.lie:
            return None
        if self.faults.late.get(name, 0) > 0 and self.body.values.get(name) != value:
            if name not in self.body.waiting or self.body.waiting[name][0] != value:
                self.body.waiting[name] = [value, self.faults.late[name]]
                self._save()
            return "PENDING"
        if name not in self.body.values or self.body.values[name] != value:
            self.body.values[name] = value
            self.body.waiting.pop(name, None)
            self._save()
        return None

    def clear(self, name: str) -> None:
        """Lift a setting that is not wanted any more."""
        self.body.values.pop(name, None)
        self.body.waiting.pop(name, None)
        self._save()

    def round(self) -> None:
        """Some time passes: what was late comes about."""
        for name, (value, rounds) in list(self.body.waiting.items()):
            if rounds > 1:
                self.body.waiting[name] = [value, rounds - 1]
            else:
                self.body.values[name] = value
                del self.body.waiting[name]
        self._save()

    def enter(self, state: str) -> None:
        """Be in the state that is wanted: ACTIVE, DISABLED or LOST."""
        if self.body.state != state:
            self.body.state = state
            self._save()

    @property
    def state(self) -> str:
        """What the phone is in truth: lost mode counts, however it was started."""
        return "LOST" if self.body.lost else self.body.state

    def mind_silence(self, silent_s: float) -> None:
        """Lock or wipe by ourselves after a long silence, as the policy says; free again on contact."""
        lock, wipe = (
            self.value(f"maskline.offlineLock.{name}") for name in ("lockAfterHours", "wipeAfterHours")
        )
        locked = isinstance(lock, int) and silent_s >= lock * 3600
        if locked != self.body.silent_lock:
            self.body.silent_lock = locked
            self._save()
        if isinstance(wipe, int) and silent_s >= wipe * 3600:
            self.wipe()

    def status(self) -> dict[str, JSON]:
        """What the phone measures of itself."""
        return {
            "battery_percent": 80,
            "charging": False,
            "signal_percent": 70,
            "network": "4g",
            "free_storage_mb": 32_000,
        }

    # --- orders

    def took_effect(self, command_id: str) -> bool:
        """Say after a restart whether a command that was begun did happen."""
        return self.body.effects.get(command_id, 0) > 0

    def check(self, kind: str) -> str | None:
        """Say why an order of this type cannot be carried out here (`ErrorCode`); None: it can."""
        if kind not in ORDERS:
            return "UNSUPPORTED"
        level, modes = ORDERS[kind]
        if self.facts.mode not in modes:
            return "MANAGEMENT_MODE"
        if self.facts.api_level < level:
            return "API_LEVEL"
        return self.faults.refuse_commands.get(kind)

    def carry_out(self, command_id: str, order: Mapping[str, JSON]) -> Outcome | None:
        """Do what is ordered; give the status that AMAPI has for it. Effect and its trace are one write."""
        kind = order["type"]
        body = self.body
        status: Outcome | None = None
        if kind in {"LOCK", "UNLOCK"}:
            body.locked = kind == "LOCK"
        elif kind == "REBOOT":
            body.boots += 1
        elif kind == "RESET_PASSWORD":
            body.passwords_set += 1
            body.locked = body.locked or "LOCK_NOW" in order.get("resetPasswordFlags", [])
        elif kind == "START_LOST_MODE":
            word = "ALREADY_IN_LOST_MODE" if body.lost else "SUCCESS"
            body.lost, status = True, {"startLostModeStatus": {"status": word}}
        elif kind == "STOP_LOST_MODE":
            word = "SUCCESS" if body.lost else "NOT_IN_LOST_MODE"
            body.lost, status = False, {"stopLostModeStatus": {"status": word}}
        elif kind == "CLEAR_APP_DATA":
            names = order["clearAppsDataParams"]["packageNames"]
            body.cleared = sorted({*body.cleared, *names})
            done = {name: {"clearingResult": "SUCCESS"} for name in names}
            status = {"clearAppsDataStatus": {"results": done}}
        elif kind == "REQUEST_DEVICE_INFO":
            told: Outcome = {"status": "SUCCEEDED"}
            if order["requestDeviceInfoParams"]["deviceInfo"] == "EID":
                told["eidInfo"] = {"euiccChipInfo": [{"eid": "8904900000000000000000000000" + "0000"}]}
            status = {"requestDeviceInfoStatus": told}
        body.effects[command_id] = body.effects.get(command_id, 0) + 1
        self._save()
        return status

    def wipe(self, command_id: str = "") -> None:
        """Erase everything. Only the simulation remembers that there was something."""
        self.body = Body(wiped=True, owned=False, effects={command_id: 1} if command_id else {})
        self._store.erase()
        self._save()

    def relinquish(self, command_id: str = "") -> None:
        """Give the phone back: policies are lifted, what is personal stays."""
        effects = {command_id: 1} if command_id else {}
        self.body = Body(owned=False, boots=self.body.boots, effects=effects)
        self._store.erase()
        self._save()

    def _save(self) -> None:
        self._store.write("phone", asdict(self.body))
