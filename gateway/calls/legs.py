"""The two legs of a call as the switch knows them: ids, and the commands that name them."""

from collections.abc import Callable

from pydantic import SecretStr

from core.errors import Unavailable
from core.ids import new_id
from core.logging import get_logger
from gateway.calls.flow import Flow
from gateway.calls.gear import Gear, PhoneAddress
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.customers.phone import PhoneNumber
from gateway.media.model import Side
from gateway.switch import protocol as sip

_log = get_logger(__name__)
UNANSWERED_STATUS = 480
SWITCH_MARGIN_S = 60
"""The switch may let a leg live so much longer than the call: our own timer comes first."""


class Legs:
    """Says things to the switch. A leg that is not there any more is no error: its end is on the way."""

    def __init__(self, gear: Gear, ticket: CallTicket, *, claim: Callable[[str], None]) -> None:
        """`claim` is told each leg that we dial, before the switch can say anything of it."""
        self._gear = gear
        self._claim = claim
        self._ids: dict[Side, str] = {}
        self._waiting: Side | None = None
        if ticket.leg is not None:
            self._waiting = Side.CUSTOMER if ticket.flow is Flow.INBOUND else Side.STAFF
            self._ids[self._waiting] = ticket.leg

    def side_of(self, leg: str) -> Side | None:
        """Tell which side a leg of the switch is."""
        for side, known in self._ids.items():
            if known == leg:
                return side
        return None

    def call_staff(self, phone: PhoneAddress, call: OpenedCall, sdp: str) -> None:
        """Dial the employee's phone; it shows the binding's token, never a number."""
        self._originate(Side.STAFF, phone.uri, call.token, sdp)

    def call_customer(self, number: PhoneNumber, call: OpenedCall, sdp: str) -> None:
        """Dial the customer through the trunk; they see the institution's own line."""
        host = self._gear.sip.trunk_host
        host = f"[{host}]" if ":" in host else host
        uri = f"sip:{number.e164}@{host}:{self._gear.sip.trunk_port}"
        self._originate(Side.CUSTOMER, uri, call.line_number, sdp)

    def _originate(self, side: Side, uri: str, from_user: str, sdp: str) -> None:
        leg = new_id()
        command = sip.Originate(
            leg=leg,
            uri=SecretStr(uri),
            from_user=SecretStr(from_user),
            sdp=sdp,
            ring_timeout_s=self._gear.sip.ring_timeout_s,
            max_duration_s=self._gear.sip.max_call_s + SWITCH_MARGIN_S,
        )
        self._ids[side] = leg
        self._claim(leg)
        self._gear.link.send(command)

    def ring(self, side: Side) -> None:
        self._try(sip.Ring(leg=self._ids[side]))

    def answer(self, side: Side, sdp: str) -> None:
        """Answer the caller; raises `Unavailable` if the leg is gone."""
        limit_s = self._gear.sip.max_call_s + SWITCH_MARGIN_S
        self._waiting = None
        self._gear.link.send(sip.Answer(leg=self._ids[side], sdp=sdp, max_duration_s=limit_s))

    def refuse(self, side: Side, status: int, retry_after_s: int | None) -> None:
        self._try(sip.Refuse(leg=self._ids[side], status=status, retry_after_s=retry_after_s))

    def hangup(self, side: Side) -> None:
        leg = self._ids.get(side)
        if leg is None:  # it was never dialled
            return
        if side is self._waiting:
            self.refuse(side, UNANSWERED_STATUS, None)
        else:
            self._try(sip.Hangup(leg=leg))

    def accept_reoffer(self, side: Side, sdp: str) -> None:
        self._try(sip.AcceptReoffer(leg=self._ids[side], sdp=sdp))

    def refuse_reoffer(self, side: Side, status: int) -> None:
        self._try(sip.RefuseReoffer(leg=self._ids[side], status=status))

    def _try(self, command: sip.SwitchCommand) -> None:
        try:
            self._gear.link.send(command)
        except Unavailable as error:
            _log.info("call.leg_gone", code=error.code)
