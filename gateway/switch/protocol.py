"""The words that `calls` and `switch` say to each other: one JSON object a line, typed and bounded.

Life of a leg, as `calls` sees it:

* incoming: `Incoming` -> (`Challenge` ends it, the phone tries again as a new leg) | `Refuse` | `Ring`* ->
  `Answer` -> ... -> `Ended`, or `Cancelled` before the answer.
* outgoing: `Originate` -> `Ringing`* -> `Answered` | `Failed`, then `Ended`.
* A leg that `calls` itself ends (`Hangup`, `Refuse`, `Challenge`) sends nothing more, except what had
  already crossed on the wire. Each other leg ends in exactly one of `Failed`, `Ended`, `Cancelled`.
* A command for a leg that no longer lives is ignored.

SDP travels as the remote wrote it; `calls` must parse it and build a fresh one for the other leg.
"""

from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from core.errors import Invalid

T = TypeVar("T")
PROTOCOL_VERSION = 1
MAX_SDP_CHARS = 8 * 1024
MAX_LINE_BYTES = 128 * 1024
"""JSON can spend six bytes on a character, so this is above every line that the models allow."""


class LineInvalid(Invalid):
    """A line of the switch protocol is not acceptable."""

    code = "switch-line-invalid"
    zh = "交换协议行有误。"


LegId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
NodeName = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]
Host = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.:\[\]_-]{1,255}$")]
Port = Annotated[int, Field(ge=1, le=65535)]
SipUser = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z+*#._~!-]{1,64}$")]
Status = Annotated[int, Field(ge=400, le=699)]
_ShortText = Annotated[str, StringConstraints(max_length=512)]
Sdp = Annotated[str, StringConstraints(max_length=MAX_SDP_CHARS), Field(repr=False)]
Text = Annotated[_ShortText, Field(repr=False)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=1300), Field(repr=False)]
"""RFC 3428 section 8: a MESSAGE stays within 1300 bytes."""
OptionalText = Annotated[_ShortText | None, Field(repr=False)]
Quoted = Annotated[str, StringConstraints(pattern=r'^[^"\\\x00-\x1f\x7f]{1,256}$')]
Display = Annotated[str, StringConstraints(pattern=r'^[^"\\<>\x00-\x1f\x7f]{0,64}$')]
OptionalDisplay = Annotated[Display | None, Field(repr=False)]
DigestAlgorithm = Literal["MD5", "SHA-256"]


def _reveal(value: SecretStr) -> str:
    return value.get_secret_value()


_on_the_wire = PlainSerializer(_reveal, return_type=str, when_used="json")
Hidden = Annotated[SecretStr, Field(max_length=256), _on_the_wire]
"""A text that may be a customer's number: prints `**********`, read it by `.get_secret_value()`."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class DigestCredentials(_Line):
    """What the phone answered to a challenge (RFC 7616 section 3.4), as read from its header.

    `method` is the method of the request; `uri` is the parameter of that name. Values are unquoted.
    """

    method: Literal["INVITE", "REGISTER"]
    username: Text
    realm: Text
    nonce: Text
    uri: Text
    response: Text
    algorithm: Text = "MD5"
    qop: OptionalText = None
    nc: OptionalText = None
    cnonce: OptionalText = None
    opaque: OptionalText = None


# --- events: switch -> calls -----------------------------------------------------------------


class Hello(_Line):
    """First line of each connection."""

    type: Literal["hello"] = "hello"
    version: int = PROTOCOL_VERSION
    node: NodeName
    sip_host: Host
    sip_port: Port


class Incoming(_Line):
    """An INVITE from outside of any dialog. `from_user`/`to_user` are the users of From and Request-URI."""

    type: Literal["incoming"] = "incoming"
    leg: LegId
    from_user: Hidden
    to_user: Hidden
    source_host: Host
    source_port: Port
    sdp: Sdp
    authorization: DigestCredentials | None = None
    contact: OptionalText = None


class Register(_Line):
    """A REGISTER: `user` is the address of record, `contact` a URI, or `*` with `expires` 0 for all of them.

    `expires` is what the phone asked for in seconds, or null when it did not say. Without `contact`
    the phone only asks what is registered.
    """

    type: Literal["register"] = "register"
    request: LegId
    user: Text
    contact: OptionalText
    expires: Annotated[int, Field(ge=0, le=2**32)] | None
    source_host: Host
    source_port: Port
    authorization: DigestCredentials | None = None


class Ringing(_Line):
    """The remote phone rings (180 or 183; early media is not handed up)."""

    type: Literal["ringing"] = "ringing"
    leg: LegId


class Answered(_Line):
    """The remote answered our offer."""

    type: Literal["answered"] = "answered"
    leg: LegId
    sdp: Sdp


class Failed(_Line):
    """An outgoing leg was not answered. `status` is one of the fixed table of `causes`."""

    type: Literal["failed"] = "failed"
    leg: LegId
    status: Status


class Ended(_Line):
    """A leg is over. `timeout`: its longest duration, or no answer to ours in time."""

    type: Literal["ended"] = "ended"
    leg: LegId
    by: Literal["remote", "timeout", "error"]


class Cancelled(_Line):
    """The remote gave up an incoming leg before we answered."""

    type: Literal["cancelled"] = "cancelled"
    leg: LegId


class Reoffer(_Line):
    """A new offer within the call, from either end (hold, resume, new address)."""

    type: Literal["reoffer"] = "reoffer"
    leg: LegId
    sdp: Sdp


class ReofferAnswered(_Line):
    """The remote took our new offer."""

    type: Literal["reoffer_answered"] = "reoffer_answered"
    leg: LegId
    sdp: Sdp


class ReofferFailed(_Line):
    """The remote refused our new offer; the call stays as it was (RFC 3261 section 14.1)."""

    type: Literal["reoffer_failed"] = "reoffer_failed"
    leg: LegId
    status: Status


class InfoDtmf(_Line):
    """A key pressed, told by SIP INFO (application/dtmf-relay or application/dtmf)."""

    type: Literal["info_dtmf"] = "info_dtmf"
    leg: LegId
    digit: Annotated[str, StringConstraints(pattern=r"^[0-9A-D*#]$"), Field(repr=False)]


class Pong(_Line):
    """Answer to `Ping`, with what the switch counts.

    `legs` are alive now; `dialogs` includes those that linger after their end to absorb
    retransmissions (32 s, RFC 3261 timer D/H); the totals count since the start of the switch.
    """

    type: Literal["pong"] = "pong"
    sequence: int
    legs: int = 0
    dialogs: int = 0
    incoming_total: int = 0
    outgoing_total: int = 0
    refused_total: int = 0
    malformed_total: int = 0
    uptime_s: int = 0


class TextIn(_Line):
    """A MESSAGE from outside of any dialog (RFC 3428), text/plain. Answer it with `AnswerText`."""

    type: Literal["text_in"] = "text_in"
    request: LegId
    from_user: Hidden
    to_user: Hidden
    call_id: Text
    source_host: Host
    source_port: Port
    text: LongText


class TextResult(_Line):
    """The final answer to `SendText`; the status as the remote gave it, 408 if none came."""

    type: Literal["text_result"] = "text_result"
    request: LegId
    status: Annotated[int, Field(ge=200, le=699)]


# --- commands: calls -> switch ---------------------------------------------------------------


class Originate(_Line):
    """Call `uri` (sip:user@host:port, parameters as registered). `from_host` defaults to the switch's own.

    After `ring_timeout_s` without an answer the leg is `Failed` with 408; after `max_duration_s` of
    conversation it is `Ended` by timeout.
    """

    type: Literal["originate"] = "originate"
    leg: LegId
    uri: Hidden
    from_user: Hidden
    from_host: Host | None = None
    from_display: OptionalDisplay = None
    to_display: OptionalDisplay = None
    sdp: Sdp
    ring_timeout_s: Annotated[int, Field(ge=1, le=240)]
    max_duration_s: Annotated[int, Field(ge=1, le=86400)]


class Ring(_Line):
    """Tell an incoming leg that it rings (180, no SDP)."""

    type: Literal["ring"] = "ring"
    leg: LegId


class Answer(_Line):
    """Answer an incoming leg."""

    type: Literal["answer"] = "answer"
    leg: LegId
    sdp: Sdp
    max_duration_s: Annotated[int, Field(ge=1, le=86400)] | None = None


class Refuse(_Line):
    """Refuse an incoming leg; the phrase comes from the fixed table."""

    type: Literal["refuse"] = "refuse"
    leg: LegId
    status: Status
    retry_after_s: Annotated[int, Field(ge=0, le=86400)] | None = None


class Challenge(_Line):
    """Ask for credentials: 407 for a leg, 401 for a register request (RFC 3261 section 22)."""

    type: Literal["challenge"] = "challenge"
    leg: LegId | None = None
    request: LegId | None = None
    realm: Quoted
    nonce: Quoted
    stale: bool = False
    algorithms: tuple[DigestAlgorithm, ...] = Field(default=("MD5",), min_length=1, max_length=2)

    @model_validator(mode="after")
    def _one_target(self) -> "Challenge":
        if (self.leg is None) == (self.request is None):
            raise ValueError("a challenge is for a leg or for a request")
        return self


class Registered(_Line):
    """Accept a register request. `expires` 0 means that the binding is gone."""

    type: Literal["registered"] = "registered"
    request: LegId
    expires: Annotated[int, Field(ge=0, le=2**32)]


class RefuseRegister(_Line):
    """Refuse a register request."""

    type: Literal["refuse_register"] = "refuse_register"
    request: LegId
    status: Status


class Hangup(_Line):
    """End a leg in whatever state it is: CANCEL, BYE or 480."""

    type: Literal["hangup"] = "hangup"
    leg: LegId


class AcceptReoffer(_Line):
    """Answer the remote's new offer."""

    type: Literal["accept_reoffer"] = "accept_reoffer"
    leg: LegId
    sdp: Sdp


class RefuseReoffer(_Line):
    """Refuse the remote's new offer (488 is the usual status); the call stays as it was."""

    type: Literal["refuse_reoffer"] = "refuse_reoffer"
    leg: LegId
    status: Status = 488


class Ping(_Line):
    """Ask whether the switch lives."""

    type: Literal["ping"] = "ping"
    sequence: int


class SendText(_Line):
    """Send a MESSAGE (RFC 3428) to `uri`. `call_id` is the same for every try of one message."""

    type: Literal["send_text"] = "send_text"
    request: LegId
    uri: Hidden
    from_user: Hidden
    call_id: LegId
    text: LongText


class AnswerText(_Line):
    """Answer a MESSAGE: 200 only when it is on disk."""

    type: Literal["answer_text"] = "answer_text"
    request: LegId
    status: Annotated[int, Field(ge=200, le=699)]


SwitchEvent: TypeAlias = (
    Hello
    | Incoming
    | Register
    | Ringing
    | Answered
    | Failed
    | Ended
    | Cancelled
    | Reoffer
    | ReofferAnswered
    | ReofferFailed
    | InfoDtmf
    | Pong
    | TextIn
    | TextResult
)
SwitchCommand: TypeAlias = (
    Originate
    | Ring
    | Answer
    | Refuse
    | Challenge
    | Registered
    | RefuseRegister
    | Hangup
    | Reoffer
    | AcceptReoffer
    | RefuseReoffer
    | Ping
    | SendText
    | AnswerText
)
_events: TypeAdapter[SwitchEvent] = TypeAdapter(Annotated[SwitchEvent, Field(discriminator="type")])
_commands: TypeAdapter[SwitchCommand] = TypeAdapter(Annotated[SwitchCommand, Field(discriminator="type")])


def encode(message: SwitchEvent | SwitchCommand) -> bytes:
    """Write one line, its newline included."""
    return message.model_dump_json().encode() + b"\n"


def decode_event(line: bytes) -> SwitchEvent:
    """Read a line from the switch, or raise `LineInvalid`, which never quotes it."""
    return _decode(_events, line)


def decode_command(line: bytes) -> SwitchCommand:
    """Read a line from `calls`, or raise `LineInvalid`, which never quotes it."""
    return _decode(_commands, line)


def _decode(adapter: TypeAdapter[T], line: bytes) -> T:
    if len(line) > MAX_LINE_BYTES:
        raise LineInvalid("too long", size=len(line))
    try:
        return adapter.validate_json(line)
    except ValidationError as error:
        raise LineInvalid("not of the protocol", count=error.error_count()) from None
