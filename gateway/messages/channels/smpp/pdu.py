"""The frame of SMPP PDUs (SMPP 3.4 section 3.2) and the few small ones; the big ones are `smpp34`'s codec."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

HEADER = struct.Struct(">IIII")
MAX_PDU = 64 * 1024


class Command(IntEnum):
    """Command ids (SMPP 3.4 section 5.1.2.1); a response has the top bit set."""

    GENERIC_NACK = 0x80000000
    BIND_TRANSCEIVER = 0x00000009
    SUBMIT_SM = 0x00000004
    DELIVER_SM = 0x00000005
    UNBIND = 0x00000006
    ENQUIRE_LINK = 0x00000015

    @property
    def response(self) -> int:
        return self | 0x80000000


OK, SYSTEM_ERROR, INVALID_COMMAND = 0x00, 0x08, 0x03


class PduInvalid(ValueError):
    """The peer sent something that is no PDU."""


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU: command, status, sequence number and body."""

    command: int
    status: int
    sequence: int
    body: bytes = field(default=b"", repr=False)

    @property
    def is_response(self) -> bool:
        return bool(self.command & 0x80000000)

    def pack(self) -> bytes:
        return HEADER.pack(HEADER.size + len(self.body), self.command, self.status, self.sequence) + self.body


def length_of(head: bytes) -> int:
    """Give the length that the first four bytes announce; raise `PduInvalid` where it is impossible."""
    length = int.from_bytes(head[:4])
    if not HEADER.size <= length <= MAX_PDU:
        raise PduInvalid
    return length


def unpack(data: bytes) -> Pdu:
    """Read one whole PDU."""
    _, command, status, sequence = HEADER.unpack_from(data)
    return Pdu(command, status, sequence, data[HEADER.size :])


def c_string(text: str, longest: int) -> bytes:
    """Write a C-octet string of at most `longest` bytes with its NUL."""
    data = text.encode("ascii")
    if len(data) >= longest or b"\x00" in data:
        raise PduInvalid
    return data + b"\x00"


def bind_body(system_id: str, password: str, system_type: str) -> bytes:
    """Write the body of bind_transceiver (SMPP 3.4 section 4.1.5), interface version 3.4."""
    return (
        c_string(system_id, 16)
        + c_string(password, 9)
        + c_string(system_type, 13)
        + bytes((0x34, 0, 0))
        + c_string("", 41)
    )


def message_id_of(body: bytes) -> str:
    """Read the message id of submit_sm_resp; printable ASCII only."""
    raw = body.split(b"\x00", 1)[0][:64]
    return "".join(chr(code) for code in raw if 0x20 < code < 0x7F)
