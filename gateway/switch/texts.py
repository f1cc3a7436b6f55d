"""MESSAGE requests outside of dialogs (RFC 3428): received ones wait for `calls`, ours tell their answer."""

from collections.abc import Callable
from typing import Any

from pydantic import SecretStr
from sippy.MsgBody import MsgBody
from sippy.SipAddress import SipAddress
from sippy.SipCallId import SipCallId
from sippy.SipContentType import SipContentType
from sippy.SipFrom import SipFrom
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL
from sippy.Time.Timeout import Timeout

from core.ids import new_id
from gateway.switch import protocol as p
from gateway.switch.causes import causes
from gateway.switch.dialog import respond
from gateway.switch.options import SOFTWARE
from gateway.switch.reading import Refusal

MAX_BYTES = 1300
_PHRASES = {200: "OK", 202: "Accepted"}


class _Counted(str):
    """A text whose length is its bytes: sippy writes `len` as Content-Length."""

    __slots__ = ()

    def __len__(self) -> int:
        return len(self.encode())


class _Utf8:
    """A body that sippy writes as it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def localStr(self, _local_addr: Any = None) -> str:  # noqa: N802 - sippy's name
        return _Counted(self._text)

    def __str__(self) -> str:
        return self._text

    def getCopy(self) -> "_Utf8":  # noqa: N802 - sippy's name
        return _Utf8(self._text)


class Texts:
    """Open MESSAGE requests in both directions."""

    def __init__(
        self, manager: Callable[[], Any], report: Callable[[p.SwitchEvent], None], *, answer_s: float
    ) -> None:
        self._manager = manager
        self._report = report
        self._answer_s = answer_s
        self._open: dict[str, tuple[Any, Any]] = {}

    def receive(self, req: Any) -> Any:
        """Hand a text up; what is no plain text is refused. The return value keeps the transaction open."""
        body = req.getBody()
        kind = body.getType().split(";")[0].strip().lower() if body is not None else ""
        if kind != "text/plain":
            raise Refusal(415, accept="text/plain")
        text = str(body)
        if len(text.encode()) > MAX_BYTES:
            raise Refusal(513)
        if not text.strip() or "\x00" in text:
            raise Refusal(400)
        name = new_id()
        host, port = req.getSource()
        event = p.TextIn(
            request=name,
            from_user=SecretStr((req.getHFBody("from").getUrl().username or "")[:256]),
            to_user=SecretStr((req.getRURI().username or "")[:256]),
            call_id=str(req.getHFBody("call-id"))[:256],
            source_host=host,
            source_port=port,
            text=text,
        )
        self._open[name] = (req, Timeout(self.answer, self._answer_s, 1, name, 503))
        self._report(event)
        return (None, None, None)

    def answer(self, name: str, status: int) -> None:
        """Answer a received text, once."""
        found = self._open.pop(name, None)
        if found is None:
            return
        req, timer = found
        timer.cancel()
        if status in _PHRASES:
            response = req.genResponse(status, _PHRASES[status], server=SOFTWARE)
        else:
            response = respond(req, causes().own(status).status)[0]
        self._manager().sendResponse(response)

    def refuse_all(self) -> None:
        """Answer 503 to whatever still waits: the sender keeps its message and tries again."""
        for name in list(self._open):
            self.answer(name, 503)

    def send(self, command: p.SendText) -> None:
        """Send a text; its final answer is reported, 408 if none came (RFC 3261 section 17.1.2)."""
        target = SipURL(command.uri.get_secret_value())
        if target.scheme != "sip" or not target.host or len(command.text.encode()) > MAX_BYTES:
            self._report(p.TextResult(request=command.request, status=400))
            return
        sender = SipFrom(address=SipAddress(url=SipURL(username=command.from_user.get_secret_value())))
        sender.genTag()
        kind = SipContentType("text/plain;charset=UTF-8")
        request = SipRequest(
            method="MESSAGE",
            ruri=target,
            fr0m=sender,
            cseq=1,
            callid=SipCallId(command.call_id),
            body=MsgBody(_Utf8(command.text), mtype=kind),
            user_agent=SOFTWARE,
        )
        request.appendHeader(SipHeader(name="allow", bodys="MESSAGE"))

        def answered(response: Any) -> None:
            status = int(response.getSCode()[0])
            if status >= 200:
                self._report(p.TextResult(request=command.request, status=min(status, 699)))

        self._manager().newTransaction(request, resp_cb=answered)
