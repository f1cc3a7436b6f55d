"""Figures of red packets and transfers over HTTP."""

from pydantic import AwareDatetime

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.schema import ApiModel
from devicepolicy import permissions
from devicepolicy.uploads.model import EventKind, MoneyDirection
from devicepolicy.uploads.money import MoneyBy, MoneyFigures, MoneySpanInvalid


class MoneyQuery(ApiModel):
    """`until` is not included; 366 days at most."""

    since: AwareDatetime
    until: AwareDatetime
    by: MoneyBy = MoneyBy.EMPLOYEE


class MoneyLineOut(ApiModel):
    """`amount_fen`: the sum of the `stated` amounts, hundredths of a yuan (CNY), as stated by phones."""

    key: str | None
    kind: EventKind
    direction: MoneyDirection
    count: int
    stated: int
    amount_fen: int


class MoneyOut(ApiModel):
    """The events of a line: `/device-conduct` with its kind, direction, person and span, and `once=true`."""

    by: MoneyBy
    lines: list[MoneyLineOut]


def endpoints(figures: MoneyFigures) -> list[Endpoint]:
    """Give the endpoint."""

    @endpoint(
        "GET",
        "/money-figures",
        permission=permissions.UPLOAD_READ,
        summary_zh="红包与转账：次数与金额（手机陈述）",
        summary_en="Red packets and transfers: how many, how much, as phones stated them",
        errors=(MoneySpanInvalid,),
        tags=("phones",),
    )
    async def count(*, principal: Principal, query: MoneyQuery) -> MoneyOut:
        found = await figures.count(principal, query.since, query.until)
        lines = [MoneyLineOut.model_validate(line) for line in found[query.by]]
        return MoneyOut(by=query.by, lines=lines)

    return [count]
