"""REGISTER requests that wait for the word of `calls`: each gets exactly one answer, a 503 if none comes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sippy.SipHeader import SipHeader
from sippy.Time.Timeout import Timeout

from core.ids import new_id
from gateway.switch import protocol as p
from gateway.switch.dialog import respond
from gateway.switch.digest import challenge_values
from gateway.switch.reading import RegisterFacts


@dataclass(frozen=True, slots=True)
class _Pending:
    request: Any
    contact: str | None
    timer: Any


class Registrations:
    """Open REGISTER requests by id."""

    def __init__(
        self, manager: Callable[[], Any], report: Callable[[p.SwitchEvent], None], *, answer_s: float
    ) -> None:
        self._manager = manager
        self._report = report
        self._answer_s = answer_s
        self._open: dict[str, _Pending] = {}

    def receive(self, req: Any, facts: RegisterFacts) -> Any:
        """Hand a request up. The return value makes sippy keep the transaction open."""
        name = new_id()
        timer = Timeout(self.refuse, self._answer_s, 1, name, 503)
        self._open[name] = _Pending(req, facts.contact, timer)
        self._report(
            p.Register(
                request=name,
                user=facts.user,
                contact=facts.contact,
                expires=facts.expires,
                source_host=facts.source[0],
                source_port=facts.source[1],
                authorization=facts.authorization,
            )
        )
        return (None, None, None)

    def accept(self, name: str, expires: int) -> None:
        """Answer 200 with the contact that now stands (RFC 3261 section 10.3 step 8)."""

        def build(pending: _Pending) -> Any:
            response = respond(pending.request, 200)[0]
            if pending.contact not in {None, "*"} and expires > 0:
                value = f"<{pending.contact}>;expires={expires}"
                response.appendHeader(SipHeader(name="contact", bodys=value))
            return response

        self._answer(name, build)

    def challenge(self, command: p.Challenge) -> None:
        def build(pending: _Pending) -> Any:
            response = respond(pending.request, 401)[0]
            values = challenge_values(command)
            response.appendHeaders([SipHeader(name="www-authenticate", bodys=value) for value in values])
            return response

        self._answer(command.request or "", build)

    def refuse(self, name: str, status: int) -> None:
        self._answer(name, lambda pending: respond(pending.request, status)[0])

    def refuse_all(self) -> None:
        """Answer 503 to whatever still waits: `calls` is gone."""
        for name in list(self._open):
            self.refuse(name, 503)

    def _answer(self, name: str, build: Callable[[_Pending], Any]) -> None:
        pending = self._open.pop(name, None)
        if pending is not None:
            pending.timer.cancel()
            self._manager().sendResponse(build(pending))
