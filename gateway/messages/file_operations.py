"""Files that employees and customers sent each other, for the list of file operations."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.audit.permissions import AUDIT_READ
from core.fileops.model import FileOperation, Operation, OperationFilter, Place, Source, comes_after
from core.vault import Cipher, SubjectKeys
from gateway.contact.model import Direction
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages import sealing
from gateway.messages.model import MessageState
from gateway.messages.models import AttachmentRow, MessageRow
from gateway.messages.screening.detect import detect, mask

_WENT = (MessageState.SENT, MessageState.DELIVERED, MessageState.RECEIVED)
_DIRECTIONS = {Operation.SENT: Direction.OUTBOUND, Operation.RECEIVED: Direction.INBOUND}


class MessageOperations:
    """Reads attachments of messages that went or came: our own channels and the archive."""

    source = Source.ARCHIVE
    operations = frozenset(_DIRECTIONS)

    def __init__(self, subject_keys: SubjectKeys, customers: CustomerSealing) -> None:
        self._keys = subject_keys
        self._customers = customers

    async def after(
        self,
        session: AsyncSession,
        principal: Principal,
        wanted: OperationFilter,
        *,
        after: Place | None,
        limit: int,
    ) -> Sequence[FileOperation]:
        """Give the next operations; of an erased customer without the name."""
        file, message = AttachmentRow, MessageRow
        at = func.coalesce(message.written_at, message.created_at, type_=message.created_at.type)
        query = (
            select(file, message, at)
            .join(message, message.id == file.message_id)
            .where(
                message.state.in_(_WENT),
                at >= wanted.since,
                at < wanted.until,
                scope_clause(
                    principal, AUDIT_READ, owner=message.employee_id, department=message.department_id
                ),
                *comes_after(self.source, after, at=at, row_id=file.id),
            )
            .order_by(at, file.id)
            .limit(limit)
        )
        if wanted.operation is not None:
            query = query.where(message.direction == _DIRECTIONS[wanted.operation])
        if wanted.employee_id is not None:
            query = query.where(message.employee_id == wanted.employee_id)
        found = (await session.execute(query)).all()
        ids = {one.customer_id for one, _, _ in found}
        ciphers = await self._keys.ciphers(session, ids)
        own = await self._numbers(session, ciphers)
        return [
            FileOperation(
                Place(moment, Source.ARCHIVE, one.id),
                Operation.RECEIVED if sent.direction is Direction.INBOUND else Operation.SENT,
                one.kind.value,
                sent.employee_id,
                sent.department_id,
                customer_id=one.customer_id,
                target_id=sent.thread_id,
                app=sent.channel.value,
                name=_name(one, ciphers.get(one.customer_id), own.get(one.customer_id, ())),
                size=one.size,
                sha256=one.sha256 or None,
                received_at=sent.created_at,
            )
            for one, sent, moment in found
        ]

    async def _numbers(
        self, session: AsyncSession, ciphers: Mapping[str, Cipher]
    ) -> Mapping[str, tuple[str, ...]]:
        """Give the customers' own numbers, to be covered however they are written."""
        rows = await session.scalars(select(CustomerRow).where(CustomerRow.id.in_(ciphers)))
        phones = {row.id: self._customers.phone_of(row, ciphers[row.id]) for row in rows}
        return {row_id: (phone.national,) for row_id, phone in phones.items() if phone is not None}


def _name(file: AttachmentRow, cipher: Cipher | None, own: tuple[str, ...]) -> str | None:
    name = sealing.file_name_of(file, cipher)
    return mask(name, detect(name, own=own)) if name else None
