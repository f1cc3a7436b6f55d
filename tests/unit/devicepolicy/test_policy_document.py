"""Policy documents: what is refused and how it is said, the ready ones, canonical bytes, settings and diff."""

import copy
import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devicepolicy.canonical import canonical_bytes, sha256_of
from devicepolicy.capabilities.paths import pattern_of, steps_of
from devicepolicy.capabilities.table import table
from devicepolicy.policies.diff import Change, Direction, diff
from devicepolicy.policies.document import Documents
from devicepolicy.policies.errors import DocumentInvalid
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.schema import schemas
from devicepolicy.policies.settings import assemble, flatten, setting_sha256

DOCUMENTS = Documents(schemas(), table())
RULE = {"blockAction": {"blockAfterDays": 1}, "wipeAction": {"wipeAfterDays": 7}}
APP = "com.tencent.mm"


@pytest.mark.parametrize(
    ("document", "path", "code", "en"),
    [
        ({"cameraDisabled": True}, "$.cameraDisabled", "deprecated", "CAMERA_ACCESS_DISABLED"),
        ({"cameraAccess": "DISABLED"}, "$.cameraAccess", "enum", "CAMERA_ACCESS_DISABLED"),
        ({"cameraAccess": "CAMERA_ACCESS_UNSPECIFIED"}, "$.cameraAccess", "unspecified", "Leave"),
        ({"cameraAccess": True}, "$.cameraAccess", "enum", "one of"),
        ({"locationMode": "OFF"}, "$.locationMode", "deprecated", "LOCATION_DISABLED"),
        ({"camraAccess": "x"}, "$.camraAccess", "unknown", "cameraAccess"),
        ({"version": "3"}, "$.version", "unsupported", "not supported"),
        ({"smsDisabled": "true"}, "$.smsDisabled", "type", "true or false"),
        ({"smsDisabled": None}, "$.smsDisabled", "type", "true or false"),
        ({"minimumApiLevel": True}, "$.minimumApiLevel", "type", "whole number"),
        ({"minimumApiLevel": -1}, "$.minimumApiLevel", "range", "between"),
        ({"maximumTimeToLock": 1000}, "$.maximumTimeToLock", "type", "string"),
        ({"maximumTimeToLock": "a"}, "$.maximumTimeToLock", "form", "whole number"),
        ({"maskline": {"frozen": 1}}, "$.maskline.frozen", "type", "true or false"),
        ({"maskline": {"maxSilenceMinutes": 1}}, "$.maskline.maxSilenceMinutes", "range", "between 5"),
        ({"applications": {}}, "$.applications", "type", "array"),
        ({"applications": [{"installType": "BLOCKED"}]}, "$.applications[0].packageName", "key", "missing"),
        ({"applications": [{"packageName": "weixin"}]}, "$.applications[0].packageName", "key", "invalid"),
        ({"applications": [{"packageName": APP, "disabled": True}]}, "$.applications[0].installType", "missing", "installType"),
        ({"applications": [{"packageName": APP, "installType": "KIOSK"}]}, "$.applications[0].installType", "deprecated", "FORCE"),
        ({"applications": [{"packageName": APP, "installType": "BLOCKED"}] * 2}, "$.applications[1].packageName", "duplicate", "twice"),
        ({"applications": [{"packageName": APP}]}, "$.applications[0]", "empty", "nothing"),
        ({"passwordPolicies": [{"passwordScope": "SCOPE_UNSPECIFIED", "passwordMinimumLength": 8}]}, "$.passwordPolicies[0].passwordScope", "key", "invalid"),
        ({"passwordPolicies": [{"passwordScope": "SCOPE_DEVICE", "passwordQuality": "COMPLEXITY_HIGH", "passwordMinimumLength": 8}]}, "$.passwordPolicies[0]", "contradiction", "exclude"),
        ({"policyEnforcementRules": [{"settingName": "cameraAccess", "blockAction": {"blockAfterDays": 1}}]}, "$.policyEnforcementRules[0]", "missing", "Both"),
        ({"policyEnforcementRules": [{"settingName": "cameraDisabled", **RULE}]}, "$.policyEnforcementRules[0].settingName", "unknown", "top-level"),
        ({"policyEnforcementRules": [{"settingName": "cameraAccess", "blockAction": {"blockAfterDays": 7}, "wipeAction": {"wipeAfterDays": 7}}]}, "$.policyEnforcementRules[0]", "contradiction", "less than"),
        ({"maskline": {"permittedHours": [{"day": "MONDAY", "startMinutes": 600, "endMinutes": 540}]}}, "$.maskline.permittedHours[0]", "contradiction", "opens"),
        ({"maskline": {"messagingApps": [{"packageName": APP, "images": "EGRESS_BLOCKED"}]}}, "$.maskline.messagingApps[0].means", "missing", "means"),
        ({"permittedInputMethods": {"packageNames": [1]}}, "$.permittedInputMethods.packageNames[0]", "type", "string"),
        ({"applications": [{"packageName": APP, "installType": "AVAILABLE", "managedConfiguration": {"n": 2**60}}]}, "$", "not-canonical", "canonical"),
        ({"longSupportMessage": {"defaultMessage": "x" * 300_000}}, "$", "too-large", "large"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(document: Any, path: str, code: str, en: str) -> None:
    """Fleet #35211: an enum that is none; Fleet #53296: a rule with one action; deprecated names."""
    fault = DOCUMENTS.faults(document)[0]
    assert (fault.path, fault.code) == (path, code)
    assert en in fault.en
    assert fault.zh
    with pytest.raises(DocumentInvalid):
        DOCUMENTS.normal(document)


def test_all_faults_are_told_at_once() -> None:
    faults = DOCUMENTS.faults({"cameraDisabled": True, "smsDisabled": 1, "playStoreMode": "GREYLIST"})
    assert [fault.path for fault in faults] == ["$.cameraDisabled", "$.smsDisabled", "$.playStoreMode"]


@pytest.mark.parametrize("ready", ready_policies(), ids=lambda ready: ready.key)
def test_the_ready_policies_are_acceptable(ready: Any) -> None:
    assert DOCUMENTS.faults(ready.document) == ()
    assert DOCUMENTS.settings(ready.document)


def test_the_ready_policies_lock_what_the_seeds_list() -> None:
    found = {ready.key: DOCUMENTS.settings(ready.document) for ready in ready_policies()}
    strict = found["strict-collection"]
    assert strict["playStoreMode"] == "WHITELIST"
    assert strict[f"applications[{APP}].installType"] == "FORCE_INSTALLED"
    assert strict[f"maskline.messagingApps[{APP}].files"] == "EGRESS_BLOCKED"
    assert strict["maskline.numberHiding"] == "NUMBER_HIDING_FULL"
    assert found["incident"]["maskline.frozen"] is True
    assert set(found) == {"strict-collection", "sales", "incident"}


def test_order_says_nothing_and_the_bytes_are_rfc_8785() -> None:
    one = {
        "applications": [
            {"installType": "BLOCKED", "packageName": "b.b"},
            {"packageName": "a.a", "installType": "AVAILABLE"},
        ],
        "keyguardDisabledFeatures": ["TRUST_AGENTS", "CAMERA", "CAMERA"],
        "maskline": {
            "permittedHours": [
                {"day": "MONDAY", "startMinutes": 600, "endMinutes": 720},
                {"day": "MONDAY", "startMinutes": 540, "endMinutes": 630},
            ]
        },
    }
    other = {
        "maskline": {"permittedHours": [{"endMinutes": 720, "startMinutes": 540, "day": "MONDAY"}]},
        "keyguardDisabledFeatures": ["CAMERA", "TRUST_AGENTS"],
        "applications": list(reversed(one["applications"])),
    }
    assert canonical_bytes(DOCUMENTS.normal(one)) == canonical_bytes(DOCUMENTS.normal(other))
    assert canonical_bytes({"b": 1, "a": "号"}) == '{"a":"号","b":1}'.encode()
    assert sha256_of({}) == hashlib.sha256(b"{}").hexdigest()


def test_an_unrelated_change_leaves_the_other_settings_hashes_alone() -> None:
    """Fleet #43456: a version bump must not send verified settings back to pending."""
    document = dict(ready_policies()[0].document)
    before = {n: setting_sha256(n, v) for n, v in DOCUMENTS.settings(document).items()}
    document["adjustVolumeDisabled"] = True
    after = {n: setting_sha256(n, v) for n, v in DOCUMENTS.settings(document).items()}
    assert set(after) - set(before) == {"adjustVolumeDisabled"}
    assert {name: after[name] for name in before} == before


def test_a_hash_tells_settings_apart() -> None:
    hashes = {
        setting_sha256(name, value)
        for name in ("smsDisabled", "outgoingCallsDisabled")
        for value in (True, False)
    }
    assert len(hashes) == 4


@pytest.mark.parametrize("ready", ready_policies(), ids=lambda ready: ready.key)
def test_settings_make_the_document_again(ready: Any) -> None:
    flat = flatten(ready.document, table())
    assert flatten(assemble(flat, table()), table()) == flat


def test_names_of_settings_are_taken_apart() -> None:
    assert pattern_of(f"applications[{APP}].installType") == "applications[].installType"
    assert [step.key for step in steps_of(f"applications[{APP}].installType")] == [APP, None]
    for bad in ("", "a.", ".a", "a[b", "a b"):
        with pytest.raises(ValueError, match="not the name"):
            steps_of(bad)


def test_a_diff_says_which_way() -> None:
    before = {
        "cameraAccess": "CAMERA_ACCESS_DISABLED",
        "smsDisabled": False,
        "systemUpdate": {"type": "AUTOMATIC"},
    }
    after = {
        "cameraAccess": "CAMERA_ACCESS_USER_CHOICE",
        "smsDisabled": True,
        "systemUpdate": {"type": "POSTPONE"},
        "funDisabled": True,
    }
    found = {one.setting: (one.change, one.direction) for one in diff(before, after, table())}
    assert found == {
        "cameraAccess": (Change.CHANGED, Direction.LAXER),
        "smsDisabled": (Change.CHANGED, Direction.STRICTER),
        "systemUpdate": (Change.CHANGED, Direction.DIFFERENT),
        "funDisabled": (Change.ADDED, Direction.STRICTER),
    }
    assert diff(after, after, table()) == ()


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
STRICT = ready_policies()[0].document


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a good document with something put in the place of something, anywhere."""
    document: dict[str, Any] = copy.deepcopy(dict(STRICT))
    place: Any = document
    while True:
        key = draw(
            st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1)
        )
        if isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 2)):
            place = place[key]
            continue
        place[key] = draw(JSON_VALUES)
        return document


@settings(max_examples=150)
@given(spoilt())
def test_whatever_is_in_a_document_it_is_answered(document: dict[str, Any]) -> None:
    """Headwind 5.30: a newline in a payload broke the push. Here: faults with a place, or a normal form."""
    faults = DOCUMENTS.faults(document)
    assert all(fault.path.startswith("$") and fault.zh and fault.en for fault in faults)
    if not faults:
        normal = DOCUMENTS.normal(document)
        assert DOCUMENTS.faults(normal) == ()
        assert DOCUMENTS.normal(normal) == normal
