"""How a phone is judged. Each row of real bugs elsewhere that belongs here is a test by its name."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from devicepolicy.devices.compliance import (
    CANNOT,
    Compliance,
    Fault,
    Reason,
    Reported,
    SettingReport,
    SettingState,
    Wanted,
    judge,
)
from devicepolicy.devices.model import ComplianceState

WANTED = Wanted(3, "doc3", {"cameraAccess": "off", "screenCaptureDisabled": "yes"})
ALL = {"cameraAccess": SettingReport("off"), "screenCaptureDisabled": SettingReport("yes")}
GOOD = Reported(3, "doc3", ALL)


def judged(reported: Reported | None, wanted: Wanted = WANTED, **expected: Reason) -> Compliance:
    return judge(wanted, reported, expected)


def states(compliance: Compliance) -> dict[str, SettingState]:
    return {name: status.state for name, status in compliance.settings.items()}


def with_camera(report: SettingReport | None, base: Reported = GOOD) -> Reported:
    rest = {name: said for name, said in base.settings.items() if name != "cameraAccess"}
    return replace(base, settings=rest if report is None else {**rest, "cameraAccess": report})


def test_a_phone_that_proves_version_hash_and_every_setting_is_compliant() -> None:
    found = judged(GOOD)
    assert found.state is ComplianceState.COMPLIANT
    assert found.counts == {"APPLIED": 2}


def test_fleet_53296_nothing_is_verified_without_the_phones_own_report_of_version_and_hash() -> None:
    """A new host showed "Verified" with nothing applied: here only the named version and hash count."""
    assert judged(None).state is ComplianceState.UNKNOWN
    assert states(judged(None)) == dict.fromkeys(WANTED.settings, SettingState.PENDING)
    assert judged(Reported(None, None, {})).state is ComplianceState.PENDING
    assert judged(replace(GOOD, version=None, sha256=None)).state is ComplianceState.PENDING
    lying = judged(replace(GOOD, sha256="another"))
    assert (lying.state, lying.faults) == (ComplianceState.NOT_COMPLIANT, (Fault.DOCUMENT_DIFFERS,))
    future = judged(replace(GOOD, version=4))
    assert (future.state, future.faults) == (ComplianceState.NOT_COMPLIANT, (Fault.VERSION_UNKNOWN,))


def test_fleet_53296_the_right_version_with_no_settings_is_not_compliance() -> None:
    found = judged(replace(GOOD, settings={}))
    assert found.state is ComplianceState.NOT_COMPLIANT
    assert {status.reason for status in found.settings.values()} == {Reason.NOT_REPORTED}


def test_fleet_43456_an_unrelated_version_does_not_flip_settings_back_to_pending() -> None:
    """The same hashes under a newer document stay applied; only the phone as a whole waits."""
    newer = Wanted(4, "doc4", {**WANTED.settings, "bluetoothDisabled": "yes"})
    found = judged(GOOD, newer)
    assert found.state is ComplianceState.PENDING
    assert states(found) == {
        "cameraAccess": SettingState.APPLIED,
        "screenCaptureDisabled": SettingState.APPLIED,
        "bluetoothDisabled": SettingState.PENDING,
    }


def test_fleet_35659_each_report_judges_every_setting_again() -> None:
    """Failed with USER_ACTION or PENDING was never looked at again."""
    for reason in (Reason.USER_ACTION, Reason.PENDING):
        first = judged(with_camera(SettingReport("on", reason, "wait for the user")))
        assert first.state is not ComplianceState.COMPLIANT
        assert judged(GOOD).state is ComplianceState.COMPLIANT


def test_fleet_50357_no_stale_failure_text_after_it_is_applied() -> None:
    failed = judged(with_camera(SettingReport("on", Reason.USER_ACTION, "the user refused")))
    assert failed.settings["cameraAccess"].detail == "the user refused"
    both = judged(with_camera(SettingReport("off", Reason.USER_ACTION, "the user refused")))
    for found in (judged(GOOD), both):
        assert found.settings["cameraAccess"].state is SettingState.APPLIED
        assert found.settings["cameraAccess"].detail is None
        assert found.settings["cameraAccess"].reason is None


def test_fleet_50357_nor_while_a_newer_document_is_on_its_way() -> None:
    newer = replace(WANTED, version=4, sha256="doc4")
    waiting = judged(with_camera(SettingReport("on", Reason.USER_ACTION, "the user refused")), newer)
    assert waiting.settings["cameraAccess"].state is SettingState.PENDING
    assert waiting.settings["cameraAccess"].detail is None


def test_fleet_33265_and_35613_pending_the_moment_desired_is_not_applied() -> None:
    newer = replace(WANTED, version=4, sha256="doc4")
    assert judged(GOOD).state is ComplianceState.COMPLIANT
    assert judged(GOOD, newer).state is ComplianceState.PENDING
    changed = replace(newer, settings={**WANTED.settings, "cameraAccess": "on"})
    assert states(judged(GOOD, changed))["cameraAccess"] is SettingState.PENDING


def test_expected_non_compliance_needs_the_phones_word_and_our_table() -> None:
    said = with_camera(SettingReport(None, Reason.API_LEVEL, "Android 9"))
    assert judged(said, cameraAccess=Reason.API_LEVEL).state is ComplianceState.COMPLIANT
    assert judged(said, cameraAccess=Reason.API_LEVEL).counts == {"APPLIED": 1, "EXPECTED": 1}
    assert judged(said).state is ComplianceState.NOT_COMPLIANT, (
        "the phone says that it cannot; we know better"
    )
    silent = judged(with_camera(None), cameraAccess=Reason.API_LEVEL)
    assert silent.settings["cameraAccess"].reason is Reason.NOT_REPORTED
    excuse = judged(with_camera(SettingReport("on", Reason.USER_ACTION)), cameraAccess=Reason.API_LEVEL)
    assert excuse.state is ComplianceState.NOT_COMPLIANT


def test_a_phone_that_did_more_than_expected_of_it_is_believed() -> None:
    assert judged(GOOD, cameraAccess=Reason.UNSUPPORTED).counts == {"APPLIED": 2}


def test_another_value_in_force_is_told_with_its_hash() -> None:
    status = judged(with_camera(SettingReport("on"))).settings["cameraAccess"]
    assert (status.state, status.reason, status.reported) == (SettingState.FAILED, Reason.VALUE_DIFFERS, "on")


def test_a_phone_that_is_not_locked_as_wanted_is_not_compliant() -> None:
    frozen = replace(WANTED, state="DISABLED")
    assert judged(GOOD, frozen).faults == (Fault.STATE_DIFFERS,)
    assert judged(replace(GOOD, state="DISABLED"), frozen).state is ComplianceState.COMPLIANT
    earlier = replace(frozen, version=4, sha256="doc4")
    assert judged(GOOD, earlier).state is ComplianceState.PENDING


NAMES = st.sampled_from(["a", "b", "c"])
HASHES = st.sampled_from(["x", "y"])
REPORTS = st.builds(
    SettingReport, st.none() | HASHES, st.none() | st.sampled_from(Reason), st.none() | st.just("t")
)
REPORTED = st.builds(
    Reported, st.none() | st.integers(0, 4), st.none() | st.sampled_from(["d2", "d3"]),
    st.dictionaries(NAMES, REPORTS), st.sampled_from(["ACTIVE", "DISABLED"]),
)  # fmt: skip


@given(
    st.dictionaries(NAMES, HASHES),
    st.none() | REPORTED,
    st.dictionaries(NAMES, st.sampled_from(sorted(CANNOT))),
)
def test_compliant_means_proved(settings, reported, expected) -> None:
    """Whatever is reported: compliant only with our version, our hash, and each setting proved or excused."""
    wanted = Wanted(3, "d3", settings)
    found = judge(wanted, reported, expected)
    assert set(found.settings) == set(settings)
    for name, status in found.settings.items():
        said = reported.settings.get(name) if reported else None
        if status.state is SettingState.APPLIED:
            assert said is not None
            assert said.sha256 == settings[name]
        if status.state is SettingState.EXPECTED:
            assert name in expected
            assert said is not None
            assert said.reason in CANNOT
    if found.state is ComplianceState.COMPLIANT:
        assert reported is not None
        assert (reported.version, reported.sha256, reported.state) == (3, "d3", "ACTIVE")
        assert {status.state for status in found.settings.values()} <= {
            SettingState.APPLIED,
            SettingState.EXPECTED,
        }
        assert not found.faults
