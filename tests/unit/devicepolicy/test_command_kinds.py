"""Orders are named as in the Android Management API: held against Google's own discovery document."""

import json
from pathlib import Path
from typing import Any, get_args

import googleapiclient
import pytest

from devicepolicy.commands import agent_schemas, kinds
from devicepolicy.commands.kinds import CommandKind, DeviceInfo, ErrorCode, Message, PasswordFlag, WipeFlag
from devicepolicy.commands.machine import OPEN, TRANSITIONS, CommandState

DOCUMENT = Path(googleapiclient.__file__).parent / "discovery_cache/documents/androidmanagement.v1.json"
SCHEMAS: dict[str, Any] = json.loads(DOCUMENT.read_text("utf-8"))["schemas"]
OURS = {"UNLOCK"}
"""AMAPI has no such type."""
SAID = Message("a\tb\n", {"zh-CN": "甲"})
ORDERS: list[kinds.Order] = [
    kinds.LOCK,
    kinds.UNLOCK,
    kinds.REBOOT,
    kinds.STOP_LOST_MODE,
    kinds.RELINQUISH_OWNERSHIP,
    kinds.Wipe(frozenset(WipeFlag), SAID),
    kinds.ResetPassword("x", frozenset(PasswordFlag)),
    kinds.StartLostMode(SAID, SAID, "a@b.example", SAID, SAID),
    kinds.ClearAppData(("com.tencent.mm",)),
    kinds.RequestDeviceInfo(DeviceInfo.EID),
]


def enum_of(schema: str, name: str) -> set[str]:
    prop = SCHEMAS[schema]["properties"][name]
    found = set(prop.get("enum") or prop["items"]["enum"])
    return {value for value in found if not value.endswith("_UNSPECIFIED")}


def check(value: Any, schema: dict[str, Any], where: str) -> None:
    """Hold a value against a discovery schema: names, types, enums; nothing deprecated."""
    if "$ref" in schema:
        target = SCHEMAS[schema["$ref"]]
        assert isinstance(value, dict), where
        for name, child in value.items():
            assert name in target["properties"], f"{where}.{name}"
            assert not target["properties"][name].get("deprecated"), f"{where}.{name}"
            check(child, target["properties"][name], f"{where}.{name}")
    elif schema["type"] == "array":
        for child in value:
            check(child, schema["items"], where)
    elif schema["type"] == "object":
        for child in value.values():
            check(child, schema["additionalProperties"], where)
    else:
        assert isinstance(value, {"string": str, "boolean": bool}[schema["type"]]), where
        assert value in schema.get("enum", [value]), f"{where}={value}"


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.kind.value)
def test_an_order_is_what_amapi_takes(order: kinds.Order) -> None:
    document = dict(order.document())
    if document["type"] in OURS:
        document["type"] = "LOCK"
    check(document, {"$ref": "Command"}, "Command")
    assert kinds.load(kinds.dump(order)) == order.document()


def test_every_type_is_there_and_is_amapis() -> None:
    assert {order.kind for order in ORDERS} == set(CommandKind)
    assert {kind.value for kind in CommandKind} - OURS <= enum_of("Command", "type")
    assert enum_of("Command", "type") - {kind.value for kind in CommandKind} == {"ADD_ESIM", "REMOVE_ESIM"}


def test_flags_and_errors_are_amapis() -> None:
    assert {flag.value for flag in WipeFlag} == enum_of("WipeParams", "wipeDataFlags")
    assert {flag.value for flag in PasswordFlag} == enum_of("Command", "resetPasswordFlags")
    assert enum_of("RequestDeviceInfoParams", "deviceInfo") == {"EID"}
    assert enum_of("Command", "errorCode") <= {code.value for code in ErrorCode}


@pytest.mark.parametrize(
    ("model", "field", "schema", "name"),
    [
        (agent_schemas.AppCleared, "clearing_result", "PerAppResult", "clearingResult"),
        (agent_schemas.StartLostModeStatusIn, "status", "StartLostModeStatus", "status"),
        (agent_schemas.StopLostModeStatusIn, "status", "StopLostModeStatus", "status"),
        (agent_schemas.DeviceInfoStatusIn, "status", "RequestDeviceInfoStatus", "status"),
    ],
)
def test_what_phones_tell_is_amapis(model: Any, field: str, schema: str, name: str) -> None:
    assert set(get_args(model.model_fields[field].annotation)) == enum_of(schema, name)


def test_the_table_of_steps_is_whole() -> None:
    assert set(TRANSITIONS) == set(CommandState)
    for state, following in TRANSITIONS.items():
        assert state not in following
        assert bool(following) or state not in OPEN


def test_what_has_parameters_is_not_plain() -> None:
    with pytest.raises(ValueError, match="parameters of its own"):
        kinds.Plain(CommandKind.WIPE)
