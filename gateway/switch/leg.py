"""One leg: a sippy user agent that talks to one remote, and tells `calls` what happens in typed events.

Nothing of another leg ever comes here: SDP, causes and names are given by commands, phrases by the table.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from sippy.CCEvents import (
    CCEventConnect,
    CCEventDisconnect,
    CCEventFail,
    CCEventRedirect,
    CCEventRing,
    CCEventTry,
    CCEventUpdate,
)
from sippy.MsgBody import MsgBody
from sippy.SipAddress import SipAddress
from sippy.SipContact import SipContact
from sippy.SipHeader import SipHeader
from sippy.SipURL import SipURL

from core.logging import get_logger
from gateway.switch import protocol as p
from gateway.switch.causes import causes
from gateway.switch.dialog import DialogUA
from gateway.switch.digest import challenge_values
from gateway.switch.options import SOFTWARE
from gateway.switch.reading import ALLOW, InviteFacts, Refusal, sdp_of

_log = get_logger(__name__)
Report = Callable[[p.SwitchEvent], None]


class Phase(StrEnum):
    """Where a leg is in its life, as `calls` knows it."""

    EARLY = "early"
    CONNECTED = "connected"
    OVER = "over"


class Leg(DialogUA):
    """One dialog with one remote. `report` takes events up, `on_over` is called once at the end."""

    def __init__(
        self,
        global_config: dict[str, Any],
        leg_id: str,
        *,
        outgoing: bool,
        report: Report,
        on_over: Callable[[str], None],
        linger_s: float,
        ring_timeout_s: int | None = None,
        max_duration_s: int | None = None,
    ) -> None:
        super().__init__(
            global_config,
            event_cb=self._on_event,
            expire_time=ring_timeout_s,
            credit_time=max_duration_s,
        )
        self.leg_id = leg_id
        self.phase = Phase.EARLY
        self.outgoing = outgoing
        self.local_ua = SOFTWARE
        self.godead_timeout = linger_s
        self.extra_headers = [_allow()]
        self.lContact = SipContact(address=SipAddress(url=SipURL(username="maskline")))
        self._report = report
        self._on_over = on_over
        self._rang = False

    def begin(self, req: Any, sip_t: Any, facts: InviteFacts) -> Any:
        """Take a new INVITE; the return value is for sippy."""
        for name in ("authorization", "proxy-authorization", "reason"):
            req.delHFs(name)  # read already, or not wanted: sippy's own parsing of them can raise
        req.setBody(MsgBody(facts.sdp))
        return self.recvRequest(req, sip_t)

    # --- commands

    def dial(self, command: p.Originate) -> None:
        """Send the INVITE. Raises ValueError if the URI or the SDP cannot be sent."""
        target = SipURL(command.uri.get_secret_value())
        if target.scheme != "sip" or not target.host or not command.sdp.isascii():
            raise ValueError("not a URI that we can call")
        self.setNextHop(target.getAddr(), "udp")
        from_user = command.from_user.get_secret_value()

        def finish(_ua: Any) -> None:
            self.rTarget = target
            self.rUri.getUri().name = command.to_display
            self.lContact.getUrl().username = "maskline"
            if command.from_host is not None:
                self.lUri.getUrl().host = command.from_host

        event = CCEventTry(
            (None, from_user, target.username, MsgBody(command.sdp), None, command.from_display)
        )
        event.onUacSetupComplete = finish
        self.recvEvent(event)
        self.agreed_sdp = self.lSDP

    def ring(self) -> None:
        if self.phase is Phase.EARLY and not self.outgoing:
            self.recvEvent(CCEventRing((180, "Ringing", None)))

    def answer(self, sdp: str, max_duration_s: int | None) -> None:
        if self.phase is not Phase.EARLY or self.outgoing:
            return
        self.credit_time = max_duration_s
        event = CCEventConnect((200, "OK", MsgBody(sdp)))
        event.extra_headers = (_allow(),)
        self.phase = Phase.CONNECTED
        self.recvEvent(event)
        self.agreed_sdp = self.lSDP

    def refuse(self, status: int, retry_after_s: int | None = None) -> None:
        headers = [] if retry_after_s is None else [SipHeader(name="retry-after", bodys=str(retry_after_s))]
        self._fail(status, headers)

    def challenge(self, command: p.Challenge) -> None:
        values = challenge_values(command)
        self._fail(407, [SipHeader(name="proxy-authenticate", bodys=value) for value in values])

    def hangup(self) -> None:
        """End the leg in whatever state it is, and report nothing more."""
        if self.phase is Phase.EARLY and not self.outgoing:
            self._fail(480, [])
        elif self.phase is not Phase.OVER:
            self._finish(None)
            self.recvEvent(CCEventDisconnect())

    def reoffer(self, sdp: str) -> None:
        if self.phase is not Phase.CONNECTED:
            return
        if not self.is_stable:
            self._report(p.ReofferFailed(leg=self.leg_id, status=491))
            return
        self.recvEvent(CCEventUpdate(MsgBody(sdp)))

    def accept_reoffer(self, sdp: str) -> None:
        if self.phase is Phase.CONNECTED and self.is_answering:
            self.recvEvent(CCEventConnect((200, "OK", MsgBody(sdp))))
            self.agreed_sdp = self.lSDP

    def refuse_reoffer(self, status: int) -> None:
        if self.phase is Phase.CONNECTED and self.is_answering:
            before = self.former_remote_sdp
            cause = causes().own(status)
            self.recvEvent(CCEventFail((cause.status, cause.phrase)))
            self.rSDP = before

    # --- what the remote does

    def _on_event(self, event: Any, _ua: Any) -> None:
        if self.phase is Phase.EARLY and self.outgoing:
            self._on_outgoing(event)
        elif self.phase is Phase.EARLY and isinstance(event, CCEventDisconnect):
            self._finish(p.Cancelled(leg=self.leg_id))
        elif self.phase is Phase.CONNECTED:
            self._on_connected(event)

    def _on_outgoing(self, event: Any) -> None:
        match event:
            case CCEventRing():
                if event.getData()[0] > 100 and not self._rang:
                    self._rang = True
                    self._report(p.Ringing(leg=self.leg_id))
            case CCEventConnect():
                self._on_answer(event.getData()[2])
            case CCEventFail() | CCEventRedirect():
                self._finish(p.Failed(leg=self.leg_id, status=self._status(event)))
            case CCEventDisconnect():
                self._finish(p.Failed(leg=self.leg_id, status=408 if self.timed_out else 480))
            case _:
                pass

    def _on_answer(self, body: Any) -> None:
        sdp = self._readable(body)
        if sdp is None:  # an answer without audio that we understand is no call
            self._finish(p.Failed(leg=self.leg_id, status=488))
            self.hang_up_soon()
            return
        self.phase = Phase.CONNECTED
        self._report(p.Answered(leg=self.leg_id, sdp=sdp))

    def _on_connected(self, event: Any) -> None:
        match event:
            case CCEventUpdate():
                self.on_remote_offer(str(event.getData()))
            case CCEventConnect():
                sdp = self._readable(event.getData()[2])
                if sdp is None:
                    self._report(p.ReofferFailed(leg=self.leg_id, status=488))
                    return
                self.agreed_sdp = self.lSDP
                self._report(p.ReofferAnswered(leg=self.leg_id, sdp=sdp))
            case CCEventFail() | CCEventRedirect():
                self.lSDP = self.agreed_sdp
                self._report(p.ReofferFailed(leg=self.leg_id, status=self._status(event)))
            case CCEventDisconnect():
                self._finish(p.Ended(leg=self.leg_id, by="timeout" if self.timed_out else "remote"))
            case _:
                pass

    def on_remote_offer(self, sdp: str) -> None:
        self._report(p.Reoffer(leg=self.leg_id, sdp=sdp))

    def on_dtmf(self, digit: str) -> None:
        if self.phase is Phase.CONNECTED:
            self._report(p.InfoDtmf(leg=self.leg_id, digit=digit))

    def on_broken(self) -> None:
        """Something raised while the remote was heard: end the leg as well as we still can."""
        phase = self.phase
        _log.warning("leg.broken", leg=self.leg_id, state=phase.value)
        if phase is Phase.OVER:
            return
        if phase is Phase.CONNECTED:
            self._finish(p.Ended(leg=self.leg_id, by="error"))
        elif self.outgoing:
            self._finish(p.Failed(leg=self.leg_id, status=500))
        else:
            self._finish(p.Cancelled(leg=self.leg_id))
        self.hang_up_soon()

    # --- inside

    def _fail(self, status: int, headers: list[Any]) -> None:
        if self.phase is not Phase.EARLY or self.outgoing:
            return
        cause = causes().own(status)
        event = CCEventFail((cause.status, cause.phrase))
        event.extra_headers = tuple(headers) or None
        self._finish(None)
        self.recvEvent(event)

    def _finish(self, event: p.SwitchEvent | None) -> None:
        self.phase = Phase.OVER
        self._on_over(self.leg_id)
        if event is not None:
            self._report(event)

    def _status(self, event: Any) -> int:
        return causes().from_remote(int(event.getData()[0])).status

    def _readable(self, body: Any) -> str | None:
        try:
            return sdp_of(_Bodied(body))
        except Refusal:
            return None


class _Bodied:
    """A body that `sdp_of` can read like a message."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def getBody(self) -> Any:  # noqa: N802 sippy's name
        return self._body


def _allow() -> Any:
    return SipHeader(name="allow", bodys=ALLOW)
