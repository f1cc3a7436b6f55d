"""Which voice is where: tones that nobody can confuse, and how much of each a sound holds."""

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.media import g711
from gateway.media.model import Law
from tests.support.media import RATE, RtpPhone, tone

STAFF_HZ = 440
CUSTOMER_HZ = 1250
NOTICE_S = 2.4  # the notice takes 2.3 s


def share(samples: NDArray[np.int16], hertz: float) -> float:
    """Give the part of a sound's energy within 15 Hz of a tone, 0 to 1; 0 for silence."""
    if len(samples) < 800:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / RATE) - hertz) <= 15
    total = float(spectrum.sum())
    return float(spectrum[near].sum()) / total if total > 1e6 else 0.0


def spoken(samples: NDArray[np.int16], hertz: float, *, level: float = 0.4) -> float:
    """Give how many seconds of a tone of that level a sound holds."""
    pieces = [samples[start : start + 400] for start in range(0, len(samples) - 399, 400)]
    loud = level * 32767 * 0.5
    carrier = np.exp(-2j * np.pi * hertz * np.arange(400) / RATE)
    return sum(2 * abs(np.dot(piece, carrier)) / 400 > loud for piece in pieces) * 0.05


def assert_voices(
    samples: NDArray[np.int16],
    *,
    seconds: float,
    staff_hz: float = STAFF_HZ,
    customer_hz: float = CUSTOMER_HZ,
) -> None:
    """Each voice is on its own channel for that long, and not on the other one at all."""
    for channel, own, other in ((0, staff_hz, customer_hz), (1, customer_hz, staff_hz)):
        assert spoken(samples[channel], own) >= seconds, f"channel {channel}: voice too short"
        assert share(samples[channel], own) > 0.8, f"channel {channel}: not its own voice"
        assert share(samples[channel], other) < 0.001, f"channel {channel}: the other side's voice"


async def talk(phone: RtpPhone, hertz: float, seconds: float, law: Law = Law.ALAW) -> None:
    """Speak a tone for so long."""
    await phone.speak(tone(hertz, int(seconds * RATE)), law)


async def converse(staff, customer, *, seconds: float = 1.0) -> None:
    """Both sides speak their tones from the answer on, through the notice, and then for so long."""
    length = NOTICE_S + seconds
    await asyncio.gather(
        talk(staff.rtp, STAFF_HZ, length, staff.law), talk(customer.rtp, CUSTOMER_HZ, length, customer.law)
    )


def tone_file(path: Path, hertz: float, seconds: float, law: Law) -> Path:
    """Write raw G.711 for SIPp's rtp_stream."""
    path.write_bytes(g711.encode(tone(hertz, int(seconds * RATE)), law))
    return path
