"""The leaver's data are held, the act is proved by a bundle, and history goes with the customers."""

import hashlib
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.access.model import Role
from gateway.calls.queries import CallFilter, CallQueries
from gateway.contact.queries import ContactFilter
from gateway.messages.models import ThreadDayRow
from gateway.offboarding import errors
from tests.support.leaving import ONE_ENGINE, REGISTRY, LeavingDesk
from tests.support.ledger import verify


async def test_the_bundle_proves_the_act_and_its_steps_offline(desk: LeavingDesk) -> None:
    await desk.bound(0)
    desk.phones.add("d" * 32, desk.leaver.employee_id)
    act = await desk.unbind()
    await desk.service.undo(desk.admin, act.id)
    auditor = await desk.person(Role.AUDITOR)
    path = desk.folder / "bundle.zip"
    path.write_bytes(await desk.parts.bundles.make(auditor, act.id))
    trusted = desk.folder / "auditor.txt"
    checkpoint = await desk.ledger_service.latest_checkpoint()
    assert checkpoint is not None
    trusted.write_text(checkpoint.note)
    key = desk.ledger_service.verifier.vkey
    arguments = ("--public-key", key, "--trusted-checkpoint", trusted)
    verdict = verify("evidence", path, *arguments, cwd=desk.folder)
    assert (verdict.exit_code, verdict.codes) == (0, []), verdict.report
    with zipfile.ZipFile(path) as archive:
        plan = archive.read("attachments/plan.json")
    assert hashlib.sha256(plan).hexdigest() == act.digest
    altered = desk.folder / "altered.zip"
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(altered, "w") as copy:
        for name in archive.namelist():
            content = archive.read(name)
            copy.writestr(name, content.replace(b"1", b"2") if name.endswith("plan.json") else content)
    assert verify("evidence", altered, *arguments, cwd=desk.folder).exit_code != 0
    (entry,) = await desk.entries("offboarding.bundle-taken")
    assert entry.body["entries"] >= 4
    elsewhere = await desk.person(Role.SUPERVISOR, department=desk.second)
    with pytest.raises(errors.OffboardingUnknown):
        await desk.parts.bundles.make(elsewhere, act.id)


@ONE_ENGINE
async def test_a_customer_with_held_evidence_is_not_erased_until_the_hold_is_lifted(
    desk: LeavingDesk,
) -> None:
    binding, untouched = await desk.bound(0), await desk.customer(1)
    await desk.send(binding, "您好。")
    act = await desk.unbind()
    customers = desk.desk.customers
    eraser = replace(desk.admin, grants=REGISTRY.grants_for({Role.ADMINISTRATOR}))
    desk.clock.advance(timedelta(minutes=1))
    async with desk.database.begin() as session:
        from gateway.contact.model import Outcome
        from gateway.contact.models import ContactRow

        for contact in await session.scalars(select(ContactRow)):
            contact.outcome = Outcome.CONNECTED
    await customers.erase(eraser, untouched.id)
    with pytest.raises(errors.HeldForEvidence):
        await customers.erase(eraser, binding.customer_id)
    async with desk.database.read() as session:
        assert await desk.holds.is_employee_held(session, desk.leaver.employee_id)
    shown = await desk.service.lift_hold(desk.admin, act.id)
    assert shown.hold_lifted_at is not None
    await customers.erase(eraser, binding.customer_id)
    with pytest.raises(errors.HoldAbsent):
        await desk.service.lift_hold(desk.admin, act.id)


@ONE_ENGINE
async def test_a_hold_ends_by_itself(desk: LeavingDesk) -> None:
    await desk.unbind(successor=False)
    desk.clock.advance(timedelta(days=181))
    async with desk.database.read() as session:
        assert not await desk.holds.is_employee_held(session, desk.leaver.employee_id)


async def test_the_successor_reads_what_the_leaver_did_with_the_customers_and_nothing_else(
    desk: LeavingDesk,
) -> None:
    binding, other = await desk.bound(0), await desk.bound(1, desk.stranger)
    call = await desk.open_call(binding)
    await desk.close_call(call)
    await desk.send(binding, "您好，我是原来的客户经理。")
    await desk.send(other, "您好。", by=desk.stranger)
    calls = CallQueries(desk.database, subject_keys=desk.desk.keys, sealing=desk.desk.sealing)
    wanted = CallFilter(customer_id=binding.customer_id)
    assert not (await calls.find(desk.successor, wanted))[0]
    await desk.unbind()
    (seen,) = (await calls.find(desk.successor, wanted))[0]
    assert seen.row.id == call
    assert (await calls.get(desk.successor, call)).row.employee_id == desk.leaver.employee_id
    contacts, _ = await desk.desk.queries.find(desk.successor, ContactFilter(customer_id=binding.customer_id))
    assert [row.employee_id for row in contacts] == [desk.leaver.employee_id]
    threads, _ = await desk.messages.queries.recent(desk.successor, _any_thread())
    (thread,) = threads
    messages, _ = await desk.messages.queries.messages(desk.successor, thread.row.id)
    assert [view.text for view in messages] == ["您好，我是原来的客户经理。"]
    latest = await desk.messages.queries.latest(desk.successor, [thread.row.id])
    assert thread.row.id in latest
    assert not (await calls.find(desk.successor, CallFilter(customer_id=other.customer_id)))[0]
    assert not (await calls.find(desk.successor, CallFilter()))[0], "only with the customer"


async def test_nobody_answers_for_what_another_wrote_on_the_day_of_the_handing_over(
    desk: LeavingDesk,
) -> None:
    binding = await desk.bound(0)
    before = await desk.send(binding, "您好。")
    await desk.unbind()
    after = await desk.send(binding, "您好，我接手了。", by=desk.successor)
    by_day = {}
    for message_id in (before, after):
        day, _ = await desk.messages.spoken.day_of(message_id)
        by_day[message_id] = (day.thread_day_id, day.employee_id)
    assert by_day[before][1] == desk.leaver.employee_id
    assert by_day[after][1] == desk.successor.employee_id
    async with desk.database.read() as session:
        days = list(await session.scalars(select(ThreadDayRow)))
    assert len(days) == 2
    assert {row.thread_id for row in days} == {days[0].thread_id}
    desk.clock.advance(timedelta(days=2))
    assert await desk.messages.days.close_due() == 2


def _any_thread():
    from gateway.messages.queries import ThreadFilter

    return ThreadFilter()
