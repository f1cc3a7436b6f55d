"""Requests at the HTTP edge. No answer holds a number; what is asked for is sealed at once."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from gateway.customers.approvals.model import (
    ErasureGround,
    ExportWish,
    RequestKind,
    RequestState,
    RequestView,
    SheetFormat,
)
from gateway.customers.schemas import Tag, Text

Reason = Annotated[str, Field(min_length=1, max_length=1000, repr=False)]


class RequestPath(ApiModel):
    request_id: IdStr


class ChangeAsk(ApiModel):
    """Who the customer should be; what is left out or null stays, "" clears. `reason` is sealed."""

    phone: Text | None = Field(default=None, repr=False)
    name: Text | None = Field(default=None, repr=False)
    id_number: Text | None = Field(default=None, repr=False)
    external_id: Text | None = Field(default=None, repr=False)
    reason: Reason


class ErasureAsk(ApiModel):
    """`ground`: why the law asks for it (PIPL article 47). `reason` is erased with the customer."""

    ground: ErasureGround
    reason: Reason


class ExportAsk(ApiModel):
    """Which of the customers within reach; all of them without `tag` and `owner_id`."""

    sheet: SheetFormat = SheetFormat.XLSX
    tag: Tag | None = None
    owner_id: IdStr | None = None
    reason: Reason

    def wish(self) -> ExportWish:
        return ExportWish(self.sheet, self.tag, self.owner_id)


class RequestDecision(ApiModel):
    """Who says no says why."""

    approve: bool
    note: str = Field(default="", max_length=1000, repr=False)


class RequestQuery(PageQuery):
    """Which requests; `decidable`: what waits for the caller, `mine`: what the caller asked for."""

    decidable: bool = False
    mine: bool = False
    state: RequestState | None = None
    kind: RequestKind | None = None
    customer_id: IdStr | None = None


class DifferenceOut(ApiModel):
    """A field before and after, masked; `hidden`: they differ in what the mask covers."""

    field: str
    before: str
    after: str
    hidden: bool


class ExportFileOut(ApiModel):
    """The file of an export; `ready`: the caller can still download it, once."""

    rows: int
    size: int
    sha256: str
    until: AwareDatetime
    taken_at: AwareDatetime | None
    ready: bool


class RequestOut(ApiModel):
    """A request. `second_person` is false where the institution has switched the second person off."""

    id: str
    kind: RequestKind
    state: RequestState
    asked_by: str
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    second_person: bool
    own: bool
    may_decide: bool
    customer_id: str | None
    customer_name: str
    customer_phone: str
    fields: list[str]
    differences: list[DifferenceOut]
    ground: ErasureGround | None
    sheet: SheetFormat | None
    tag: str | None
    owner_id: str | None
    rows: int | None
    file: ExportFileOut | None
    reason: str
    decided_by: str | None
    decided_at: AwareDatetime | None
    note: str

    @classmethod
    def of(cls, view: RequestView) -> "RequestOut":
        """Make it of a view."""
        wish = view.wish
        return cls(
            id=view.id,
            kind=view.kind,
            state=view.state,
            asked_by=view.asked_by,
            asked_at=view.asked_at,
            expires_at=view.expires_at,
            second_person=view.second_person,
            own=view.own,
            may_decide=view.may_decide,
            customer_id=view.customer_id,
            customer_name=view.customer_name,
            customer_phone=view.customer_phone,
            fields=list(view.fields),
            differences=[DifferenceOut.model_validate(one) for one in view.differences],
            ground=view.ground,
            sheet=wish.sheet if wish else None,
            tag=wish.tag if wish else None,
            owner_id=wish.owner_id if wish else None,
            rows=view.rows,
            file=None if view.file is None else ExportFileOut.model_validate(view.file),
            reason=view.reason,
            decided_by=view.decided_by,
            decided_at=view.decided_at,
            note=view.note,
        )
