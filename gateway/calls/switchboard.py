"""Hears the switches: brings each event to its call, and finds out who is behind a new leg."""

from collections.abc import Callable
from typing import TypeAlias

from core.errors import Unavailable
from core.ids import new_id
from core.logging import get_logger
from core.tasks import spawn
from gateway.calls import events as on
from gateway.calls.accounts import KnownAccount
from gateway.calls.driver import CallDriver
from gateway.calls.flow import Flow
from gateway.calls.live import LiveCalls
from gateway.calls.metrics import CallMetrics
from gateway.calls.patience import within
from gateway.calls.ports import SwitchLink
from gateway.calls.registrar import AskAgain, Caller, Refused, Registrar
from gateway.calls.ticket import CallTicket
from gateway.customers.phone import PhoneInvalid, PhoneNumber
from gateway.media.model import Side
from gateway.switch import protocol as sip
from gateway.switch.link import LinkDown, LinkEvent, LinkUp

_log = get_logger(__name__)
UNAVAILABLE = 503
NOT_FOUND = 404

LegEvent: TypeAlias = sip.Ringing | sip.Answered | sip.Failed | sip.Ended | sip.Cancelled | sip.Reoffer


class Switchboard:
    """One reader of the link. Nothing here waits: what takes time runs as a task of its own."""

    def __init__(
        self,
        link: SwitchLink,
        registrar: Registrar,
        live: LiveCalls,
        *,
        region: str,
        metrics: CallMetrics,
        identify_s: float,
    ) -> None:
        self._link = link
        self._registrar = registrar
        self._live = live
        self._region = region
        self._metrics = metrics
        self._identify_s = identify_s
        self._waiting: set[str] = set()
        self.closed = False
        """Set when the process stops: new calls are refused."""

    async def run(self) -> None:
        """Hear the switches until the link is closed."""
        async for event in self._link.events():
            self._take(event)

    def _take(self, event: LinkEvent) -> None:
        match event:
            case sip.Incoming():
                if event.leg not in self._waiting and self._live.by_leg(event.leg) is None:
                    self._waiting.add(event.leg)
                    spawn(self._incoming(event), name=f"incoming {event.leg}")
            case sip.Register():
                spawn(self._register(event), name=f"register {event.request}")
            case LinkUp(node=node):
                _log.info("calls.switch_connected", node=node)
            case LinkDown(node=node, legs=legs):
                _log.error("calls.switch_lost", node=node, count=len(legs))
                self._lost(legs)
            case (
                sip.Ringing() | sip.Answered() | sip.Failed() | sip.Ended() | sip.Cancelled() | sip.Reoffer()
            ):
                self._leg_event(event)
            case _:
                pass  # greetings, pongs, keys by INFO (they pass as RTP events only), offers we never make

    def _leg_event(self, event: LegEvent) -> None:
        driver = self._live.by_leg(event.leg)
        if driver is None:
            if isinstance(event, sip.Cancelled | sip.Ended):
                self._waiting.discard(event.leg)
            return
        side = driver.legs.side_of(event.leg)
        if side is not None:
            driver.post(translate(event, side))

    def _lost(self, legs: frozenset[str]) -> None:
        self._waiting -= legs
        for driver in self._live.by_legs(legs):
            driver.post(on.SwitchLost(_sides(driver, legs)))

    async def _incoming(self, event: sip.Incoming) -> None:
        caller = await self._identify(event)
        if event.leg not in self._waiting:  # given up meanwhile
            return
        self._waiting.discard(event.leg)
        if self.closed:
            caller = Refused(UNAVAILABLE)
        match caller:
            case AskAgain():
                self._say(self._registrar.challenge(caller, leg=event.leg))
            case Refused(status=status):
                self._metrics.refused.labels(str(status)).inc()
                self._say(sip.Refuse(leg=event.leg, status=status))
            case KnownAccount():
                self._live.start(staff_ticket(event, caller))
            case _:
                self._inbound(event)

    async def _identify(self, event: sip.Incoming) -> Caller:
        try:
            return await within(
                self._identify_s, self._registrar.identify(event), name=f"identify {event.leg}"
            )
        except Exception as error:  # noqa: BLE001 - who cannot be identified does not get in
            _log.error("calls.identify_failed", leg=event.leg, error_type=type(error).__name__)
            return Refused(UNAVAILABLE)

    def _inbound(self, event: sip.Incoming) -> None:
        ticket = inbound_ticket(event, self._region)
        if ticket is None:
            self._metrics.refused.labels(str(NOT_FOUND)).inc()
            self._say(sip.Refuse(leg=event.leg, status=NOT_FOUND))
        else:
            self._live.start(ticket)

    async def _register(self, event: sip.Register) -> None:
        try:
            answer = await within(
                self._identify_s, self._registrar.register(event), name=f"registering {event.request}"
            )
        except Exception as error:  # noqa: BLE001 - fails closed
            _log.error("calls.register_failed", error_type=type(error).__name__)
            answer = sip.RefuseRegister(request=event.request, status=UNAVAILABLE)
        self._say(answer)

    def _say(self, command: sip.SwitchCommand) -> None:
        try:
            self._link.send(command)
        except Unavailable as error:
            _log.info("calls.switch_gone", code=error.code)


_TRANSLATIONS: dict[type, Callable[..., on.Event]] = {
    sip.Ringing: lambda _event, side: on.Ringing(side),
    sip.Answered: lambda event, side: on.Answered(side, event.sdp),
    sip.Failed: lambda event, side: on.Failed(side, event.status),
    sip.Ended: lambda event, side: on.Ended(side, timed_out=event.by == "timeout"),
    sip.Cancelled: lambda _event, side: on.Cancelled(side),
    sip.Reoffer: lambda event, side: on.Reoffer(side, event.sdp),
}


def translate(event: LegEvent, side: Side) -> on.Event:
    """Say in the machine's words what the switch said of a leg."""
    return _TRANSLATIONS[type(event)](event, side)


def staff_ticket(event: sip.Incoming, account: KnownAccount) -> CallTicket:
    """Make the wish of an employee who dialled a token or a line."""
    return CallTicket(
        new_id(),
        Flow.STAFF,
        employee_id=account.employee_id,
        target=event.to_user.get_secret_value(),
        leg=event.leg,
        offer=event.sdp,
    )


def inbound_ticket(event: sip.Incoming, region: str) -> CallTicket | None:
    """Make the wish of somebody who dialled a line through the trunk; None if they hide their number."""
    try:
        caller = PhoneNumber.parse(event.from_user.get_secret_value(), region)
    except PhoneInvalid:
        return None
    return CallTicket(
        new_id(),
        Flow.INBOUND,
        target=event.to_user.get_secret_value(),
        caller=caller,
        leg=event.leg,
        offer=event.sdp,
    )


def _sides(driver: CallDriver, legs: frozenset[str]) -> frozenset[Side]:
    return frozenset(side for leg in legs if (side := driver.legs.side_of(leg)) is not None)
