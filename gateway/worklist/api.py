"""The work list over HTTP."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import CursorInvalid, Page
from gateway import permissions
from gateway.worklist.schemas import WorkItemOut, WorkListQuery
from gateway.worklist.service import WorkList


def endpoints(work: WorkList) -> list[Endpoint]:
    """Give the endpoint of one's own work list."""

    @endpoint(
        "GET",
        "/worklist",
        permission=permissions.CUSTOMER_READ,
        summary_zh="本人名下客户，按该联系的先后",
        summary_en="One's own customers in the order of whom to contact",
        errors=(CursorInvalid,),
        tags=("customers",),
    )
    async def listing(*, principal: Principal, query: WorkListQuery) -> Page[WorkItemOut]:
        items, following = await work.page(principal, cursor=query.cursor, limit=query.limit)
        return Page(items=[WorkItemOut.model_validate(item) for item in items], next_cursor=following)

    return [listing]
