"""Which voice is where: tones that nobody can confuse, and how much of each a sound holds."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from gateway.media import g711
from gateway.media.model import Law
from gateway.media.prompts import RECORDING_NOTICE
from tests.support.media import RATE, RtpPhone, tone

STAFF_HZ = 440
CUSTOMER_HZ = 1250
FRAME = 160  # 20 ms
PT_ULAW, PT_ALAW = 0, 8
NOTICE_LASTS_S = soundfile.info(RECORDING_NOTICE).duration
"""How long the gateway plays its notice of the recording before the voices cross."""


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
        heard_s = spoken(samples[channel], own)
        assert heard_s >= seconds, f"channel {channel}: {heard_s:.2f} s of voice, not {seconds:.2f} s"
        assert share(samples[channel], own) > 0.8, f"channel {channel}: not its own voice"
        assert share(samples[channel], other) < 0.001, f"channel {channel}: the other side's voice"


async def talk(phone: RtpPhone, hertz: float, seconds: float, law: Law = Law.ALAW) -> None:
    """Speak a tone for so long."""
    await phone.speak(tone(hertz, int(seconds * RATE)), law)


def hears(received: list[bytes], hertz: float) -> bool:
    """Whether the last packets that came hold a tone."""
    sound = [
        g711.decode(data[12:], Law.ULAW if data[1] & 0x7F == PT_ULAW else Law.ALAW)
        for data in received[-6:]
        if data[1] & 0x7F in {PT_ULAW, PT_ALAW}
    ]
    return bool(sound) and spoken(np.concatenate(sound), hertz) > 0


async def speak_on(*sides: tuple[Any, float, float], seconds: float) -> float:
    """Let calls speak a tone each until they hear another, so through the notice, and then for so long.

    Gives for how many seconds they spoke. A busy gateway plays the notice later, and a busy phone comes to speak when
    half of it has been played: nothing here counts on when, and both say as much as if they had heard all of it.
    """
    crossed = asyncio.Event()

    async def listen() -> None:
        for call, _, hearing in sides:
            await call.rtp.heard(lambda received, hertz=hearing: hears(received, hertz))
        crossed.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(listen())
        lengths = [group.create_task(_speak_until(call, hertz, crossed, seconds)) for call, hertz, _ in sides]
    return max(length.result() for length in lengths)


async def _speak_until(call: Any, hertz: float, crossed: asyncio.Event, after_s: float) -> float:
    """Send the tone in a circle at the pace of a telephone until the event, and for so long after it."""
    loop, codes = asyncio.get_running_loop(), g711.encode(tone(hertz, RATE), call.law)
    begin, number, rest, least = loop.time(), 0, _packets(after_s), _packets(NOTICE_LASTS_S + after_s)
    while rest > 0 or number < least:
        await asyncio.sleep(max(begin + number * FRAME / RATE - loop.time(), 0))
        start = number * FRAME % RATE
        call.rtp.say(codes[start : start + FRAME], payload_type=PT_ULAW if call.law is Law.ULAW else PT_ALAW)
        number += 1
        rest -= crossed.is_set()
    return number * FRAME / RATE


def _packets(seconds: float) -> int:
    return int(seconds * RATE / FRAME)


async def converse(staff: Any, customer: Any, *, seconds: float = 1.0) -> float:
    """Both sides speak their tones from the answer on, until each hears the other, and then for so long."""
    return await speak_on((staff, STAFF_HZ, CUSTOMER_HZ), (customer, CUSTOMER_HZ, STAFF_HZ), seconds=seconds)


def tone_file(path: Path, hertz: float, seconds: float, law: Law) -> Path:
    """Write raw G.711 for SIPp's rtp_stream."""
    path.write_bytes(g711.encode(tone(hertz, int(seconds * RATE)), law))
    return path
