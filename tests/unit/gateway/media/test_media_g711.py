"""G.711 against known values and its own inverse."""

import numpy as np
import pytest

from gateway.media import g711
from gateway.media.model import Law

ALL = bytes(range(256))


def test_known_codes():
    """ITU-T G.711 tables 1a, 2a (16-bit alignment): ends of the scale and the steps around zero."""
    assert list(g711.decode(bytes((0x00, 0x80, 0x7F, 0xFF, 0xFE)), Law.ULAW)) == [-32124, 32124, 0, 0, 8]
    assert list(g711.decode(bytes((0x2A, 0xAA, 0x55, 0xD5, 0xD4)), Law.ALAW)) == [-32256, 32256, -8, 8, 24]


@pytest.mark.parametrize("law", Law)
def test_encoding_gives_the_nearest_level(law: Law):
    levels = g711.decode(ALL, law).astype(np.int32)
    samples = np.arange(-32768, 32768, 7).astype(np.int16)
    chosen = g711.decode(g711.encode(samples, law), law).astype(np.int32)
    best = np.abs(levels[None, :] - samples[:, None].astype(np.int32)).min(axis=1)
    assert np.array_equal(np.abs(chosen - samples), best)


@pytest.mark.parametrize("law", Law)
def test_codes_survive_decoding_and_silence_is_silence(law: Law):
    back = g711.encode(g711.decode(ALL, law), law)
    differing = [code for code in ALL if back[code] != code]
    assert differing == ([0x7F] if law is Law.ULAW else [])  # µ-law has two zeros
    assert g711.encode(np.zeros(3, dtype=np.int16), law) == bytes([g711.SILENCE[law]]) * 3


def test_translation_is_decoding_and_encoding():
    for source in Law:
        for target in Law:
            table = g711.translation(source, target)
            if source is target:
                assert table is None
            else:
                assert ALL.translate(table) == g711.encode(g711.decode(ALL, source), target)


@pytest.mark.parametrize("law", Law)
def test_quiet_codes(law: Law):
    quiet = set(g711.quiet_codes(law))
    assert g711.SILENCE[law] in quiet
    assert {code for code in ALL if abs(int(g711.decode(bytes([code]), law)[0])) <= 64} == quiet
