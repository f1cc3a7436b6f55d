"""Read what we need out of a sippy message, and nothing else. A fault is a `Refusal` with a status."""

import re
from dataclasses import dataclass, field
from typing import Any

from gateway.switch.digest import read_credentials
from gateway.switch.protocol import MAX_SDP_CHARS, DigestCredentials

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"
_DIGITS = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}
_SIGNAL = re.compile(r"^\s*Signal\s*[=:]\s*([0-9A-Da-d*#]{1,2})\s*$", re.IGNORECASE | re.MULTILINE)


class Refusal(Exception):
    """A request that we answer with `status` and these headers."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(f"status {status}")


@dataclass(frozen=True, slots=True)
class InviteFacts:
    """What `calls` may know of a new INVITE. The texts can be numbers, so they are not in the repr."""

    from_user: str = field(repr=False)
    to_user: str = field(repr=False)
    source: tuple[str, int] = field(repr=False)
    sdp: str = field(repr=False)
    contact: str = field(repr=False)
    authorization: DigestCredentials | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegisterFacts:
    """What `calls` may know of a REGISTER (RFC 3261 section 10.3)."""

    user: str = field(repr=False)
    contact: str | None = field(repr=False)
    expires: int | None
    source: tuple[str, int] = field(repr=False)
    authorization: DigestCredentials | None = field(repr=False)


def check_request(req: Any) -> None:
    """Refuse what no handler should see: another version, a CSeq of another method, another URI scheme."""
    if req.sipver.upper() != "SIP/2.0":
        raise Refusal(505)
    if any(req.countHFs(name) != 1 for name in ("call-id", "cseq", "from", "to")):
        raise Refusal(400)
    number, method = req.getHFBody("cseq").getCSeq()
    if method != req.getMethod() or not 0 <= number < 2**31:
        raise Refusal(400)
    if req.getRURI().scheme != "sip":
        raise Refusal(416)
    required = [str(header.body) for header in req.getHFs("require")]
    if required:
        raise Refusal(420, unsupported=", ".join(required)[:256])


def read_invite(req: Any, realm: str) -> InviteFacts:
    """Read an INVITE outside of a dialog, or raise `Refusal`."""
    if req.countHFs("contact") != 1:
        raise Refusal(400)
    contact = req.getHFBody("contact")
    if contact.asterisk or contact.getUrl().scheme != "sip":
        raise Refusal(400)
    sdp = sdp_of(req)
    if sdp is None:
        raise Refusal(488)  # we make no first offer: which audio we can take depends on the caller
    return InviteFacts(
        from_user=_user(req.getHFBody("from").getUrl()),
        to_user=_user(req.getRURI()),
        source=req.getSource(),
        sdp=sdp,
        contact=_bounded(str(contact.getUrl())),
        authorization=_credentials(req, ("proxy-authorization", "authorization"), realm),
    )


def read_register(req: Any, realm: str) -> RegisterFacts:
    """Read a REGISTER, or raise `Refusal`. One contact at a time: a phone has one place."""
    contacts = req.getHFBodys("contact")
    if len(contacts) > 1:
        raise Refusal(400)
    expires = _number(str(req.getHF("expires").body)) if req.countHFs("expires") else None
    uri = None
    if contacts and contacts[0].asterisk:
        if expires != 0:
            raise Refusal(400)
        uri = "*"
    elif contacts:
        if contacts[0].getUrl().scheme != "sip":
            raise Refusal(416)
        uri = _bounded(str(contacts[0].getUrl()))
        own = contacts[0].getUri().getParam("expires")
        expires = _number(own) if own is not None else expires
    return RegisterFacts(
        user=_user(req.getHFBody("to").getUrl()),
        contact=uri,
        expires=expires,
        source=req.getSource(),
        authorization=_credentials(req, ("authorization",), realm),
    )


def sdp_of(msg: Any) -> str | None:
    """Give the SDP of a message, or None if it has no body. Raises `Refusal` for another kind of body."""
    body = msg.getBody()
    if body is None:
        return None
    kind = body.getType().strip()
    if kind == "multipart/mixed":  # a carrier wraps SDP with ISUP (RFC 3204)
        body.parse()
        body = next((part for part in body.content.parts if part.getType() == "application/sdp"), None)
        kind = "application/sdp" if body is not None else ""
    if kind != "application/sdp":
        raise Refusal(415, accept="application/sdp")
    text = str(body)
    if len(text) > MAX_SDP_CHARS:
        raise Refusal(513)
    return text if text.strip() else None


def dtmf_of(req: Any) -> str | None:
    """Give the key of an INFO, or None if it has no body. Raises `Refusal` for any other INFO."""
    body = req.getBody()
    if body is None:
        return None
    text = str(body)[:256]
    match body.getType().strip():
        case "application/dtmf-relay":
            found = _SIGNAL.search(text)
            signal = found[1].upper() if found else ""
        case "application/dtmf":
            signal = text.strip().upper()
        case _:
            raise Refusal(415, accept="application/dtmf-relay")
    digit = _DIGITS.get(signal, signal)
    if len(digit) != 1 or digit not in "0123456789ABCD*#":
        raise Refusal(400)
    return digit


def _credentials(req: Any, names: tuple[str, ...], realm: str) -> DigestCredentials | None:
    values = [str(header.body.body) for name in names for header in req.getHFs(name)]
    return read_credentials(values, method=req.getMethod(), realm=realm)


def _user(url: Any) -> str:
    return _bounded(url.username or "")


def _bounded(text: str) -> str:
    if len(text) > 256:
        raise Refusal(400)
    return text


def _number(text: str) -> int | None:
    """Read a delta-seconds. What cannot be read counts as not said (RFC 3261 section 10.3 step 7)."""
    clean = text.strip()
    if not clean.isascii() or not clean.isdigit():
        return None
    return min(int(clean[:12]), 2**32)
