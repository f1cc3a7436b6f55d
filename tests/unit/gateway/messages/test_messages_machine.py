"""The life of a message: playbooks, and what Hypothesis cannot break."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.contact.model import Outcome
from gateway.messages.machine import (
    Arrived,
    Cause,
    CloseContact,
    Enqueue,
    Finish,
    Limits,
    Lost,
    NoReceipt,
    NotArrived,
    NotTaken,
    Progress,
    Refused,
    Rejected,
    Released,
    Submit,
    Taken,
    Try,
    begin,
    step,
)
from gateway.messages.model import MessageState
from gateway.messages.screening.model import Action

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
LIMITS = Limits(pauses_s=(5, 15, 60), give_up_after_s=3600, dedupes=True, receipts=True)
BLIND = Limits(pauses_s=(5, 15, 60), give_up_after_s=3600, dedupes=False, receipts=False)
LATER = NotTaken(NOW, permanent=False)
GONE = CloseContact(Outcome.UNANSWERED), Finish()


def play(first, events, limits=LIMITS):
    progress, commands = first
    said = list(commands)
    for event in events:
        progress, commands = step(progress, event, limits)
        said += commands
    return progress, said


PLAYS = {
    "delivered": (
        [Try(NOW), Taken(1), Arrived()],
        MessageState.DELIVERED,
        [Enqueue(), Submit(), CloseContact(Outcome.CONNECTED), Finish()],
    ),
    "two parts": ([Try(NOW), Taken(2), Arrived()], MessageState.SENT, [Enqueue(), Submit()]),
    "receipt overtakes": (
        [Try(NOW), Arrived(), Taken(1)],
        MessageState.DELIVERED,
        [Enqueue(), Submit(), CloseContact(Outcome.CONNECTED), Finish()],
    ),
    "tried again": (
        [Try(NOW), LATER, Try(NOW), Taken(1)],
        MessageState.SENT,
        [Enqueue(), Submit(), Enqueue(), Submit()],
    ),
    "refused by the provider": (
        [Try(NOW), NotTaken(NOW, permanent=True)],
        MessageState.FAILED,
        [Enqueue(), Submit(), CloseContact(Outcome.FAILED), Finish()],
    ),
    "rule changed its mind": (
        [Refused()],
        MessageState.BLOCKED,
        [Enqueue(), CloseContact(Outcome.REFUSED), Finish()],
    ),
    "undelivered": (
        [Try(NOW), Taken(2), NotArrived(), Arrived(), Arrived()],
        MessageState.FAILED,
        [Enqueue(), Submit(), *GONE],
    ),
    "died in flight, provider dedupes": (
        [Try(NOW), Lost(NOW), Try(NOW), Taken(1)],
        MessageState.SENT,
        [Enqueue(), Submit(), Enqueue(), Submit()],
    ),
    "no receipt": ([Try(NOW), Taken(1), NoReceipt()], MessageState.SENT, [Enqueue(), Submit(), *GONE]),
    "tries used up": (
        [Try(NOW), LATER] * 4,
        MessageState.FAILED,
        [*[Enqueue(), Submit()] * 4, CloseContact(Outcome.FAILED), Finish()],
    ),
}


@pytest.mark.parametrize("name", PLAYS)
def test_playbook(name):
    events, state, commands = PLAYS[name]
    progress, said = play(begin(Action.DELIVER, allowed=True), events)
    assert progress.state is state
    assert said == commands


def test_beginnings():
    assert begin(Action.BLOCK, allowed=True)[0].cause is Cause.SCREENING
    assert begin(Action.DELIVER, allowed=False) == (
        Progress(MessageState.BLOCKED, cause=Cause.VERDICT, finished=True),
        (Finish(),),
    )
    held = begin(Action.HOLD, allowed=True)
    assert held == (Progress(MessageState.HELD), ())
    assert play(held, [Released(NOW)])[0].state is MessageState.QUEUED
    assert play(held, [Rejected()])[1] == [CloseContact(Outcome.REFUSED), Finish()]
    assert play(held, [Try(NOW), Taken(1)])[0].state is MessageState.HELD


def test_without_a_reference_an_unknown_outcome_is_not_sent_twice():
    progress, said = play(begin(Action.MASK, allowed=True), [Try(NOW), Lost(NOW)], BLIND)
    assert (progress.state, progress.cause) == (MessageState.FAILED, Cause.UNKNOWN_OUTCOME)
    assert said[-2:] == list(GONE)
    late, _ = step(progress, Arrived(), BLIND)
    assert late.state is MessageState.DELIVERED


def test_back_off_grows_and_heeds_the_provider():
    progress, _ = play(begin(Action.DELIVER, allowed=True), [Try(NOW), LATER])
    assert progress.next_try_at == NOW + timedelta(seconds=5)
    assert (
        play(begin(Action.DELIVER, allowed=True), [Try(NOW), Lost(NOW)])[0].next_try_at
        == progress.next_try_at
    )
    worn, _ = play(begin(Action.DELIVER, allowed=True), [Try(NOW), Lost(NOW)] * 4)
    assert (worn.state, worn.cause) == (MessageState.FAILED, Cause.UNKNOWN_OUTCOME)
    progress, _ = play((progress, ()), [Try(NOW), NotTaken(NOW, permanent=False, retry_after_s=40)])
    assert progress.next_try_at == NOW + timedelta(seconds=40)
    slow = NotTaken(NOW, permanent=False, counts=False, retry_after_s=1)
    progress, _ = play((progress, ()), [Try(NOW), slow] * 10)
    assert progress.state is MessageState.QUEUED
    assert progress.attempts == 2
    late = NotTaken(NOW + timedelta(hours=2), permanent=False, counts=False)
    assert play((progress, ()), [Try(NOW), late])[0].cause is Cause.UNREACHABLE


class Life(RuleBasedStateMachine):
    """Any order of events: one end, one closing, one finish, and never a second submission after the end."""

    def __init__(self):
        super().__init__()
        self.limits = LIMITS
        self.progress, commands = begin(Action.HOLD, allowed=True)
        self.said = list(commands)
        self.at = NOW
        self.submitted = self.resolved = 0

    def feed(self, event):
        before = self.progress
        self.progress, commands = step(self.progress, event, self.limits)
        self.said += commands
        self.submitted += Submit() in commands
        if before.state.final and before.cause is not Cause.UNKNOWN_OUTCOME:
            assert self.progress == before
            assert commands == ()

    @rule(blind=st.booleans())
    def channel(self, blind):
        if self.progress.attempts == 0:
            self.limits = BLIND if blind else LIMITS

    @rule(
        event=st.sampled_from(
            [
                Released(NOW),
                Rejected(),
                Refused(),
                Arrived(),
                NotArrived(),
                Try(NOW),
                Taken(1),
                Taken(2),
                Lost(NOW),
                NoReceipt(),
            ]
        )
    )
    def event(self, event):
        self.feed(event)

    @rule(permanent=st.booleans(), counts=st.booleans(), wait=st.integers(0, 4000))
    def not_taken(self, permanent, counts, wait):
        self.at += timedelta(seconds=wait)
        self.feed(NotTaken(self.at, permanent=permanent, counts=counts))

    @invariant()
    def one_end(self):
        assert sum(isinstance(command, CloseContact) for command in self.said) <= 1
        assert self.said.count(Finish()) <= 1
        assert self.said.count(Finish()) == self.progress.finished
        assert self.progress.finished or not self.progress.state.final

    @invariant()
    def in_flight_only_while_queued(self):
        assert not self.progress.in_flight or self.progress.state is MessageState.QUEUED

    @invariant()
    def each_try_has_an_outbox_message(self):
        assert self.submitted <= self.said.count(Enqueue())


TestLife = Life.TestCase
