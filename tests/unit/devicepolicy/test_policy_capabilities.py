"""The capability table against AMAPI's discovery document, and what is expected of a device beforehand."""

import json
from typing import Any

import pytest

from devicepolicy.capabilities.expected import GapReason, expected_gaps
from devicepolicy.capabilities.facts import Backend, DeviceFacts, Mode
from devicepolicy.capabilities.orders import Flag, Ladder, Names, Number, Places, Windows
from devicepolicy.capabilities.table import Capability, table
from devicepolicy.policies.schema import FOLDER, FieldSchema, schemas
from scripts.amapi_schema import cut, discovery

ROWS = list(table())
AMAPI = [row for row in ROWS if not row.own]


def discovered(pattern: str) -> dict[str, Any]:
    """Walk the discovery document itself to the field of a path."""
    all_schemas = discovery()["schemas"]
    field: dict[str, Any] = {"$ref": "Policy"}
    for step in pattern.split("."):
        field = all_schemas[field["$ref"]]["properties"][step.removesuffix("[]")]
        assert not field.get("deprecated"), pattern
        if step.endswith("[]"):
            field = field["items"]
    return field


def test_our_copy_of_the_schema_is_the_packages() -> None:
    assert json.loads((FOLDER / "amapi.json").read_text("utf-8")) == cut()


@pytest.mark.parametrize("row", AMAPI, ids=lambda row: row.key)
def test_every_row_stands_in_the_discovery_document_with_this_type(row: Capability) -> None:
    field = discovered(row.path)
    if isinstance(row.order, Flag):
        assert field["type"] == "boolean"
    elif isinstance(row.order, Ladder):
        old = field.get("enumDeprecated", [False] * len(field["enum"]))
        usable = [value for value, deprecated in zip(field["enum"], old, strict=True) if not deprecated]
        assert sorted(row.order.values) == sorted(v for v in usable if not v.endswith("_UNSPECIFIED"))
    elif isinstance(row.order, Number):
        assert field["type"] == "integer" or field["format"] in {"int64", "google-duration"}
    elif isinstance(row.order, Names):
        assert field["type"] == "array"
        assert field["items"]["type"] == "string"
    assert not isinstance(row.order, Windows | Places)


@pytest.mark.parametrize("row", [row for row in ROWS if row.own], ids=lambda row: row.key)
def test_our_own_rows_stand_in_our_own_schema(row: Capability) -> None:
    field = schemas().at(row.path)
    if isinstance(row.order, Ladder):
        assert sorted(row.order.values) == sorted(field.values)


def test_values_that_need_a_level_are_values_of_the_field() -> None:
    for row in ROWS:
        field = schemas().at(row.path)
        values = field.values or (field.items.values if field.items else ())
        assert set(row.value_api) <= set(values), row.key
        assert all(level > row.min_api for level in row.value_api.values()), row.key


def test_every_setting_of_our_own_schema_has_a_row() -> None:
    def leaves(name: str, prefix: str) -> set[str]:
        found = set()
        for key, field in schemas().fields(name).items():
            path = f"{prefix}.{key}"
            if path in table().rows:
                found.add(path)
            elif field.type == "object":
                found |= leaves(field.of, path)
            elif path in table().lists and field.items is not None:
                found |= leaves(field.items.of, f"{path}[]") - {f"{path}[].{table().lists[path]}"}
            else:
                found.add(path)
        return found

    assert leaves("Maskline", "maskline") <= set(table().rows)


def test_every_policy_field_of_amapi_has_a_row_or_is_named_here() -> None:
    """What the server refuses although AMAPI knows it; a new field of AMAPI fails this test."""
    refused = {
        "name", "version",  # the server's own
        "androidDevicePolicyTracks", "choosePrivateKeyRules", "deviceWidePolicies", "enterpriseDisplayNameVisibility",
        "oncCertificateProviders", "preferentialNetworkService", "privateKeySelectionEnabled", "setupActions",
        "unifiedUpdatePolicy", "workAccountSetupConfig",
    }  # fmt: skip
    known = {path.split(".")[0].removesuffix("[]") for path in table().rows}
    fields = {name for name, field in schemas().fields("Policy").items() if not field.deprecated}
    assert fields - known == refused - {"androidDevicePolicyTracks"}


def test_hints_cover_exactly_what_is_deprecated() -> None:
    fields, values = set[str](), set[str]()

    def walk(name: str, prefix: str, seen: frozenset[str]) -> None:
        for key, field in schemas().fields(name).items():
            path = f"{prefix}{key}"
            if field.deprecated:
                fields.add(path)
                continue
            inner: FieldSchema = field.items if field.items is not None else field
            values.update(inner.deprecated_values)
            if inner.of and inner.of not in seen:
                walk(inner.of, f"{path}{'[]' if field.items else ''}.", seen | {inner.of})

    walk("Policy", "", frozenset({"Policy"}))
    assert set(schemas().deprecated_fields) == fields
    assert set(schemas().deprecated_values) == values


def test_the_issues_list_is_complete() -> None:
    keys = {row.key for row in ROWS}
    assert keys >= {
        "camera", "screenshot", "bluetooth", "wifi-config", "tethering", "usb", "sd-card", "factory-reset", "developer",
        "store-mode", "app", "messaging-images", "messaging-files", "messaging-voice", "messaging-video",
        "number-hiding", "permitted-hours", "permitted-places", "kiosk-launcher", "password-quality", "accounts",
        "location", "auto-time", "vpn", "microphone", "sms", "outgoing-calls", "install", "uninstall", "offline-lock",
    }  # fmt: skip


def test_the_table_says_what_is_read_and_what_is_from_memory() -> None:
    for row in ROWS:
        assert row.zh
        assert row.en
        assert row.level_from in table().sources
    assert not table().sources["dpm"].read


OLD = DeviceFacts(api_level=30)


@pytest.mark.parametrize(
    ("setting", "value", "facts", "reason", "needs"),
    [
        ("deviceConnectivityManagement.usbDataAccess", "DISALLOW_USB_DATA_TRANSFER", OLD, GapReason.API_LEVEL, 31),
        ("deviceConnectivityManagement.usbDataAccess", "DISALLOW_USB_FILE_TRANSFER", OLD, None, None),
        ("deviceRadioState.wifiState", "WIFI_DISABLED", OLD, GapReason.API_LEVEL, 33),
        ("smsDisabled", True, DeviceFacts(34, Mode.WORK_PROFILE_COMPANY_OWNED), GapReason.MANAGEMENT_MODE, None),
        ("keyguardDisabled", True, DeviceFacts(34), GapReason.MANAGEMENT_MODE, None),
        ("keyguardDisabled", True, DeviceFacts(34, Mode.DEDICATED), None, None),
        ("factoryResetDisabled", True, DeviceFacts(12, backends=frozenset({Backend.OPENHARMONY})), GapReason.UNSUPPORTED, None),
        ("smsDisabled", True, DeviceFacts(19, backends=frozenset({Backend.OPENHARMONY})), GapReason.API_LEVEL, 20),
        ("smsDisabled", True, DeviceFacts(20, backends=frozenset({Backend.OPENHARMONY})), None, None),
        ("minimumApiLevel", 33, OLD, GapReason.OS_NOT_PERMITTED, 33),
        ("usageLog.enabledLogTypes", ["SECURITY_LOGS", "NETWORK_ACTIVITY_LOGS"], DeviceFacts(25), GapReason.API_LEVEL, 26),
        ("applications[com.tencent.mm].installType", "BLOCKED", OLD, None, None),
        ("noSuchThing", True, OLD, GapReason.UNSUPPORTED, None),
    ],
)  # fmt: skip
def test_gaps_are_known_beforehand(
    setting: str, value: Any, facts: DeviceFacts, reason: GapReason | None, needs: int | None
) -> None:
    gaps = expected_gaps({setting: value}, facts, table())
    if reason is None:
        assert not gaps
    else:
        assert gaps[setting].reason is reason
        assert gaps[setting].needs == needs
