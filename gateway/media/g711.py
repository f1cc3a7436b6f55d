"""ITU-T G.711: tables between µ-law, A-law and 16-bit linear samples."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from gateway.media.model import Law

Samples = NDArray[np.int16]

SILENCE: Final = {Law.ULAW: 0xFF, Law.ALAW: 0xD5}
"""The code of amplitude zero."""


def _decode_ulaw_table() -> Samples:
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _decode_alaw_table() -> Samples:
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent = (code & 0x70) >> 4
    mantissa = ((code & 0x0F) << 4) + 8
    magnitude = np.where(exponent == 0, mantissa, mantissa + 0x100 << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _encode_table(decode: Samples) -> NDArray[np.uint8]:
    """For each of the 65,536 samples the code whose value is nearest."""
    order = np.argsort(decode.astype(np.int32), kind="stable")
    levels = decode[order].astype(np.int32)
    samples = np.arange(-32768, 32768, dtype=np.int32)
    right = np.clip(np.searchsorted(levels, samples, side="right"), 1, 255)
    left = right - 1
    nearest = np.where(samples - levels[left] < levels[right] - samples, left, right)
    return order[nearest].astype(np.uint8)


_DECODE: Final = {Law.ULAW: _decode_ulaw_table(), Law.ALAW: _decode_alaw_table()}
_ENCODE: Final = {law: _encode_table(table) for law, table in _DECODE.items()}
_TRANSLATE: Final = {
    (source, target): _ENCODE[target][_DECODE[source].astype(np.int32) + 32768].tobytes()
    for source in Law
    for target in Law
    if source is not target
}

_QUIET: Final = {
    law: bytes(code for code in range(256) if abs(int(table[code])) <= 64) for law, table in _DECODE.items()
}


def decode(data: bytes, law: Law) -> Samples:
    """G.711 codes to samples, int16 [n]."""
    return _DECODE[law][np.frombuffer(data, dtype=np.uint8)]


def encode(samples: Samples, law: Law) -> bytes:
    """Samples, int16 [n], to G.711 codes (the nearest level)."""
    return _ENCODE[law][samples.astype(np.int32) + 32768].tobytes()


def translation(source: Law, target: Law) -> bytes | None:
    """Give the table for `bytes.translate`, or None if nothing has to change."""
    return _TRANSLATE.get((source, target))


def quiet_codes(law: Law) -> bytes:
    """Give the codes of amplitudes that nobody hears (below -54 dBFS)."""
    return _QUIET[law]
