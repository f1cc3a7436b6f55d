"""Files sent, received and opened in one list: paged across both sources, names covered, the look noted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.access.model import Role, Scope
from core.audit import AccessFilter, AccessLog, AuditService, Seen
from core.audit.permissions import AUDIT_READ
from core.clock import ManualClock
from core.db import Database
from core.errors import Forbidden
from core.fileops.accesses import AccessOperations
from core.fileops.model import Operation, OperationFilter, Source
from core.fileops.service import FileOperations
from gateway.messages.file_operations import MessageOperations
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import BodyKind, ReceivedMedia, Traits
from tests.support.messaging import Post

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (10).to_bytes(4) * 2 + b"\x08\x02\x00\x00\x00" + b"x" * 900


@pytest.fixture
async def post(database: Database, clock: ManualClock) -> Post:
    traits = Traits(needs_number=True, dedupes=True, receipts=True, media=True)
    post = Post(database, clock, channels=[InMemoryChannel(traits=traits)])
    await post.set_up()
    return post


async def test_files_that_came_and_were_opened_are_one_list_in_time_order(post: Post) -> None:
    begin = post.clock.now()
    for number in range(3):
        media = (ReceivedMedia(BodyKind.PICTURE, PNG, "image/png", f"{number} 我的138 0013 8000.png"),)
        await post.come("看图", reference=f"in-{number}", media=media)
        post.clock.advance(timedelta(minutes=1))
    log = AccessLog(post.database, post.clock)
    audit = AuditService(post.database, ledger=post.desk.ledger, notes=log)
    sources = [AccessOperations(), MessageOperations(post.desk.keys, post.desk.sealing)]
    operations = FileOperations(post.database, sources, notes=log, catch_up=audit.catch_up)
    auditor = replace(post.reviewer, grants={AUDIT_READ: Scope.ALL})
    window = OperationFilter(begin, begin + timedelta(days=14))
    came, _ = await operations.find(auditor, window)
    assert [(one.operation, one.name) for one in came] == [
        (Operation.RECEIVED, f"{number} 我的138****8000.png") for number in range(3)
    ]
    assert {one.employee_id for one in came} == {post.agent.employee_id}
    await post.messages.attachments.show(post.supervisor, came[0].place.id)
    post.clock.advance(timedelta(minutes=1))
    found, cursor = [], None
    while True:
        page, cursor = await operations.find(auditor, window, cursor=cursor, limit=1)
        found += page
        if cursor is None:
            break
    assert [one.operation for one in found] == [*[Operation.RECEIVED] * 3, Operation.OPENED]
    assert found[-1].employee_id == post.supervisor.employee_id
    assert (found[-1].place.source, found[-1].target_id) == (Source.SYSTEM, came[0].place.id)
    only, _ = await operations.find(auditor, replace(window, operation=Operation.OPENED))
    assert [one.place for one in only] == [found[-1].place]
    by, _ = await operations.find(auditor, replace(window, employee_id=post.agent.employee_id))
    assert len(by) == 3
    team = replace(post.supervisor, grants={AUDIT_READ: Scope.TEAM})
    assert len((await operations.find(team, window))[0]) == 4
    elsewhere = replace(await post.principal_elsewhere(), grants={AUDIT_READ: Scope.TEAM})
    assert (await operations.find(elsewhere, window))[0] == []
    with pytest.raises(Forbidden):
        await operations.find(await post.principal(Role.AGENT), window)
    noted, _ = await audit.find(auditor, AccessFilter(actor_id=auditor.employee_id))
    assert Seen.FILE_OPERATIONS in [one.kind for one in noted]


async def test_of_an_erased_customer_the_file_stays_without_its_name(post: Post) -> None:
    begin = post.clock.now()
    await post.come("看图", media=(ReceivedMedia(BodyKind.PICTURE, PNG, "image/png", "身份证.png"),))
    async with post.database.begin() as session:
        await post.desk.keys.destroy(session, post.customer.id)
    source = MessageOperations(post.desk.keys, post.desk.sealing)
    auditor = replace(post.reviewer, grants={AUDIT_READ: Scope.ALL})
    async with post.database.read() as session:
        window = OperationFilter(begin, begin + timedelta(days=1))
        (one,) = await source.after(session, auditor, window, after=None, limit=10)
    assert (one.name, one.operation, one.size) == (None, Operation.RECEIVED, len(PNG))
