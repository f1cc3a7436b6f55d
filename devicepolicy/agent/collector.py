"""Notices what happens on the phone and keeps what is to be handed in: by consent, policy and hours."""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo

from .backlog import Backlog
from .client import SKEW_S, Client
from .faults import Faults
from .memory import Memory
from .phone import SimulatedPhone
from .signing import JSON, sha256_of
from .wishes import CHINA, Wishes


class Jumps:
    """Notices that somebody set the phone's clock, by a clock that nobody can set.

    A real agent also hears ACTION_TIME_CHANGED; its steady clock is `SystemClock.elapsedRealtime()`. What is
    set while the phone is off is not noticed.
    """

    def __init__(self, clock: Callable[[], float], steady: Callable[[], float], total_s: float) -> None:
        self._clock, self._steady = clock, steady
        self.total_s = total_s
        self._seen = (clock(), steady())

    def look(self) -> float:
        """Look at both clocks; give by how much somebody set one since the last look."""
        seen = (self._clock(), self._steady())
        drift = (seen[0] - self._seen[0]) - (seen[1] - self._seen[1])
        self._seen = seen
        if abs(drift) <= SKEW_S:
            return 0.0
        self.total_s += drift
        return drift


class Collector:
    """The agent's side of the call log, the messages, the microphone and the system's events."""

    def __init__(
        self,
        backlog: Backlog,
        phone: SimulatedPhone,
        memory: Memory,
        client: Client,
        *,
        steady: Callable[[], float] = time.monotonic,
        zone: tzinfo = CHINA,
    ) -> None:
        self._backlog = backlog
        self._memory = memory
        self._client = client
        self._faults: Faults = phone.faults
        self._jumps = Jumps(client.clock, steady, backlog.jump_s)
        self.wishes = Wishes(phone, zone)

    @property
    def jump_s(self) -> float:
        """By how much the clock had been set in all, for what is made now."""
        return self._jumps.total_s

    def sent_at(self, jump_s: float) -> str:
        """Give now by the clock as it was set when something was made, however it has been set since."""
        self.mind_clock()
        return _moment(self._client.clock() - (self._jumps.total_s - jump_s))

    def mind_clock(self) -> None:
        """Note it if the clock was set: the server's time is as far from it as it was, less that."""
        drift = self._jumps.look()
        if drift:
            self._memory.offset_s -= drift
            self._backlog.jumped(self._jumps.total_s)

    def call(
        self, number: str, *, outgoing: bool, duration_s: int, sound: bytes = b"", sim: int = 0
    ) -> str | None:
        """A SIM call is over; 0 seconds: nobody answered. Gives its line's id; None: not collected."""
        direction = "out" if outgoing else "in"
        called = {"number": number, "direction": direction, "answered": duration_s > 0}
        line = self._record("CALL", {**called, "duration_s": duration_s, "sim": sim})
        if sound and self._may() and duration_s and self.wishes.recording(duration_s):
            self._sound(number, direction, duration_s, sound, line)
        if line is not None and not self.wishes.sim_calls():
            evidence = {"counterpart": number, "sim": sim, "records": [line]}
            self.event("SIM_CALL_OUTSIDE_GATEWAY", evidence)
        return line

    def sms(self, number: str, text: str, *, outgoing: bool) -> str | None:
        return self._record("SMS", {"number": number, "direction": "out" if outgoing else "in", "text": text})

    def chat(self, app: str, contact: str, text: str, *, outgoing: bool, **more: JSON) -> str | None:
        """A message of a messaging app. `more`: message_kind, group, recalls."""
        said = {"app": app, "contact": contact, "direction": "out" if outgoing else "in", "text": text}
        return self._record("CHAT", {**said, **more}, app)

    def file(self, app: str, deed: str, **more: JSON) -> str | None:
        """A file operation in a messaging app: downloaded, uploaded, forwarded, saved.

        `more`: contact, name, size, content_sha256, as far as the screen or the file tells them.
        """
        return self._record("FILE", {"app": app, "deed": deed, **more}, app)

    def event(self, kind: str, evidence: Mapping[str, JSON] | None = None) -> str | None:
        """Conduct; which evidence each kind carries is in the protocol's document."""
        at_any_hour = self.wishes.at_any_hour(kind)
        if not self.wishes.event(kind) or not self._may(at_any_hour=at_any_hour):
            return None
        return self._keep("events", {"kind": kind, "evidence": dict(evidence or {})})

    def _record(self, kind: str, told: Mapping[str, JSON], app: str | None = None) -> str | None:
        if not self.wishes.record(kind, app) or not self._may():
            return None
        return self._keep("records", {"kind": kind, **told})

    def _may(self, *, at_any_hour: bool = False) -> bool:
        """Consent first, then the hours; by the server's time, so that setting the clock opens nothing."""
        self.mind_clock()
        agreed = bool(self._memory.device_id and self._memory.terms_version)
        return agreed and (at_any_hour or self.wishes.open_now(self._client.now()))

    def _keep(self, what: str, told: Mapping[str, JSON]) -> str:
        self._faults.cut("noticed")

        def make(number: int) -> dict[str, JSON]:
            item = {
                "id": secrets.token_hex(16),
                "seq": number,
                "at": _moment(self._client.clock()),
                "salt": secrets.token_urlsafe(16),
                **told,
            }
            return {**item, "sha256": sha256_of(item)}

        return self._backlog.add(what, make)

    def _sound(self, number: str, direction: str, duration_s: int, sound: bytes, line: str | None) -> None:
        self._faults.cut("recorded")
        sound_id = secrets.token_hex(16)
        told: dict[str, JSON] = {
            "id": sound_id,
            "at": _moment(self._client.clock()),
            "sha256": hashlib.sha256(sound).hexdigest(),
            "size": len(sound),
            "media_type": "audio/amr",
            "duration_s": duration_s,
            "direction": direction,
            "number": number,
        }
        self._backlog.add_sound(sound_id, told if line is None else {**told, "call": line}, sound)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
