"""Rules between the fields of a document, each with its source. Pure; the document's types are right."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.ledger.record import JSON
from devicepolicy.capabilities.orders import Windows
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.policies.errors import Fault

_BAND = "COMPLEXITY_"
LENGTHS = (
    "passwordMinimumLength",
    "passwordMinimumLetters",
    "passwordMinimumLowerCase",
    "passwordMinimumUpperCase",
    "passwordMinimumNumeric",
    "passwordMinimumSymbols",
    "passwordMinimumNonLetter",
)


def rule_faults(document: Mapping[str, Any], table: CapabilityTable) -> Iterator[Fault]:
    """Give what contradicts itself in a document whose fields are all right by themselves."""
    yield from _applications(document)
    yield from _passwords(document)
    yield from _enforcement(document, table)
    yield from _networks(document)
    yield from _displays(document)
    yield from _updates(document)
    yield from _profiles(document)
    yield from _own(document.get("maskline", {}))
    yield from _whereabouts(document)


def _applications(document: Mapping[str, Any]) -> Iterator[Fault]:
    # An allow-list lives from what it lists; AMAPI's silent default would hide a forgotten word.
    for number, app in enumerate(document.get("applications", ())):
        if "installType" not in app:
            yield Fault(
                f"$.applications[{number}].installType",
                "missing",
                "请写明 installType（AVAILABLE、FORCE_INSTALLED、BLOCKED 等）。",
                "Say the installType (AVAILABLE, FORCE_INSTALLED, BLOCKED, ...).",
            )


def _passwords(document: Mapping[str, Any]) -> Iterator[Fault]:
    # AMAPI PasswordRequirements: lengths are only enforced where the quality is not a complexity band.
    for number, rule in enumerate(document.get("passwordPolicies", ())):
        if str(rule.get("passwordQuality", "")).startswith(_BAND) and any(name in rule for name in LENGTHS):
            yield Fault(
                f"$.passwordPolicies[{number}]",
                "contradiction",
                "COMPLEXITY_* 与最短长度等不能同时使用（AMAPI 不会执行长度）。",
                "COMPLEXITY_* and minimum lengths exclude each other: AMAPI does not enforce the lengths.",
            )


def _enforcement(document: Mapping[str, Any], table: CapabilityTable) -> Iterator[Fault]:
    # AMAPI PolicyEnforcementRule: both actions are required, blockAfterDays < wipeAfterDays.
    known = {path.split(".")[0].removesuffix("[]") for path in table.rows if not table.rows[path].own}
    for number, rule in enumerate(document.get("policyEnforcementRules", ())):
        here = f"$.policyEnforcementRules[{number}]"
        if rule["settingName"] not in known:
            zh, en = "应为策略的顶层字段名。", "This must be the name of a top-level policy field."
            yield Fault(f"{here}.settingName", "unknown", zh, en)
        block = rule.get("blockAction", {}).get("blockAfterDays")
        wipe = rule.get("wipeAction", {}).get("wipeAfterDays")
        if block is None or wipe is None:
            yield Fault(
                here,
                "missing",
                "必须同时写明 blockAction.blockAfterDays 与 wipeAction.wipeAfterDays。",
                "Both blockAction.blockAfterDays and wipeAction.wipeAfterDays are required.",
            )
        elif block >= wipe:
            zh, en = (
                "blockAfterDays 必须小于 wipeAfterDays。",
                "blockAfterDays must be less than wipeAfterDays.",
            )
            yield Fault(here, "contradiction", zh, en)


def _networks(document: Mapping[str, Any]) -> Iterator[Fault]:
    # AMAPI PrivateDnsSettings: the host if and only if the mode names one.
    dns = document.get("deviceConnectivityManagement", {}).get("privateDnsSettings")
    if dns is not None and ("privateDnsHost" in dns) != (
        dns.get("privateDnsMode") == "PRIVATE_DNS_SPECIFIED_HOST"
    ):
        yield Fault(
            "$.deviceConnectivityManagement.privateDnsSettings",
            "contradiction",
            "privateDnsHost 仅与 PRIVATE_DNS_SPECIFIED_HOST 一起使用。",
            "privateDnsHost goes with PRIVATE_DNS_SPECIFIED_HOST, and only with it.",
        )


def _displays(document: Mapping[str, Any]) -> Iterator[Fault]:
    # AMAPI ScreenTimeoutSettings: the time if and only if it is enforced.
    timeout = document.get("displaySettings", {}).get("screenTimeoutSettings")
    if timeout is not None and ("screenTimeout" in timeout) != (
        timeout.get("screenTimeoutMode") == "SCREEN_TIMEOUT_ENFORCED"
    ):
        yield Fault(
            "$.displaySettings.screenTimeoutSettings",
            "contradiction",
            "screenTimeout 仅与 SCREEN_TIMEOUT_ENFORCED 一起使用。",
            "screenTimeout goes with SCREEN_TIMEOUT_ENFORCED, and only with it.",
        )


def _updates(document: Mapping[str, Any]) -> Iterator[Fault]:
    # AMAPI SystemUpdate: minutes after midnight, needed for a window.
    update = document.get("systemUpdate")
    if update is None:
        return
    window = [update.get("startMinutes"), update.get("endMinutes")]
    if update.get("type") == "WINDOWED" and any(not _minute(value) for value in window):
        zh, en = (
            "WINDOWED 需要 0 至 1439 的 startMinutes 与 endMinutes。",
            ("WINDOWED needs startMinutes and endMinutes from 0 to 1439."),
        )
        yield Fault("$.systemUpdate", "missing", zh, en)


def _profiles(document: Mapping[str, Any]) -> Iterator[Fault]:
    # AMAPI: maxDaysWithWorkOff is at least 3 (0 = off); app functions across profiles need them at all.
    days = document.get("personalUsagePolicies", {}).get("maxDaysWithWorkOff")
    if days is not None and 0 < days < 3:
        zh, en = "至少为 3（0 表示不限）。", "This must be at least 3 (0 means no limit)."
        yield Fault("$.personalUsagePolicies.maxDaysWithWorkOff", "range", zh, en)
    cross = document.get("crossProfilePolicies", {}).get("crossProfileAppFunctions")
    if (
        cross == "CROSS_PROFILE_APP_FUNCTIONS_ALLOWED"
        and document.get("appFunctions") == "APP_FUNCTIONS_DISALLOWED"
    ):
        zh, en = (
            "appFunctions 已禁止，此处不能允许。",
            "appFunctions are disallowed, so this cannot be allowed.",
        )
        yield Fault("$.crossProfilePolicies.crossProfileAppFunctions", "contradiction", zh, en)


def _own(own: Mapping[str, Any]) -> Iterator[Fault]:
    yield from _windows(own.get("permittedHours", ()), "$.maskline.permittedHours")
    for number, group in enumerate(own.get("permittedPlaces", ())):
        places = group.get("anyOf", ())
        if not places or any({"latitude", "longitude", "radiusMetres"} - set(place) for place in places):
            zh, en = (
                "每组至少一个地点，含经纬度与半径。",
                "A group has places, each with latitude, longitude and radius.",
            )
            yield Fault(f"$.maskline.permittedPlaces[{number}]", "missing", zh, en)
    for number, app in enumerate(own.get("messagingApps", ())):
        if "means" not in app:
            zh, en = "请写明 means：以何种方式执行。", "Say by what means it is carried out."
            yield Fault(f"$.maskline.messagingApps[{number}].means", "missing", zh, en)
    offline = own.get("offlineLock", {})
    lock, wipe = offline.get("lockAfterHours"), offline.get("wipeAfterHours")
    if lock is not None and wipe is not None and lock >= wipe:
        zh, en = (
            "lockAfterHours 必须小于 wipeAfterHours。",
            "lockAfterHours must be less than wipeAfterHours.",
        )
        yield Fault("$.maskline.offlineLock", "contradiction", zh, en)


def _windows(windows: Sequence[Mapping[str, Any]], path: str) -> Iterator[Fault]:
    for number, window in enumerate(windows):
        here = f"{path}[{number}]"
        if {"day", "startMinutes", "endMinutes"} - set(window):
            yield Fault(
                here,
                "missing",
                "需要 day、startMinutes、endMinutes。",
                "It needs day, startMinutes, endMinutes.",
            )
        elif window["startMinutes"] >= window["endMinutes"]:
            zh, en = (
                "起点必须早于止点；跨午夜请写两段。",
                "It opens before it closes; write two to span midnight.",
            )
            yield Fault(here, "contradiction", zh, en)


def _whereabouts(document: Mapping[str, Any]) -> Iterator[Fault]:
    # PIPL Articles 6 and 28: stated hours, the least that is needed; nobody collects by leaving a word out.
    own = document.get("maskline", {})
    location, here = own.get("location", {}), "$.maskline.location"
    mode, hours = location.get("mode", "LOCATION_OFF"), location.get("hours")
    if mode != "LOCATION_OFF" and not hours:
        zh, en = "采集位置必须写明 hours。", "To collect location, say the hours."
        yield Fault(f"{here}.hours", "missing", zh, en)
    if mode == "LOCATION_TRACK" and "intervalMinutes" not in location:
        zh, en = "LOCATION_TRACK 须写明 intervalMinutes。", "LOCATION_TRACK needs intervalMinutes."
        yield Fault(f"{here}.intervalMinutes", "missing", zh, en)
    if mode != "LOCATION_OFF" and document.get("locationMode") == "LOCATION_DISABLED":
        zh, en = "locationMode 已关闭定位。", "locationMode switches location off."
        yield Fault(f"{here}.mode", "contradiction", zh, en)
    faults = list(_windows(hours or (), f"{here}.hours"))
    yield from faults
    permitted = own.get("permittedHours")
    readable = permitted is not None and not faults and not list(_windows(permitted, ""))
    if hours and readable and not Windows().holds(hours, permitted):
        zh, en = "须在 permittedHours 之内。", "These hours must lie within permittedHours."
        yield Fault(f"{here}.hours", "contradiction", zh, en)


def _minute(value: JSON) -> bool:
    return isinstance(value, int) and 0 <= value < 1440
