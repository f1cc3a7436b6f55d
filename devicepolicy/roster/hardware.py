"""Hardware ids: written in one way, hashed under one index, shown by their last four characters."""

import re

from core.sealed import BlindIndex
from core.vault import Vault

HARDWARE_INDEX = "device-hardware"
_PARTED_IMEI = re.compile(r"\d(?:[ \-/]?\d){14}")
_SERIAL = re.compile(r"[A-Z0-9][A-Z0-9._\-/]{3,63}")
_IMEI_DIGITS = 15
_SHOWN = 4


def normalise(text: str) -> str:
    """Write an id as it is compared: capitals; fifteen digits however they are parted are an IMEI."""
    text = text.strip().upper()
    return re.sub(r"\D", "", text) if _PARTED_IMEI.fullmatch(text) else text


def is_serial(text: str) -> bool:
    """Whether a normalised text can be a serial number."""
    return _SERIAL.fullmatch(text) is not None


def is_imei(text: str) -> bool:
    """Whether a normalised text is an IMEI: 15 digits, the last by Luhn's rule (3GPP TS 23.003 §6.2.1)."""
    if len(text) != _IMEI_DIGITS or not (text.isascii() and text.isdigit()):
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(text)]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def blind(vault: Vault, hardware: str) -> BlindIndex:
    """Give the keyed hash by which a phone is known again."""
    return vault.blind(HARDWARE_INDEX, normalise(hardware))


def tail(hardware: str) -> str:
    """Show the end of an id."""
    return f"…{hardware[-_SHOWN:]}"
