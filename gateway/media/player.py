"""Plays prompts and the ring tone to legs, a packet every 20 ms."""

import asyncio

from gateway.media import tones
from gateway.media.errors import NoticeNotPlayed
from gateway.media.leg import Leg
from gateway.media.prompts import PACKET_FRAMES, Prompt
from gateway.media.sdp import STATIC_PT


class RingbackPlayer:
    """The ring tone to one leg, until it is removed from the pacer."""

    def __init__(self, leg: Leg, key: int) -> None:
        self._leg = leg
        self._key = key
        self._number = 0

    def tick(self, now: float) -> bool:
        number, self._number = self._number, self._number + 1
        if self._leg.listening:
            law = self._leg.send_law
            tone = tones.ringback(law)
            start = number * PACKET_FRAMES % len(tone)
            payload = tone[start : start + PACKET_FRAMES]
            self._leg.send(
                self._key, number, number * PACKET_FRAMES, now, STATIC_PT[law], number == 0, payload
            )
        return True


class PromptPlayer:
    """A prompt to several legs at once. `sent` counts the packets that each really got."""

    def __init__(self, prompt: Prompt, legs: tuple[Leg, ...], key: int) -> None:
        self._prompt = prompt
        self._legs = legs
        self._key = key
        self._number = 0
        self.sent = [0] * len(legs)
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tick(self, now: float) -> bool:
        number, self._number = self._number, self._number + 1
        if number == self._prompt.packets:  # one tick after the last packet, when it has been heard
            if not self.finished.done():
                self.finished.set_result(None)
            return False
        start = number * PACKET_FRAMES
        for index, leg in enumerate(self._legs):
            if leg.listening:
                law = leg.send_law
                payload = self._prompt.codes[law][start : start + PACKET_FRAMES]
                self.sent[index] += leg.send(
                    self._key, number, start, now, STATIC_PT[law], number == 0, payload
                )
        return True

    def abort(self) -> None:
        """The call ended first."""
        if not self.finished.done():
            self.finished.set_exception(NoticeNotPlayed())
            self.finished.exception()  # nobody may be waiting
