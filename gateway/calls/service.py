"""What people may ask of calls: place one, hang one up, say how things are."""

from dataclasses import dataclass

from core.errors import MasklineError
from core.ids import new_id
from core.status import PartStatus, State
from gateway.calls import events as on
from gateway.calls.books import Books, verdict_of
from gateway.calls.causes import EndedBy
from gateway.calls.errors import (
    AlreadyPlaced,
    CallNotPlaced,
    CallOver,
    CallRefused,
    CallsUnavailable,
    CallTargetUnknown,
    PhoneNotRegistered,
    SwitchNotConnected,
)
from gateway.calls.flow import Flow
from gateway.calls.gear import Phones
from gateway.calls.live import LiveCalls
from gateway.calls.ports import MediaPlane, SwitchLink
from gateway.calls.presence import Presence
from gateway.calls.ticket import CallTicket
from gateway.contact.model import Verdict


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A callback that was allowed and is on its way, or was."""

    call_id: str
    contact_id: str


class CallService:
    """The wishes of people, as they reach the process that can fulfil them."""

    def __init__(
        self,
        live: LiveCalls,
        books: Books,
        *,
        link: SwitchLink,
        phones: Phones,
        media: MediaPlane,
        presence: Presence,
    ) -> None:
        self._live = live
        self._presence = presence
        self._books = books
        self._link = link
        self._phones = phones
        self._media = media
        self.closed = False

    async def place(self, employee_id: str, binding_id: str, idempotency_key: str | None) -> PlacedCall:
        """Call the employee's phone, then the customer. The same key gives the same answer again.

        Returns as soon as the verdict is in the books. Raises: CallRefused, CallTargetUnknown,
        PhoneNotRegistered, AlreadyPlaced (the key belongs to another binding), Unavailable.
        """
        if self.closed:
            raise CallsUnavailable
        known = await self._known(employee_id, binding_id, idempotency_key)
        if known is not None:
            return known
        if not self._link.connected:
            raise SwitchNotConnected
        if await self._phones.locate(employee_id) is None:
            raise PhoneNotRegistered
        ticket = CallTicket(
            new_id(),
            Flow.CALLBACK,
            employee_id=employee_id,
            binding_id=binding_id,
            idempotency_key=idempotency_key,
        )
        answer = await self._live.start(ticket).steps.answer
        if isinstance(answer, AlreadyPlaced):  # by a request at the same moment
            known = await self._known(employee_id, binding_id, idempotency_key)
            if known is not None:
                return known
        if isinstance(answer, MasklineError):
            raise CallNotPlaced(reason=answer.code) from answer
        if answer is None:
            raise CallTargetUnknown
        if answer.call is None or not answer.verdict.allowed:
            raise refused(answer.verdict, ticket.call_id)
        return PlacedCall(answer.call.call_id, answer.call.contact_id)

    def hangup(self, call_id: str, by: EndedBy) -> None:
        """End a live call. Raises `CallOver` if it is not live here."""
        driver = self._live.get(call_id)
        if driver is None or driver.over:
            raise CallOver
        driver.post(on.KillRequested(by))

    async def end_inactive(self) -> int:
        """End the live calls of employees who are no longer active, without waiting for the next look."""
        return await self._presence.look()

    async def _known(self, employee_id: str, binding_id: str, key: str | None) -> PlacedCall | None:
        row = None if key is None else await self._books.find(employee_id, key)
        if row is None:
            return None
        if row.binding_id != binding_id:
            raise AlreadyPlaced
        verdict = verdict_of(row)
        if not verdict.allowed:
            raise refused(verdict, row.id)
        return PlacedCall(row.id, row.contact_id)

    # --- how things are -----------------------------------------------------------------------

    @property
    def name(self) -> str:
        return "calls"

    async def status(self) -> PartStatus:
        """Tell whether calls are possible: a switch is there, ports are free, records get written."""
        counts, media = self._live.counts(), self._media.status()
        connected = self._link.connected
        state = State.OK if connected and media.ports_free >= 2 and not self.closed else State.DOWN
        if state is State.OK and counts.unfiled > counts.live + 10:
            state = State.DEGRADED
        return PartStatus(
            state,
            {
                "switch_connected": connected,
                "live_calls": counts.live,
                "unfiled_calls": counts.unfiled,
                "ports": media.ports,
                "ports_free": media.ports_free,
            },
        )


def refused(verdict: Verdict, call_id: str) -> CallRefused:
    """Say which rule forbids a call, why, and when it would be allowed."""
    return CallRefused(
        verdict.reason_en,
        detail_zh=verdict.reason_zh,
        call_id=call_id,
        contact_id=verdict.contact_id,
        rule_id=verdict.rule_id,
        rule_version=verdict.rule_version,
        reason_code=verdict.reason_code,
        reason_zh=verdict.reason_zh,
        reason_en=verdict.reason_en,
        next_allowed_at=None if verdict.next_allowed_at is None else verdict.next_allowed_at.isoformat(),
    )
