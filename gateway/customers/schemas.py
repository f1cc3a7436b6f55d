"""Customers at the HTTP edge: what goes in, and the masked views that come out."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from gateway.contact.model import Channel, Purpose
from gateway.customers.importing.report import ImportMode, ImportReport
from gateway.customers.model import BlockReason, ConsentSource

Text = Annotated[str, Field(max_length=200)]
Tag = Annotated[str, Field(max_length=100)]


class CustomerPath(ApiModel):
    id: IdStr


class CustomerCreate(ApiModel):
    """A new customer. The number is sealed at once and never comes back."""

    phone: Text = Field(repr=False)
    name: Text = Field(repr=False)
    id_number: Text = Field(default="", repr=False)
    tags: list[Tag] = Field(default=[], max_length=100)
    external_id: Text = Field(default="", repr=False)
    time_zone: Text = ""
    city: Text = ""
    owner_id: IdStr | None = None


class CustomerPatch(ApiModel):
    """What to change; what is left out or null stays, "" clears."""

    phone: Text | None = Field(default=None, repr=False)
    name: Text | None = Field(default=None, repr=False)
    id_number: Text | None = Field(default=None, repr=False)
    tags: list[Tag] | None = Field(default=None, max_length=100)
    external_id: Text | None = Field(default=None, repr=False)
    time_zone: Text | None = None
    city: Text | None = None
    owner_id: IdStr | None = None


class CustomerOut(ApiModel):
    """A customer, masked."""

    id: str
    name_masked: str
    phone_masked: str
    has_id_number: bool
    tags: list[str]
    external_id: str | None
    owner_id: str
    department_id: str | None
    time_zone: str
    city: str | None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    erased_at: AwareDatetime | None


class CustomerListQuery(PageQuery):
    tag: Tag | None = None
    owner_id: IdStr | None = None


class CustomerSearch(ApiModel):
    """A search. It is a body, not a query, so that no name gets into an address or a proxy's log."""

    name: Text | None = Field(default=None, repr=False)
    last_four: str | None = Field(default=None, pattern=r"^[0-9]{4}$", repr=False)
    tag: Tag | None = None
    owner_id: IdStr | None = None
    cursor: str | None = Field(default=None, max_length=512)
    limit: int = Field(default=50, ge=1, le=200)


class ImportQuery(ApiModel):
    mode: ImportMode = ImportMode.ALL_OR_NOTHING
    dry_run: bool = False
    owner_id: IdStr | None = None


class RowRefusalOut(ApiModel):
    """A refused row: number (as a spreadsheet counts), column, why."""

    row: int
    column: str
    code: str
    zh: str
    en: str


class ImportOut(ApiModel):
    """The report of an import. `good`: rows that could be written; `written`: rows that were."""

    import_id: str
    dry_run: bool
    mode: ImportMode
    rows_read: int
    good: int
    written: int
    refusals: list[RowRefusalOut]
    ignored_columns: list[int]

    @classmethod
    def of(cls, report: ImportReport) -> "ImportOut":
        return cls.model_validate(report)


class ConsentCreate(ApiModel):
    """A consent; `evidence` (where the proof is kept) is sealed."""

    purpose: Purpose
    source: ConsentSource
    given_at: AwareDatetime
    evidence: str = Field(default="", max_length=2000, repr=False)


class ConsentWithdraw(ApiModel):
    purpose: Purpose


class ConsentOut(ApiModel):
    id: str
    customer_id: str
    purpose: Purpose
    source: ConsentSource
    has_evidence: bool
    given_at: AwareDatetime
    withdrawn_at: AwareDatetime | None
    recorded_by: str


class ConsentList(ApiModel):
    items: list[ConsentOut]


class BlockCreate(ApiModel):
    """A do-not-contact entry; without purpose, channel or end it means all of them. `note` is sealed."""

    reason: BlockReason
    purpose: Purpose | None = None
    channel: Channel | None = None
    until: AwareDatetime | None = None
    note: str = Field(default="", max_length=2000, repr=False)


class BlockPath(ApiModel):
    id: IdStr
    block_id: IdStr


class BlockOut(ApiModel):
    id: str
    customer_id: str
    purpose: Purpose | None
    channel: Channel | None
    reason: BlockReason
    until: AwareDatetime | None
    created_at: AwareDatetime
    created_by: str
    lifted_at: AwareDatetime | None


class BlockList(ApiModel):
    items: list[BlockOut]
