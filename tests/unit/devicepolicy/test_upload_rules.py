"""What is collected of a phone: the catalogue, the policy's wishes, the hours, one form of a number."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import yaml

from devicepolicy.policies.schema import FOLDER
from devicepolicy.uploads.catalogue import OutsideHours, catalogue
from devicepolicy.uploads.model import EventKind, Outcome, RecordKind, normal
from devicepolicy.uploads.wanted import Wanted, refusal
from maskline.wiring.uploads import _CONDUCT
from qa.conduct.catalogue import own_catalogue

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, 12:00 in Shanghai


def test_the_catalogue_is_complete_and_names_conduct_as_the_policy_does() -> None:
    kinds = catalogue()
    own = yaml.safe_load((FOLDER / "own.yaml").read_text("utf-8"))["schemas"]["Maskline"]
    assert set(own["conductEvents"]["items"]["values"]) == {kind.value for kind in kinds.events}
    assert set(kinds.events) == set(EventKind) == set(_CONDUCT)
    assert set(kinds.records) == set(RecordKind)
    assert all(entry.zh and entry.en for entry in (*kinds.events.values(), *kinds.records.values()))
    deleting = {kind for kind, entry in kinds.events.items() if entry.deletes}
    assert deleting == {EventKind.CONTACT_DELETED, EventKind.CHAT_DELETED}
    assert kinds.events[EventKind.LOCATION_SHARED].outside_hours is OutsideHours.DROP


def test_what_an_accessibility_rule_sees_has_its_context_and_its_severity() -> None:
    """Blocking, editing and a new sign-in: what each may carry, and what is kept outside of the hours."""
    kinds = catalogue().events
    found = {
        kind: (str(kinds[kind].severity), sorted(kinds[kind].evidence), kinds[kind].outside_hours)
        for kind in (EventKind.CONTACT_BLOCKED, EventKind.MESSAGE_EDITED, EventKind.CHAT_APP_NEW_LOGIN)
    }
    assert found == {
        EventKind.CONTACT_BLOCKED: ("severe", ["app", "counterpart"], OutsideHours.KEEP),
        EventKind.MESSAGE_EDITED: ("moderate", ["app", "counterpart", "records"], OutsideHours.CUSTOMERS),
        EventKind.CHAT_APP_NEW_LOGIN: ("severe", ["app", "platform"], OutsideHours.KEEP),
    }
    known = own_catalogue()
    for kind, entry in kinds.items():
        judged = known.kinds[_CONDUCT[kind]]
        assert judged.severity == str(entry.severity), f"{kind}: the phone's and the alert's severity"


def test_without_a_policy_nothing_is_collected() -> None:
    wanted = Wanted.of({}, SHANGHAI)
    assert not any(wanted.record(kind, "com.tencent.mm") for kind in RecordKind)
    assert wanted.events == frozenset()
    assert not wanted.sim_calls


@pytest.mark.parametrize(
    ("own", "kind"),
    [
        ({"uploads": {"callLog": True}}, RecordKind.CALL),
        ({"uploads": {"sms": True}}, RecordKind.SMS),
        ({"simMessages": "SIM_MESSAGES_UPLOADED"}, RecordKind.SMS),
        ({"messagingApps": [{"packageName": "com.tencent.mm"}]}, RecordKind.CHAT),
        ({"uploads": {"simRecordings": True}}, RecordKind.RECORDING),
        ({"simCalls": "SIM_CALLS_RECORDED"}, RecordKind.RECORDING),
    ],
)
def test_each_wish_is_for_its_own_kind(own: dict[str, object], kind: RecordKind) -> None:
    assert Wanted.of({"maskline": own}, SHANGHAI).kinds == {kind}


def test_hours_are_those_of_the_institution_and_end_before_their_last_minute() -> None:
    windows = [{"day": "MONDAY", "startMinutes": 540, "endMinutes": 720}]
    wanted = Wanted.of({"maskline": {"permittedHours": windows}}, SHANGHAI)
    outside = [wanted.outside(NOON + timedelta(minutes=minutes)) for minutes in (-181, -180, -1, 0)]
    assert outside == [True, False, False, True]
    assert wanted.outside(NOON + timedelta(days=1, minutes=-5)), "Tuesday"
    assert not Wanted.of({}, SHANGHAI).outside(NOON), "without windows there is no outside"


@pytest.mark.parametrize(
    ("rule", "of_customer", "wanted"),
    [
        (OutsideHours.KEEP, False, None),
        (OutsideHours.CUSTOMERS, True, None),
        (OutsideHours.CUSTOMERS, False, Outcome.OUTSIDE_HOURS),
        (OutsideHours.DROP, True, Outcome.OUTSIDE_HOURS),
    ],
)
def test_outside_of_the_hours_the_catalogue_decides(
    rule: OutsideHours, of_customer: bool, wanted: Outcome | None
) -> None:
    found = refusal(rule, wanted=True, outside=True, of_customer=of_customer, at=NOON, since=NOON)
    assert found is wanted
    inside = refusal(rule, wanted=True, outside=False, of_customer=of_customer, at=NOON, since=NOON)
    assert inside is None


def test_consent_and_policy_come_before_the_hours() -> None:
    more = {"outside": True, "of_customer": True, "at": NOON, "since": NOON + timedelta(seconds=1)}
    assert refusal(OutsideHours.KEEP, wanted=False, **more) is Outcome.NOT_WANTED
    assert refusal(OutsideHours.KEEP, wanted=True, **more) is Outcome.BEFORE_CONSENT


@pytest.mark.parametrize(
    "written",
    ["13800138000", "+86 138-0013-8000", "008613800138000", "８６１３８００１３８０００", "(138) 00138000"],
)
def test_a_number_has_one_form_however_it_is_written(written: str) -> None:
    assert normal(written) == "13800138000"


def test_an_apps_name_is_not_taken_for_a_number() -> None:
    assert normal(" WXID_13800138000 ") == "wxid_13800138000"
    assert normal("10086") == "10086"


def test_layers_that_leave_no_hour_in_common_permit_none() -> None:
    assert Wanted.of({"maskline": {"permittedHours": []}}, SHANGHAI).outside(NOON)


def test_only_calls_of_the_effective_duration_are_recorded() -> None:
    wanted = Wanted.of(
        {"maskline": {"uploads": {"simRecordings": True, "effectiveCallSeconds": 15}}}, SHANGHAI
    )
    assert [wanted.recording(seconds) for seconds in (14, 15)] == [False, True]
    assert Wanted.of({"maskline": {"uploads": {"simRecordings": True}}}, SHANGHAI).recording(0)
    assert not Wanted.of({"maskline": {"uploads": {"callLog": True}}}, SHANGHAI).recording(600)
