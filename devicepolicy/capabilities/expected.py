"""What a device cannot do, known before anything is sent to it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from core.ledger.record import JSON
from devicepolicy.capabilities.facts import Backend, DeviceFacts
from devicepolicy.capabilities.table import Capability, CapabilityTable


class GapReason(StrEnum):
    """AMAPI's `NonComplianceReason`, those that can be told beforehand."""

    API_LEVEL = "API_LEVEL"
    MANAGEMENT_MODE = "MANAGEMENT_MODE"
    UNSUPPORTED = "UNSUPPORTED"
    OS_NOT_PERMITTED = "OS_NOT_PERMITTED"


@dataclass(frozen=True, slots=True)
class Gap:
    """A setting that the device will not follow, and why. `needs` is the API level where that is missing."""

    setting: str
    reason: GapReason
    zh: str
    en: str
    needs: int | None = None


def expected_gaps(
    settings: Mapping[str, JSON], facts: DeviceFacts, table: CapabilityTable
) -> Mapping[str, Gap]:
    """Give the gaps by setting; a setting that is not among them must be followed."""
    found: dict[str, Gap] = {}
    for setting, value in settings.items():
        row = table.of(setting)
        gap = _unknown(setting) if row is None else _gap(setting, value, facts, row)
        if gap is not None:
            found[setting] = gap
    return found


def _unknown(setting: str) -> Gap:
    return Gap(setting, GapReason.UNSUPPORTED, "能力表中没有此设置。", "The table has no such setting.")


def _gap(setting: str, value: JSON, facts: DeviceFacts, row: Capability) -> Gap | None:
    if facts.mode not in row.modes:
        return Gap(
            setting,
            GapReason.MANAGEMENT_MODE,
            f"管理模式 {facts.mode.value} 不支持“{row.zh}”。",
            f"{row.en}: not in management mode {facts.mode.value}.",
        )
    usable = row.backends & facts.backends
    if not usable:
        return Gap(
            setting,
            GapReason.UNSUPPORTED,
            f"此设备的系统没有“{row.zh}”的接口。",
            f"{row.en}: this device's system has no interface for it.",
        )
    needs = _level(value, usable, row)
    if facts.api_level < needs:
        return Gap(
            setting,
            GapReason.API_LEVEL,
            f"“{row.zh}”需要 API {needs} 以上，此设备为 {facts.api_level}。",
            f"{row.en}: needs API level {needs}, this device has {facts.api_level}.",
            needs,
        )
    if row.path == "minimumApiLevel" and isinstance(value, int) and facts.api_level < value:
        return Gap(
            setting,
            GapReason.OS_NOT_PERMITTED,
            f"策略要求 API {value} 以上，此设备为 {facts.api_level}。",
            f"The policy asks for API level {value}, this device has {facts.api_level}.",
            value,
        )
    return None


def _level(value: JSON, usable: frozenset[Backend], row: Capability) -> int:
    """Give the level that this value needs; OpenHarmony counts its own."""
    if usable == {Backend.OPENHARMONY}:
        return max(row.openharmony.values(), default=0)
    values = value if isinstance(value, list | tuple) else [value]
    asked = [row.value_api[one] for one in values if isinstance(one, str) and one in row.value_api]
    return max([row.min_api, *asked])
