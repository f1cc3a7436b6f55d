"""Texts as short messages: alphabet, parts with a user data header, and back. Pure.

GSM 03.38 default alphabet unpacked (data_coding 0), UCS-2 as UTF-16BE (data_coding 8), concatenation by the
8-bit or 16-bit reference element (3GPP TS 23.040 section 9.2.3.24.1 and .8).
"""

from dataclasses import dataclass, field

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_ENCODE = {sign: bytes([code]) for code, sign in enumerate(_BASIC) if code != 0x1B} | {
    sign: bytes([0x1B, code]) for sign, code in _EXTENDED.items()
}
_DECODE_EXTENDED = {code: sign for sign, code in _EXTENDED.items()}

GSM, LATIN1, UCS2, BINARY = 0, 3, 8, 4
UDHI = 0x40
MAX_PARTS = 255


@dataclass(frozen=True, slots=True)
class Segment:
    """The payload of one submit_sm."""

    part: int
    total: int
    data_coding: int
    esm_class: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """What came in one deliver_sm. `total` is 1 for a message in one part."""

    reference: int
    part: int
    total: int
    data_coding: int
    payload: bytes = field(repr=False)


class SegmentsInvalid(ValueError):
    """The text needs more parts than there can be, or a header contradicts itself."""


def split(text: str, reference: int) -> tuple[Segment, ...]:
    """Cut a text into parts; `reference` (0 to 255) is the same in all. A character is never cut in two."""
    units = [_ENCODE.get(sign) for sign in text]
    if all(unit is not None for unit in units):
        return _cut([unit for unit in units if unit is not None], GSM, 160, 153, reference)
    wide = [sign.encode("utf-16-be", "surrogatepass") for sign in text]
    return _cut(wide, UCS2, 140, 134, reference)


def _cut(units: list[bytes], coding: int, single: int, room: int, reference: int) -> tuple[Segment, ...]:
    if sum(map(len, units)) <= single:
        return (Segment(0, 1, coding, 0, b"".join(units)),)
    parts, current = [], b""
    for unit in units:
        if len(current) + len(unit) > room:
            parts.append(current)
            current = b""
        current += unit
    parts.append(current)
    if len(parts) > MAX_PARTS:
        raise SegmentsInvalid
    total = len(parts)
    return tuple(
        Segment(number, total, coding, UDHI, bytes((5, 0, 3, reference & 0xFF, total, number + 1)) + part)
        for number, part in enumerate(parts)
    )


def read_piece(esm_class: int, data_coding: int, payload: bytes) -> Piece:
    """Read one part; a header that is cut or nonsense is left in the payload rather than lost."""
    whole = Piece(0, 0, 1, data_coding, payload)
    if not esm_class & UDHI or not payload or len(payload) < payload[0] + 1:
        return whole
    header, body = payload[1 : payload[0] + 1], payload[payload[0] + 1 :]
    at = 0
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if kind == 0 and len(value) == 3:
            return _checked(value[0], value[1], value[2], data_coding, body) or whole
        if kind == 8 and len(value) == 4:
            return _checked(int.from_bytes(value[:2]), value[2], value[3], data_coding, body) or whole
        at += 2 + length
    return Piece(0, 0, 1, data_coding, body)


def _checked(reference: int, total: int, number: int, coding: int, body: bytes) -> Piece | None:
    if not 1 <= number <= total:
        return None
    return Piece(reference, number - 1, total, coding, body)


def decode(data_coding: int, payload: bytes) -> str:
    """Give the text of a whole payload. What cannot be read is replaced, never refused."""
    if data_coding & 0x0C == 0x08:
        return payload[: len(payload) // 2 * 2].decode("utf-16-be", "replace")
    if data_coding == LATIN1:
        return payload.decode("latin-1")
    if data_coding == BINARY:
        return payload.decode("utf-8", "replace")
    if data_coding == 15:  # GBK, a custom of Chinese SMSCs
        return payload.decode("gb18030", "replace")
    return _from_gsm(payload)


def _from_gsm(payload: bytes) -> str:
    signs, escaped = [], False
    for code in payload:
        if escaped:
            signs.append(_DECODE_EXTENDED.get(code, _BASIC[code] if code < 128 else "�"))
            escaped = False
        elif code == 0x1B:
            escaped = True
        else:
            signs.append(_BASIC[code] if code < 128 else "�")
    return "".join(signs)
