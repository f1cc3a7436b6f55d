"""The capability table as an editor needs it: what a setting does, what it takes, who cannot do it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.access.model import Principal
from dashboard.parts import DashboardParts
from devicepolicy.capabilities.facts import DeviceFacts
from devicepolicy.capabilities.table import Capability
from devicepolicy.permissions import DEVICE_READ


@dataclass(frozen=True, slots=True)
class CapabilityRow:
    """A setting; `unable` of `fleet` phones cannot do it."""

    row: Capability
    unable: int
    fleet: int
    android: str


class Capabilities:
    """Reads the table against the fleet as it is."""

    def __init__(self, parts: DashboardParts) -> None:
        self._parts = parts

    async def rows(self, principal: Principal) -> list[CapabilityRow]:
        """Give all settings, each with how many of the reader's phones cannot do it."""
        fleet: Mapping[DeviceFacts, int] = {}
        if principal.allows(DEVICE_READ):
            fleet = await self._parts.fleet.queries.facts(principal)
        phones = sum(fleet.values())
        return [
            CapabilityRow(
                row,
                sum(count for facts, count in fleet.items() if not able(row, facts)),
                phones,
                android(row.min_api),
            )
            for row in self._parts.policies.table
        ]


def matching(rows: Sequence[CapabilityRow], text: str | None, language: str) -> list[CapabilityRow]:
    """Give the settings that have `text` in name, path or note; all without one."""
    wanted = (text or "").strip().casefold()
    return [one for one in rows if not wanted or wanted in _looked_at(one.row, language)]


def able(row: Capability, facts: DeviceFacts) -> bool:
    """Tell whether a phone can do a setting at all; single values may need more."""
    usable = row.backends & facts.backends
    return facts.mode in row.modes and bool(usable) and facts.api_level >= row.min_api


_ANDROID = {21: "5", 22: "5.1", 23: "6", 24: "7", 25: "7.1", 26: "8", 27: "8.1", 28: "9", 29: "10",
            30: "11", 31: "12", 32: "12L", 33: "13", 34: "14", 35: "15", 36: "16"}  # fmt: skip


def android(level: int) -> str:
    """Name the Android version of an API level."""
    return _ANDROID.get(level, f"API {level}")


def _looked_at(row: Capability, language: str) -> str:
    note = row.note_zh if language == "zh" else row.note_en
    return f"{row.key} {row.zh} {row.en} {row.path} {row.group} {note}".casefold()
