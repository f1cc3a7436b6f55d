"""Who saw what: noted once, repeated from the ledger, covered by digests, and every change found out."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from core.access.model import Principal, Role, Scope
from core.audit import AccessFilter, AccessGroup, AccessLog, AuditService, Seen
from core.audit.digest import DIGEST_KIND
from core.audit.models import AccessRow
from core.audit.permissions import AUDIT_READ
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.ids import new_id
from core.ledger import JSON, Ledger
from core.ledger.models import EntryRow
from core.web.paging import CursorInvalid

CUSTOMER, CALL, CONTACT = new_id(), new_id(), new_id()


class House:
    """A log, a ledger, and two people."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database, self.clock = database, clock
        self.ledger = Ledger(clock)
        self.log = AccessLog(database, clock)
        self.audit = AuditService(database, ledger=self.ledger, notes=self.log)
        self.reviewer = self.person(Role.REVIEWER, {})
        self.auditor = self.person(Role.AUDITOR, {AUDIT_READ: Scope.ALL})

    def person(self, role: Role, grants: Mapping[str, Scope]) -> Principal:
        return Principal(new_id(), None, "", frozenset({role}), grants, new_id(), self.clock.now())

    async def entry(self, kind: str, body: dict[str, JSON]) -> int:
        async with self.database.begin() as session:
            return (await self.ledger.append(session, kind, body)).seq

    async def listened(self) -> int:
        by = self.reviewer.employee_id
        body: dict[str, JSON] = {"call_id": CALL, "contact_id": CONTACT, "customer": CUSTOMER, "by": by}
        return await self.entry("recording.listened", body)

    async def kinds(self, **wanted: object) -> list[str]:
        found, _ = await self.audit.find(self.auditor, AccessFilter(**wanted))  # type: ignore[arg-type]
        return [one.kind for one in found if one.kind != Seen.ACCESS_LOG]


@pytest.fixture
def house(database: Database, clock: ManualClock) -> House:
    return House(database, clock)


async def test_reading_the_same_again_soon_is_one_access(house: House) -> None:
    for _ in range(3):
        await house.log.note(house.reviewer, Seen.TRANSCRIPT, "i" * 32, customer_id=CUSTOMER)
    await house.log.note(house.reviewer, Seen.TRANSCRIPT, "j" * 32, customer_id=CUSTOMER)
    assert await house.kinds() == ["transcript.read"] * 2
    house.clock.advance(timedelta(minutes=11))
    await house.log.note(house.reviewer, Seen.TRANSCRIPT, "i" * 32, customer_id=CUSTOMER)
    again = replace(house.reviewer, session_id=new_id())
    await house.log.note(again, Seen.TRANSCRIPT, "i" * 32, customer_id=CUSTOMER)
    assert await house.kinds() == ["transcript.read"] * 4


async def test_accesses_in_the_ledger_are_repeated_once_with_their_proof(house: House) -> None:
    seq = await house.listened()
    await house.entry("line.status", {"line": "x"})
    await house.entry("login.refused", {"employee_id": None, "locked": True})
    assert await house.audit.catch_up() == 2
    assert await house.audit.catch_up() == 0
    found, _ = await house.audit.find(house.auditor, AccessFilter(group=AccessGroup.RECORDING))
    (one,) = found
    assert (one.proof_seq, one.own_entry, one.actor_id) == (seq, True, house.reviewer.employee_id)
    assert (one.target_id, one.contact_id, one.customer_id) == (CALL, CONTACT, CUSTOMER)
    (refused,), _ = await house.audit.find(house.auditor, AccessFilter(group=AccessGroup.REFUSED))
    assert (refused.actor_id, refused.detail) == (None, "locked")


async def test_filters_and_pages(house: House) -> None:
    start = house.clock.now()
    for minute in range(5):
        house.clock.set(start + timedelta(minutes=minute))
        await house.log.note(house.reviewer, Seen.CUSTOMER, f"{minute}" * 32, customer_id=f"{minute}" * 32)
    house.clock.set(start + timedelta(minutes=9))
    assert await house.kinds(customer_id="3" * 32) == ["customer.opened"]
    assert len(await house.kinds(actor_id=house.reviewer.employee_id)) == 5
    assert await house.kinds(actor_id=new_id()) == []
    span = {"since": start + timedelta(minutes=1), "until": start + timedelta(minutes=3)}
    assert len(await house.kinds(**span)) == 2
    wanted, cursor, seen = AccessFilter(group=AccessGroup.CUSTOMER), None, list[str | None]()
    while True:
        page, cursor = await house.audit.find(house.auditor, wanted, cursor=cursor, limit=2)
        seen += [one.target_id for one in page]
        if cursor is None:
            break
    assert seen == [f"{minute}" * 32 for minute in (4, 3, 2, 1, 0)]
    with pytest.raises(CursorInvalid):
        await house.audit.find(house.auditor, wanted, cursor="x")


async def test_asking_is_an_access_and_needs_the_right(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.audit.find(house.reviewer, AccessFilter())
    with pytest.raises(Forbidden):
        await house.audit.check(house.reviewer)
    await house.audit.find(house.auditor, AccessFilter(customer_id=CUSTOMER))
    found, _ = await house.audit.find(house.auditor, AccessFilter(group=AccessGroup.AUDIT))
    assert [(one.actor_id, one.customer_id) for one in found][-1] == (house.auditor.employee_id, CUSTOMER)


async def test_digests_cover_own_lines_and_find_every_change(house: House) -> None:
    await house.log.note(house.reviewer, Seen.TRANSCRIPT, "a" * 32)
    await house.log.note(house.reviewer, Seen.THREAD, "b" * 32)
    await house.listened()
    assert (await house.audit.check(house.auditor)).waiting == 2
    await house.audit.cover()
    await house.audit.cover()
    async with house.database.read() as session:
        digests = list(await session.scalars(select(EntryRow.seq).where(EntryRow.kind == DIGEST_KIND)))
    assert len(digests) == 1
    check = await house.audit.check(house.auditor)
    assert check.ok
    assert (check.digests, check.lines, check.waiting) == (1, 3, 0)
    found, _ = await house.audit.find(house.auditor, AccessFilter(group=AccessGroup.TRANSCRIPT))
    assert (found[0].proof_seq, found[0].own_entry) == (digests[0], False)


@pytest.mark.parametrize(
    "crime", ["edit", "delete", "insert", "repeated-edit", "repeated-delete", "invented", "hidden"]
)
async def test_a_log_that_was_touched_no_longer_fits_the_ledger(house: House, crime: str) -> None:
    await house.log.note(house.reviewer, Seen.TRANSCRIPT, "a" * 32)
    await house.log.note(house.reviewer, Seen.THREAD, "b" * 32)
    first = await house.listened()
    await house.listened()
    await house.audit.cover()
    line = {"id": new_id(), "at": house.clock.now(), "kind": "thread.read", "actor_id": new_id()}
    row, own = AccessRow, AccessRow.ledger_seq.is_(None)
    async with house.database.begin() as session:
        digest = await session.scalar(select(row.digest_seq).where(own).limit(1))
        await session.execute(
            {
                "edit": update(row).where(own).values(actor_id=new_id()),
                "delete": delete(row).where(own, row.kind == "thread.read"),
                "insert": insert(row).values(**line, digest_seq=digest),
                "repeated-edit": update(row).where(row.ledger_seq == first).values(actor_id=new_id()),
                "repeated-delete": delete(row).where(row.ledger_seq == first),
                "invented": insert(row).values(**line, ledger_seq=10_000),
                "hidden": insert(row).values(**line, digest_seq=first),
            }[crime]
        )
    assert not (await house.audit.check(house.auditor)).ok
