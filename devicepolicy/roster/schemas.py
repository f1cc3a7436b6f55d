"""Lists of phones at the HTTP edge."""

from pydantic import AwareDatetime, Field

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from devicepolicy.roster.model import Decision, Flag, HardwareKind, ListState, Standing
from devicepolicy.texts import PhoneText


class DeviceListPath(ApiModel):
    id: IdStr


class DeviceListQuery(ApiModel):
    """What goes with the file. `admits`: phones of this list need no approval when they enrol."""

    name: PhoneText = Field(min_length=1, max_length=100)
    admits: bool = False


class AdmissionIn(ApiModel):
    """Whether phones of this list need no approval when they enrol."""

    admits: bool


class RefusalOut(ApiModel):
    """Why a line was not taken: where and what, never the value."""

    row: int
    column: str
    code: str
    zh: str
    en: str


class DeviceListOut(ApiModel):
    """A list. `good`: lines that can be or were added; `known`: lines that were listed already."""

    id: str
    name: str
    state: ListState
    admits: bool
    created_by: str
    created_at: AwareDatetime
    taken_at: AwareDatetime | None
    rows_read: int
    good: int
    known: int
    refusals: list[RefusalOut]
    ignored_columns: list[int]


class ExpectedQuery(PageQuery):
    """Filters of the expected phones."""

    standing: Standing | None = None
    list_id: IdStr | None = None
    employee_id: IdStr | None = None


class ExpectedOut(ApiModel):
    """A phone on a list. Of its hardware ids only the last four characters are shown."""

    id: str
    list_id: str
    list_name: str
    hardware: dict[HardwareKind, str]
    asset_number: str | None
    model: str | None
    employee_id: str | None
    department_id: str | None
    standing: Standing
    added_at: AwareDatetime
    rejected_at: AwareDatetime | None
    device_id: str | None
    device_name: str | None
    flags: list[Flag] = Field(description="Of the phone that claims the id: its own word, not attested")


class ExpectedFiguresOut(ApiModel):
    """How many listed phones stand how."""

    standing: dict[Standing, int]


class DecisionIn(ApiModel):
    """What to do about many listed phones; flagged ones are not confirmed in bulk."""

    decision: Decision
    phones: list[IdStr] = Field(min_length=1, max_length=200)


class DecisionOut(ApiModel):
    """How many were changed, and how many the decision did not fit."""

    done: int
    skipped: int
