"""The three flows and their ends, rung by rung."""

import pytest

from gateway.calls import commands as do
from gateway.calls import events as on
from gateway.calls.causes import Cause, EndedBy
from gateway.calls.flow import Flow, Mark, Phase, Step, Timer
from gateway.media.model import FailureReason
from tests.unit.gateway.calls.playbook import (
    CALLBACK_STAFF_UP,
    CUSTOMER,
    INBOUND_RINGING,
    MAX_S,
    PROOF,
    RING_S,
    STAFF,
    STAFF_TALKING,
    STAFF_TO_CUSTOMER,
    START,
    close,
    machine,
    play,
    record,
    talking,
)


def test_staff_calls_customer_and_customer_hangs_up():
    call = play(
        machine(Flow.STAFF),
        *STAFF_TALKING,
        (on.Ended(CUSTOMER), [do.StopTimer(Timer.LIMIT), do.Hangup(STAFF), do.CloseMedia()]),
        *close(EndedBy.CUSTOMER, Cause.COMPLETED, 200),
    )
    assert call.phase is Phase.ENDED
    assert list(call.marks) == [
        Mark.JUDGED,
        Mark.MEDIA_OPEN,
        Mark.CUSTOMER_DIALLED,
        Mark.CUSTOMER_RINGING,
        Mark.CUSTOMER_ANSWERED,
        Mark.STAFF_ANSWERED,
        Mark.NOTICE_PLAYED,
        Mark.BRIDGED,
        Mark.ENDED,
    ]


def test_callback_rings_staff_first_and_plays_our_own_ringback():
    play(
        machine(Flow.CALLBACK),
        *CALLBACK_STAFF_UP,
        (
            on.Answered(CUSTOMER, "answer"),
            [
                do.NoteProgress(Mark.CUSTOMER_ANSWERED),
                do.StopTimer(Timer.CUSTOMER_RING),
                do.StopRingback(STAFF),
                do.SetRemote(CUSTOMER, "answer"),
            ],
        ),
        (on.RemoteSet(CUSTOMER), [do.StartTimer(Timer.LIMIT, MAX_S), do.PlayNotice()]),
        (on.NoticeDone(PROOF), [do.Bridge(), do.NoteProgress(Mark.BRIDGED)]),
        (on.Ended(STAFF), [do.StopTimer(Timer.LIMIT), do.Hangup(CUSTOMER), do.CloseMedia()]),
        *close(EndedBy.STAFF, Cause.COMPLETED, 200),
    )


def test_inbound_answers_the_customer_when_staff_answers():
    play(
        machine(Flow.INBOUND),
        *INBOUND_RINGING,
        (on.Answered(STAFF, "staff"), [do.StopTimer(Timer.STAFF_RING), do.SetRemote(STAFF, "staff")]),
        (
            on.RemoteSet(STAFF),
            [
                do.AnswerCaller(CUSTOMER),
                do.NoteProgress(Mark.CUSTOMER_ANSWERED),
                do.StartTimer(Timer.LIMIT, MAX_S),
                do.PlayNotice(),
            ],
        ),
        (on.NoticeDone(PROOF), [do.Bridge(), do.NoteProgress(Mark.BRIDGED)]),
        (on.Ended(CUSTOMER), [do.StopTimer(Timer.LIMIT), do.Hangup(STAFF), do.CloseMedia()]),
        *close(EndedBy.CUSTOMER, Cause.COMPLETED, 200),
    )


def test_a_rule_refuses_before_anything_is_opened():
    play(
        machine(Flow.STAFF),
        (on.Started("offer"), [do.Judge()]),
        (on.Denied(600), [do.Refuse(STAFF, 403, 600), record(EndedBy.RULE, Cause.DENIED, 403)]),
        (on.Filed(), []),
    )


def test_an_unknown_target_is_404():
    play(
        machine(Flow.STAFF),
        (on.Started("offer"), [do.Judge()]),
        (on.NoTarget(), [do.Refuse(STAFF, 404), record(EndedBy.RULE, Cause.NO_TARGET, 404)]),
    )


def test_no_verdict_no_call():
    play(
        machine(Flow.STAFF),
        (on.Started("offer"), [do.Judge()]),
        (on.StepFailed(Step.JUDGE), [do.Refuse(STAFF, 503), record(EndedBy.SYSTEM, Cause.SYSTEM, 503)]),
    )


def test_no_recorder_no_call():
    play(
        machine(Flow.STAFF),
        (on.Started("offer"), [do.Judge()]),
        (on.Allowed(), [do.OpenMedia(STAFF, "offer")]),
        (on.StepFailed(Step.OPEN_MEDIA), [do.Refuse(STAFF, 503), do.CloseMedia()]),
        *close(EndedBy.SYSTEM, Cause.NO_MEDIA, 503),
    )


def test_an_offer_that_cannot_be_read_is_488():
    play(
        machine(Flow.STAFF),
        (on.Started("rubbish"), [do.Judge()]),
        (on.Allowed(), [do.OpenMedia(STAFF, "rubbish")]),
        (on.BadSdp(STAFF), [do.Refuse(STAFF, 488), do.CloseMedia()]),
        *close(EndedBy.STAFF, Cause.BAD_MEDIA, 488),
    )


def test_the_second_look_can_still_refuse():
    play(
        machine(Flow.STAFF),
        *STAFF_TO_CUSTOMER[:3],
        (
            on.Denied(),
            [do.StopTimer(Timer.CUSTOMER_RING), do.Refuse(STAFF, 403), do.Hangup(CUSTOMER), do.CloseMedia()],
        ),
        *close(EndedBy.RULE, Cause.DENIED, 403),
    )


@pytest.mark.parametrize(
    ("status", "cause", "to_staff"),
    [
        (486, Cause.BUSY, 486),
        (600, Cause.BUSY, 486),
        (480, Cause.NO_ANSWER, 480),
        (408, Cause.NO_ANSWER, 480),
        (487, Cause.NO_ANSWER, 480),
        (404, Cause.UNREACHABLE, 480),
        (484, Cause.UNREACHABLE, 480),
        (603, Cause.DECLINED, 480),
        (488, Cause.BAD_MEDIA, 488),
        (503, Cause.NETWORK, 503),
        (599, Cause.NETWORK, 503),
    ],
)
def test_what_the_carrier_says_reaches_staff_by_the_table_only(status, cause, to_staff):
    play(
        machine(Flow.STAFF),
        *STAFF_TO_CUSTOMER,
        (
            on.Failed(CUSTOMER, status),
            [do.StopTimer(Timer.CUSTOMER_RING), do.Refuse(STAFF, to_staff), do.CloseMedia()],
        ),
        *close(EndedBy.CUSTOMER, cause, status),
    )


def test_staff_cancels_while_it_rings():
    play(
        machine(Flow.STAFF),
        *STAFF_TO_CUSTOMER,
        (on.Cancelled(STAFF), [do.StopTimer(Timer.CUSTOMER_RING), do.Hangup(CUSTOMER), do.CloseMedia()]),
        (on.Answered(CUSTOMER, "late"), []),
        *close(EndedBy.STAFF, Cause.CANCELLED, 487),
    )


def test_answer_wins_the_race_against_cancel():
    """The customer answered first: the cancel comes too late for 487, but the call ends all the same."""
    play(
        machine(Flow.STAFF),
        *STAFF_TALKING[:6],
        (on.Cancelled(STAFF), [do.Hangup(CUSTOMER), do.CloseMedia()]),
        (on.RemoteSet(CUSTOMER), []),
        *close(EndedBy.STAFF, Cause.ABANDONED, 200),
    )


def test_both_hang_up_at_once():
    play(
        talking(),
        (on.Ended(STAFF), [do.StopTimer(Timer.LIMIT), do.Hangup(CUSTOMER), do.CloseMedia()]),
        (on.Ended(CUSTOMER), []),
        *close(EndedBy.STAFF, Cause.COMPLETED, 200),
    )


def test_hanging_up_during_the_notice_is_abandoned_and_never_bridged():
    play(
        machine(Flow.STAFF),
        *STAFF_TALKING[:7],
        (on.Ended(CUSTOMER), [do.StopTimer(Timer.LIMIT), do.Hangup(STAFF), do.CloseMedia()]),
        (on.NoticeDone(PROOF), []),
        *close(EndedBy.CUSTOMER, Cause.ABANDONED, 200),
    )


def test_callback_staff_does_not_answer():
    play(
        machine(Flow.CALLBACK),
        *CALLBACK_STAFF_UP[:4],
        (on.Failed(STAFF, 480), [do.StopTimer(Timer.STAFF_RING), do.CloseMedia()]),
        *close(EndedBy.STAFF, Cause.NO_ANSWER, 480),
    )


def test_callback_customer_is_busy():
    play(
        machine(Flow.CALLBACK),
        *CALLBACK_STAFF_UP,
        (on.Failed(CUSTOMER, 486), [do.StopTimer(Timer.CUSTOMER_RING), do.Hangup(STAFF), do.CloseMedia()]),
        *close(EndedBy.CUSTOMER, Cause.BUSY, 486),
    )


def test_callback_staff_hangs_up_while_the_customer_rings():
    play(
        machine(Flow.CALLBACK),
        *CALLBACK_STAFF_UP,
        (on.Ended(STAFF), [do.StopTimer(Timer.CUSTOMER_RING), do.Hangup(CUSTOMER), do.CloseMedia()]),
        *close(EndedBy.STAFF, Cause.CANCELLED, 487),
    )


def test_inbound_employee_has_no_phone():
    play(
        machine(Flow.INBOUND),
        *INBOUND_RINGING[:3],
        (
            on.Failed(STAFF, 480),
            [do.StopTimer(Timer.STAFF_RING), do.Refuse(CUSTOMER, 480), do.CloseMedia()],
        ),
        *close(EndedBy.STAFF, Cause.NO_ANSWER, 480),
    )


def test_inbound_customer_gives_up():
    play(
        machine(Flow.INBOUND),
        *INBOUND_RINGING,
        (on.Cancelled(CUSTOMER), [do.StopTimer(Timer.STAFF_RING), do.Hangup(STAFF), do.CloseMedia()]),
        *close(EndedBy.CUSTOMER, Cause.CANCELLED, 487),
    )


@pytest.mark.parametrize(
    ("event", "by", "cause"),
    [
        (on.KillRequested(EndedBy.SUPERVISOR), EndedBy.SUPERVISOR, Cause.KILLED),
        (on.KillRequested(EndedBy.RULE), EndedBy.RULE, Cause.KILLED),
        (on.MediaFailed(FailureReason.RECORDER_STALLED), EndedBy.SYSTEM, Cause.RECORDER_FAILED),
        (on.MediaFailed(FailureReason.RECORDER_WRITE_FAILED), EndedBy.SYSTEM, Cause.RECORDER_FAILED),
        (on.MediaFailed(FailureReason.RTP_TIMEOUT), EndedBy.SYSTEM, Cause.NO_AUDIO),
        (on.Ended(STAFF, timed_out=True), EndedBy.LIMIT, Cause.TIME_LIMIT),
    ],
)
def test_a_call_that_is_killed_drops_both_legs(event, by, cause):
    hangups = (
        [do.Hangup(CUSTOMER)] if isinstance(event, on.Ended) else [do.Hangup(STAFF), do.Hangup(CUSTOMER)]
    )
    play(
        talking(),
        (event, [do.StopTimer(Timer.LIMIT), *hangups, do.CloseMedia()]),
        *close(by, cause, 200),
    )


def test_the_time_limit_ends_the_call():
    play(
        talking(),
        (on.TimerFired(Timer.LIMIT), [do.Hangup(STAFF), do.Hangup(CUSTOMER), do.CloseMedia()]),
        *close(EndedBy.LIMIT, Cause.TIME_LIMIT, 200),
    )


def test_a_switch_that_never_answers_is_given_up_by_our_own_timer():
    play(
        machine(Flow.STAFF),
        *STAFF_TO_CUSTOMER,
        (on.TimerFired(Timer.CUSTOMER_RING), [do.Refuse(STAFF, 480), do.Hangup(CUSTOMER), do.CloseMedia()]),
        *close(EndedBy.CUSTOMER, Cause.NO_ANSWER, 480),
    )


def test_a_timer_that_was_stopped_does_nothing():
    play(talking(), (on.TimerFired(Timer.CUSTOMER_RING), []))


def test_a_lost_switch_takes_the_legs_with_it():
    play(
        talking(),
        (on.SwitchLost(), [do.StopTimer(Timer.LIMIT), do.CloseMedia()]),
        *close(EndedBy.SYSTEM, Cause.SWITCH_LOST, 200),
    )


def test_if_one_of_two_switches_is_lost_the_other_leg_is_hung_up():
    play(
        talking(),
        (
            on.SwitchLost(frozenset({CUSTOMER})),
            [do.StopTimer(Timer.LIMIT), do.Hangup(STAFF), do.CloseMedia()],
        ),
        (on.SwitchLost(frozenset({STAFF})), []),
        *close(EndedBy.SYSTEM, Cause.SWITCH_LOST, 200),
    )


def test_staff_hanging_up_from_the_screen_is_an_ordinary_end():
    play(
        talking(),
        (
            on.KillRequested(EndedBy.STAFF),
            [do.StopTimer(Timer.LIMIT), do.Hangup(STAFF), do.Hangup(CUSTOMER), do.CloseMedia()],
        ),
        *close(EndedBy.STAFF, Cause.COMPLETED, 200),
    )


def test_hold_and_resume_are_answered_to_the_holder_alone():
    play(
        talking(),
        (on.Reoffer(STAFF, "hold"), [do.AcceptReoffer(STAFF, "hold")]),
        (on.ReofferDone(STAFF), []),
        (on.Reoffer(STAFF, "resume"), [do.AcceptReoffer(STAFF, "resume")]),
        (on.ReofferDone(STAFF), []),
    )


def test_new_offers_from_both_sides_at_once_give_491_to_the_second():
    play(
        talking(),
        (on.Reoffer(STAFF, "hold"), [do.AcceptReoffer(STAFF, "hold")]),
        (on.Reoffer(CUSTOMER, "hold"), [do.RefuseReoffer(CUSTOMER, 491)]),
        (on.ReofferDone(STAFF), []),
        (on.Reoffer(CUSTOMER, "hold"), [do.AcceptReoffer(CUSTOMER, "hold")]),
    )


def test_a_new_offer_that_cannot_be_read_leaves_the_call_as_it_was():
    call = play(
        talking(),
        (on.Reoffer(CUSTOMER, "rubbish"), [do.AcceptReoffer(CUSTOMER, "rubbish")]),
        (on.ReofferRejected(CUSTOMER), [do.RefuseReoffer(CUSTOMER, 488)]),
    )
    assert call.phase is Phase.TALKING


def test_a_new_offer_before_the_answer_is_491():
    play(machine(Flow.STAFF), *STAFF_TO_CUSTOMER, (on.Reoffer(STAFF, "x"), [do.RefuseReoffer(STAFF, 491)]))


def test_the_record_tells_when_and_what():
    call = talking()
    call.handle(on.Ended(STAFF), START)
    (command,) = call.handle(on.MediaClosed(), START)
    assert isinstance(command, do.WriteCdr)
    assert command.record.notice == PROOF
    assert command.record.marks[Mark.CUSTOMER_ANSWERED] < command.record.marks[Mark.BRIDGED]


def test_sdp_is_in_no_repr():
    canary = "+8613800138000"
    for thing in (
        on.Started(canary), on.Answered(CUSTOMER, canary), on.Reoffer(STAFF, canary),
        do.OpenMedia(STAFF, canary), do.SetRemote(CUSTOMER, canary), do.AcceptReoffer(STAFF, canary),
    ):  # fmt: skip
        assert canary not in repr(thing)


def test_ring_grace_is_longer_than_the_switch_rings():
    timers = [c for _, commands in STAFF_TO_CUSTOMER for c in commands if isinstance(c, do.StartTimer)]
    assert [timer.seconds > RING_S for timer in timers] == [True]
