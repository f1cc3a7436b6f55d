"""Files opened, listened to, made and taken along here, from the access log."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Employee
from core.access.scope import scope_clause
from core.audit.models import AccessRow
from core.audit.permissions import AUDIT_READ
from core.fileops.model import FileOperation, Operation, OperationFilter, Place, Source, comes_after

KINDS: Mapping[str, tuple[Operation, str]] = MappingProxyType(
    {
        "recording.listened": (Operation.LISTENED, "recording"),
        "message.attachment-shown": (Operation.OPENED, "attachment"),
        "evidence.exported": (Operation.MADE, "evidence"),
        "evidence.taken": (Operation.DOWNLOADED, "evidence"),
        "customers.export": (Operation.DOWNLOADED, "customers"),
        "offboarding.bundle-taken": (Operation.DOWNLOADED, "evidence"),
    }
)


class AccessOperations:
    """Reads the access log, which repeats the ledger: bring it up to date first."""

    source = Source.SYSTEM
    operations = frozenset(operation for operation, _ in KINDS.values())

    async def after(
        self,
        session: AsyncSession,
        principal: Principal,
        wanted: OperationFilter,
        *,
        after: Place | None,
        limit: int,
    ) -> Sequence[FileOperation]:
        """Give the next operations."""
        row = AccessRow
        kinds = [kind for kind, (operation, _) in KINDS.items() if wanted.operation in {None, operation}]
        query = (
            select(row, Employee.department_id)
            .outerjoin(Employee, Employee.id == row.actor_id)
            .where(
                row.kind.in_(kinds),
                row.at >= wanted.since,
                row.at < wanted.until,
                scope_clause(principal, AUDIT_READ, owner=row.actor_id, department=Employee.department_id),
                *comes_after(self.source, after, at=row.at, row_id=row.id),
            )
            .order_by(row.at, row.id)
            .limit(limit)
        )
        if wanted.employee_id is not None:
            query = query.where(row.actor_id == wanted.employee_id)
        return [_operation(found, department) for found, department in (await session.execute(query)).all()]


def _operation(row: AccessRow, department_id: str | None) -> FileOperation:
    operation, kind = KINDS[row.kind]
    return FileOperation(
        Place(row.at, Source.SYSTEM, row.id),
        operation,
        kind,
        row.actor_id,
        department_id,
        customer_id=row.customer_id,
        target_id=row.target_id,
    )
