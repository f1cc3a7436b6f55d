"""What goes wrong in practice in other systems, each a test that passes here, on both databases.

Issues of fleetdm/fleet by their numbers, releases of Headwind MDM (h-mdm) by theirs. `LIST` names every one with
its tests, here or where their ground is.
"""

import ast
import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.access.model import Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from devicepolicy.commands import kinds
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.machine import CommandState
from devicepolicy.devices.compliance import Reason
from devicepolicy.devices.events import (
    ComplianceChanged,
    DesiredChanged,
    DeviceCameBack,
    DeviceWentOffline,
)
from devicepolicy.devices.model import SEEN_EVERY, ComplianceState
from devicepolicy.policies.assignments import Target
from devicepolicy.policies.errors import DocumentInvalid
from devicepolicy.policies.model import Layer, TargetKind
from devicepolicy.policies.schema import schemas
from devicepolicy.uploads.wanted import Wanted
from tests.support.commanding import CommandHouse
from tests.support.fleet import POLICY, House, SimPhone
from tests.support.policing import PolicyHouse

HERE = Path(__file__).parent
UNIT = "../../unit/devicepolicy"
MACHINE = f"{UNIT}/test_command_machine.py"
LIST: dict[str, tuple[str, ...]] = {
    "Fleet #53296": (
        "test_fleet_53296_a_rejected_push_that_is_mended_is_delivered_and_nobody_is_verified_before",
        "test_fleet_53296_a_phone_that_claims_what_it_did_not_apply_is_found_out",
    ),
    "Fleet #43456": (
        "test_fleet_43456_an_unrelated_version_flips_no_verified_setting_back",
        f"{UNIT}/test_policy_document.py::test_an_unrelated_change_leaves_the_other_settings_hashes_alone",
    ),
    "Fleet #35659": ("test_fleet_35659_every_report_judges_every_setting_anew",),
    "Fleet #50357": ("test_fleet_50357_a_failures_text_is_gone_once_it_is_verified",),
    "Fleet #33265": ("test_fleet_33265_35613_a_phone_is_pending_the_moment_something_else_is_wanted",),
    "Fleet #35613": ("test_fleet_33265_35613_a_phone_is_pending_the_moment_something_else_is_wanted",),
    "Fleet #13272": (
        "test_fleet_13272_45617_lock_and_wipe_wait_for_an_absent_locked_phone_in_order",
        f"{MACHINE}::test_a_lock_and_a_wipe_for_a_phone_that_is_off_both_come_in_order_and_stay_in_the_history",
    ),
    "Fleet #45617": ("test_fleet_13272_45617_lock_and_wipe_wait_for_an_absent_locked_phone_in_order",),
    "Fleet 4.91": ("test_fleet_4_91_a_lost_result_is_asked_for_and_the_command_given_out_again",),
    "Fleet #23232": ("test_fleet_23232_the_orders_that_customers_want_first",),
    "Fleet #35211": (
        "test_fleet_35211_an_enum_that_is_none_is_refused_here_and_nothing_is_stored",
        f"{UNIT}/test_policy_document.py::test_what_is_wrong_is_said_with_its_place",
    ),
    "Headwind 5.38": (
        "test_devices_api.py::test_headwind_5_38_5_33_nobody_reads_a_phone_beyond_their_scope",
    ),
    "Headwind 5.33": (
        "test_devices_api.py::test_headwind_5_38_5_33_nobody_reads_a_phone_beyond_their_scope",
    ),
    "Headwind 5.27": (
        "test_wake_mqtt.py::test_headwind_5_27_the_first_word_to_a_new_phone_is_not_lost",
        "test_wake_mqtt.py::test_headwind_5_27_no_phone_can_speak_or_hear_what_is_not_its_own",
    ),
    "Headwind 5.30": (
        "test_headwind_5_30_every_character_of_a_text_arrives",
        "test_commands_api.py::test_every_text_survives_from_the_request_to_the_phone",
    ),
    "Headwind 5.37": (
        "test_wake.py::test_headwind_5_37_phones_that_come_and_go_leave_no_descriptor_open",
        "test_headwind_5_37_no_day_of_the_calendar_stops_what_is_due",
    ),
    "Headwind agent 6.36": ("test_headwind_agent_6_36_several_orders_of_one_type_are_each_carried_out_once",),
    "OpenHarmony 9200010": (
        "test_openharmony_9200010_conflicting_policies_give_the_strictest_in_any_order",
        f"{UNIT}/test_policy_merge.py::test_the_order_in_which_layers_are_given_says_nothing",
    ),
}
K, S = CommandKind, CommandState
STRICTER = {**POLICY, "bluetoothDisabled": True}


@pytest.fixture
def orders(database: Database, clock: ManualClock) -> CommandHouse:
    return CommandHouse(database, clock)


@pytest.fixture
def policies(database: Database, clock: ManualClock) -> PolicyHouse:
    return PolicyHouse(database, clock)


@pytest.mark.parametrize("issue", LIST)
def test_every_known_bug_has_its_tests(issue: str) -> None:
    for name in LIST[issue]:
        place, _, test = name.rpartition("::")
        source = (HERE / place if place else Path(__file__)).read_text("utf-8")
        found = {
            node.name: ast.get_docstring(node) or ""
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert issue.rsplit(maxsplit=1)[-1] in found[test], f"{test} says which bug it is about"


async def settings_of(house: House, phone: SimPhone) -> dict[str, str]:
    found = (await house.row(phone.device_id)).settings["settings"]
    return {name: status["state"] for name, status in found.items()}


async def compliance(house: House, phone: SimPhone) -> ComplianceState:
    return (await house.row(phone.device_id)).compliance


async def test_fleet_53296_a_rejected_push_that_is_mended_is_delivered_and_nobody_is_verified_before(
    house: House,
) -> None:
    """Fleet #53296: a push was rejected, its correction never delivered, new hosts were "Verified" with nothing."""
    phone = await house.phone()
    phone.refuses["cameraAccess"] = (Reason.INVALID_VALUE, "rejected")
    assert (await phone.obey())["compliance"] == "NOT_COMPLIANT"
    await house.policy({"cameraAccess": "CAMERA_ACCESS_ENFORCED", "screenCaptureDisabled": True})
    phone.refuses.clear()
    late = await house.phone()
    assert await compliance(house, late) is ComplianceState.UNKNOWN, "who never told anything is not verified"
    assert set((await settings_of(house, late)).values()) == {"PENDING"}
    assert (await late.report())["compliance"] == "PENDING", "a report that names nothing proves nothing"
    wanted = await phone.fetch()
    assert wanted is not None, "what was mended is delivered to who rejected what was before"
    assert wanted["policy"]["cameraAccess"] == "CAMERA_ACCESS_ENFORCED"
    for one in (phone, late):
        one.etag = None
        assert (await one.obey())["compliance"] == "COMPLIANT"


async def test_fleet_53296_a_phone_that_claims_what_it_did_not_apply_is_found_out(house: House) -> None:
    """Fleet #53296: only a report that names version and hash of the document counts."""
    phone = await house.phone()
    wanted = await phone.fetch()
    assert wanted is not None
    phone.etag = None
    for claim in (
        {"applied_version": 1, "applied_sha256": wanted["sha256"], "settings": {}},
        {"applied_version": 1, "applied_sha256": "0" * 64},
        {"applied_version": 5000, "applied_sha256": wanted["sha256"]},
    ):
        assert (await phone.report(**claim))["compliance"] == "NOT_COMPLIANT", claim
    await phone.apply()
    assert (await phone.report(applied_sha256="0" * 64))["compliance"] == "NOT_COMPLIANT", (
        "all set, but by what?"
    )
    assert (await phone.report(applied_version=None, applied_sha256=None))["compliance"] == "PENDING"


async def test_fleet_43456_an_unrelated_version_flips_no_verified_setting_back(house: House) -> None:
    """Fleet #43456: the number of a version says nothing of a setting; the hash of its value does."""
    phone, other = await house.phone(), await house.phone()
    await phone.obey()
    await other.obey()
    await house.policy({"bluetoothDisabled": True}, other.device_id)
    assert (await house.row(phone.device_id)).desired_version == 1
    assert await compliance(house, phone) is ComplianceState.COMPLIANT
    row = await house.row(other.device_id)
    assert (row.desired_version, row.compliance) == (2, ComplianceState.PENDING)
    assert await settings_of(house, other) == {
        "cameraAccess": "APPLIED", "screenCaptureDisabled": "APPLIED", "bluetoothDisabled": "PENDING",
    }  # fmt: skip


@pytest.mark.parametrize("reason", [Reason.USER_ACTION, Reason.PENDING])
async def test_fleet_35659_every_report_judges_every_setting_anew(house: House, reason: Reason) -> None:
    """Fleet #35659: what had failed (USER_ACTION, PENDING) was never verified again."""
    phone = await house.phone()
    phone.refuses["cameraAccess"] = (reason, "not yet")
    answer = await phone.obey()
    assert answer["compliance"] == ("PENDING" if reason is Reason.PENDING else "NOT_COMPLIANT")
    phone.refuses.clear()
    phone.etag = None
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    phone.applied.pop("screenCaptureDisabled")
    assert (await phone.report())["problems"] == ["screenCaptureDisabled"], "and back again"


async def test_fleet_50357_a_failures_text_is_gone_once_it_is_verified(house: House) -> None:
    """Fleet #50357: "Verified" stood beside the text of a failure long past."""
    house.policies.rolling_out = True
    phone = await house.phone()
    phone.refuses["cameraAccess"] = (Reason.USER_ACTION, "the user said no")
    answer = await phone.obey()
    assert (answer["compliance"], answer["problems"]) == ("NOT_COMPLIANT", ["cameraAccess"])
    _, page = await house.ask(house.admin, "GET", f"/devices/{phone.device_id}")
    (failed,) = [line for line in page["settings"] if line["state"] == "FAILED"]
    assert (failed["reason"], failed["detail"]) == ("USER_ACTION", "the user said no")
    phone.refuses.clear()
    phone.etag = None
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    _, page = await house.ask(house.admin, "GET", f"/devices/{phone.device_id}")
    assert "said no" not in json.dumps({**page, "proofs": []})
    assert house.policies.noted_phones == [(phone.device_id, True), (phone.device_id, False)]


async def test_fleet_33265_35613_a_phone_is_pending_the_moment_something_else_is_wanted(house: House) -> None:
    """Fleet #33265 and #35613: hosts counted as verified while an update was under way."""
    house.hear(DesiredChanged, ComplianceChanged)
    phone = await house.phone()
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    house.events.clear()
    await house.policy(STRICTER)
    row = await house.row(phone.device_id)
    assert (row.compliance, row.compliance_since) == (ComplianceState.PENDING, house.clock.now())
    changed, told = house.events
    assert isinstance(changed, ComplianceChanged)
    assert isinstance(told, DesiredChanged)
    assert (told.device_id, told.version, changed.after) == (phone.device_id, 2, ComplianceState.PENDING)
    assert (await phone.report())["compliance"] == "PENDING", "the old document proves nothing of the new one"
    assert (await phone.obey())["compliance"] == "COMPLIANT"
    await house.policy({"cameraAccess": POLICY["cameraAccess"]})
    assert await settings_of(house, phone) == {"cameraAccess": "APPLIED"}
    assert await compliance(house, phone) is ComplianceState.PENDING, "what was dropped may still be in force"


async def test_fleet_13272_45617_lock_and_wipe_wait_for_an_absent_locked_phone_in_order(
    orders: CommandHouse,
) -> None:
    """Fleet #13272, #45617: an absent and locked phone gets both, in order, and its history shows both."""
    phone = await orders.phone()
    await orders.order(phone, kinds.LOCK)
    wipe = await orders.order(phone, kinds.Wipe(frozenset({kinds.WipeFlag.WIPE_EXTERNAL_STORAGE})))
    assert await phone.fetch() != [], "the lock is there"
    phone.kept.clear()
    await orders.commands.service.approve(orders.other_admin, wipe)
    for _ in range(20):
        await orders.pass_time(days=1)
    assert await orders.states(phone.device_id) == [(K.LOCK, S.DELIVERED), (K.WIPE, S.QUEUED)]
    assert await phone.do_all() == ["LOCK", "WIPE"]
    assert await orders.states(phone.device_id) == [(K.LOCK, S.SUCCEEDED), (K.WIPE, S.SUCCEEDED)]


async def test_fleet_4_91_a_lost_result_is_asked_for_and_the_command_given_out_again(
    orders: CommandHouse,
) -> None:
    """Fleet 4.91: a phone whose result got lost stayed stuck."""
    phone = await orders.phone()
    command_id = await orders.order(phone, kinds.REBOOT, validity_s=86400)
    await phone.fetch()
    await phone.carry_out(await phone.acknowledge())
    assert await phone.fetch() == []
    assert phone.wanted == ()
    connection = orders.hub.join(phone.device_id)
    assert await orders.pass_time(seconds=31) == 1
    assert [look.version for look in connection.take()] == [1], "the phone is woken to answer"
    assert await phone.fetch() == [], "known by its id, whatever number it has seen"
    assert phone.wanted == (command_id,)
    assert phone.kept[command_id]["seq"] == 1
    await phone.report()
    assert (await orders.states(phone.device_id)) == [(K.REBOOT, S.SUCCEEDED)]
    assert phone.done == [command_id]


async def test_fleet_23232_the_orders_that_customers_want_first(orders: CommandHouse) -> None:
    """Fleet #23232: lock, wipe, new password "urgently", then lost mode and giving up ownership."""
    phone = await orders.phone()
    wanted: list[kinds.Order] = [
        kinds.LOCK,
        kinds.ResetPassword("8512-new"),
        kinds.StartLostMode(message=kinds.Message("请归还")),
        kinds.STOP_LOST_MODE,
        kinds.RELINQUISH_OWNERSHIP,
        kinds.Wipe(),
    ]
    ids = [await orders.order(phone, one) for one in wanted]
    await orders.commands.service.approve(orders.other_admin, ids[-1])
    names = [one.kind.value for one in wanted]
    assert await phone.do_all() == names
    assert await orders.states(phone.device_id) == [(K(name), S.SUCCEEDED) for name in names]


async def test_fleet_35211_an_enum_that_is_none_is_refused_here_and_nothing_is_stored(
    policies: PolicyHouse,
) -> None:
    """Fleet #35211: "DISALLOWED" passed here and failed far away, at Google, with a 5xx."""
    admin = await policies.person(Role.ADMINISTRATOR)
    service = policies.policies.service
    enums = [
        (name, field)
        for name, field in schemas().fields("Policy").items()
        if field.type == "enum" and not field.deprecated
    ]
    assert len(enums) > 5
    for name, field in enums:
        for bad in ("DISALLOWED", field.values[-1].lower(), field.values[0], 1, None):
            with pytest.raises(DocumentInvalid) as refused:
                await service.create(admin, "策略", "", {name: bad})
            assert {fault.path for fault in refused.value.faults} == {f"$.{name}"}, (name, bad)
    assert await service.find(admin) == []


async def test_headwind_5_30_every_character_of_a_text_arrives(orders: CommandHouse) -> None:
    """Headwind 5.30: a push with a newline or a tab in it was broken."""
    phone = await orders.phone()
    said = "第一行\n第二行\t\"引号\" 'x' \\ \r\n 📵👩‍💼 \u2028 {} </script> %s ﷽"
    message = kinds.Message(said, {"zh-CN": said, "en": "a\tb\nc"})
    await orders.order(phone, kinds.StartLostMode(message=message, organization=message))
    (fresh,) = await phone.fetch()
    expected = {"defaultMessage": said, "localizedMessages": {"zh-CN": said, "en": "a\tb\nc"}}
    assert fresh["startLostModeParams"] == {"lostMessage": expected, "lostOrganization": expected}


ODD_DAYS = {
    "new year in UTC": datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
    "new year in Shanghai": datetime(2026, 12, 31, 15, 59, tzinfo=UTC),
    "the first of January": datetime(2027, 1, 1, 3, 0, tzinfo=UTC),
    "the end of January": datetime(2027, 1, 31, 23, 59, tzinfo=UTC),
    "before a leap day": datetime(2028, 2, 28, 23, 59, tzinfo=UTC),
    "a leap day": datetime(2028, 2, 29, 15, 59, tzinfo=UTC),
    "the last second of 32 bits": datetime(2038, 1, 19, 3, 14, tzinfo=UTC),
}


@pytest.mark.parametrize("day", ODD_DAYS)
async def test_headwind_5_37_no_day_of_the_calendar_stops_what_is_due(
    database: Database, settings: Settings, day: str
) -> None:
    """Headwind 5.37: what was scheduled went wrong in January."""
    clock = ManualClock(ODD_DAYS[day])
    house, orders = House(database, clock, settings), CommandHouse(database, clock)
    house.hear(DeviceWentOffline, DeviceCameBack)
    phone = await orders.phone()
    async with database.begin() as session:
        (await house.fleet.register.locked(session, phone.device_id)).last_seen_at = clock.now()
    await orders.order(phone, kinds.REBOOT)
    await orders.pass_time(seconds=settings.phones.commands.validity_s - 1)
    assert await orders.states(phone.device_id) == [(K.REBOOT, S.QUEUED)]
    await orders.pass_time(seconds=1)
    assert await orders.states(phone.device_id) == [(K.REBOOT, S.EXPIRED)]
    left = settings.phones.reports.offline_s - settings.phones.commands.validity_s
    clock.advance(timedelta(seconds=left))
    await house.fleet.sweep()
    assert house.events == []
    clock.advance(timedelta(seconds=1) + SEEN_EVERY)
    await house.fleet.sweep()
    assert [event.device_id for event in house.events] == [phone.device_id]
    zone = ZoneInfo("Asia/Shanghai")
    local = clock.now().astimezone(zone)
    minute = local.hour * 60 + local.minute
    names = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
    window = {"day": names[local.weekday()], "startMinutes": minute, "endMinutes": minute + 1}
    wanted = Wanted.of({"maskline": {"permittedHours": [window]}}, zone)
    assert [wanted.outside(clock.now() + timedelta(minutes=by)) for by in (-1, 0, 1)] == [True, False, True]


async def test_headwind_agent_6_36_several_orders_of_one_type_are_each_carried_out_once(
    orders: CommandHouse,
) -> None:
    """Headwind agent 6.36 took several pushes of one type for one."""
    phone = await orders.phone()
    texts = ["一", "二", "三"]
    for said in texts:
        await orders.order(phone, kinds.StartLostMode(message=kinds.Message(said)))
    fresh = await phone.fetch()
    assert [one["seq"] for one in fresh] == [1, 2, 3]
    said = [one["startLostModeParams"]["lostMessage"]["defaultMessage"] for one in fresh]
    assert said == texts
    assert await phone.fetch() == [], "the same ones again"
    leave = await phone.acknowledge()
    assert list(leave) == [one["command_id"] for one in fresh]
    await phone.carry_out(leave)
    for _ in range(3):
        known = await phone.report()
    assert set(known.values()) == {S.SUCCEEDED}
    assert len([1 for kind, _ in await orders.told() if kind == "command.finished"]) == 3


async def test_openharmony_9200010_conflicting_policies_give_the_strictest_in_any_order(
    policies: PolicyHouse,
) -> None:
    """OpenHarmony refuses with 9200010, Fleet takes "most recent wins": here neither order nor time decides."""
    admin = await policies.person(Role.ADMINISTRATOR)
    team = await policies.department("一组")
    contents = {
        "宽": {"cameraAccess": "CAMERA_ACCESS_USER_CHOICE", "maximumTimeToLock": "900000"},
        "严": {"cameraAccess": "CAMERA_ACCESS_DISABLED", "maximumTimeToLock": "600000"},
        "短": {"cameraAccess": "CAMERA_ACCESS_ENFORCED", "maximumTimeToLock": "60000"},
    }
    ids = {name: await policies.published(admin, name, content) for name, content in contents.items()}
    found = set()
    for first, second, third in permutations(ids):
        phone = await policies.phone(team)
        targets = {
            first: (Layer.ORGANISATION, Target(TargetKind.EVERYBODY)),
            second: (Layer.DEPARTMENT, Target(TargetKind.DEPARTMENT, team.id)),
            third: (Layer.DEVICE, Target(TargetKind.DEVICE, phone.device_id)),
        }
        made = [
            await policies.policies.assignments.assign(admin, layer, target, ids[name], 1)
            for name, (layer, target) in sorted(targets.items())
        ]
        effective = await policies.effective(phone)
        sources = {name: source.policy_name for name, source in effective.provenance.items()}
        assert sources == {"cameraAccess": "严", "maximumTimeToLock": "短"}
        found.add(effective.sha256)
        for one in made:
            await policies.policies.assignments.unassign(admin, one.id)
    assert len(found) == 1
