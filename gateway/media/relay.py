"""The relay: takes a packet of one leg apart, feeds the taps, and sends a new one to the other leg.

Nothing of a packet crosses but the payload of a negotiated type, the marker, and the distances of
numbers within one stream. No CSRC, extension, padding or RTCP does.
"""

import itertools
from collections.abc import Callable
from typing import Final

from core.logging import get_logger
from gateway.media.container import EventKind
from gateway.media.g711 import quiet_codes, translation
from gateway.media.leg import Leg
from gateway.media.model import SAMPLE_RATE, DtmfEvent, DtmfHandler, Law, Side
from gateway.media.ports import AudioTap
from gateway.media.recorder import Recorder, frames_to_ms
from gateway.media.rtp import Parsed, is_rtcp, parse_rtp
from gateway.media.sdp import STATIC_PT
from gateway.media.timeline import DUPLICATE, TRIM_FRAMES

_COMFORT_NOISE: Final = frozenset({13, 19})  # RFC 3389, and its number before
_MIN_PAYLOAD: Final = 8  # 1 ms
_MAX_PAYLOAD: Final = 960  # 120 ms
_KEYS: Final = "0123456789*#ABCD"  # RFC 4733 §3.2, events 0..15
_MAX_TAP_ERRORS: Final = 10
_log = get_logger(__name__)


class Relay:
    """Connects two legs once bridged. Before `start_recording`, audio goes nowhere at all."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._taps: list[AudioTap] = []
        self._tap_errors = 0
        self._peers: dict[Side, Leg] = {}
        self._origin: float | None = None
        self._event_started: dict[Side, tuple[int, int]] = {}
        self._epochs = itertools.count(1)
        self.bridged = False
        self.dtmf_handler: DtmfHandler | None = None

    @property
    def next_epoch(self) -> Callable[[], int]:
        """Gives names of packet sources, unique in this call."""
        return self._epochs.__next__

    def add_tap(self, tap: AudioTap) -> None:
        self._taps.append(tap)

    def connect(self, staff: Leg, customer: Leg) -> None:
        """Say which leg hears which."""
        self._peers = {Side.STAFF: customer, Side.CUSTOMER: staff}

    def start_recording(self, now: float) -> None:
        """Frame 0 is now (monotonic seconds)."""
        self._origin = now

    def frame(self, now: float) -> int:
        """Place of a moment on the time line; 0 before the start."""
        return 0 if self._origin is None else int((now - self._origin) * SAMPLE_RATE)

    def on_packet(self, leg: Leg, data: bytes, source: tuple[str, int], now: float) -> None:
        """Handle whatever arrived at a leg's port. Never raises, counts each packet once."""
        count = leg.counters
        count.received += 1
        packet = None if is_rtcp(data) else parse_rtp(data)
        if packet is None:
            if is_rtcp(data):
                count.rtcp += 1
            else:
                count.malformed += 1
            return
        law = leg.laws.get(packet[0])
        if law is None:
            self._not_audio(leg, packet, source, now)
        elif not _MIN_PAYLOAD <= len(packet[5]) <= _MAX_PAYLOAD:
            count.malformed += 1
        elif not leg.latch.admits(source, now):
            count.foreign += 1
        else:
            leg.last_rtp_at = now
            self._audio(leg, packet, law, now)

    def _audio(self, leg: Leg, packet: Parsed, law: Law, now: float) -> None:
        _, marker, seq, timestamp, ssrc, payload = packet
        if self._origin is None:
            self._before_start(leg, ssrc, seq)
            return
        arrival = int((now - self._origin) * SAMPLE_RATE)
        frame = leg.clock.place(ssrc, seq, timestamp, len(payload), arrival)
        if frame < 0:
            self._refused(leg, frame)
            return
        peer = self._peers[leg.side]
        relayed = self.bridged and peer.listening
        self._tap(leg, payload, law, frame, arrival, relayed=relayed)
        if not relayed:
            leg.counters.unbridged += 1
            return
        leg.counters.relayed += 1
        if law is not peer.send_law:
            payload = payload.translate(translation(law, peer.send_law))
        peer.send(leg.clock.epoch, seq, timestamp, now, STATIC_PT[peer.send_law], marker, payload)

    def _tap(self, leg: Leg, payload: bytes, law: Law, frame: int, arrival: int, *, relayed: bool) -> None:
        if frame > arrival + TRIM_FRAMES and not payload.translate(None, quiet_codes(law)):
            leg.clock.trim(len(payload))
            leg.counters.trimmed += 1
            self._recorder.count(leg.side, frame, relayed=relayed)
            return
        self._recorder.on_audio(leg.side, payload, law, frame, relayed=relayed)
        for tap in self._taps:
            try:
                tap.on_audio(leg.side, payload, law, frame, relayed=relayed)
            except Exception as error:  # noqa: BLE001 - a broken listener must not break the call
                self._drop_tap(tap, error)
                return

    def _drop_tap(self, tap: AudioTap, error: Exception) -> None:
        self._tap_errors += 1
        _log.error("relay.tap_failed", error_type=type(error).__name__, count=self._tap_errors)
        if self._tap_errors >= _MAX_TAP_ERRORS:
            self._taps.remove(tap)

    def _before_start(self, leg: Leg, ssrc: int, seq: int) -> None:
        state = leg.clock.number(ssrc, seq)
        if state < 0:
            self._refused(leg, state)
        else:
            leg.counters.unbridged += 1

    def _refused(self, leg: Leg, state: int) -> None:
        if state == DUPLICATE:
            leg.counters.duplicates += 1
        else:
            leg.counters.late += 1

    def _not_audio(self, leg: Leg, packet: Parsed, source: tuple[str, int], now: float) -> None:
        payload_type, payload = packet[0], packet[5]
        count = leg.counters
        is_event = payload_type == leg.event_in
        if not is_event and payload_type not in _COMFORT_NOISE:
            count.wrong_payload_type += 1
        elif is_event and (len(payload) < 4 or payload[0] >= len(_KEYS)):
            count.malformed += 1
        elif not leg.latch.admits(source, now):
            count.foreign += 1
        else:
            leg.last_rtp_at = now
            age = leg.clock.number(packet[4], packet[2])
            if age < 0:
                self._refused(leg, age)
            elif is_event:
                count.dtmf += 1
                self._key(leg, age, packet, now)
            else:
                count.comfort_noise += 1
                if age == 0:
                    self._peers[leg.side].out.skip(leg.clock.epoch)

    def _key(self, leg: Leg, age: int, packet: Parsed, now: float) -> None:
        """Pass a key on, four bytes of it with the reserved bit cleared, and tell of it once."""
        _, marker, seq, timestamp, _, payload = packet
        peer = self._peers[leg.side]
        if self.bridged and peer.listening and peer.event_out is not None:
            event = bytes((payload[0], payload[1] & 0xBF, payload[2], payload[3]))
            peer.send(leg.clock.epoch, seq, timestamp, now, peer.event_out, marker, event)
        elif age == 0:
            peer.out.skip(leg.clock.epoch)
        started = (leg.clock.epoch, timestamp)
        if age > 0 or self._event_started.get(leg.side) == started:
            return
        self._event_started[leg.side] = started
        frame = self.frame(now)
        if self._origin is not None:
            self._recorder.note(EventKind.DTMF, leg.side, payload[0], frame)
        if self.dtmf_handler is not None:
            self.dtmf_handler(DtmfEvent(leg.side, _KEYS[payload[0]], frames_to_ms(frame)))
