"""The newest timestamp over HTTP, with the checkpoint that it is of."""

import base64
from datetime import datetime

from pydantic import Field

from core.access.model import Principal
from core.ledger.permissions import LEDGER_CHECKPOINT
from core.ledger.timestamping.service import Timestamps
from core.web.endpoint import Endpoint, endpoint
from core.web.schema import ApiModel


class StampOut(ApiModel):
    """What `openssl ts -verify -data NOTE -in REPLY -CAfile ROOTS` needs, but for the roots."""

    size: int
    at: datetime = Field(description="the authority's time")
    authority: str
    note: str = Field(description="the checkpoint that was stamped, byte for byte")
    reply: str = Field(description="base64 of the TimeStampResp (RFC 3161)")


class TimestampOut(ApiModel):
    """How stamping stands; `late` says that twice the interval went by."""

    enabled: bool
    late: bool
    newest: StampOut | None


def endpoints(timestamps: Timestamps) -> list[Endpoint]:
    """Give the endpoint."""

    @endpoint(
        "GET",
        "/ledger/timestamp",
        permission=LEDGER_CHECKPOINT,
        summary_zh="最新的第三方时间戳",
        summary_en="The newest timestamp of the outside authority",
        tags=("ledger",),
    )
    async def newest(*, principal: Principal) -> TimestampOut:  # noqa: ARG001 - the same for all
        state = await timestamps.state()
        if state.newest is None:
            return TimestampOut(enabled=state.enabled, late=state.late, newest=None)
        stamped = await timestamps.stamped(state.newest.size)
        return TimestampOut(
            enabled=state.enabled,
            late=state.late,
            newest=StampOut(
                size=state.newest.size,
                at=state.newest.at,
                authority=state.newest.authority,
                note=stamped.note,
                reply=base64.b64encode(stamped.reply).decode(),
            ),
        )

    return [newest]
