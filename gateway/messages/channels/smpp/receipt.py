"""Reads delivery receipts (SMPP 3.4 appendix B and section 5.3.2): parameters first, then the text form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.messages.model import ReceiptState

RECEIPTED_MESSAGE_ID, MESSAGE_STATE, NETWORK_ERROR_CODE = 0x001E, 0x0427, 0x0423
MAX_ERROR = 7
"""Appendix B says three characters, some carriers use more; what is longer is no code and may be a number."""
RECEIPT_TYPES = 0x04  # esm_class: an SMSC delivery receipt
_FIELD = re.compile(r"\b(id|stat|err):\s*([A-Za-z0-9\-_.]{1,64})", re.IGNORECASE)
_BY_NUMBER = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    7: "UNKNOWN",
    8: "REJECTD",
}
_STATES = {
    "DELIVRD": ReceiptState.DELIVERED,
    "EXPIRED": ReceiptState.FAILED,
    "DELETED": ReceiptState.FAILED,
    "UNDELIV": ReceiptState.FAILED,
    "REJECTD": ReceiptState.FAILED,
}


@dataclass(frozen=True, slots=True)
class SmppReceipt:
    """Which message, what became of it, and the SMSC's own code."""

    message_id: str
    state: ReceiptState
    code: str


def is_receipt(esm_class: int) -> bool:
    """Tell whether a deliver_sm is a receipt (bits 5-2 of esm_class)."""
    return esm_class & 0x3C == RECEIPT_TYPES


def read_receipt(text: str, parameters: Mapping[int, bytes], *, decimal_ids: bool) -> SmppReceipt | None:
    """Read a receipt; None if it names no message.

    `decimal_ids`: this SMSC answers submissions with hexadecimal ids and writes receipts in decimal.
    """
    fields = {name.lower(): value for name, value in _FIELD.findall(text)}
    raw = parameters.get(RECEIPTED_MESSAGE_ID, b"").split(b"\x00")[0].decode("ascii", "ignore")
    message_id = raw or fields.get("id", "")
    if not message_id:
        return None
    if decimal_ids and not raw and message_id.isdigit():
        message_id = format(int(message_id), "X")
    number = int.from_bytes(parameters[MESSAGE_STATE][:1]) if MESSAGE_STATE in parameters else 0
    word = _BY_NUMBER.get(number) or fields.get("stat", "UNKNOWN").upper()[:7]
    word = word if word.isalpha() else "UNKNOWN"
    error = fields.get("err", "")
    error = error if len(error) <= MAX_ERROR else ""
    state = _STATES.get(word, ReceiptState.ACCEPTED)
    return SmppReceipt(message_id, state, f"{word}:{error}" if error else word)
