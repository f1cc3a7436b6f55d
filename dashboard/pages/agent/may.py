"""What an employee may do with a customer right now: the verdict of both channels before any click."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.access.model import Principal
from core.errors import MasklineError
from core.ids import new_id
from dashboard.parts import DashboardParts
from gateway.contact.model import Channel, Verdict
from gateway.contact.queries import DryRun
from gateway.messages.permissions import MESSAGE_READ
from gateway.messages.queries import ThreadFilter
from gateway.numbers.model import BindingView
from gateway.permissions import CONTACT_DRY_RUN

MAX_JUDGED = 10
"""Bindings of one page that are judged; each takes two dry runs of some indexed reads."""


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
    found = []
    for binding in list(bindings)[:MAX_JUDGED]:
        call, message = [
            await _verdict(parts, principal, binding, channel) for channel in (Channel.CALL, Channel.MESSAGE)
        ]
        found.append(May(binding, call, message, new_id()))
    return found


async def _verdict(
    parts: DashboardParts, principal: Principal, binding: BindingView, channel: Channel
) -> Verdict | None:
    if not principal.allows(CONTACT_DRY_RUN):
        return None
    try:
        return await parts.contacts.dry_run(principal, DryRun(binding.id, channel))
    except MasklineError:
        return None


async def threads_of(parts: DashboardParts, principal: Principal, customer_id: str) -> dict[str, str]:
    """Give the latest thread of each binding with a customer, by the binding's id."""
    if not principal.allows(MESSAGE_READ):
        return {}
    views, _ = await parts.messages.queries.recent(principal, ThreadFilter(customer_id=customer_id))
    found: dict[str, str] = {}
    for view in views:
        found.setdefault(view.row.binding_id, view.row.id)
    return found
