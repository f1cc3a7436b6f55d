"""The reference agent collects nothing outside of permitted hours, whatever is done to the phone's clock."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from devicepolicy.agent.backlog import Backlog
from devicepolicy.agent.client import Client
from devicepolicy.agent.collector import Collector
from devicepolicy.agent.memory import Memory
from devicepolicy.agent.phone import SimulatedPhone
from devicepolicy.agent.store import MemoryStore
from devicepolicy.agent.wishes import _OWN_STATE, CHINA

APP = "com.tencent.mm"
NUMBER = "13900000001"
KINDS = (*sorted(_OWN_STATE), "RED_PACKET", "SIM_CALL_OUTSIDE_GATEWAY")
WORK = {"day": "MONDAY", "startMinutes": 9 * 60, "endMinutes": 18 * 60}
MONDAY = datetime(2026, 11, 23, tzinfo=CHINA)


class Carried:
    """A phone in somebody's pocket, with a clock that can be set and one that cannot."""

    def __init__(self, *windows: Mapping[str, Any]) -> None:
        self.store = MemoryStore()
        self.now = MONDAY  # the world's time, which is the server's
        self.set_by = timedelta()
        values: dict[str, Any] = {
            "maskline.permittedHours": list(windows),
            "maskline.uploads.callLog": True,
            "maskline.uploads.sms": True,
            "maskline.uploads.simRecordings": True,
            "maskline.conductEvents": list(KINDS),
            f"maskline.messagingApps[{APP}].images": "EGRESS_BLOCKED",
        }
        Memory(device_id="d" * 32, terms_version="1").save(self.store)
        self.store.write("phone", {"values": values})
        self.switch_on()

    def switch_on(self) -> None:
        """Start the agent on what is on the disk."""
        phone = SimulatedPhone(self.store)
        self.memory = Memory.of(self.store)
        client = Client(None, self.memory, wall=self._wall, faults=phone.faults)  # type: ignore[arg-type] - never asks
        self.backlog = Backlog(self.store)
        self.collector = Collector(self.backlog, phone, self.memory, client, steady=self._steady)

    def _steady(self) -> float:
        return self.now.timestamp()

    def _wall(self) -> float:
        return (self.now + self.set_by).timestamp()

    def heard_from_the_server(self) -> None:
        """A document signed by the server came."""
        self.memory.offset_s = self.now.timestamp() - self._wall()
        self.memory.floor_s = self.now.timestamp()
        self.memory.save(self.store)

    def at(self, *, day: int = 0, hour: int = 0, minute: int = 0, second: int = 0) -> "Carried":
        self.now = MONDAY + timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        return self

    def lives(self) -> list[str]:
        """Everything happens that can be collected; gives what was kept of it."""
        before = {one.item["id"] for one in self.backlog.items(1000)}
        sounds = len(self.backlog.sounds())
        collector = self.collector
        collector.call(NUMBER, outgoing=True, duration_s=60, sound=b"#!AMR\n" + bytes(100))
        collector.sms(NUMBER, "您好", outgoing=False)
        collector.chat(APP, NUMBER, "在吗", outgoing=True)
        for kind in KINDS[:-1]:  # the last comes of the call
            collector.event(kind)
        kept = [str(one.item["kind"]) for one in self.backlog.items(1000) if one.item["id"] not in before]
        return kept + ["SOUND"] * (len(self.backlog.sounds()) - sounds)


EVERYTHING = sorted(["CALL", "SMS", "CHAT", "SOUND", *KINDS])


def nothing_private(kept: list[str]) -> bool:
    return sorted(kept) == sorted(_OWN_STATE)


@pytest.fixture
def phone() -> Iterator[Carried]:
    return Carried(WORK)


@pytest.mark.parametrize(
    ("day", "hour", "minute", "second", "permitted"),
    [
        (0, 8, 59, 59, False),
        (0, 9, 0, 0, True),
        (0, 17, 59, 59, True),
        (0, 18, 0, 0, False),
        (1, 12, 0, 0, False),
        (6, 12, 0, 0, False),
        (7, 12, 0, 0, True),
    ],
)
def test_only_within_the_window_of_its_day(
    phone: Carried, day: int, hour: int, minute: int, second: int, permitted: bool
) -> None:
    kept = phone.at(day=day, hour=hour, minute=minute, second=second).lives()
    assert sorted(kept) == EVERYTHING if permitted else nothing_private(kept)


def test_midnight_belongs_to_the_next_day() -> None:
    evening = {"day": "MONDAY", "startMinutes": 22 * 60, "endMinutes": 1440}
    alone, over = Carried(evening), Carried(evening, {"day": "TUESDAY", "startMinutes": 0, "endMinutes": 60})
    for phone in (alone, over):
        assert sorted(phone.at(hour=23, minute=59, second=59).lives()) == EVERYTHING
    assert nothing_private(alone.at(day=1).lives())
    assert sorted(over.at(day=1).lives()) == EVERYTHING
    assert sorted(over.at(day=1, minute=59, second=59).lives()) == EVERYTHING
    assert nothing_private(over.at(day=1, hour=1).lives())


def test_an_empty_list_permits_no_hour() -> None:
    phone = Carried()
    for hour in range(24):
        assert nothing_private(phone.at(hour=hour).lives())


@pytest.mark.parametrize("hours", [-9, -3, 12, 24 * 7])
def test_setting_the_clock_opens_no_hour_and_closes_none(phone: Carried, hours: int) -> None:
    phone.at(hour=20).heard_from_the_server()
    phone.set_by = timedelta(hours=hours)
    assert nothing_private(phone.lives())
    phone.at(day=7, hour=12).set_by = timedelta(hours=-hours)
    assert sorted(phone.lives()) == EVERYTHING


def test_a_clock_set_back_while_the_phone_is_off_opens_no_hour(phone: Carried) -> None:
    phone.at(hour=19).heard_from_the_server()
    phone.at(hour=20).set_by = timedelta(hours=-8)
    phone.switch_on()
    assert nothing_private(phone.lives()), "it is not before what the server has signed"


def test_outside_leaves_no_number_behind_that_would_look_like_a_gap(phone: Carried) -> None:
    phone.at(hour=12).lives()
    phone.at(hour=20).lives()
    phone.at(day=7, hour=12).lives()
    numbers = [one.item["seq"] for one in phone.backlog.items(1000)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_without_agreement_no_hour_is_permitted(phone: Carried) -> None:
    phone.memory.terms_version = ""
    assert phone.at(hour=12).lives() == []
