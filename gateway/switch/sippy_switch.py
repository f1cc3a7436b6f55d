"""The switch: takes requests from the SIP side and commands from `calls`, and knows no rule of its own."""

import time
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr
from sippy.SipConf import SipConf

from core.ids import new_id
from core.logging import get_logger
from gateway.switch import protocol as p
from gateway.switch.dialog import respond
from gateway.switch.errors import SipPortInUse
from gateway.switch.leg import Leg
from gateway.switch.options import SOFTWARE, SwitchOptions
from gateway.switch.reading import Refusal, check_request, read_invite, read_register
from gateway.switch.registrations import Registrations
from gateway.switch.sippy_patches import FAULTS, GuardedTransactionManager, SilentLogger
from gateway.switch.texts import Texts

_log = get_logger(__name__)
_KNOWN_OUTSIDE = {"MESSAGE": 405, "SUBSCRIBE": 405, "REFER": 405, "PUBLISH": 405}
_WITHIN_ONLY = {"BYE", "INFO", "UPDATE", "PRACK", "NOTIFY"}
_RETRY_AFTER_S = "5"


class Switch:
    """All legs of this process. Everything here runs in the thread of sippy's loop."""

    def __init__(self, options: SwitchOptions, send: Callable[[p.SwitchEvent], None]) -> None:
        self._options = options
        self._send = send
        self._legs: dict[str, Leg] = {}
        self._accepting = False
        self._stopping = False
        self._started = time.monotonic()
        self._incoming_total = self._outgoing_total = self._refused_total = 0
        self._registrations = Registrations(lambda: self._manager, send, answer_s=options.register_answer_s)
        self._texts = Texts(lambda: self._manager, send, answer_s=options.register_answer_s)
        SipConf.my_uaname = SOFTWARE
        self._config: dict[str, Any] = {
            "_sip_address": options.host,
            "_sip_port": options.port,
            "_sip_logger": SilentLogger(),
            "_advertised_host": options.advertised_host,
        }
        try:
            self._manager = GuardedTransactionManager(self._config, self._on_request)
        except OSError as error:
            raise SipPortInUse(host=options.host, port=options.port) from error
        self._config["_sip_tm"] = self._manager

    # --- the link to `calls`

    def on_up(self) -> None:
        self._accepting = not self._stopping

    def on_down(self) -> None:
        """Hang up everything: without `calls` there is no recorder, and without a recorder no call."""
        self._accepting = False
        self._registrations.refuse_all()
        self._texts.refuse_all()
        if self._legs:
            _log.warning("switch.hang_up_all", count=len(self._legs))
        for leg in list(self._legs.values()):
            self._guarded(leg.leg_id, leg.hangup)

    def stop(self) -> None:
        """Hang up everything and take no more calls."""
        self._stopping = True
        self.on_down()

    @property
    def open_transactions(self) -> int:
        """Count what the remotes have not confirmed yet."""
        return len(self._manager.tclient)

    def on_line(self, line: bytes) -> None:
        try:
            command = p.decode_command(line)
        except p.LineInvalid:
            _log.warning("upstream.bad_line", size=len(line))
            return
        self._guarded(getattr(command, "leg", None), lambda: self._on_command(command))

    def _on_command(self, command: p.SwitchCommand) -> None:
        match command:
            case p.Ping():
                self._send(self._pong(command.sequence))
            case p.Originate():
                self._originate(command)
            case p.Registered():
                self._registrations.accept(command.request, command.expires)
            case p.RefuseRegister():
                self._registrations.refuse(command.request, command.status)
            case p.SendText():
                self._texts.send(command)
            case p.AnswerText():
                self._texts.answer(command.request, command.status)
            case p.Challenge(leg=None):
                self._registrations.challenge(command)
            case _:
                leg = self._legs.get(command.leg or "")
                if leg is not None:
                    _to_leg(leg, command)

    def _originate(self, command: p.Originate) -> None:
        if not self._accepting or command.leg in self._legs or len(self._legs) >= self._options.max_legs:
            self._send(p.Failed(leg=command.leg, status=503))
            return
        self._outgoing_total += 1
        leg = self._leg(
            command.leg,
            outgoing=True,
            ring_timeout_s=command.ring_timeout_s,
            max_duration_s=command.max_duration_s,
        )
        leg.dial(command)

    def _pong(self, sequence: int) -> p.Pong:
        return p.Pong(
            sequence=sequence,
            legs=len(self._legs),
            dialogs=sum(len(consumers) for consumers in self._manager.req_consumers.values()),
            incoming_total=self._incoming_total,
            outgoing_total=self._outgoing_total,
            refused_total=self._refused_total,
            malformed_total=FAULTS.total,
            uptime_s=int(time.monotonic() - self._started),
        )

    # --- the SIP side

    def _on_request(self, req: Any, sip_t: Any) -> Any:
        """Handle a request outside of every dialog we have. What raises here becomes a 400."""
        try:
            check_request(req)
            return self._dispatch(req, sip_t)
        except Refusal as refusal:
            self._refused_total += 1
            return respond(req, refusal.status, refusal.headers)

    def _dispatch(self, req: Any, sip_t: Any) -> Any:
        method = req.getMethod()
        if req.getHFBody("to").getTag() is not None or method in _WITHIN_ONLY:
            raise Refusal(481)
        if method == "MESSAGE" and self._options.texts:
            if not self._accepting:
                raise Refusal(503, retry_after=_RETRY_AFTER_S)
            return self._texts.receive(req)
        if method in _KNOWN_OUTSIDE:
            raise Refusal(_KNOWN_OUTSIDE[method])
        if method not in {"INVITE", "REGISTER", "OPTIONS"}:
            raise Refusal(501)
        if not self._accepting:  # an OPTIONS is how the edge asks whether to send us calls
            raise Refusal(503, retry_after=_RETRY_AFTER_S)
        if method == "INVITE":
            return self._invite(req, sip_t)
        if method == "REGISTER":
            return self._registrations.receive(req, read_register(req, self._options.realm))
        return respond(req, 200, {"accept": "application/sdp"})

    def _invite(self, req: Any, sip_t: Any) -> Any:
        if len(self._legs) >= self._options.max_legs:
            raise Refusal(503, retry_after=_RETRY_AFTER_S)
        facts = read_invite(req, self._options.realm)
        leg = self._leg(new_id(), outgoing=False)
        result = leg.begin(req, sip_t, facts)
        self._incoming_total += 1
        if leg.leg_id in self._legs:
            self._send(
                p.Incoming(
                    leg=leg.leg_id,
                    from_user=SecretStr(facts.from_user),
                    to_user=SecretStr(facts.to_user),
                    source_host=facts.source[0],
                    source_port=facts.source[1],
                    sdp=facts.sdp,
                    authorization=facts.authorization,
                    contact=facts.contact,
                )
            )
        return result

    # --- inside

    def _leg(
        self,
        leg_id: str,
        *,
        outgoing: bool,
        ring_timeout_s: int | None = None,
        max_duration_s: int | None = None,
    ) -> Leg:
        leg = Leg(
            self._config,
            leg_id,
            outgoing=outgoing,
            report=self._send,
            on_over=self._forget,
            linger_s=self._options.linger_s,
            ring_timeout_s=ring_timeout_s,
            max_duration_s=max_duration_s,
        )
        self._legs[leg_id] = leg
        return leg

    def _forget(self, leg_id: str) -> None:
        self._legs.pop(leg_id, None)

    def _guarded(self, leg_id: str | None, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:  # noqa: BLE001 one command must not take the other calls down
            FAULTS.add("command")
            leg = self._legs.get(leg_id or "")
            if leg is not None:
                leg.on_broken()


def _to_leg(leg: Leg, command: p.SwitchCommand) -> None:
    match command:
        case p.Ring():
            leg.ring()
        case p.Answer():
            leg.answer(command.sdp, command.max_duration_s)
        case p.Refuse():
            leg.refuse(command.status, command.retry_after_s)
        case p.Challenge():
            leg.challenge(command)
        case p.Hangup():
            leg.hangup()
        case p.Reoffer():
            leg.reoffer(command.sdp)
        case p.AcceptReoffer():
            leg.accept_reoffer(command.sdp)
        case p.RefuseReoffer():
            leg.refuse_reoffer(command.status)
        case _:
            pass
