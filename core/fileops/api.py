"""File operations over HTTP."""

from datetime import datetime

from pydantic import AwareDatetime, Field

from core.access.model import Principal
from core.audit.permissions import AUDIT_READ
from core.fileops.model import FileOperation, Operation, OperationFilter, Source
from core.fileops.service import MOST, FileOperations, FileOperationsWindowInvalid
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import CursorInvalid, Page
from core.web.schema import ApiModel, IdStr


class FileOperationsQuery(ApiModel):
    """A window of at most 14 days; `endTime` is not included. Times as RFC 3339 or Unix seconds."""

    start_time: AwareDatetime = Field(alias="startTime")
    end_time: AwareDatetime = Field(alias="endTime")
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=200, ge=1, le=MOST)
    employee: IdStr | None = None
    operation: Operation | None = None
    source: Source | None = None

    def wanted(self) -> OperationFilter:
        """Give what the service takes."""
        return OperationFilter(self.start_time, self.end_time, self.operation, self.employee, self.source)


class FileOperationOut(ApiModel):
    """One operation. `name` is masked, null where it is not known; of a phone's it is the agent's word."""

    id: str
    at: datetime
    source: Source
    operation: Operation
    kind: str
    employee_id: str | None
    department_id: str | None
    customer_id: str | None
    target_id: str | None
    device_id: str | None
    app: str | None
    name: str | None
    size: int | None
    sha256: str | None
    received_at: datetime | None

    @classmethod
    def of(cls, one: FileOperation) -> "FileOperationOut":
        return cls(
            id=one.place.id,
            at=one.place.at,
            source=one.place.source,
            operation=one.operation,
            kind=one.kind,
            employee_id=one.employee_id,
            department_id=one.department_id,
            customer_id=one.customer_id,
            target_id=one.target_id,
            device_id=one.device_id,
            app=one.app,
            name=one.name,
            size=one.size,
            sha256=one.sha256,
            received_at=one.received_at,
        )


def endpoints(service: FileOperations) -> list[Endpoint]:
    """Give the endpoint."""

    @endpoint(
        "GET",
        "/file-operations",
        permission=AUDIT_READ,
        summary_zh="文件操作记录：上传、下载、转发等（窗口至多 14 天，每页至多 1000）",
        summary_en="File operations: window of 14 days at most, 1000 a page at most",
        errors=(FileOperationsWindowInvalid, CursorInvalid),
        tags=("audit",),
    )
    async def find(*, principal: Principal, query: FileOperationsQuery) -> Page[FileOperationOut]:
        found, following = await service.find(
            principal, query.wanted(), cursor=query.cursor, limit=query.limit
        )
        return Page(items=[FileOperationOut.of(one) for one in found], next_cursor=following)

    return [find]
