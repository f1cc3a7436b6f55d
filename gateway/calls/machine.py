"""The state machine of one call: events in, commands out, no input or output of its own.

Three flows share it. What always holds, whatever comes in which order:

* nobody is dialled before the recorder is armed, no voice passes before the notice has played;
* a call that ends gives each living leg one `Refuse` or `Hangup`, closes its media, and writes one record;
* after the end there are no commands.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from functools import singledispatchmethod
from types import MappingProxyType

from gateway.calls import commands as do
from gateway.calls import events as on
from gateway.calls.causes import Cause, EndedBy, cause_of, refusal_status
from gateway.calls.flow import Flow, Mark, Phase, Step, Timer
from gateway.media.model import FailureReason, NoticePlayed, Side

REQUEST_PENDING = 491  # RFC 3261 section 14.1
NOT_ACCEPTABLE_HERE = 488
RING_GRACE_S = 5
"""The switch ends a ringing leg itself; our own timer only guards against a switch that does not."""

_BEFORE_LEGS = frozenset({Phase.NEW, Phase.CLOSING, Phase.FILING, Phase.ENDED})
_RINGING = {Side.STAFF: Mark.STAFF_RINGING, Side.CUSTOMER: Mark.CUSTOMER_RINGING}
_ANSWERED = {Side.STAFF: Mark.STAFF_ANSWERED, Side.CUSTOMER: Mark.CUSTOMER_ANSWERED}
_RING_TIMER = {Side.STAFF: Timer.STAFF_RING, Side.CUSTOMER: Timer.CUSTOMER_RING}
_BY = {Side.STAFF: EndedBy.STAFF, Side.CUSTOMER: EndedBy.CUSTOMER}
_CALLER = {Flow.STAFF: Side.STAFF, Flow.CALLBACK: None, Flow.INBOUND: Side.CUSTOMER}
_MEDIA_STEPS = frozenset({Step.OPEN_MEDIA, Step.NOTICE, Step.BRIDGE})


class Leg(StrEnum):
    """Where one leg is."""

    ABSENT = "absent"
    OFFERED = "offered"  # it called us and waits
    CALLED = "called"  # we call it
    UP = "up"
    GONE = "gone"


class CallMachine:
    """One call. `handle` takes an event and the time, and gives the commands in order."""

    def __init__(self, flow: Flow, *, ring_timeout_s: int, max_call_s: int) -> None:
        self.flow = flow
        self.caller: Side | None = _CALLER[flow]
        self.phase = Phase.NEW
        self.legs = {Side.STAFF: Leg.ABSENT, Side.CUSTOMER: Leg.ABSENT}
        self._ring_s = ring_timeout_s + RING_GRACE_S
        self._max_s = max_call_s
        self._marks: dict[Mark, datetime] = {}
        self._notice: NoticePlayed | None = None
        self._record: do.CallRecord | None = None
        self._timers: list[Timer] = []
        self._reoffering: Side | None = None
        self._media = False
        self._rang_caller = False
        self._ringback = False
        self._offer: str | None = None
        self._at: datetime | None = None
        self._out: list[do.Command] = []

    @property
    def marks(self) -> Mapping[Mark, datetime]:
        """The moments so far."""
        return MappingProxyType(self._marks)

    def handle(self, event: on.Event, at: datetime) -> tuple[do.Command, ...]:
        """Take one event that happened at `at` (aware UTC); never raises."""
        self._out, self._at = [], at
        self._on(event)
        return tuple(self._out)

    # --- the way up ---------------------------------------------------------------------------

    @singledispatchmethod
    def _on(self, _event: on.Event) -> None:
        """Nothing to do."""

    @_on.register
    def _started(self, event: on.Started) -> None:
        if self.phase is not Phase.NEW:
            return
        if self.caller is not None:
            self.legs[self.caller] = Leg.OFFERED
        self._offer = event.offer
        self._go(Phase.JUDGING, do.Judge())

    @_on.register
    def _allowed(self, _event: on.Allowed) -> None:
        if self.phase is Phase.JUDGING:
            self._mark(Mark.JUDGED)
            self._media = True
            self._go(Phase.OPENING, do.OpenMedia(self.caller, self._offer))
            self._offer = None

    @_on.register
    def _media_ready(self, _event: on.MediaReady) -> None:
        if self.phase is not Phase.OPENING:
            return
        self._mark(Mark.MEDIA_OPEN)
        if self.flow is Flow.STAFF:
            self._call_customer()
        else:
            self.legs[Side.STAFF] = Leg.CALLED
            self._go(Phase.CALLING_STAFF, do.CallStaff())
            self._start_timer(Timer.STAFF_RING, self._ring_s)

    def _call_customer(self) -> None:
        self.legs[Side.CUSTOMER] = Leg.CALLED
        self._go(Phase.CALLING_CUSTOMER, do.CallCustomer())
        self._start_timer(Timer.CUSTOMER_RING, self._ring_s)

    @_on.register
    def _customer_dialled(self, _event: on.CustomerDialled) -> None:
        if self.phase is Phase.CALLING_CUSTOMER:
            self._mark(Mark.CUSTOMER_DIALLED)

    @_on.register
    def _ringing(self, event: on.Ringing) -> None:
        if self._inactive or self.legs[event.side] is not Leg.CALLED:
            return
        self._mark(_RINGING[event.side])
        if self.caller is event.side.other and not self._rang_caller:
            self._rang_caller = True
            self._do(do.RingCaller(event.side.other))
        elif self.flow is Flow.CALLBACK and event.side is Side.CUSTOMER and not self._ringback:
            self._ringback = True
            self._do(do.StartRingback(Side.STAFF))

    @_on.register
    def _answered(self, event: on.Answered) -> None:
        if self._inactive or self.legs[event.side] is not Leg.CALLED:
            return
        self._up(event.side)
        self._stop_timer(_RING_TIMER[event.side])
        if self._ringback and event.side is Side.CUSTOMER:
            self._ringback = False
            self._do(do.StopRingback(Side.STAFF))
        if self.flow is not Flow.CALLBACK or event.side is Side.CUSTOMER:
            self.phase = Phase.CONNECTING
        self._do(do.SetRemote(event.side, event.sdp))

    @_on.register
    def _remote_set(self, event: on.RemoteSet) -> None:
        if self.phase is Phase.CALLING_STAFF and self.flow is Flow.CALLBACK and event.side is Side.STAFF:
            if self.legs[Side.STAFF] is Leg.UP:
                self._call_customer()
        elif self.phase is Phase.CONNECTING and event.side is self._last_leg:
            self.phase = Phase.ANNOUNCING
            if self.caller is not None:
                self._do(do.AnswerCaller(self.caller))
                self._up(self.caller)
            self._start_timer(Timer.LIMIT, self._max_s)
            self._do(do.PlayNotice())

    @_on.register
    def _notice_done(self, event: on.NoticeDone) -> None:
        if self.phase is Phase.ANNOUNCING:
            self._notice = event.proof
            self._mark(Mark.NOTICE_PLAYED)
            self._mark(Mark.BRIDGED)
            self._go(Phase.TALKING, do.Bridge())
            self._do(do.NoteProgress(Mark.BRIDGED))

    # --- new offers within the call -----------------------------------------------------------

    @_on.register
    def _reoffer(self, event: on.Reoffer) -> None:
        leg = self.legs[event.side]
        if self._inactive or leg in {Leg.ABSENT, Leg.GONE}:
            return
        if leg is not Leg.UP or self._reoffering is not None:
            self._do(do.RefuseReoffer(event.side, REQUEST_PENDING))
            return
        self._reoffering = event.side
        self._do(do.AcceptReoffer(event.side, event.sdp))

    @_on.register
    def _reoffer_done(self, event: on.ReofferDone) -> None:
        if self._reoffering is event.side:
            self._reoffering = None

    @_on.register
    def _reoffer_rejected(self, event: on.ReofferRejected) -> None:
        if self._reoffering is event.side and not self._inactive:
            self._reoffering = None
            self._do(do.RefuseReoffer(event.side, NOT_ACCEPTABLE_HERE))

    # --- the ways down ------------------------------------------------------------------------

    @_on.register
    def _denied(self, event: on.Denied) -> None:
        if self.phase in {Phase.JUDGING, Phase.CALLING_CUSTOMER}:
            self._end(EndedBy.RULE, Cause.DENIED, retry_after_s=event.retry_after_s)

    @_on.register
    def _no_target(self, _event: on.NoTarget) -> None:
        if self.phase is Phase.JUDGING:
            self._end(EndedBy.RULE, Cause.NO_TARGET)

    @_on.register
    def _step_failed(self, event: on.StepFailed) -> None:
        self._end(EndedBy.SYSTEM, Cause.NO_MEDIA if event.step in _MEDIA_STEPS else Cause.SYSTEM)

    @_on.register
    def _bad_sdp(self, event: on.BadSdp) -> None:
        self._end(_BY[event.side], Cause.BAD_MEDIA)

    @_on.register
    def _failed(self, event: on.Failed) -> None:
        if not self._inactive and self.legs[event.side] in {Leg.CALLED, Leg.UP}:
            self.legs[event.side] = Leg.GONE
            self._end(_BY[event.side], cause_of(event.status), status=event.status)

    @_on.register
    def _ended(self, event: on.Ended) -> None:
        leg = self.legs[event.side]
        if self._inactive or leg in {Leg.ABSENT, Leg.GONE}:
            return
        self.legs[event.side] = Leg.GONE
        if event.timed_out and self.phase in {Phase.ANNOUNCING, Phase.TALKING}:
            self._end(EndedBy.LIMIT, Cause.TIME_LIMIT)
        elif leg is Leg.CALLED:
            self._end(_BY[event.side], Cause.NO_ANSWER if event.timed_out else Cause.NETWORK)
        else:
            self._end(_BY[event.side], self._hung_up())

    def _hung_up(self) -> Cause:
        if self.phase is Phase.TALKING:
            return Cause.COMPLETED
        return Cause.ABANDONED if Mark.CUSTOMER_ANSWERED in self._marks else Cause.CANCELLED

    @_on.register
    def _cancelled(self, event: on.Cancelled) -> None:
        if not self._inactive and self.legs[event.side] in {Leg.OFFERED, Leg.UP}:
            self.legs[event.side] = Leg.GONE
            self._end(_BY[event.side], self._hung_up())

    @_on.register
    def _media_failed(self, event: on.MediaFailed) -> None:
        if self._media:
            silent = event.reason is FailureReason.RTP_TIMEOUT
            self._end(EndedBy.SYSTEM, Cause.NO_AUDIO if silent else Cause.RECORDER_FAILED)

    @_on.register
    def _kill(self, event: on.KillRequested) -> None:
        """Staff may hang up from the screen: that ends the call as hanging up the phone does."""
        if not self._inactive:
            self._end(event.by, self._hung_up() if event.by is EndedBy.STAFF else Cause.KILLED)

    @_on.register
    def _timer(self, event: on.TimerFired) -> None:
        if event.timer not in self._timers:
            return
        self._timers.remove(event.timer)
        if event.timer is Timer.LIMIT:
            self._end(EndedBy.LIMIT, Cause.TIME_LIMIT)
        else:
            side = Side.STAFF if event.timer is Timer.STAFF_RING else Side.CUSTOMER
            self._end(_BY[side], Cause.NO_ANSWER)

    @_on.register
    def _switch_lost(self, event: on.SwitchLost) -> None:
        living = [side for side in event.sides if self.legs[side] not in {Leg.ABSENT, Leg.GONE}]
        if self._inactive or not living:
            return
        for side in living:
            self.legs[side] = Leg.GONE
        self._end(EndedBy.SYSTEM, Cause.SWITCH_LOST)

    def _end(
        self, by: EndedBy, cause: Cause, *, status: int | None = None, retry_after_s: int | None = None
    ) -> None:
        if self._inactive:
            return
        for timer in list(self._timers):
            self._stop_timer(timer)
        for side in Side:
            self._drop(side, cause, retry_after_s)
        self._mark(Mark.ENDED)
        if status is None:
            status = 200 if Mark.CUSTOMER_ANSWERED in self._marks else refusal_status(cause)
        self._record = do.CallRecord(by, cause, status, MappingProxyType(dict(self._marks)), self._notice)
        if self._media:
            self._go(Phase.CLOSING, do.CloseMedia())
        else:
            self._go(Phase.FILING, do.WriteCdr(self._record))

    def _drop(self, side: Side, cause: Cause, retry_after_s: int | None) -> None:
        if self.legs[side] is Leg.OFFERED:
            self._do(do.Refuse(side, refusal_status(cause), retry_after_s))
        elif self.legs[side] in {Leg.CALLED, Leg.UP}:
            self._do(do.Hangup(side))
        else:
            return
        self.legs[side] = Leg.GONE

    @_on.register
    def _media_closed(self, _event: on.MediaClosed) -> None:
        if self.phase is Phase.CLOSING and self._record is not None:
            self._go(Phase.FILING, do.WriteCdr(self._record))

    @_on.register
    def _filed(self, _event: on.Filed) -> None:
        if self.phase is Phase.FILING:
            self.phase = Phase.ENDED

    # --- small things -------------------------------------------------------------------------

    @property
    def _last_leg(self) -> Side:
        """The leg whose answer completes the call."""
        return Side.STAFF if self.flow is Flow.INBOUND else Side.CUSTOMER

    @property
    def _inactive(self) -> bool:
        return self.phase in _BEFORE_LEGS

    def _up(self, side: Side) -> None:
        self.legs[side] = Leg.UP
        self._mark(_ANSWERED[side])
        if side is Side.CUSTOMER:
            self._do(do.NoteProgress(Mark.CUSTOMER_ANSWERED))

    def _go(self, phase: Phase, command: do.Command) -> None:
        self.phase = phase
        self._do(command)

    def _do(self, command: do.Command) -> None:
        self._out.append(command)

    def _mark(self, mark: Mark) -> None:
        if self._at is not None:
            self._marks.setdefault(mark, self._at)

    def _start_timer(self, timer: Timer, seconds: int) -> None:
        self._timers.append(timer)
        self._do(do.StartTimer(timer, seconds))

    def _stop_timer(self, timer: Timer) -> None:
        if timer in self._timers:
            self._timers.remove(timer)
            self._do(do.StopTimer(timer))
