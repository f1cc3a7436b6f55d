"""Gathers the evidence of contacts: verdict, call record, inspection, and the recording itself."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import Conflict, NotFound
from core.ledger.evidence import Attachment, Bundle, EvidenceExporter
from core.vault import SubjectErased
from gateway.calls.books import recording_key
from gateway.calls.models import CallRow
from gateway.contact.models import ContactRow
from gateway.media.recording import RecordingReader
from maskline.ground import Ground
from qa.inspection.models import InspectionRow


class ContactUnknown(NotFound):
    """There is no contact with this id."""

    code = "evidence-contact-unknown"
    zh = "没有该编号的触达记录。"


class EvidenceNotWritten(Conflict):
    """The bundle could not be written: the file exists already, or its folder takes none."""

    code = "evidence-not-written"
    zh = "无法写入证据包：文件已存在，或目录不可写。"


async def export_contacts(ground: Ground, contact_ids: Sequence[str], target: Path) -> Bundle:
    """Write one bundle for these contacts to `target`, which must not exist.

    A recording is attached as the WAV whose SHA-256 the ledger names; one whose customer was erased is left
    out: the proofs hold without it.

    Raises:
        ContactUnknown: an id is unknown; nothing is written.
        EvidenceNotWritten: there is such a file, or it cannot be made.
    """
    seqs: list[int] = []
    async with AsyncExitStack() as stack:
        attachments = []
        for contact_id in contact_ids:
            async with ground.database.read() as session:
                seqs += await _entries(session, contact_id)
                call = await session.scalar(select(CallRow).where(CallRow.contact_id == contact_id))
            if call is not None and call.wav_sha256 is not None:
                attachment = await _recording(ground, call, stack)
                if attachment is not None:
                    attachments.append(attachment)
        exporter = EvidenceExporter(
            database=ground.database, ledger=ground.ledger_service, clock=ground.clock
        )
        try:
            return await exporter.export(target, seqs, attachments)
        except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError):
            raise EvidenceNotWritten(str(target), detail_zh=str(target)) from None


async def _entries(session: AsyncSession, contact_id: str) -> list[int]:
    """Find the ledger's entries about a contact by the numbers that its rows keep."""
    contact = await session.get(ContactRow, contact_id)
    if contact is None:
        raise ContactUnknown
    found = [contact.verdict_seq]
    found.append(await session.scalar(select(CallRow.ledger_seq).where(CallRow.contact_id == contact_id)))
    found.append(
        await session.scalar(select(InspectionRow.ledger_seq).where(InspectionRow.contact_id == contact_id))
    )
    return [seq for seq in found if seq is not None]


async def _recording(ground: Ground, call: CallRow, stack: AsyncExitStack) -> Attachment | None:
    if call.recording_id is None:
        return None
    try:
        async with ground.database.read() as session:
            key = await recording_key(session, ground.subject_keys, call.id, call.customer_id)
    except SubjectErased:
        return None
    reader = await stack.enter_async_context(await RecordingReader.open(ground.blobs, call.recording_id, key))
    return Attachment(f"{call.id}.wav", _pieces(reader))


async def _pieces(reader: RecordingReader) -> AsyncIterator[bytes]:
    async for piece in reader.wav_stream():
        yield piece
