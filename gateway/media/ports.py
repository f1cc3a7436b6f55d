"""What the relay feeds: taps that get a copy of each leg's audio."""

from typing import Protocol

from gateway.media.model import Law, Side


class AudioTap(Protocol):
    """Gets what a leg sent, before any translation, once it has its place on the call's time line.

    Called on the event loop for every audio packet: it must not block or raise.
    """

    def on_audio(self, side: Side, codes: bytes, law: Law, at_frame: int, *, relayed: bool) -> None:
        """Take `codes` (one code a frame at 8 kHz) that starts at `at_frame` of the time line.

        Packets may come out of order by up to 200 ms; gaps are silence. `relayed`: the other side hears it.
        """
