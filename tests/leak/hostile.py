"""A customer's phone that says its number wherever a phone can say something."""

import struct

from tests.leak.canaries import Canaries
from tests.support.media import packet
from tests.telephony.sip_phone import Call, SipPhone
from tests.telephony.sip_text import Message

HEADERS = (
    "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Server", "User-Agent", "Warning", "Reason",
    "Diversion", "History-Info", "Call-Info", "Alert-Info", "Error-Info", "Subject", "Organization", "X-Number",
    "Geolocation", "Reply-To", "Referred-By", "In-Reply-To", "P-Charging-Vector", "User-to-User", "Identity",
    "Record-Route", "Retry-After", "Allow-Events", "Accept-Contact",
)  # fmt: skip
_VALUES = {
    "P-Asserted-Identity": '"{n}" <sip:{n}@carrier.invalid>',
    "P-Preferred-Identity": "<tel:{n}>",
    "Remote-Party-ID": "<sip:{n}@carrier.invalid>;party=called",
    "Warning": '399 phone "{n}"',
    "Reason": 'Q.850;cause=16;text="{n}"',
    "Diversion": "<sip:{n}@carrier.invalid>;reason=unconditional",
    "History-Info": "<sip:{n}@carrier.invalid>;index=1",
    "Call-Info": "<sip:{n}@carrier.invalid>",
    "Alert-Info": "<http://{n}.invalid/ring>",
    "Error-Info": "<sip:{n}@carrier.invalid>",
    "Record-Route": "<sip:{n}@127.0.0.1:{port};lr>",
    "Retry-After": "18 ({n})",
    "Reply-To": "<sip:{n}@carrier.invalid>",
    "Referred-By": "<sip:{n}@carrier.invalid>",
    "User-to-User": "{n};encoding=hex",
}
SDP_SESSION = (
    "o={o} {o} {version} IN IP4 127.0.0.1", "s={s}", "i={i}", "u=sip:{u}@carrier.invalid", "e={e}@carrier.invalid",
    "p=+{p}", "a=tool:{a-tool}", "a=cname:{a-cname}",
)  # fmt: skip
SDP_MEDIA = (
    "a=label:{a-label}", "a=ice-ufrag:{a-ice-ufrag}", "a=ice-pwd:{a-ice-pwd}", "a=mid:{a-mid}",
    "a=candidate:{a-candidate} 1 udp 1 127.0.0.1 9 typ host", "a=ssrc:1 cname:{a-ssrc}", "a=x-number:{a-x}",
    "a=fmtp:101 {a-fmtp}", "a=extmap:1 urn:{a-extmap}", "a=rtcp:{a-rtcp}", "a=sendrecv:{a-direction}",
)  # fmt: skip


class _Words(dict):
    """Fills templates: the field's own number, and what the phone fills in later stays."""

    def __init__(self, canaries: Canaries) -> None:
        super().__init__()
        self._canaries = canaries

    def __missing__(self, key: str) -> str:
        return "{version}" if key == "version" else self._canaries.number(f"SDP {key}")


def taint(phone: SipPhone, canaries: Canaries) -> None:
    """Teach a phone to put numbers into every header, phrase, Contact and SDP line."""

    def headers(kind: str) -> list[tuple[str, str]]:
        skipped = {"Record-Route"} if kind not in {"180", "183"} else set()  # a route would be followed
        return [
            (name, _VALUES.get(name, "{n}").format(n=canaries.number(name), port=phone.port))
            for name in HEADERS
            if name not in skipped
        ]

    manners = phone.manners
    manners.headers = headers
    manners.phrase = f"Call {canaries.number('reason phrase')}"
    contact = canaries.number("Contact")
    manners.contact = f'"{contact}" <sip:{contact}@127.0.0.1:{{port}};ext={contact}>;x={contact}'
    manners.mark = canaries.number("tag, branch and Call-ID")
    manners.display = f'"{canaries.number("From display name")}" '
    words = _Words(canaries)
    manners.sdp_session = [line.format_map(words) for line in SDP_SESSION]
    manners.sdp_media = [line.format_map(words) for line in SDP_MEDIA]


async def say_everything(call: Call, canaries: Canaries) -> list[Message]:
    """Send every request that a phone may send within a call."""
    answers = []
    for method, kind in (
        ("INFO", "text/plain"), ("INFO", "application/dtmf-relay"), ("INFO", "application/json"),
        ("MESSAGE", "text/plain"), ("NOTIFY", "message/sipfrag"), ("UPDATE", "text/plain"),
        ("OPTIONS", "text/plain"), ("SUBSCRIBE", "text/plain"), ("PUBLISH", "text/plain"), ("PRACK", "text/plain"),
    ):  # fmt: skip
        body = f"Signal={canaries.number(f'{method} body')}\r\nDuration=160\r\n"
        more = (
            ("Event", canaries.number(f"{method} event")),
            ("X-More", canaries.number(f"{method} header")),
        )
        answers.append(await call.ask(method, body=body, kind=kind, headers=more))
    refer = (("Refer-To", f"<sip:{canaries.number('Refer-To')}@127.0.0.1:9>"),)
    answers.append(await call.ask("REFER", headers=refer))
    return answers


def rtp_with_numbers(call: Call, canaries: Canaries, payload: bytes) -> None:
    """Send packets whose header extension, CSRC list, padding and SSRC are numbers."""
    rtp = call.rtp

    def head(flags: int, ssrc: int = rtp.ssrc) -> bytes:
        rtp.seq += 1
        rtp.timestamp += 160
        return struct.pack("!BBHII", 0x80 | flags, 8, rtp.seq & 0xFFFF, rtp.timestamp & 0xFFFFFFFF, ssrc)

    text = canaries.number("RTP extension 0xBEDE").encode()
    extension = (bytes([0x10 | (len(text) - 1)]) + text).ljust(12, b"\0")
    rtp.send(head(0x10) + struct.pack("!HH", 0xBEDE, 3) + extension + payload)
    text = canaries.number("RTP CSRC").encode()[-8:]
    rtp.send(head(0x02) + text + payload)
    text = canaries.number("RTP padding").encode()
    rtp.send(head(0x20) + payload + text + bytes([len(text) + 1]))
    text = canaries.number("RTP payload of an unknown type").encode()
    rtp.send(packet(text * 4, seq=rtp.seq, timestamp=rtp.timestamp, ssrc=rtp.ssrc, payload_type=97))
    text = canaries.number("not RTP at all").encode()
    rtp.send(text)


def rtcp_with_numbers(call: Call, canaries: Canaries) -> None:
    """Send SDES with CNAME, NAME and PHONE, APP and BYE, on the port of RTP and on the one beside it."""
    items = b""
    for kind, name in ((1, "CNAME"), (2, "NAME"), (3, "EMAIL"), (4, "PHONE"), (5, "LOC"), (7, "NOTE")):
        text = canaries.number(f"RTCP SDES {name}").encode()
        items += bytes([kind, len(text)]) + text
    chunk = struct.pack("!I", call.rtp.ssrc) + items + b"\0"
    chunk = chunk.ljust(-(-len(chunk) // 4) * 4, b"\0")
    report = struct.pack("!BBHI", 0x80, 201, 1, call.rtp.ssrc)
    sdes = struct.pack("!BBH", 0x81, 202, len(chunk) // 4) + chunk
    text = canaries.number("RTCP BYE").encode()
    reason = bytes([len(text)]) + text
    goodbye = struct.pack("!BBHI", 0x81, 203, 1 + len(reason) // 4, call.rtp.ssrc) + reason
    app_text = canaries.number("RTCP APP").encode().ljust(12, b"\0")
    app = struct.pack("!BBHI", 0x80, 204, 2 + len(app_text) // 4, call.rtp.ssrc) + b"NUMB" + app_text
    host, port = call.rtp.target
    for target in (port, port + 1):
        for data in (report + sdes, report + app, report + goodbye, sdes):
            call.rtp.sock.sendto(data, (host, target))


def press_number(call: Call, canaries: Canaries) -> None:
    """Dial a number by keys (RFC 4733): they are the speaker's own words and pass, but into no book or log."""
    for digit in canaries.number("DTMF"):
        begin = call.rtp.timestamp
        for number in range(3):
            call.rtp.timestamp = begin
            event = bytes((int(digit), 0x8A if number == 2 else 0x0A)) + (160 * (number + 1)).to_bytes(
                2, "big"
            )
            call.rtp.say(event, payload_type=101, marker=number == 0)
        call.rtp.timestamp = begin + 480
