"""What the machine keeps, whatever comes in which order."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.calls import commands as do
from gateway.calls import events as on
from gateway.calls.causes import EndedBy
from gateway.calls.flow import Flow, Phase, Step, Timer
from gateway.calls.machine import CallMachine, Leg
from gateway.media.model import FailureReason, NoticePlayed, Side

sides = st.sampled_from(Side)
PROOF = NoticePlayed(1, 1, 1, "00")
anything = st.one_of(
    st.builds(on.Started, st.sampled_from([None, "offer"])),
    st.just(on.Allowed()),
    st.builds(on.Denied, st.sampled_from([None, 60])),
    st.just(on.NoTarget()),
    st.builds(on.StepFailed, st.sampled_from(Step)),
    st.just(on.MediaReady()),
    st.just(on.CustomerDialled()),
    st.builds(on.Ringing, sides),
    st.builds(on.Answered, sides, st.just("sdp")),
    st.builds(on.RemoteSet, sides),
    st.builds(on.BadSdp, sides),
    st.builds(on.Failed, sides, st.integers(400, 699)),
    st.builds(on.Ended, sides, st.booleans()),
    st.builds(on.Cancelled, sides),
    st.builds(on.Reoffer, sides, st.just("sdp")),
    st.builds(on.ReofferDone, sides),
    st.builds(on.ReofferRejected, sides),
    st.just(on.NoticeDone(PROOF)),
    st.builds(on.MediaFailed, st.sampled_from(FailureReason)),
    st.builds(on.KillRequested, st.sampled_from(EndedBy)),
    st.builds(on.TimerFired, st.sampled_from(Timer)),
    st.builds(on.SwitchLost, st.frozensets(sides)),
    st.just(on.MediaClosed()),
    st.just(on.Filed()),
)


class AnyCall(RuleBasedStateMachine):
    @initialize(flow=st.sampled_from(Flow))
    def begin(self, flow: Flow) -> None:
        self.call = CallMachine(flow, ring_timeout_s=45, max_call_s=3600)
        self.at = datetime(2026, 11, 21, tzinfo=UTC)
        self.done: list[do.Command] = []
        self.timers: set[Timer] = set()
        self.final: dict[Side, int] = dict.fromkeys(Side, 0)
        self._send(on.Started(None if flow is Flow.CALLBACK else "offer"))

    def _send(self, event: on.Event) -> tuple[do.Command, ...]:
        was_over = self.call.phase is Phase.ENDED
        self.at += timedelta(seconds=1)
        commands = self.call.handle(event, self.at)
        assert not (was_over and commands)
        for command in commands:
            self._check(command)
            self.done.append(command)
        return commands

    def _check(self, command: do.Command) -> None:
        kinds = {type(earlier) for earlier in self.done}
        if isinstance(command, do.CallCustomer | do.CallStaff):
            assert do.OpenMedia in kinds
        if isinstance(command, do.PlayNotice):
            assert set(self.call.legs.values()) == {Leg.UP}
        if isinstance(command, do.Bridge):
            assert do.PlayNotice in kinds
        if isinstance(command, do.AnswerCaller):
            assert self.call.legs[command.side.other] is Leg.UP
        if isinstance(command, do.Hangup | do.Refuse):
            self.final[command.side] += 1
        if isinstance(command, do.StartTimer):
            self.timers.add(command.timer)
        if isinstance(command, do.StopTimer):
            self.timers.remove(command.timer)
        if isinstance(command, do.WriteCdr):
            assert do.WriteCdr not in kinds
            assert (do.CloseMedia in kinds) is (do.OpenMedia in kinds)
            assert not self.timers
        if isinstance(command, do.CloseMedia):
            assert do.CloseMedia not in kinds
            assert do.OpenMedia in kinds

    @rule(event=anything)
    def whatever(self, event: on.Event) -> None:
        if isinstance(event, on.TimerFired):
            self.timers.discard(event.timer)
        self._send(event)

    @precondition(lambda self: self.call.phase not in {Phase.CLOSING, Phase.FILING, Phase.ENDED})
    @rule()
    def the_next_good_thing(self) -> None:
        """Without this, almost no random run would ever reach a conversation."""
        self._send(
            {
                Phase.JUDGING: on.Allowed(),
                Phase.OPENING: on.MediaReady(),
                Phase.CALLING_STAFF: on.RemoteSet(Side.STAFF)
                if self.call.legs[Side.STAFF] is Leg.UP
                else on.Answered(Side.STAFF, "sdp"),
                Phase.CALLING_CUSTOMER: on.Answered(Side.CUSTOMER, "sdp"),
                Phase.CONNECTING: on.RemoteSet(
                    Side.STAFF if self.call.flow is Flow.INBOUND else Side.CUSTOMER
                ),
                Phase.ANNOUNCING: on.NoticeDone(PROOF),
                Phase.TALKING: on.Reoffer(Side.STAFF, "hold"),
            }[self.call.phase]
        )

    @invariant()
    def each_leg_is_ended_at_most_once(self) -> None:
        assert all(count <= 1 for count in self.final.values())

    @invariant()
    def a_call_that_ended_left_no_leg(self) -> None:
        if self.call.phase in {Phase.CLOSING, Phase.FILING, Phase.ENDED}:
            assert set(self.call.legs.values()) <= {Leg.ABSENT, Leg.GONE}
            assert not self.timers

    def teardown(self) -> None:
        """However far it came, a kill and two reports end it with one record."""
        if not hasattr(self, "call"):
            return
        for event in (on.KillRequested(EndedBy.SUPERVISOR), on.MediaClosed(), on.Filed()):
            self._send(event)
        assert self.call.phase is Phase.ENDED
        assert sum(isinstance(command, do.WriteCdr) for command in self.done) == 1


AnyCall.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestAnyCall = AnyCall.TestCase
