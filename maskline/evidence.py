"""Gathers the evidence of contacts: verdict, call record, messages, inspection, and the recording itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.blobs import BlobUnfinished, BlobUnknown
from core.errors import Conflict, NotFound
from core.exports import Chosen, Contents, EvidenceExports, Gathered
from core.exports.errors import NothingFound, TooMuch
from core.ledger.evidence import Attachment, Bundle, EvidenceExporter
from core.vault import SubjectErased
from gateway.calls.books import recording_key
from gateway.calls.models import CallRow
from gateway.contact.models import ContactRow
from gateway.media.recording import RecordingReader
from gateway.messages.models import MessageRow, ThreadDayRow
from gateway.permissions import CONTACT_READ
from maskline.ground import Ground
from qa.inspection.models import CoveredContactRow, InspectionRow

MAX_CONTACTS = 1000
MAX_BYTES = 4 * 1024**3


class ContactUnknown(NotFound):
    """There is no contact with this id."""

    code = "evidence-contact-unknown"
    zh = "没有该编号的触达记录。"


class EvidenceNotWritten(Conflict):
    """The bundle could not be written: the file exists already, or its folder takes none."""

    code = "evidence-not-written"
    zh = "无法写入证据包：文件已存在，或目录不可写。"


@dataclass(frozen=True, slots=True)
class _Recording:
    """A recording that can be read: its call, the size of its WAV."""

    call: CallRow
    size: int


class ContactEvidence:
    """The evidence of contacts within a principal's reach (`core.exports.EvidenceSource`)."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def contents(self, principal: Principal, chosen: Chosen) -> Contents:
        """Count what there is; raise `NothingFound`, `TooMuch`."""
        async with self.gather(principal, chosen) as gathered:
            return gathered.contents

    @asynccontextmanager
    async def gather(self, principal: Principal, chosen: Chosen) -> AsyncIterator[Gathered]:
        """Find entries and recordings. A recording is opened when it is written, one at a time."""
        async with self._ground.database.read() as session:
            contact_ids = list(await session.scalars(_contacts(principal, chosen)))
        if not contact_ids:
            raise NothingFound
        if len(contact_ids) > MAX_CONTACTS:
            raise TooMuch(limit=MAX_CONTACTS)
        yield await self.of(contact_ids)

    async def of(self, contact_ids: Sequence[str]) -> Gathered:
        """Gather what belongs to these contacts; raise `TooMuch`."""
        seqs: set[int] = set()
        recordings: list[_Recording] = []
        erased = 0
        for contact_id in contact_ids:
            async with self._ground.database.read() as session:
                seqs |= await _entries(session, contact_id)
                call = await session.scalar(select(CallRow).where(CallRow.contact_id == contact_id))
            if call is None or call.wav_sha256 is None or call.recording_id is None:
                continue
            found = await self._measured(call)
            if found is None:
                erased += 1
            else:
                recordings.append(found)
        total = sum(found.size for found in recordings)
        if total > MAX_BYTES:
            raise TooMuch(limit_bytes=MAX_BYTES)
        contents = Contents(len(contact_ids), len(seqs), len(recordings), total, erased)
        files = [Attachment(f"{found.call.id}.wav", self._pieces(found.call)) for found in recordings]
        return Gathered(contents, sorted(seqs), files)

    async def _measured(self, call: CallRow) -> _Recording | None:
        """Look whether a recording can still be read; None for one whose customer was erased."""
        try:
            async with await self._open(call) as reader:
                return _Recording(call, reader.wav_size)
        except (SubjectErased, BlobUnknown, BlobUnfinished):
            return None

    async def _pieces(self, call: CallRow) -> AsyncIterator[bytes]:
        async with await self._open(call) as reader:
            async for piece in reader.wav_stream():
                yield piece

    async def _open(self, call: CallRow) -> RecordingReader:
        ground = self._ground
        async with ground.database.read() as session:
            key = await recording_key(session, ground.subject_keys, call.id, call.customer_id)
        return await RecordingReader.open(ground.blobs, call.recording_id or "", key)


def evidence_exports(ground: Ground) -> EvidenceExports:
    """Build the exports of the pages."""
    return EvidenceExports(
        ground.database,
        ground.clock,
        vault=ground.vault,
        blobs=ground.blobs,
        ledger=ground.ledger,
        exporter=_exporter(ground),
        source=ContactEvidence(ground),
    )


async def export_contacts(ground: Ground, contact_ids: Sequence[str], target: Path) -> Bundle:
    """Write one bundle for these contacts to `target`, which must not exist.

    A recording is attached as the WAV whose SHA-256 the ledger names; one whose customer was erased is left
    out: the proofs hold without it.

    Raises:
        ContactUnknown: an id is unknown; nothing is written.
        TooMuch: the recordings are more than one bundle takes.
        EvidenceNotWritten: there is such a file, or it cannot be made.
    """
    async with ground.database.read() as session:
        for contact_id in contact_ids:
            if await session.get(ContactRow, contact_id) is None:
                raise ContactUnknown
    gathered = await ContactEvidence(ground).of(contact_ids)
    try:
        return await _exporter(ground).export(target, gathered.seqs, gathered.attachments)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError):
        raise EvidenceNotWritten(str(target), detail_zh=str(target)) from None


def _exporter(ground: Ground) -> EvidenceExporter:
    return EvidenceExporter(database=ground.database, ledger=ground.ledger_service, clock=ground.clock)


def _contacts(principal: Principal, chosen: Chosen) -> Select[str]:
    reach = scope_clause(
        principal, CONTACT_READ, owner=ContactRow.employee_id, department=ContactRow.department_id
    )
    wanted: list[ColumnElement[bool]] = [reach]
    if chosen.contact_id is not None:
        wanted.append(ContactRow.id == chosen.contact_id)
    if chosen.customer_id is not None:
        wanted.append(ContactRow.customer_id == chosen.customer_id)
    if chosen.since is not None:
        wanted.append(ContactRow.requested_at >= chosen.since)
    if chosen.until is not None:
        wanted.append(ContactRow.requested_at < chosen.until)
    return select(ContactRow.id).where(*wanted).order_by(ContactRow.id).limit(MAX_CONTACTS + 1)


async def _entries(session: AsyncSession, contact_id: str) -> set[int]:
    """Find the ledger's entries about a contact by the numbers that its rows keep."""
    covered = select(CoveredContactRow.inspection_id).where(CoveredContactRow.contact_id == contact_id)
    inspected = or_(InspectionRow.contact_id == contact_id, InspectionRow.id.in_(covered))
    days = select(MessageRow.thread_day_id).where(MessageRow.contact_id == contact_id)
    found: set[int] = set()
    for query in (
        select(ContactRow.verdict_seq).where(ContactRow.id == contact_id),
        select(CallRow.ledger_seq).where(CallRow.contact_id == contact_id),
        select(MessageRow.ledger_seq).where(MessageRow.contact_id == contact_id),
        select(ThreadDayRow.ledger_seq).where(ThreadDayRow.id.in_(days)),
        select(InspectionRow.ledger_seq).where(inspected),
    ):
        found |= {seq for seq in await session.scalars(query) if seq is not None}
    return found
