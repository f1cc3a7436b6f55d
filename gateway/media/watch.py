"""Looks after a call ten times a second: writes what is due, notices a silent disk or a silent leg."""

from collections.abc import Callable
from typing import Final

from core.config import MediaSettings
from gateway.media.appender import BlobAppender
from gateway.media.leg import Leg
from gateway.media.model import FailureReason
from gateway.media.recorder import Recorder
from gateway.media.relay import Relay

_EVERY: Final = 5  # ticks of 20 ms


class Watch:
    """Paced from the start of the recording to its end or the first failure."""

    def __init__(
        self,
        settings: MediaSettings,
        *,
        relay: Relay,
        recorder: Recorder,
        appender: BlobAppender,
        legs: tuple[Leg, Leg],
        fail: Callable[[FailureReason], None],
        started_at: float,
    ) -> None:
        self._settings = settings
        self._relay = relay
        self._recorder = recorder
        self._appender = appender
        self._legs = legs
        self._fail = fail
        self._ticks = 0
        self._started_at = started_at
        for leg in legs:
            leg.last_rtp_at = max(leg.last_rtp_at, started_at)

    def tick(self, now: float) -> bool:
        self._ticks += 1
        if self._ticks % _EVERY:
            return True
        self._recorder.flush(self._relay.frame(now))
        last = max(self._appender.last_write_at, self._started_at)
        if now - last > self._settings.recorder_stall_s:
            self._fail(FailureReason.RECORDER_STALLED)
            return False
        if any(self._silent(leg, now) for leg in self._legs):
            self._fail(FailureReason.RTP_TIMEOUT)
            return False
        return True

    def _silent(self, leg: Leg, now: float) -> bool:
        """No RTP for too long. While anyone holds the call, silence is expected of both."""
        if any(other.remote is None or other.on_hold for other in self._legs):
            leg.last_rtp_at = now
        return now - leg.last_rtp_at > self._settings.rtp_timeout_s
