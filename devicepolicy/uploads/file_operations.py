"""What phones told of files in messaging apps, for the list of file operations."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.audit.permissions import AUDIT_READ
from core.fileops.model import FileOperation, Operation, OperationFilter, Place, Source, comes_after
from core.sealed import Field
from core.vault import Cipher, SubjectKeys, Vault
from devicepolicy.uploads import records
from devicepolicy.uploads.model import FileDeed, RecordKind
from devicepolicy.uploads.models import UploadRecordRow


class PhoneOperations:
    """Reads records of files. `cover` takes contact data out of a name."""

    source = Source.PHONE
    operations = frozenset(Operation(deed.value) for deed in FileDeed)

    def __init__(self, vault: Vault, subject_keys: SubjectKeys, *, cover: Callable[[str], str]) -> None:
        self._vault = vault
        self._keys = subject_keys
        self._cover = cover

    async def after(
        self,
        session: AsyncSession,
        principal: Principal,
        wanted: OperationFilter,
        *,
        after: Place | None,
        limit: int,
    ) -> Sequence[FileOperation]:
        """Give the next operations; of an erased customer without name and size."""
        row = UploadRecordRow
        query = (
            select(row)
            .where(
                row.kind == RecordKind.FILE,
                row.at >= wanted.since,
                row.at < wanted.until,
                scope_clause(principal, AUDIT_READ, owner=row.employee_id, department=row.department_id),
                *comes_after(self.source, after, at=row.at, row_id=row.id),
            )
            .order_by(row.at, row.id)
            .limit(limit)
        )
        if wanted.operation is not None:
            query = query.where(row.deed == FileDeed(wanted.operation.value))
        if wanted.employee_id is not None:
            query = query.where(row.employee_id == wanted.employee_id)
        found = list(await session.scalars(query))
        customers = {one.customer_id for one in found if one.customer_id is not None}
        ciphers = await self._keys.ciphers(session, customers)
        return [self._operation(one, ciphers) for one in found]

    def _operation(self, row: UploadRecordRow, ciphers: Mapping[str, Cipher]) -> FileOperation:
        body = self._body(row, ciphers)
        name, deed = body.get("name"), row.deed or FileDeed.SAVED
        return FileOperation(
            Place(row.at, Source.PHONE, row.id),
            Operation(deed.value),
            "file",
            row.employee_id,
            row.department_id,
            customer_id=row.customer_id,
            device_id=row.device_id,
            app=body.get("app"),
            name=self._cover(str(name)) if name else None,
            size=body.get("size"),
            sha256=body.get("content_sha256"),
            received_at=row.received_at,
        )

    def _body(self, row: UploadRecordRow, ciphers: Mapping[str, Cipher]) -> Mapping[str, Any]:
        place = Field(records.TABLE, "body", row.id)
        if row.customer_id is None:
            opened: bytes = self._vault.open(place, row.body)
        elif row.customer_id in ciphers:
            opened = ciphers[row.customer_id].open(place, row.body)
        else:
            return {}
        body: dict[str, Any] = json.loads(opened)
        return body
