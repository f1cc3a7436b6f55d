"""Who saw what, over HTTP."""

from datetime import datetime

from pydantic import AwareDatetime

from core.access.model import Principal
from core.audit.model import AccessFilter, AccessGroup
from core.audit.permissions import AUDIT_READ
from core.audit.service import AuditService
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import CursorInvalid, Page, PageQuery
from core.web.schema import ApiModel, IdStr


class AccessQuery(PageQuery):
    """Which accesses; `until` is exclusive."""

    actor: IdStr | None = None
    customer: IdStr | None = None
    group: AccessGroup | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class AccessOut(ApiModel):
    """One access; `proof_seq` is the ledger entry that proves it, null until the next digest."""

    id: str
    at: datetime
    kind: str
    group: AccessGroup
    actor_id: str | None
    target_id: str | None
    contact_id: str | None
    customer_id: str | None
    detail: str | None
    proof_seq: int | None
    own_entry: bool


class CheckOut(ApiModel):
    """The log held against the ledger; `altered` are entries whose lines do not fit any more."""

    ok: bool
    digests: int
    lines: int
    waiting: int
    altered: list[int]
    missing: int


def endpoints(service: AuditService) -> list[Endpoint]:
    """Give the endpoints of the access log."""

    @endpoint(
        "GET",
        "/access-log",
        permission=AUDIT_READ,
        summary_zh="谁看了什么",
        summary_en="Who saw what",
        errors=(CursorInvalid,),
        tags=("audit",),
    )
    async def find(*, principal: Principal, query: AccessQuery) -> Page[AccessOut]:
        wanted = AccessFilter(query.actor, query.customer, query.group, query.since, query.until)
        found, following = await service.find(principal, wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[AccessOut.model_validate(one) for one in found], next_cursor=following)

    @endpoint(
        "GET",
        "/access-log/check",
        permission=AUDIT_READ,
        summary_zh="将查看记录与账本核对",
        summary_en="Hold the access log against the ledger",
        tags=("audit",),
    )
    async def check(*, principal: Principal) -> CheckOut:
        return CheckOut.model_validate(await service.check(principal))

    return [find, check]
