"""SDP by white list: read a remote description into facts, write our own afresh (RFC 8866, RFC 3264)."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.media.errors import SdpInvalid
from gateway.media.model import Law

MAX_SDP_CHARS = 8192
MAX_MEDIA = 8
LOCAL_EVENT_PT = 101
STATIC_PT = {Law.ULAW: 0, Law.ALAW: 8}
_STATIC_LAW = {pt: law for law, pt in STATIC_PT.items()}
_KINDS = frozenset({"audio", "video", "text", "application", "message", "image"})
_PROTOCOLS = ("RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF", "UDP/TLS/RTP/SAVPF", "udptl", "TCP/MSRP")
_LOWEST_PORT = 1024  # so that nobody points our audio at a DNS or NTP server
_DEFAULT_PTIME_MS = 20


class Direction(StrEnum):
    """Who sends, seen from the one who wrote the description (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in {Direction.SENDRECV, Direction.SENDONLY}

    @property
    def receives(self) -> bool:
        return self in {Direction.SENDRECV, Direction.RECVONLY}

    def mirrored(self) -> "Direction":
        """What the answer to this direction says (RFC 3264 §6.1)."""
        mirror = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}
        return mirror.get(self, self)


@dataclass(frozen=True, slots=True)
class MediaSlot:
    """One m-line of an offer as an answer must repeat it: words from our own lists, no remote text."""

    kind: str = "audio"
    protocol: str = "RTP/AVP"


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """Everything that survives of a remote description."""

    address: IPv4Address | IPv6Address
    port: int
    codecs: tuple[Law, ...]
    """In the remote's order of preference; never empty."""
    telephone_event_pt: int | None
    ptime_ms: int
    direction: Direction
    slots: tuple[MediaSlot, ...] = (MediaSlot(),)
    """All m-lines in order; an answer refuses each but `audio_index`."""
    audio_index: int = 0

    @property
    def held(self) -> bool:
        """The remote does not want to hear us: hold (RFC 3264 §8.4, and the older 0.0.0.0)."""
        return not self.direction.receives or self.address.is_unspecified


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What our own description says."""

    address: IPv4Address | IPv6Address
    port: int
    session_id: int
    version: int
    codecs: tuple[Law, ...] = (Law.ALAW, Law.ULAW)
    telephone_event_pt: int | None = LOCAL_EVENT_PT
    direction: Direction = Direction.SENDRECV
    slots: tuple[MediaSlot, ...] = (MediaSlot(),)
    audio_index: int = 0


@dataclass(frozen=True, slots=True)
class _Section:
    words: list[str]
    lines: list[tuple[str, str]]


def parse_sdp(text: str) -> RemoteMedia:
    """Read an offer or answer. Raises `SdpInvalid` with a fixed sentence that quotes nothing."""
    session, sections = _sections(text)
    slots = tuple(_slot(section.words) for section in sections)
    for index, section in enumerate(sections):
        if slots[index] == MediaSlot() and _number(section.words[1], 0, 65535) not in {None, 0}:
            return _audio(session, section, slots, index)
    if any(slot.kind == "audio" and slot.protocol != "RTP/AVP" for slot in slots):
        raise SdpInvalid("Only plain RTP/AVP is offered here.", detail_zh="此处只支持 RTP/AVP。")
    raise SdpInvalid("It has no active audio.", detail_zh="没有可用的音频。")


def build_sdp(media: LocalMedia) -> str:
    """Write our description. RTCP is turned off by zero bandwidth (RFC 3556)."""
    family = f"IN IP{media.address.version} {media.address}"
    lines = [
        "v=0",
        f"o=- {media.session_id} {media.version} {family}",
        "s=-",
        f"c={family}",
        "t=0 0",
    ]
    for index, slot in enumerate(media.slots):
        if index == media.audio_index:
            lines += _audio_lines(media)
        else:
            lines.append(f"m={slot.kind} 0 {slot.protocol} 0")
    return "\r\n".join(lines) + "\r\n"


def _audio_lines(media: LocalMedia) -> list[str]:
    types = [str(STATIC_PT[law]) for law in media.codecs]
    maps = [f"a=rtpmap:{STATIC_PT[law]} {law.value}/8000" for law in media.codecs]
    if media.telephone_event_pt is not None:
        types.append(str(media.telephone_event_pt))
        maps.append(f"a=rtpmap:{media.telephone_event_pt} telephone-event/8000")
        maps.append(f"a=fmtp:{media.telephone_event_pt} 0-15")
    return [
        f"m=audio {media.port} RTP/AVP {' '.join(types)}",
        "b=RS:0",
        "b=RR:0",
        *maps,
        "a=ptime:20",
        f"a={media.direction.value}",
    ]


def _sections(text: str) -> tuple[list[tuple[str, str]], list[_Section]]:
    if len(text) > MAX_SDP_CHARS:
        raise SdpInvalid("It is too long.", detail_zh="内容过长。")
    lines = [
        (line[0], line[2:].strip(" \t\r")) for line in text.strip().split("\n") if line[1:2] == "=" and line
    ]
    if not lines or lines[0] != ("v", "0"):
        raise SdpInvalid("It does not start with v=0.", detail_zh="不是以 v=0 开头。")
    session: list[tuple[str, str]] = []
    sections: list[_Section] = []
    for kind, value in lines:
        if kind == "m":
            words = value.split()
            if len(words) < 4 or len(sections) == MAX_MEDIA:
                raise SdpInvalid("Its m-lines are not usable.", detail_zh="m 行无法使用。")
            sections.append(_Section(words, []))
        else:
            (sections[-1].lines if sections else session).append((kind, value))
    return session, sections


def _slot(words: list[str]) -> MediaSlot:
    kind = words[0] if words[0] in _KINDS else "application"
    protocol = next((known for known in _PROTOCOLS if known.lower() == words[2].lower()), "udp")
    return MediaSlot(kind, protocol)


def _audio(
    session: list[tuple[str, str]], section: _Section, slots: tuple[MediaSlot, ...], index: int
) -> RemoteMedia:
    port = _number(section.words[1], _LOWEST_PORT, 65535)
    if port is None:
        raise SdpInvalid("Its audio port is not usable.", detail_zh="音频端口无法使用。")
    attributes = [value for kind, value in section.lines if kind == "a"]
    names = _rtpmaps(attributes)
    offered = [pt for word in section.words[3:] if (pt := _number(word, 0, 127)) is not None]
    codecs = tuple(dict.fromkeys(law for pt in offered if (law := _law(pt, names)) is not None))
    if not codecs:
        raise SdpInvalid("It offers neither PCMA nor PCMU.", detail_zh="未提供 PCMA 或 PCMU 编码。")
    events = [pt for pt in offered if pt >= 96 and names.get(pt) == "telephone-event/8000"]
    return RemoteMedia(
        address=_address(session, section.lines),
        port=port,
        codecs=codecs,
        telephone_event_pt=events[0] if events else None,
        ptime_ms=_ptime(attributes),
        direction=_direction([value for kind, value in session if kind == "a"], attributes),
        slots=slots,
        audio_index=index,
    )


def _rtpmaps(attributes: list[str]) -> dict[int, str]:
    names: dict[int, str] = {}
    for value in attributes:
        key, _, rest = value.partition(":")
        number, _, name = rest.partition(" ")
        if key == "rtpmap" and (pt := _number(number, 0, 127)) is not None:
            names.setdefault(pt, name.strip().lower().removesuffix("/1"))
    return names


def _law(pt: int, names: dict[int, str]) -> Law | None:
    """PCMU is 0 and PCMA is 8 (RFC 3551 §6); a map that says otherwise is not believed."""
    law = _STATIC_LAW.get(pt)
    if law is None or names.get(pt, f"{law.value}/8000".lower()) != f"{law.value}/8000".lower():
        return None
    return law


def _address(session: list[tuple[str, str]], lines: list[tuple[str, str]]) -> IPv4Address | IPv6Address:
    found = [value for kind, value in lines if kind == "c"] or [v for k, v in session if k == "c"]
    words = found[0].split() if found else []
    if len(words) != 3 or words[0] != "IN" or "%" in words[2] or words[1] not in {"IP4", "IP6"}:
        raise SdpInvalid("Its address is not an IP literal.", detail_zh="地址不是 IP 字面量。")
    try:
        address = ip_address(words[2])
    except ValueError:
        raise SdpInvalid("Its address is not an IP literal.", detail_zh="地址不是 IP 字面量。") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    reserved = isinstance(address, IPv4Address) and address.is_reserved  # 240.0.0.0/4 and broadcast
    if address.is_multicast or reserved:
        raise SdpInvalid("Its address is not one of a host.", detail_zh="地址不是单播地址。")
    return address


def _ptime(attributes: list[str]) -> int:
    for value in attributes:
        key, _, number = value.partition(":")
        if key == "ptime" and (ptime := _number(number.strip(), 10, 60)) is not None:
            return ptime
    return _DEFAULT_PTIME_MS


def _direction(session: list[str], media: list[str]) -> Direction:
    known = {direction.value: direction for direction in Direction}
    for value in (*media, *session):
        if value in known:
            return known[value]
    return Direction.SENDRECV


def _number(text: str, low: int, high: int) -> int | None:
    """Read a short ASCII number; `int()` alone would take `１２` and `1_2`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        return None
    number = int(text)
    return number if low <= number <= high else None
