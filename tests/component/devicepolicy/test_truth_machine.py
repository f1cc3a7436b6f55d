"""Server and phone under every fault: what the server says of the phone is true, or it says that it does not know."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import create_engine, select

from core.access.model import Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from devicepolicy.agent.faults import POINTS
from devicepolicy.agent.phone import LAST
from devicepolicy.agent.signing import setting_sha256
from devicepolicy.commands import kinds
from devicepolicy.commands.machine import Cause, CommandState
from devicepolicy.commands.model import NewCommand
from devicepolicy.commands.models import CommandRow
from devicepolicy.devices.compliance import SettingState
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.sync.desired import latest
from maskline.tables import load_metadata
from tests.support.agents import Handset, Site, open_site

POLICIES: tuple[dict[str, Any], ...] = (
    {"cameraAccess": "CAMERA_ACCESS_DISABLED", "screenCaptureDisabled": True},
    {"cameraAccess": "CAMERA_ACCESS_ENFORCED", "bluetoothDisabled": True},
    {"cameraAccess": "CAMERA_ACCESS_DISABLED", "assistContentPolicy": "ASSIST_CONTENT_DISALLOWED"},
    {},
)
NAMES = ("cameraAccess", "screenCaptureDisabled", "bluetoothDisabled")
ORDERS = (
    kinds.LOCK,
    kinds.Plain(kinds.CommandKind.UNLOCK),
    kinds.REBOOT,
    kinds.StartLostMode(),
    kinds.STOP_LOST_MODE,
    kinds.ResetPassword("1"),
)
UNKNOWN = {CommandState.ACKED}
"""The phone keeps it and has not said how it went."""


class World:
    """One server for all histories: each has a phone of its own."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="truth-"))
        engine = create_engine(f"sqlite:///{self.folder / 'truth.db'}")
        load_metadata().metadata.create_all(engine)
        engine.dispose()
        self.clock = ManualClock(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))
        self.stack = AsyncExitStack()
        self.site = self.runner.run(self._open(None))

    async def _open(self, before: Site | None) -> Site:
        database = Database(f"sqlite+aiosqlite:///{self.folder / 'truth.db'}")
        self.stack.push_async_callback(database.close)
        settings = Settings(data_dir=self.folder / "data")
        return await self.stack.enter_async_context(open_site(database, self.clock, settings, before=before))

    def restart(self) -> None:
        """End the server and start it again: what was in its memory only is gone."""
        self.runner.run(self.stack.aclose())
        self.stack = AsyncExitStack()
        self.site = self.runner.run(self._open(self.site))

    def close(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)


class Truth(RuleBasedStateMachine):
    """A history of one phone and its server."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.run = self.world.runner.run
        self.handset: Handset
        self.former: list[str] = []
        """What this phone was before it came in again."""
        self.commands: list[str] = []
        self.over = False
        self.let_go = False

    @property
    def site(self) -> Site:
        return self.world.site

    @property
    def gone(self) -> bool:
        """Whether the server has no more business with the phone, or the phone none with the server."""
        return self.over or self.let_go

    @initialize()
    def enrol(self) -> None:
        self.handset = self.run(self.site.handset())

    # --- the server's side

    @precondition(lambda self: not self.gone)
    @rule(policy=st.sampled_from(POLICIES))
    def another_policy(self, policy: dict[str, Any]) -> None:
        self.site.house.policies.everybody = {}
        self.run(self.site.house.policy(policy, self.handset.device_id))

    @precondition(lambda self: not self.gone)
    @rule(order=st.sampled_from(ORDERS), validity_s=st.sampled_from([60, 600]))
    def order(self, order: kinds.Order, validity_s: int) -> None:
        new = NewCommand(self.handset.device_id, order, validity_s=validity_s)
        self.commands.append(self.run(self.site.commands.service.issue(self.site.house.admin, new)).id)

    @precondition(lambda self: self.commands and not self.gone)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        command_id = data.draw(st.sampled_from(self.commands))

        async def cancel() -> None:
            async with self.site.house.database.begin() as session:
                await self.site.commands.service.cancel_in(session, command_id, by=None)

        self.run(cancel())

    @precondition(lambda self: not self.gone and len(self.commands) > 3)
    @rule()
    def wipe(self) -> None:
        house, service = self.site.house, self.site.commands.service
        admin = house.principal(Role.ADMINISTRATOR)
        view = self.run(service.issue(admin, NewCommand(self.handset.device_id, kinds.Wipe())))
        self.run(service.approve(house.principal(Role.ADMINISTRATOR), view.id))
        self.commands.append(view.id)

    @precondition(lambda self: not self.gone)
    @rule(state=st.sampled_from([DeviceState.ACTIVE, DeviceState.DISABLED]))
    def freeze(self, state: DeviceState) -> None:
        async def change() -> None:
            async with self.site.house.database.begin() as session:
                await self.site.house.fleet.desired.set_state(session, self.handset.device_id, state, by=None)

        self.run(change())

    @precondition(lambda self: not self.gone)
    @rule()
    def unbind(self) -> None:
        """What an unbinding does to a phone, in one transaction: frozen, and ordered to lock."""
        device_id = self.handset.device_id

        async def both() -> str:
            async with self.site.house.database.begin() as session:
                await self.site.house.fleet.desired.set_state(
                    session, device_id, DeviceState.DISABLED, by=None
                )
                new = NewCommand(device_id, kinds.LOCK)
                return (await self.site.commands.service.issue_in(session, new, issued_by=None)).id

        self.commands.append(self.run(both()))

    @precondition(lambda self: not self.gone and len(self.commands) > 1)
    @rule()
    def release(self) -> None:
        """The server lets the phone go; the phone hears of it when it asks next."""
        self.run(self.site.house.fleet.enrolment.release(self.site.house.admin, self.handset.device_id))
        self.let_go = True

    @rule(seconds=st.sampled_from([1, 45, 700, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.site.house.clock.advance(timedelta(seconds=seconds))
        self.run(self.site.commands.sweep())
        self.run(self.site.house.fleet.sweep())

    @rule()
    def server_restarts(self) -> None:
        self.world.restart()
        handset = self.handset
        handset.site = self.site
        handset.agent.memory.server = self.site.url  # it listens on another port
        if not self.over:  # else there is no agent any more
            handset.agent.memory.save(handset.disk)
            handset.start()

    # --- the phone's side

    @precondition(lambda self: len(self.commands) > 1)
    @rule()
    def comes_in_again(self) -> None:
        """Somebody resets the phone by hand, whatever it was about to do, and scans a new code."""
        self.former.append(self.handset.device_id)
        self.handset = self.run(self.site.handset())
        self.commands, self.over, self.let_go = [], False, False

    @rule(
        drops=st.lists(st.sampled_from([None, None, "request", "answer"]), max_size=6),
        power=st.sampled_from([None, None, *POINTS]),
        refuse=st.sampled_from([{}, {}, {"cameraAccess": "USER_ACTION"}]),
        late=st.sampled_from([{}, {}, {"cameraAccess": 2}]),
        lie=st.sets(st.sampled_from(NAMES), max_size=1),
        refuse_commands=st.sampled_from([{}, {}, {"LOCK": "UNKNOWN", "REBOOT": "UNKNOWN"}]),
        clock_s=st.sampled_from([0.0, 0.0, -90_000.0, 1e7]),
    )
    def phone_round(self, drops, power, refuse, late, lie, refuse_commands, clock_s) -> None:
        faults = self.handset.faults
        faults.drops, faults.power, faults.clock_s = list(drops), power, clock_s
        faults.refuse, faults.late, faults.lie = dict(refuse), dict(late), set(lie)
        faults.refuse_commands = dict(refuse_commands)
        self.over = self.run(self.handset.round()) == "ended" or self.over

    @rule()
    def phone_round_without_faults(self) -> None:
        self.phone_round([], None, {}, {}, set(), {}, 0.0)

    # --- what must be true

    @invariant()
    def what_the_server_says_is_true(self) -> None:
        if hasattr(self, "handset"):
            self.run(self._check())

    async def _check(self) -> None:
        row = await self.site.house.row(self.handset.device_id)
        rows = await self._rows(self.handset.device_id)
        self._check_commands(rows)
        for device_id in self.former:
            await self._check_former(device_id)
        if row.trust is not Trust.TRUSTED:
            assert self.let_go or self._lets_go(), (
                "the phone said so: it is gone, or will go whatever happens"
            )
            assert (row.settings, row.compliance) == ({}, ComplianceState.UNKNOWN), "nothing is said of it"
            return
        async with self.site.house.database.read() as session:
            desired = await latest(session, row.id)
        assert desired is not None
        for name, told in row.settings.get("settings", {}).items():
            if told["state"] == SettingState.APPLIED.value and not self.over:
                assert self._hash(name) == told["wanted"], f"{name} is said to be applied"
        if row.compliance is ComplianceState.COMPLIANT and not self.over:
            for name, digest in desired.document["settings"].items():
                expected = row.settings["settings"][name]["state"] == SettingState.EXPECTED.value
                assert self._hash(name) == (None if expected else digest)
            unsure = any(self._may_have_happened(one) and "LOST" in one.kind.value for one in rows)
            assert unsure or self.handset.phone.state == row.state.value

    async def _check_former(self, device_id: str) -> None:
        """Of what the phone was before it came in again nothing is left, and nothing is said."""
        row = await self.site.house.row(device_id)
        assert row.trust is not Trust.TRUSTED
        assert (row.settings, row.compliance) == ({}, ComplianceState.UNKNOWN)
        assert all(one.finished_at is not None for one in await self._rows(device_id))

    def _check_commands(self, rows: list[CommandRow]) -> None:
        effects = self.handset.phone.body.effects
        assert all(count == 1 for count in effects.values()), "nothing is done twice"
        seqs = {row.id: row.seq or 0 for row in rows}
        done = [seqs[command_id] for command_id in effects]
        assert done == sorted(done), "and all in order"
        for row in rows:
            happened = effects.get(row.id, 0) == 1
            body = self.handset.phone.body
            if (body.wiped or (self.let_go and not body.owned)) and row.kind.value not in LAST:
                continue  # its journal went with everything else
            if row.state is CommandState.SUCCEEDED:
                assert happened or (row.kind.value in LAST and self._lets_go()), row.kind
            elif not self._may_have_happened(row):
                assert not happened, (row.kind, row.state, row.cause)

    @staticmethod
    def _may_have_happened(row: CommandRow) -> bool:
        return row.state in UNKNOWN or (
            row.cause in {Cause.NO_RESULT, None} and row.state is CommandState.EXPIRED
        )

    def _lets_go(self) -> bool:
        """Whether the phone is gone, or has noted on its disk that it goes, come what may."""
        memory, body = self.handset.agent.memory, self.handset.phone.body
        bound = any(
            kept.doc["type"] in LAST and (kept.result or {}).get("state") == "SUCCEEDED"
            for kept in memory.commands.values()
        )
        return body.wiped or not body.owned or bound

    def _hash(self, name: str) -> str | None:
        value = self.handset.phone.value(name)
        return None if value is None else setting_sha256(name, value)

    async def _rows(self, device_id: str) -> list[CommandRow]:
        async with self.site.house.database.read() as session:
            query = select(CommandRow).where(CommandRow.device_id == device_id)
            return list(await session.scalars(query.order_by(CommandRow.id)))

    def teardown(self) -> None:
        """Once nothing fails any more, all is said and done."""
        if hasattr(self, "handset"):
            for _ in range(4):
                self.phone_round_without_faults()
            self.run(self._settled())

    async def _settled(self) -> None:
        await self._check()
        row = await self.site.house.row(self.handset.device_id)
        rows = await self._rows(self.handset.device_id)
        if self.let_go:
            assert self.over
            assert self.handset.phone.names() == frozenset(), "who is let go lifts everything"
            return
        if self.over:
            assert self.handset.phone.body.wiped
            assert row.trust is Trust.RELEASED or any(one.state in UNKNOWN for one in rows)
            return
        as_wanted = self.handset.phone.state == row.state.value  # else in lost mode, and not wanted so
        assert row.compliance is (ComplianceState.COMPLIANT if as_wanted else ComplianceState.NOT_COMPLIANT)
        assert as_wanted or self.handset.phone.body.lost
        assert all(one.finished_at is not None for one in rows)
        await self.site.house.fleet.enrolment.release(self.site.house.admin, row.id)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def test_a_wish_that_comes_back_is_not_proved_by_what_was_said_before_it_left(world: World) -> None:
    """The phone may have applied what was wanted in between, and not told."""
    handset = world.runner.run(world.site.handset(hardware="SIM-back"))
    run, house = world.runner.run, world.site.house
    run(house.policy(POLICIES[0], handset.device_id))
    assert run(handset.round()) == "ok"
    run(house.policy(POLICIES[1], handset.device_id))
    handset.faults.power = "reporting"
    assert run(handset.round()) == "power"
    assert handset.phone.value("cameraAccess") == "CAMERA_ACCESS_ENFORCED"
    run(house.policy(POLICIES[0], handset.device_id))
    row = run(house.row(handset.device_id))
    assert row.settings["settings"]["cameraAccess"]["state"] == SettingState.PENDING.value
    assert run(handset.round()) == "ok"
    row = run(house.row(handset.device_id))
    assert row.settings["settings"]["cameraAccess"]["state"] == SettingState.APPLIED.value


def test_what_the_server_believes_is_what_the_phone_is(world: World) -> None:
    class Here(Truth):
        pass

    Here.world = world
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
        ),
    )
