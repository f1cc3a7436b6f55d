"""One seeded web process for this folder, and a way to ask it as anybody."""

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from core.access.employees import NewEmployee
from core.access.model import Principal, Role
from core.exports.model import Chosen
from core.ids import new_id
from core.sealed import Field
from devicepolicy.commands.kinds import Wipe
from devicepolicy.commands.model import NewCommand
from devicepolicy.uploads.model import EventKind, Severity
from devicepolicy.uploads.models import UploadEventRow
from devicepolicy.whereabouts import sealing
from devicepolicy.whereabouts.model import PhotoState
from devicepolicy.whereabouts.model import Purpose as VisitPurpose
from devicepolicy.whereabouts.models import CheckInRow, LocationConsentRow
from gateway.contact.model import Purpose
from gateway.contact.models import ContactRow
from gateway.customers.consent import BlockAsked
from gateway.customers.importing.report import ImportMode
from gateway.customers.model import BlockReason, CustomerChange
from gateway.customers.notes.model import StepAsked, StepKind
from gateway.messages.model import BodyKind, ChannelKind, Received, ReceivedMedia
from gateway.messages.models import AttachmentRow, MessageRow
from gateway.messages.service import SendRequest
from gateway.offboarding.rebinding import RebindRequest
from maskline.evidence import evidence_exports
from maskline.wiring.offboarding import build_offboardings
from tests.browser.stage import Stage
from tests.support.commanding import device_row

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0" + b"\0" * 20
BAD_ROWS = "手机号,姓名\n13800138999,\n".encode()


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("hardening"), START, more=_things_of_wang)
    stage.start()
    yield stage
    stage.stop()


async def _things_of_wang(stage: Stage) -> dict[str, str]:
    """Let everything that has an owner exist once, as wang's or somebody's of his department; gives the ids."""
    people, gateway = stage.seeded.people, stage.gateway
    wang, admin = people["wang"].principal, people["admin"].principal
    async with stage.ground.database.read() as session:
        contact = await session.get_one(ContactRow, stage.seeded.contacts["abuse"])
    customer_id = contact.customer_id
    await gateway.customers.update(admin, customer_id, CustomerChange(owner_id=wang.employee_id))
    wish = SendRequest(contact.binding_id or "", ChannelKind.WEBCHAT, "您好，请回电。")
    message_id = await stage.messages.service.send(wang, wish)
    async with stage.ground.database.read() as session:
        thread_id = (await session.get_one(MessageRow, message_id)).thread_id
    file = ReceivedMedia(BodyKind.PICTURE, PICTURE, file_name="a.png")
    came = Received(ChannelKind.WEBCHAT, "came", thread_id=thread_id, text="见图", media=(file,))
    await stage.messages.inbox.keep(came)
    async with stage.ground.database.read() as session:
        attachment = await session.scalar(
            select(AttachmentRow.id).where(AttachmentRow.customer_id == customer_id)
        )
    note = await gateway.notes.add(wang, customer_id, "下午再打")
    change = CustomerChange(name="王五五")
    request_id = await gateway.approvals.desk.change(wang, customer_id, change, "更正姓名")
    due = stage.clock.now() + timedelta(days=1)
    step = await gateway.notes.plan(wang, customer_id, StepAsked(StepKind.CALL, due))
    block = await gateway.consent.block(
        wang, customer_id, BlockAsked(BlockReason.DISPUTE, Purpose.SALES, None, due)
    )
    report = await gateway.importer.run(admin, BAD_ROWS, mode=ImportMode.GOOD_ROWS)
    async with stage.ground.database.read() as session:
        sessions = await stage.people.sessions.of(session, wang.employee_id)
    if not sessions:
        await stage.seeder.token("wang")
        async with stage.ground.database.read() as session:
            sessions = await stage.people.sessions.of(session, wang.employee_id)
    device_id, command_id = await _a_phone_with_a_wipe(stage, wang, admin)
    return {
        "device_id": device_id, "command_id": command_id,
        "upload_event_id": await _conduct_on_a_phone(stage, wang, device_id),
        "batch_id": await _conduct_handled_in_one_go(stage, wang, admin, device_id),
        "check_in_id": await _a_check_in(stage, wang, device_id),
        "message_id": message_id, "thread_id": thread_id, "attachment_id": attachment or "", "note_id": note.id,
        "request_id": request_id,
        "step_id": step.id, "block_id": block.id, "import_id": report.import_id, "session_id": sessions[0].id,
        "export_id": await _an_export_of_another_auditor(stage, admin),
        "device_list_id": await _a_list_of_own_phones(stage, admin),
        **await _somebody_unbound(stage, wang, admin, contact.line_id),
    }  # fmt: skip


async def _a_phone_with_a_wipe(stage: Stage, owner: Principal, admin: Principal) -> tuple[str, str]:
    """Give the ids of a phone and of a wipe that waits for its second person."""
    row = device_row(
        stage.ground.vault, Ed25519PrivateKey.generate(), stage.clock.now(),
        employee_id=owner.employee_id, department_id=owner.department_id,
    )  # fmt: skip
    async with stage.ground.database.begin() as session:
        session.add(row)
    wipe = await stage.phones.commands.service.issue(admin, NewCommand(row.id, Wipe()))
    return row.id, wipe.id


async def _conduct_on_a_phone(stage: Stage, owner: Principal, device_id: str) -> str:
    """Give the id of a conduct event that a phone told."""
    event_id, now = new_id(), stage.clock.now()
    row = UploadEventRow(
        id=event_id, device_id=device_id, employee_id=owner.employee_id, department_id=owner.department_id,
        kind=EventKind.ROOT_FOUND, severity=Severity.SEVERE, catalogue_version="1.0.0", key=event_id.rjust(64, "0"),
        sha256="0" * 64, seq=1, device_at=now, at=now, received_at=now, outside_hours=False,
        body=stage.ground.vault.cipher().seal(Field("dp_upload_events", "body", event_id), "{}"),
    )  # fmt: skip
    async with stage.ground.database.begin() as session:
        session.add(row)
    return event_id


async def _a_check_in(stage: Stage, owner: Principal, device_id: str) -> str:
    """Give the id of a check-in whose picture has not come."""
    check_in_id, now, keys = new_id(), stage.clock.now(), (new_id(), new_id())
    consent = LocationConsentRow(
        id=new_id(), device_id=device_id, employee_id=owner.employee_id, terms_version="1", terms_sha256="0" * 64,
        language="zh", given_at=now, track_key=keys[0], check_in_key=keys[1],
    )  # fmt: skip
    told = {"lat": 31.2, "lon": 121.5, "accuracy_m": 9.0, "provider": "gps", "mock": False}
    async with stage.ground.database.begin() as session:
        cipher = await stage.ground.subject_keys.create(session, keys[1])
        session.add(consent)
        await session.flush()
        row = CheckInRow(
            id=check_in_id, device_id=device_id, consent_id=consent.id, employee_id=owner.employee_id,
            department_id=owner.department_id, key=check_in_id.rjust(64, "0"), sha256="0" * 64, device_at=now, at=now,
            received_at=now, purpose=VisitPurpose.SALES_VISIT, mock=False, photo=PhotoState.AWAITED,
            photo_sha256="0" * 64, photo_size=1, body=sealing.seal(cipher, sealing.CHECK_INS, check_in_id, told),
        )  # fmt: skip
        session.add(row)
    return check_in_id


async def _conduct_handled_in_one_go(stage: Stage, owner: Principal, admin: Principal, device_id: str) -> str:
    """Give the id of what an administrator did about a conduct event."""
    event_id = await _conduct_on_a_phone(stage, owner, device_id)
    return (await stage.phones.uploads.desk.handle(admin, [event_id], "已谈话")).id


async def _somebody_unbound(
    stage: Stage, heir: Principal, admin: Principal, line_id: str
) -> Mapping[str, str]:
    """Unbind somebody of his department, and let him take over a line from them; gives the ids."""
    made = await stage.people.employees.create(
        admin, NewEmployee("leaver", "离职者", frozenset({Role.AGENT}), heir.department_id)
    )
    parts = build_offboardings(stage.ground, stage.gateway, stage.messages, stage.calls_process, stage.phones)
    shown = await parts.service.preview(admin, made.employee.id, None)
    act = await parts.service.unbind(admin, shown.id, shown.digest)
    await parts.service.settled()
    request = RebindRequest(heir.employee_id, line_id=line_id, holder_id=made.employee.id)
    code = await parts.rebinding.create(admin, request)
    return {"offboarding_id": act.id, "rebinding_id": code.rebinding_id}


async def _a_list_of_own_phones(stage: Stage, admin: Principal) -> str:
    """Give the id of a list with a phone that is meant for somebody of his department."""
    lists = stage.phones.fleet.lists
    seen = await lists.preview(admin, b"serial,username\nSN-0001,wang\n", name="采购")
    return (await lists.take(admin, seen.id)).id


async def _an_export_of_another_auditor(stage: Stage, admin: Principal) -> str:
    made = await stage.people.employees.create(
        admin, NewEmployee("he", "何审计", frozenset({Role.AUDITOR}), None)
    )
    he = stage.seeder._principal(made.employee.id, frozenset({Role.AUDITOR}), None, "", "何审计")
    exports = evidence_exports(stage.ground)
    export = await exports.start(he, Chosen(contact_id=stage.seeded.contacts["clean"]))
    await exports.settled()
    return export.id


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Ask without cookies of its own and without following redirects."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=20)
    ) as session:
        yield session
