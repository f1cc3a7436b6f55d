"""What an employee may do with a customer right now: the verdict of both channels before any click."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.access.model import Principal
from core.ids import new_id
from dashboard.parts import DashboardParts
from gateway.contact.model import Channel, Verdict
from gateway.contact.queries import DryRun
from gateway.messages.permissions import MESSAGE_READ
from gateway.messages.queries import ThreadFilter
from gateway.numbers.model import BindingView
from gateway.permissions import CONTACT_DRY_RUN

MAX_JUDGED = 50
"""Bindings of one page that are judged; their facts are read together."""
CHANNELS = (Channel.CALL, Channel.MESSAGE)


@dataclass(frozen=True, slots=True)
class May:
    """A binding with its two verdicts; None where the rules could not be asked: then it is no.

    `key` makes a second click on the same button the same wish.
    """

    binding: BindingView
    call: Verdict | None
    message: Verdict | None
    key: str


async def judge(parts: DashboardParts, principal: Principal, bindings: Iterable[BindingView]) -> list[May]:
    """Ask the rules about some bindings, at most `MAX_JUDGED`; nothing is written."""
    judged = list(bindings)[:MAX_JUDGED]
    verdicts: list[Verdict | None] = [None] * (len(judged) * len(CHANNELS))
    if judged and principal.allows(CONTACT_DRY_RUN):
        asked = [DryRun(binding.id, channel) for binding in judged for channel in CHANNELS]
        verdicts = await parts.dry_runs.judge(principal, asked)
    pairs = zip(verdicts[::2], verdicts[1::2], strict=True)
    return [
        May(binding, call, message, new_id()) for binding, (call, message) in zip(judged, pairs, strict=True)
    ]


async def threads_of(parts: DashboardParts, principal: Principal, customer_id: str) -> dict[str, str]:
    """Give the latest thread of each binding with a customer, by the binding's id."""
    if not principal.allows(MESSAGE_READ):
        return {}
    views, _ = await parts.messages.queries.recent(principal, ThreadFilter(customer_id=customer_id))
    found: dict[str, str] = {}
    for view in views:
        found.setdefault(view.row.binding_id, view.row.id)
    return found
