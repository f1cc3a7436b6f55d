"""sippy's user agent with a guard around each entry, and the requests within a dialog under our rules."""

from typing import Any

from sippy.CCEvents import CCEventDisconnect
from sippy.MsgBody import MsgBody
from sippy.SipHeader import SipHeader
from sippy.Time.Timeout import Timeout
from sippy.UA import UA

from gateway.switch.causes import causes
from gateway.switch.options import SOFTWARE
from gateway.switch.reading import ALLOW, Refusal, check_request, dtmf_of, sdp_of
from gateway.switch.sippy_patches import FAULTS

_REFUSED = {"REFER": 405, "MESSAGE": 405, "SUBSCRIBE": 405, "PUBLISH": 405, "NOTIFY": 481, "PRACK": 481}


class DialogUA(UA):  # type: ignore[misc]
    """A user agent that no message of the remote can break. Subclasses say what its events mean."""

    rSDP: Any  # noqa: N815 sippy's names: the remote's last SDP,
    lSDP: Any  # noqa: N815 our last SDP,
    rCSeq: Any  # noqa: N815 and the remote's last CSeq
    timed_out = False
    agreed_sdp: Any = None
    former_remote_sdp: Any = None

    def on_broken(self) -> None:
        raise NotImplementedError

    def on_dtmf(self, digit: str) -> None:
        raise NotImplementedError

    def on_remote_offer(self, sdp: str) -> None:
        raise NotImplementedError

    @property
    def is_stable(self) -> bool:
        """Tell whether no offer is open in either direction."""
        return isinstance(self.state, UA.UaStateConnected)

    @property
    def is_answering(self) -> bool:
        """Tell whether the remote waits for our answer to its new offer."""
        return isinstance(self.state, UA.UasStateUpdating)

    def hang_up_soon(self) -> None:
        """End the dialog once sippy has finished with the message at hand."""
        Timeout(self._hang_up, 0, 1)

    def _hang_up(self) -> None:
        self.recvEvent(CCEventDisconnect())

    # --- sippy's entries, guarded

    def recvRequest(self, req: Any, sip_t: Any) -> Any:  # noqa: N802
        try:
            if self.state is None:
                return super().recvRequest(req, sip_t)
            check_request(req)
            return self._within_dialog(req, sip_t)
        except Refusal as refusal:
            return respond(req, refusal.status, refusal.headers)
        except Exception:  # noqa: BLE001 a remote can cause any
            FAULTS.add("dialog request")
            self.on_broken()
            return respond(req, 400)

    def recvResponse(self, resp: Any, tr: Any) -> None:  # noqa: N802
        try:
            super().recvResponse(resp, tr)
        except Exception:  # noqa: BLE001
            FAULTS.add("dialog response")
            self.on_broken()

    def recvACK(self, req: Any) -> None:  # noqa: N802
        """Take the answer that came with the ACK of a re-INVITE without offer (RFC 3264 section 4)."""
        try:
            sdp = sdp_of(req)
        except Refusal:
            sdp = None
        if sdp is not None and self.is_stable and sdp != str(self.rSDP):
            self.rSDP = MsgBody(sdp)
            self.on_remote_offer(sdp)

    def disconnect(self, rtime: Any = None, origin: Any = None) -> None:
        """End by one of our timers: no answer, no ACK, or the longest duration."""
        self.timed_out = True
        super().disconnect(rtime, origin)

    # --- requests within the dialog

    def _within_dialog(self, req: Any, sip_t: Any) -> Any:
        method = req.getMethod()
        if method in {"INVITE", "BYE"}:
            return self._invite(req, sip_t) if method == "INVITE" else self._bye(req, sip_t)
        number = req.getHFBody("cseq").getCSeqNum()
        if self.rCSeq is not None and number <= self.rCSeq:
            return respond(req, 500)
        self.rCSeq = number
        if not self.isConnected():
            return respond(req, 481)
        if method == "INFO":
            digit = dtmf_of(req)
            if digit is not None:
                self.on_dtmf(digit)
            return respond(req, 200)
        if method == "OPTIONS" or (method == "UPDATE" and req.getBody() is None):
            return respond(req, 200, {"contact": str(self.lContact.localStr(self._address()))})
        return respond(req, 405 if method == "UPDATE" else _REFUSED.get(method, 501))

    def _bye(self, req: Any, sip_t: Any) -> Any:
        if self.isConnected() or isinstance(self.state, UA.UasStateRinging | UA.UaStateDisconnected):
            return super().recvRequest(req, sip_t)
        return respond(req, 481)

    def _invite(self, req: Any, sip_t: Any) -> Any:
        if not self.isConnected():
            return respond(req, 481 if self.isDead() or self.outlived else 491)
        sdp = sdp_of(req)
        if sdp is None:
            return self._offerless(req, sip_t)
        req.setBody(MsgBody(sdp))  # what sippy keeps of a wrapped body would be the wrapping
        self.former_remote_sdp = self.rSDP
        result = super().recvRequest(req, sip_t)
        if result is None or result[0] is not None:
            return result
        return (None, self._reinvite_cancelled, self.disconnect)

    @property
    def outlived(self) -> bool:
        return isinstance(self.state, UA.UaStateDisconnected | UA.UaStateFailed)

    def _offerless(self, req: Any, sip_t: Any) -> Any:
        """Answer a re-INVITE without offer with ours. sippy would take it for hold and invent an SDP."""
        number = req.getHFBody("cseq").getCSeqNum()
        if self.rCSeq is not None and number <= self.rCSeq:
            return respond(req, 500)
        if not self.is_stable:
            return respond(req, 491)
        self.rCSeq = number
        sip_t.compact = self.compact_sip
        manager = self.global_config["_sip_tm"]
        self.uasResp = req.genResponse(100, "Trying", server=self.local_ua)
        manager.sendResponse(self.uasResp)
        self.sendUasResponse(200, "OK", self.agreed_sdp, (self.lContact,), ack_wait=True)
        # The transaction waits for its ACK; without one the call ends (RFC 3261 section 14.2).
        sip_t.noack_cb = self.disconnect
        return None

    def _reinvite_cancelled(self, _rtime: Any, _req: Any) -> None:
        """Go on as before when the remote takes its new offer back; sippy would end the call."""
        if not self.is_answering:
            return
        self.changeState((UA.UaStateConnected,))
        self.rSDP = self.former_remote_sdp
        self.on_remote_offer(str(self.rSDP))

    def _address(self) -> Any:
        return next(iter(self.global_config["_sip_tm"].l4r.cache_l2s.values())).getSIPaddr()


def respond(req: Any, status: int, headers: dict[str, str] | None = None) -> Any:
    """Build what sippy expects of a handler: a final answer with a constant phrase."""
    phrase = "OK" if status == 200 else causes().own(status).phrase
    response = req.genResponse(status, phrase, server=SOFTWARE)
    if status in {200, 405, 501}:
        response.appendHeader(SipHeader(name="allow", bodys=ALLOW))
    for name, value in (headers or {}).items():
        response.appendHeader(SipHeader(name=name, bodys=value))
    return (response, None, None)
