"""The live feed: whom a change reaches, when a stream ends, and how much of it there may be."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from core.access.model import Principal, Role
from core.access.models import Department, Employee, EmployeeRole, EmployeeState, Stage
from core.access.permissions import PermissionRegistry
from core.access.scope import reaches, scope_clause
from core.access.sessions import SessionBook
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.ids import new_id
from core.outbox import Outbox
from dashboard.live.feed import FeedFull, Limits, LiveFeed
from dashboard.live.pulse import REFUSED_FOR, Beat, Part, Pulse, picture_of
from gateway.calls.books import Books
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.commands import CallRecord
from gateway.calls.flow import Flow, Mark
from gateway.calls.permissions import CALL_READ
from gateway.calls.permissions import PERMISSIONS as CALL_PERMISSIONS
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.messages.permissions import PERMISSIONS as MESSAGE_PERMISSIONS
from gateway.permissions import PERMISSIONS
from qa.inspection.model import AlertState
from qa.inspection.models import AlertRow, ConductFindingRow
from qa.permissions import PERMISSIONS as QA_PERMISSIONS
from tests.support.desk import shanghai
from tests.support.messaging import Post

REGISTRY = PermissionRegistry(PERMISSIONS, CALL_PERMISSIONS, MESSAGE_PERMISSIONS, QA_PERMISSIONS)
QUICK = Limits(per_person=2, total=4, poll_s=0.01, recheck_s=0.0, heartbeat_s=0.2)


class Room:
    """An institution with two departments, and a feed over its books."""

    def __init__(self, database: Database, clock: ManualClock, settings: Settings) -> None:
        self.database, self.clock = database, clock
        self.post = Post(database, clock)
        self.desk = self.post.desk
        self.sessions = SessionBook(database, clock, settings.security, REGISTRY)
        self.feed = LiveFeed(Pulse(database, clock), self.sessions, QUICK)
        self.open: list[AsyncGenerator[bytes]] = []
        self.books = Books(
            database,
            clock,
            contacts=self.desk.contacts,
            bindings=self.desk.bindings,
            subject_keys=self.desk.keys,
            ledger=self.desk.ledger,
            outbox=Outbox(clock),
            node="calls",
        )
        self._phones = iter(range(13800139000, 13800139999))

    async def set_up(self) -> None:
        await self.post.set_up()
        self.agent = await self.enter(self.post.agent)
        self.supervisor = await self.enter(self.post.supervisor)
        self.elsewhere = await self.enter(await self.post.principal_elsewhere())
        self.reviewer = await self.enter(self.post.reviewer)

    async def enter(self, person: Principal) -> Principal:
        """Log somebody in."""
        (role,) = person.roles
        async with self.database.begin() as session:
            session.add(EmployeeRole(employee_id=person.employee_id, role=role))
            opened = await self.sessions.open(session, person.employee_id, Stage.FULL, source="127.0.0.1")
        return replace(person, session_id=opened.session_id, grants=REGISTRY.grants_for({role}))

    async def enter_again(self, person: Principal) -> Principal:
        """Log somebody in whose session is over."""
        async with self.database.begin() as session:
            opened = await self.sessions.open(session, person.employee_id, Stage.FULL, source="127.0.0.1")
        return replace(person, session_id=opened.session_id)

    async def watch(self, principal: Principal) -> AsyncIterator[bytes]:
        """Open a stream and read what it begins with."""
        stream = self.feed.stream(principal)
        self.open.append(stream)  # type: ignore[arg-type]
        assert (await anext(stream)).startswith(b"retry:")
        return stream

    async def call(self) -> OpenedCall:
        """Let the agent's phone dial a customer of theirs."""
        customer = await self.desk.customer(self.post.agent, str(next(self._phones)))
        binding = await self.desk.bind(self.post.agent, customer.id)
        ticket = CallTicket(new_id(), Flow.STAFF, employee_id=self.agent.employee_id, target=binding.token)
        judged = await self.books.judge(ticket)
        assert judged is not None
        assert judged.call is not None
        return judged.call

    async def end(self, call: OpenedCall) -> None:
        record = CallRecord(EndedBy.STAFF, Cause.NO_ANSWER, None, {Mark.ENDED: self.clock.now()}, None)
        await self.books.close(call.call_id, record, None)

    async def close(self) -> None:
        await self.feed.close()
        for stream in self.open:
            await stream.aclose()


@pytest.fixture
async def room(database: Database, clock: ManualClock, settings: Settings) -> AsyncIterator[Room]:
    room = Room(database, clock, settings)
    await room.set_up()
    yield room
    await room.close()


async def told(stream: AsyncIterator[bytes]) -> tuple[str, dict[str, Any]]:
    """Wait for the next event."""
    async with asyncio.timeout(60):
        async for chunk in stream:
            if not chunk.startswith(b":"):
                name, data, *_ = chunk.decode().splitlines()
                return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))
    raise AssertionError("the stream ended without a word")


async def picture(stream: AsyncIterator[bytes]) -> dict[str, Any]:
    name, data = await told(stream)
    assert name == "picture"
    return data


async def silent(stream: AsyncIterator[bytes]) -> bool:
    """Say whether the stream has nothing to say up to its next heartbeat."""
    async with asyncio.timeout(60):
        return (await anext(stream)).startswith(b":")


def counts(picture: dict[str, Any]) -> dict[str, int]:
    return {name: seen["count"] for name, seen in picture.items()}


async def test_a_call_reaches_those_in_scope_step_by_step_and_nobody_else(room: Room) -> None:
    team, other = await room.watch(room.supervisor), await room.watch(room.elsewhere)
    own, everybody = await room.watch(room.agent), await room.watch(room.reviewer)
    first = await picture(team)
    assert counts(first) == {"calls": 0, "refused": 0, "alerts": 0, "held": 0}
    assert set(await picture(own)) == {"calls", "refused"}, "an agent has no alerts and holds no messages"
    assert counts(await picture(other))["calls"] == counts(await picture(everybody))["calls"] == 0
    call = await room.call()
    begun = await picture(team)
    assert counts(begun)["calls"] == 1
    assert begun["calls"]["version"] != first["calls"]["version"]
    assert begun["held"] == first["held"]
    assert counts(await picture(own))["calls"] == counts(await picture(everybody))["calls"] == 1
    assert await silent(other)
    await room.books.note(call, Mark.BRIDGED, room.clock.now())
    talking = await picture(team)
    assert talking["calls"]["version"] != begun["calls"]["version"]
    await room.end(call)
    assert (await picture(team))["calls"] == first["calls"]
    assert await silent(other)


async def test_refusals_held_messages_and_alerts_are_told_too(room: Room) -> None:
    stream = await room.watch(room.supervisor)
    await picture(stream)
    await room.post.send("我们保证下款")
    assert counts(await picture(stream)) == {"calls": 0, "refused": 0, "alerts": 0, "held": 1}
    room.clock.set(shanghai(22, 30))
    stream = await room.watch(await room.enter_again(room.supervisor))
    await picture(stream)
    await room.end(await room.call())
    refused = counts(await picture(stream))
    assert (refused["calls"], refused["refused"]) == (0, 1), "a refused call never goes on"
    room.clock.advance(REFUSED_FOR * 2)
    stream = await room.watch(await room.enter_again(room.supervisor))
    assert counts(await picture(stream))["refused"] == 0, "what is long ago leaves the page"


async def test_alerts_change_the_picture_until_they_are_closed(room: Room) -> None:
    beat = await Pulse(room.database, room.clock).read()
    assert beat.facts[Part.ALERTS] == ()
    async with room.database.begin() as session:
        conduct = ConductFindingRow(
            id=new_id(),
            kind="deleted-contact",
            severity="severe",
            catalogue_version="1",
            employee_id=room.agent.employee_id,
            at=room.clock.now(),
            found_at=room.clock.now(),
        )
        session.add(conduct)
        await session.flush()
        alert = AlertRow(
            id=new_id(),
            conduct_id=conduct.id,
            employee_id=room.agent.employee_id,
            department_id=room.agent.department_id,
            category="conduct",
            severity="severe",
            suspected=False,
            hits=1,
            state=AlertState.OPEN,
            created_at=room.clock.now(),
        )
        session.add(alert)
    stream = await room.watch(room.supervisor)
    raised = await picture(stream)
    assert counts(raised)["alerts"] == 1
    for state, count in ((AlertState.TAKEN, 1), (AlertState.CLOSED, 0)):
        async with room.database.begin() as session:
            await session.execute(update(AlertRow).where(AlertRow.id == alert.id).values(state=state))
        changed = await picture(stream)
        assert counts(changed)["alerts"] == count
        assert changed["alerts"]["version"] != raised["alerts"]["version"]


async def test_an_event_holds_versions_and_counts_and_nothing_else(room: Room) -> None:
    stream = await room.watch(room.reviewer)
    await room.call()
    for seen in (await picture(stream)).values():
        assert set(seen) == {"version", "count"}
        assert len(seen["version"]) == 16


async def test_a_revoked_session_ends_its_stream_and_no_other(room: Room) -> None:
    stream, other = await room.watch(room.supervisor), await room.watch(room.reviewer)
    await picture(stream)
    await picture(other)
    async with room.database.begin() as session:
        await room.sessions.kill(session, room.supervisor.session_id)
    assert await told(stream) == ("bye", {"reason": "session"})
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
    assert await silent(other)
    assert len(room.feed) == 1


async def test_suspension_ends_a_stream_and_watching_is_no_activity(room: Room) -> None:
    stream = await room.watch(room.supervisor)
    await picture(stream)
    await room.desk.set_state(room.supervisor.employee_id, EmployeeState.SUSPENDED)
    assert await told(stream) == ("bye", {"reason": "session"})
    idle = await room.watch(room.reviewer)
    await picture(idle)
    for _ in range(5):
        room.clock.advance(REFUSED_FOR / 8)
        if not await silent(idle):
            break
    else:
        raise AssertionError("an open page kept its session alive")


async def test_who_changes_department_sees_the_new_one_only(room: Room) -> None:
    await room.call()
    stream = await room.watch(room.supervisor)
    assert counts(await picture(stream))["calls"] == 1
    async with room.database.begin() as session:
        await session.execute(
            update(Employee)
            .where(Employee.id == room.supervisor.employee_id)
            .values(department_id=room.elsewhere.department_id)
        )
    assert counts(await picture(stream))["calls"] == 0


async def test_the_newest_page_of_a_person_wins_and_the_house_has_a_limit(room: Room) -> None:
    first, second = await room.watch(room.supervisor), await room.watch(room.supervisor)
    await picture(first)
    third = await room.watch(room.supervisor)
    assert await told(first) == ("bye", {"reason": "replaced"})
    with pytest.raises(StopAsyncIteration):
        await anext(first)
    await picture(second)
    await picture(third)
    await room.watch(room.reviewer)
    room.feed.check_room()
    await room.watch(room.agent)
    with pytest.raises(FeedFull):
        room.feed.check_room()


async def test_a_slow_reader_skips_what_is_over(room: Room) -> None:
    slow, quick = await room.watch(room.supervisor), await room.watch(room.reviewer)
    await picture(slow)
    await picture(quick)
    for number in range(1, 6):
        await room.call()
        assert counts(await picture(quick))["calls"] == number
    await asyncio.sleep(0)
    assert counts(await picture(slow))["calls"] == 5, "one picture waits, the newest"
    assert await silent(slow)


class Faulty(Pulse):
    """Books that cannot be read while `away`."""

    away = False

    async def read(self) -> Beat:
        if self.away:
            raise OSError("the database is away")
        return await super().read()


async def test_a_page_is_told_when_the_books_cannot_be_read_and_when_they_can_again(room: Room) -> None:
    pulse = Faulty(room.database, room.clock)
    room.feed = LiveFeed(pulse, room.sessions, QUICK)
    stream = await room.watch(room.supervisor)
    before = await picture(stream)
    pulse.away = True
    assert await told(stream) == ("stale", {})
    pulse.away = False
    name, data = await told(stream)
    while name == "stale":
        name, data = await told(stream)
    assert (name, data) == ("picture", before)


async def test_the_last_reader_stops_the_reading_and_closing_ends_all(room: Room) -> None:
    stream = await room.watch(room.supervisor)
    await picture(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert len(room.feed) == 0
    stream = await room.watch(room.supervisor)
    await picture(stream)
    await room.feed.close()
    assert await told(stream) == ("bye", {"reason": "closing"})
    with pytest.raises(FeedFull):
        room.feed.check_room()


@pytest.mark.parametrize("role", list(Role))
async def test_reach_in_memory_is_reach_in_the_database(room: Room, role: Role) -> None:
    below = await room.desk.department("下级组", await _department(room, room.agent.department_id))
    await room.desk.employee(Role.AGENT, below)
    await room.desk.employee(Role.AGENT, None)
    beat = await Pulse(room.database, room.clock).read()
    for reader in (room.supervisor, room.elsewhere, replace(room.agent, department_path="")):
        principal = replace(reader, roles=frozenset({role}), grants=REGISTRY.grants_for({role}))
        clause = scope_clause(principal, CALL_READ, owner=Employee.id, department=Employee.department_id)
        async with room.database.read() as session:
            everybody = (await session.execute(select(Employee.id, Employee.department_id))).all()
            wanted = set(await session.scalars(select(Employee.id).where(clause)))
        reached = {
            owner
            for owner, place in everybody
            if reaches(principal, CALL_READ, owner=owner, path=beat.paths.get(place or ""))
        }
        assert reached == wanted


async def _department(room: Room, department_id: str | None) -> Department | None:
    async with room.database.read() as session:
        return await session.get(Department, department_id)


async def test_without_a_permission_there_is_no_part(room: Room) -> None:
    beat = await Pulse(room.database, room.clock).read()
    assert picture_of(beat, replace(room.reviewer, grants={})) == {}
