"""A call as a ladder: each rung is an event and the commands that must answer it, in order."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from gateway.calls import commands as do
from gateway.calls import events as on
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.flow import Flow, Mark, Phase, Timer
from gateway.calls.machine import CallMachine
from gateway.media.model import NoticePlayed, Side

STAFF, CUSTOMER = Side.STAFF, Side.CUSTOMER
START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
RING_S, MAX_S = 45, 3600
PROOF = NoticePlayed(ms=2400, staff_packets=120, customer_packets=120, prompt_sha256="ab" * 32)

RUNG = tuple[on.Event, Sequence[do.Command]]


def machine(flow: Flow) -> CallMachine:
    return CallMachine(flow, ring_timeout_s=RING_S, max_call_s=MAX_S)


def play(call: CallMachine, *rungs: RUNG) -> CallMachine:
    """Send each event one second after the other; `Record` stands for the record with its core facts."""
    for seconds, (event, expected) in enumerate(rungs):
        got = [_core(command) for command in call.handle(event, START + timedelta(seconds=seconds))]
        assert got == [_core(command) for command in expected], f"rung {seconds}: {event}"
    return call


def record(by: EndedBy, cause: Cause, status: int | None) -> do.WriteCdr:
    return do.WriteCdr(do.CallRecord(by, cause, status, {}, None))


def _core(command: do.Command) -> do.Command:
    if isinstance(command, do.WriteCdr):
        full = command.record
        return record(full.ended_by, full.cause, full.sip_status)
    return command


def close(by: EndedBy, cause: Cause, status: int | None) -> tuple[RUNG, ...]:
    """The last two rungs of every call that had media."""
    return (on.MediaClosed(), [record(by, cause, status)]), (on.Filed(), [])


STAFF_TO_CUSTOMER: tuple[RUNG, ...] = (
    (on.Started("offer"), [do.Judge()]),
    (on.Allowed(), [do.OpenMedia(STAFF, "offer")]),
    (on.MediaReady(), [do.CallCustomer(), do.StartTimer(Timer.CUSTOMER_RING, RING_S + 5)]),
    (on.CustomerDialled(), []),
    (on.Ringing(CUSTOMER), [do.RingCaller(STAFF)]),
)
STAFF_TALKING: tuple[RUNG, ...] = (
    *STAFF_TO_CUSTOMER,
    (
        on.Answered(CUSTOMER, "answer"),
        [
            do.NoteProgress(Mark.CUSTOMER_ANSWERED),
            do.StopTimer(Timer.CUSTOMER_RING),
            do.SetRemote(CUSTOMER, "answer"),
        ],
    ),
    (
        on.RemoteSet(CUSTOMER),
        [do.AnswerCaller(STAFF), do.StartTimer(Timer.LIMIT, MAX_S), do.PlayNotice()],
    ),
    (on.NoticeDone(PROOF), [do.Bridge(), do.NoteProgress(Mark.BRIDGED)]),
)
CALLBACK_STAFF_UP: tuple[RUNG, ...] = (
    (on.Started(), [do.Judge()]),
    (on.Allowed(), [do.OpenMedia()]),
    (on.MediaReady(), [do.CallStaff(), do.StartTimer(Timer.STAFF_RING, RING_S + 5)]),
    (on.Ringing(STAFF), []),
    (on.Answered(STAFF, "staff"), [do.StopTimer(Timer.STAFF_RING), do.SetRemote(STAFF, "staff")]),
    (on.RemoteSet(STAFF), [do.CallCustomer(), do.StartTimer(Timer.CUSTOMER_RING, RING_S + 5)]),
    (on.CustomerDialled(), []),
    (on.Ringing(CUSTOMER), [do.StartRingback(STAFF)]),
)
INBOUND_RINGING: tuple[RUNG, ...] = (
    (on.Started("offer"), [do.Judge()]),
    (on.Allowed(), [do.OpenMedia(CUSTOMER, "offer")]),
    (on.MediaReady(), [do.CallStaff(), do.StartTimer(Timer.STAFF_RING, RING_S + 5)]),
    (on.Ringing(STAFF), [do.RingCaller(CUSTOMER)]),
)


def talking() -> CallMachine:
    call = play(machine(Flow.STAFF), *STAFF_TALKING)
    assert call.phase is Phase.TALKING
    return call
