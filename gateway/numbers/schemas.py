"""Lines and bindings at the HTTP edge."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from gateway.contact.model import Purpose
from gateway.numbers.model import CityMatch, DirectDial, LineStatus, Stickiness

City = Annotated[str, Field(min_length=1, max_length=50)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]


class LinePath(ApiModel):
    id: IdStr


class LineCreate(ApiModel):
    """A number of the institution's own."""

    number: str = Field(min_length=3, max_length=32)
    city: City
    owner_name: str = Field(min_length=1, max_length=100)
    registration: str = Field(default="", max_length=100)


class LineStatusChange(ApiModel):
    status: LineStatus


class LineOut(ApiModel):
    id: str
    number: str
    city: str
    status: LineStatus
    owner_name: str
    registration: str
    created_at: AwareDatetime


class LineList(ApiModel):
    items: list[LineOut]


class BindingPath(ApiModel):
    id: IdStr


class BindingCreate(ApiModel):
    """A binding. The same idempotency key of the same caller gives the same binding again."""

    employee_id: IdStr
    customer_id: IdStr
    purpose: Purpose
    expires_at: AwareDatetime
    line_id: IdStr | None = None
    city: City | None = None
    city_match: CityMatch = CityMatch.LOOSE
    stickiness: Stickiness = Stickiness.STICKY
    direct_dial: DirectDial = DirectDial.PREFERRED
    idempotency_key: Key | None = None


class BindingRenew(ApiModel):
    expires_at: AwareDatetime


class BindingListQuery(PageQuery):
    employee_id: IdStr | None = None
    customer_id: IdStr | None = None
    live_only: bool = True


class BindingOut(ApiModel):
    """A binding. `direct_dial`: the employee may dial `line_number` itself, not only the token."""

    id: str
    token: str
    line_id: str
    line_number: str
    employee_id: str
    department_id: str | None
    customer_id: str
    purpose: Purpose
    expires_at: AwareDatetime
    direct_dial: bool
    released_at: AwareDatetime | None
    release_reason: str | None
