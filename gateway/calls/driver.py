"""Drives one call: feeds the machine with events in order and executes its commands.

Nothing here decides what happens next; that is the machine's. A step that takes too long is given up and
the call fails closed. It is not cancelled while it holds a transaction: the end of the call waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import singledispatchmethod

from core.errors import MasklineError
from core.logging import get_logger
from core.tasks import cancel, spawn
from gateway.calls import commands as do
from gateway.calls import events as on
from gateway.calls.flow import Phase, Step, Timer
from gateway.calls.gear import Gear
from gateway.calls.legs import Legs
from gateway.calls.machine import CallMachine
from gateway.calls.ports import Alarm
from gateway.calls.steps import Steps
from gateway.calls.ticket import CallTicket
from gateway.media.errors import SdpInvalid
from gateway.media.model import Side

_log = get_logger(__name__)


class CallDriver:
    """One call from its first event to its closed record."""

    def __init__(self, ticket: CallTicket, gear: Gear, *, claim: Callable[[str, "CallDriver"], None]) -> None:
        self.ticket = ticket
        self.machine = CallMachine(
            ticket.flow, ring_timeout_s=gear.sip.ring_timeout_s, max_call_s=gear.sip.max_call_s
        )
        self.legs = Legs(gear, ticket, claim=lambda leg: claim(leg, self))
        self.steps = Steps(gear, ticket, self.legs, post=self.post, phase=lambda: self.machine.phase)
        self._gear = gear
        self._queue: asyncio.Queue[on.Event] = asyncio.Queue()
        self._alarms: dict[Timer, Alarm] = {}
        self._endings: list[asyncio.Task[None]] = []
        self._running: dict[Step, asyncio.Task[None]] = {}
        self._log = _log.bind(call_id=ticket.call_id)

    def post(self, event: on.Event) -> None:
        """Take an event; it is handled after those before it."""
        self._queue.put_nowait(event)

    async def run(self) -> None:
        """Drive the call until its record is closed."""
        self.post(on.Started(self.ticket.offer))
        while self.machine.phase is not Phase.ENDED:
            event = await self._queue.get()
            for command in self.machine.handle(event, self._gear.clock.now()):
                try:
                    self._execute(command)
                except Exception as error:  # noqa: BLE001 - whatever broke, the call must end in the books
                    self._log.error("call.command_failed", error_type=type(error).__name__)
                    self.post(on.StepFailed(Step.ANSWER))

    def drop(self) -> None:
        """Hang up whatever there is, without the machine; recovery closes the record later."""
        for side in Side:
            self.legs.hangup(side)

    async def abandon(self) -> None:
        """Stop whatever is still under way: the process ends, or the record is written."""
        self.steps.give_up()
        for alarm in self._alarms.values():
            alarm.cancel()
        await cancel(*self._running.values(), *self._endings)

    @property
    def over(self) -> bool:
        """Whether the call has no leg any more."""
        return self.machine.phase in {Phase.CLOSING, Phase.FILING, Phase.ENDED}

    # --- commands -----------------------------------------------------------------------------

    @singledispatchmethod
    def _execute(self, command: do.Command) -> None:
        raise NotImplementedError(type(command).__name__)

    @_execute.register
    def _judge(self, _command: do.Judge) -> None:
        self._start(Step.JUDGE, self.steps.judge, self._gear.limits.judge_s)

    @_execute.register
    def _open_media(self, command: do.OpenMedia) -> None:
        self._start(Step.OPEN_MEDIA, lambda: self.steps.open_media(command), self._gear.limits.media_s)

    @_execute.register
    def _call_staff(self, _command: do.CallStaff) -> None:
        self._start(Step.CALL_STAFF, self.steps.call_staff, self._gear.limits.dial_s)

    @_execute.register
    def _call_customer(self, _command: do.CallCustomer) -> None:
        self._start(Step.CALL_CUSTOMER, self.steps.call_customer, self._gear.limits.dial_s)

    @_execute.register
    def _play_notice(self, _command: do.PlayNotice) -> None:
        self._start(Step.NOTICE, self.steps.play_notice, self._gear.limits.notice_s)

    @_execute.register
    def _ring_caller(self, command: do.RingCaller) -> None:
        self.legs.ring(command.side)

    @_execute.register
    def _answer_caller(self, command: do.AnswerCaller) -> None:
        self.legs.answer(command.side, self.steps.media.local_sdp(command.side))

    @_execute.register
    def _set_remote(self, command: do.SetRemote) -> None:
        try:
            self.steps.media.set_remote(command.side, command.sdp)
        except SdpInvalid:
            self.post(on.BadSdp(command.side))
        else:
            self.post(on.RemoteSet(command.side))

    @_execute.register
    def _start_ringback(self, command: do.StartRingback) -> None:
        self.steps.media.play_ringback(command.side)

    @_execute.register
    def _stop_ringback(self, command: do.StopRingback) -> None:
        self.steps.media.stop_ringback(command.side)

    @_execute.register
    def _bridge(self, _command: do.Bridge) -> None:
        try:
            self.steps.media.bridge()
        except MasklineError:
            self.post(on.StepFailed(Step.BRIDGE))

    @_execute.register
    def _accept_reoffer(self, command: do.AcceptReoffer) -> None:
        try:
            self.steps.media.hold(command.side, command.sdp)
        except SdpInvalid:
            self.post(on.ReofferRejected(command.side))
            return
        self.legs.accept_reoffer(command.side, self.steps.media.local_sdp(command.side))
        self.post(on.ReofferDone(command.side))

    @_execute.register
    def _refuse_reoffer(self, command: do.RefuseReoffer) -> None:
        self.legs.refuse_reoffer(command.side, command.status)

    @_execute.register
    def _refuse(self, command: do.Refuse) -> None:
        self.legs.refuse(command.side, command.status, command.retry_after_s)

    @_execute.register
    def _hangup(self, command: do.Hangup) -> None:
        self.legs.hangup(command.side)

    @_execute.register
    def _start_timer(self, command: do.StartTimer) -> None:
        self._alarms[command.timer] = self._gear.timers.call_later(
            command.seconds, lambda: self.post(on.TimerFired(command.timer))
        )

    @_execute.register
    def _stop_timer(self, command: do.StopTimer) -> None:
        alarm = self._alarms.pop(command.timer, None)
        if alarm is not None:
            alarm.cancel()

    @_execute.register
    def _note_progress(self, command: do.NoteProgress) -> None:
        at = self.machine.marks[command.mark]
        spawn(self.steps.note(command.mark, at), name=f"note {self.ticket.call_id}")

    @_execute.register
    def _close_media(self, _command: do.CloseMedia) -> None:
        self._endings.append(spawn(self._closing(), name=f"close {self.ticket.call_id}"))

    @_execute.register
    def _write_cdr(self, command: do.WriteCdr) -> None:
        self._endings.append(spawn(self._filing(command.record), name=f"file {self.ticket.call_id}"))

    # --- steps --------------------------------------------------------------------------------

    def _start(self, step: Step, work: Callable[[], Awaitable[on.Event | None]], limit_s: float) -> None:
        self._running[step] = spawn(self._finish(step, work), name=f"{step} {self.ticket.call_id}")
        spawn(self._watch(step, limit_s), name=f"watch {step} {self.ticket.call_id}")

    async def _finish(self, step: Step, work: Callable[[], Awaitable[on.Event | None]]) -> None:
        try:
            event = await work()
        except Exception as error:  # noqa: BLE001 - any failure of a collaborator ends the call, told why
            code = error.code if isinstance(error, MasklineError) else None
            self._log.warning("call.step_failed", state=step, code=code, error_type=type(error).__name__)
            event = on.StepFailed(step)
            self._unanswered(step)
        if event is not None:
            self.post(event)

    async def _watch(self, step: Step, limit_s: float) -> None:
        task = self._running[step]
        await asyncio.wait({task}, timeout=limit_s)
        if not task.done():
            self._log.error("call.step_too_slow", state=step)
            self._unanswered(step)
            self.post(on.StepFailed(step))

    def _unanswered(self, step: Step) -> None:
        if step is Step.JUDGE:
            self.steps.give_up()

    async def _wait_for(self, *steps: Step) -> None:
        """Let steps that were given up come to their end, so that nothing happens after the books close."""
        tasks = [task for step in steps if (task := self._running.get(step)) is not None]
        late = [task for task in tasks if not task.done()]
        if late:
            await asyncio.wait(late, timeout=self._gear.limits.late_s)
            await cancel(*late)

    async def _closing(self) -> None:
        await cancel(self._running.get(Step.NOTICE))
        await self._wait_for(Step.OPEN_MEDIA)
        await self.steps.close_media()
        self.post(on.MediaClosed())

    async def _filing(self, record: do.CallRecord) -> None:
        await self._wait_for(Step.JUDGE, Step.OPEN_MEDIA, Step.CALL_STAFF, Step.CALL_CUSTOMER)
        await self.steps.file(record)
        self.post(on.Filed())
