"""A call of two scripted phones: each side says a sentence, then a tone of its own until the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np
import soundfile
from numpy.typing import NDArray

from core.tasks import cancel, spawn
from maskline.demo.phone import Phone
from maskline.demo.scenario import FOLDER
from tests.support.media import RATE, tone
from tests.support.system_desk import Bound, Recorded, SystemDesk, awaited
from tests.telephony.sound import CUSTOMER_HZ, STAFF_HZ, share, spoken

NOTICE_S = 3.0
LONGEST_S = 120
# The gateway's own delays: the phone's first packet to the recorder's, and the block that is not yet on disk.
LOST_AT_MOST_S = 1.0
ON_TIME_S = 0.1  # a phone whose next packet is less late than this has said what was due


def _sentence(number: int) -> NDArray[np.int16]:
    sound, _ = soundfile.read(FOLDER / "abusive-collection" / f"{number:02}.flac", dtype="int16")
    samples: NDArray[np.int16] = sound
    return samples


def script(number: int, hertz: float) -> NDArray[np.int16]:
    """Give silence for the notice, a sentence of the demo, and a tone."""
    return np.concatenate(
        [np.zeros(int(NOTICE_S * RATE), np.int16), _sentence(number), tone(hertz, LONGEST_S * RATE)]
    )


THREAT, ANSWER = 3, 2
SPEECH_S = max(len(_sentence(THREAT)), len(_sentence(ANSWER))) / RATE


@dataclass
class Talk:
    """A call that goes on."""

    bound: Bound
    staff: Phone
    customer: Phone
    began: float = 0.0

    async def until_spoken(self, extra_s: float = 1.5) -> None:
        """Wait until both have said their sentence, and the tones for so long."""
        end = self.began + NOTICE_S + SPEECH_S + extra_s
        await asyncio.sleep(end - asyncio.get_running_loop().time())

    async def said_s(self) -> float:
        """Let the phones send all that is due, and give how much they have said since the answer.

        This process may just have had no core, or waited for something: hung up at once, its phones would never
        say what telephones would long have said.
        """
        while max(self.staff.behind_s(), self.customer.behind_s()) > ON_TIME_S:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return min(self.staff.said_s(), self.customer.said_s())

    async def said_and_kept_s(self, desk: SystemDesk) -> float:
        """Wait until the disk holds what was said, but for the last second; give how much was said until then.

        For what kills the recorder: what it has not taken from its socket, because there was no core for it, is
        lost with it.
        """
        (row,) = await desk.calls(self.bound)
        said_s = 0.0

        async def look() -> bool:
            nonlocal said_s
            said_s = await self.said_s()
            with suppress(AssertionError):
                assert_kept(await desk.recording_so_far(row), until_s=said_s)
                return True
            return False

        await awaited(look, what=f"the disk holds what was said, but for {LOST_AT_MOST_S} s")
        return said_s

    async def over(self) -> None:
        """Wait until both phones were hung up."""
        for phone in (self.staff, self.customer):
            await asyncio.wait_for(phone.ended.wait(), 60)


@asynccontextmanager
async def talking(desk: SystemDesk, customer: Phone, bound: Bound) -> AsyncIterator[Talk]:
    """Dial, wait for the answer, and let both sides speak until the end of the block."""
    account = bound.staff.sip
    staff = Phone(account.username, password=account.password)
    await staff.start()
    try:
        assert await staff.dial(bound.token, desk.system.sip) == 200
        await asyncio.wait_for(customer.connected.wait(), 60)
        talk = Talk(bound, staff, customer, asyncio.get_running_loop().time())
        voices = [
            spawn(staff.say(script(THREAT, STAFF_HZ)), name="staff speaks"),
            spawn(customer.say(script(ANSWER, CUSTOMER_HZ)), name="customer speaks"),
        ]
        try:
            yield talk
        finally:
            await cancel(*voices)
    finally:
        await staff.close()


def assert_kept(recorded: Recorded, *, until_s: float) -> None:
    """Both voices are on their channels up to a second before `until_s` of what was said."""
    for channel, hertz, other, number in (
        (0, STAFF_HZ, CUSTOMER_HZ, THREAT),
        (1, CUSTOMER_HZ, STAFF_HZ, ANSWER),
    ):
        samples = recorded.samples[channel]
        toned = until_s - NOTICE_S - len(_sentence(number)) / RATE
        assert len(samples) / RATE >= until_s - LOST_AT_MOST_S, f"channel {channel}: too short"
        assert spoken(samples, hertz) >= toned - LOST_AT_MOST_S, f"channel {channel}: the end is missing"
        assert share(samples[-RATE // 2 :], hertz) > 0.8, f"channel {channel}: does not end in its tone"
        assert spoken(samples, other) == 0, f"channel {channel}: the other side's voice"
        speech = np.abs(samples.astype(np.int32)) > 1500
        assert speech[: int((NOTICE_S + len(_sentence(number)) / RATE + 1) * RATE)].sum() > RATE // 4
