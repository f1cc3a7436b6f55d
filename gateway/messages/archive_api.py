"""Archive members over HTTP: say who an id of the WeCom archive is."""

from pydantic import Field, model_validator

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.schema import ApiModel, FieldProblem, IdStr
from gateway.messages import permissions
from gateway.messages.channels.wecom.members import ArchiveMembers, MemberUnknown


class MemberLink(ApiModel):
    """An id of the archive and the employee or the customer that it is."""

    source: str = Field(min_length=1, max_length=40)
    member: str = Field(min_length=1, max_length=128, repr=False)
    employee_id: IdStr | None = None
    customer_id: IdStr | None = None

    @model_validator(mode="after")
    def _one(self) -> "MemberLink":
        if (self.employee_id is None) == (self.customer_id is None):
            raise FieldProblem("须指定员工或客户之一。", "Name either an employee or a customer.")
        return self


def endpoints(members: ArchiveMembers) -> list[Endpoint]:
    """Give the endpoints of archive members."""

    @endpoint(
        "POST",
        "/archive/members",
        permission=permissions.ARCHIVE_LINK,
        summary_zh="关联会话存档成员与员工或客户",
        summary_en="Link an archive member to an employee or a customer",
        errors=(MemberUnknown,),
        tags=("messages",),
    )
    async def link(*, principal: Principal, body: MemberLink) -> None:
        await members.link(
            principal,
            body.source,
            body.member,
            employee_id=body.employee_id,
            customer_id=body.customer_id,
        )

    return [link]
