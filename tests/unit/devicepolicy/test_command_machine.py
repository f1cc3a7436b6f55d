"""Commands as a machine: single steps, and a server, a phone and a network that loses whatever it likes."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from devicepolicy.commands.kinds import CommandKind, ErrorCode
from devicepolicy.commands.machine import (
    OPEN,
    TRANSITIONS,
    Acked,
    Approval,
    Approved,
    Canceled,
    Cause,
    CommandState,
    Delivered,
    EraseSecrets,
    Event,
    Finish,
    Gone,
    Limits,
    Progress,
    Refused,
    Release,
    Reported,
    Tick,
    Wake,
    begin,
    step,
)

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
LIMITS = Limits(validity_s=600, approval_s=3600, ask_s=(30, 120))
S = CommandState


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def walk(now: Progress, *events: Event) -> Progress:
    for event in events:
        now, _ = step(now, event, LIMITS)
    return now


def queued() -> Progress:
    return begin(NOW, LIMITS, second_person=False)[0]


def waiting() -> Progress:
    return begin(NOW, LIMITS, second_person=True)[0]


def test_the_way_of_a_command() -> None:
    now, effects = begin(NOW, LIMITS, second_person=False)
    assert effects == (Release(), Wake())
    assert (now.state, now.expires_at) == (S.QUEUED, after(600))
    now, effects = step(now, Delivered(after(1)), LIMITS)
    assert (now.state, effects) == (S.DELIVERED, ())
    now, effects = step(now, Acked(after(2)), LIMITS)
    assert (now.state, effects) == (S.ACKED, (EraseSecrets(),))
    now, effects = step(now, Reported(S.SUCCEEDED), LIMITS)
    assert (now.state, now.cause, effects) == (S.SUCCEEDED, None, (EraseSecrets(), Finish()))
    assert step(now, Reported(S.FAILED, ErrorCode.UNKNOWN), LIMITS) == (now, ()), "the first word counts"


def test_a_wipe_waits_for_its_second_person_and_no_phone_gets_it_before() -> None:
    now = waiting()
    assert (now.state, now.approval, now.expires_at) == (S.QUEUED, Approval.WAITING, None)
    for event in (Delivered(NOW), Acked(NOW), Reported(S.SUCCEEDED), Tick(after(3599))):
        assert step(now, event, LIMITS) == (now, ())
    given_, effects = step(now, Approved(after(3000)), LIMITS)
    assert effects == (Release(), Wake())
    assert given_.expires_at == after(3600), "it holds from the approval on"
    assert step(given_, Approved(after(3001)), LIMITS) == (given_, ())
    assert walk(now, Refused()).state is S.REJECTED
    assert walk(now, Approved(after(3600))).cause is Cause.APPROVAL_LATE
    assert walk(now, Tick(after(3600))).cause is Cause.APPROVAL_LATE
    assert walk(now, Canceled()).state is S.CANCELED
    assert walk(now, Canceled(), Approved(NOW)).state is S.CANCELED


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ((), Cause.NOT_FETCHED),
        ((Delivered(NOW),), Cause.NOT_ACKED),
        ((Delivered(NOW), Acked(NOW)), Cause.NO_RESULT),
    ],
)
def test_it_expires_and_says_how_far_it_came(events: tuple[Event, ...], cause: Cause) -> None:
    now = walk(queued(), *events, Tick(after(30)), Tick(after(150)), Tick(after(600)))
    assert (now.state, now.cause, now.asked) == (S.EXPIRED, cause, 2)


def test_leave_to_begin_is_given_in_time_or_not_at_all() -> None:
    assert walk(queued(), Delivered(NOW), Acked(after(600))).state is S.EXPIRED
    assert walk(queued(), Delivered(after(600))).state is S.EXPIRED
    assert walk(queued(), Delivered(NOW), Canceled(), Acked(after(1))).state is S.CANCELED
    acked = walk(queued(), Delivered(NOW), Acked(after(1)))
    assert step(acked, Canceled(), LIMITS) == (acked, ()), "nobody takes back what has begun"


def test_nothing_stays_open_for_a_phone_that_is_gone() -> None:
    assert walk(queued(), Gone()).state is S.CANCELED
    assert walk(queued(), Delivered(NOW), Gone()).state is S.CANCELED
    lost = walk(queued(), Delivered(NOW), Acked(after(1)), Gone())
    assert (lost.state, lost.cause) == (S.EXPIRED, Cause.NO_RESULT), "whether it was done is not known"
    assert walk(lost, Reported(S.SUCCEEDED)).state is S.SUCCEEDED, "its last word counts all the same"


def test_a_phone_that_fell_silent_is_asked_again_and_its_late_word_counts() -> None:
    now = walk(queued(), Delivered(NOW), Acked(NOW))
    now, effects = step(now, Tick(after(30)), LIMITS)
    assert (effects, now.asked, now.ask_at) == ((Wake(),), 1, after(150))
    expired = walk(now, Tick(after(150)), Tick(after(600)))
    assert expired.cause is Cause.NO_RESULT
    late, effects = step(expired, Reported(S.SUCCEEDED), LIMITS)
    assert (late.state, late.cause, Finish() in effects) == (S.SUCCEEDED, None, True)
    never = walk(queued(), Tick(after(600)))
    assert step(never, Reported(S.SUCCEEDED), LIMITS) == (never, ()), "it never had it"


EVENTS = st.one_of(
    st.builds(Approved, st.integers(0, 9000).map(after)),
    st.just(Refused()),
    st.builds(Delivered, st.integers(0, 9000).map(after)),
    st.builds(Acked, st.integers(0, 9000).map(after)),
    st.builds(Reported, st.sampled_from(list(S)), st.sampled_from([None, *ErrorCode])),
    st.just(Canceled()),
    st.just(Gone()),
    st.builds(Tick, st.integers(0, 9000).map(after)),
)


@given(second=st.booleans(), events=st.lists(EVENTS, max_size=12))
def test_only_legal_steps_whatever_comes_in_whatever_order(second: bool, events: list[Event]) -> None:
    now, _ = begin(NOW, LIMITS, second_person=second)
    for event in events:
        following, effects = step(now, event, LIMITS)
        if following.state is not now.state:
            assert following.state in TRANSITIONS[now.state]
            assert (Finish() in effects) == (following.state not in OPEN)
            assert (EraseSecrets() in effects) == (following.state not in {S.QUEUED, S.DELIVERED})
        assert following.released or not following.deliveries
        assert (Release() in effects) == (following.approval is Approval.GIVEN is not now.approval)
        now = following


@dataclass
class Ordered:
    """One command at the server."""

    number: int
    kind: CommandKind
    seq: int
    progress: Progress
    leave: bool = False
    """Whether the phone may have been told to begin."""


@dataclass
class Phone:
    """An agent that keeps the rules: its journal survives a loss of power, its memory does not."""

    kept: dict[int, int] = field(default_factory=dict)
    """Command -> seq, acknowledged or not."""
    may: set[int] = field(default_factory=set)
    done: list[int] = field(default_factory=list)
    effects: list[int] = field(default_factory=list)
    results: dict[int, CommandState] = field(default_factory=dict)
    acked: int = 0


class LossyCommands(RuleBasedStateMachine):
    """Every request or answer may get lost, doubled or late; the phone may lose power in the middle."""

    @initialize()
    def begin(self) -> None:
        self.at = NOW
        self.commands: list[Ordered] = []
        self.phone = Phone()
        self.top = 0

    def _step(self, one: Ordered, event: Event) -> None:
        before = one.progress
        one.progress, effects = step(before, event, LIMITS)
        assert one.progress.state is before.state or one.progress.state in TRANSITIONS[before.state]
        if Release() in effects:
            self.top += 1
            one.seq = self.top

    @rule(kind=st.sampled_from([CommandKind.LOCK, CommandKind.REBOOT, CommandKind.WIPE]))
    def issue(self, kind: CommandKind) -> None:
        progress, effects = begin(self.at, LIMITS, second_person=kind is CommandKind.WIPE)
        one = Ordered(len(self.commands), kind, 0, progress)
        if Release() in effects:
            self.top += 1
            one.seq = self.top
        self.commands.append(one)

    @precondition(lambda self: any(not one.seq and one.progress.state in OPEN for one in self.commands))
    @rule(yes=st.booleans())
    def decide(self, yes: bool) -> None:
        one = next(one for one in self.commands if not one.seq and one.progress.state in OPEN)
        self._step(one, Approved(self.at) if yes else Refused())

    @precondition(lambda self: any(one.progress.state in OPEN for one in self.commands))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        one = data.draw(st.sampled_from([one for one in self.commands if one.progress.state in OPEN]))
        self._step(one, Canceled())
        assert not (one.progress.state is S.CANCELED and one.leave), "taken back after leave was given"

    @rule(seconds=st.integers(1, 400))
    def time_passes(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)
        for one in self.commands:
            self._step(one, Tick(self.at))

    @rule(fetched=st.booleans(), allowed=st.booleans())
    def look(self, fetched: bool, allowed: bool) -> None:
        """What a woken phone does: fetch and acknowledge at once; either answer may get lost."""
        self.pull(arrives=fetched, forgets=False)
        self.acknowledge(arrives=allowed)

    @rule(arrives=st.booleans(), forgets=st.booleans())
    def pull(self, arrives: bool, forgets: bool) -> None:
        after_seq = 0 if forgets else self.phone.acked
        answer = []
        for one in sorted((one for one in self.commands if one.seq), key=lambda one: one.seq):
            if one.progress.state not in OPEN:
                continue
            if one.progress.state is S.ACKED and one.seq <= after_seq and not one.progress.asked:
                continue
            self._step(one, Delivered(self.at))
            if one.progress.state in OPEN:
                answer.append(one)
        if arrives:
            self.phone.kept.update((one.number, one.seq) for one in answer)

    @rule(arrives=st.booleans())
    def acknowledge(self, arrives: bool) -> None:
        up_to = max(self.phone.kept.values(), default=0)
        leave = []
        for one in self.commands:
            if one.seq and one.seq <= up_to and one.progress.state in OPEN:
                self._step(one, Acked(self.at))
                if one.progress.state is S.ACKED:
                    one.leave = True
                    leave.append(one.number)
        if arrives:
            self.phone.acked = max(self.phone.acked, up_to)
            self.phone.may.update(leave)

    @rule(power=st.booleans())
    def carry_out(self, power: bool) -> None:
        """The journal is written before the effect; after a loss of power the effect is not repeated."""
        for number in sorted(self.phone.may - set(self.phone.done), key=self.phone.kept.__getitem__):
            self.phone.done.append(number)
            self.phone.effects.append(number)
            if not power:
                return
            self.phone.results[number] = S.SUCCEEDED

    @rule(arrives=st.booleans(), twice=st.booleans())
    def report(self, arrives: bool, twice: bool) -> None:
        for number in self.phone.done:
            self.phone.results.setdefault(number, S.SUCCEEDED)  # what it finds in its journal after a restart
        for _ in range(2 if twice else 1):
            if arrives:
                for number, state in self.phone.results.items():
                    self._step(self.commands[number], Reported(state))

    @invariant()
    def each_effect_once_and_only_with_leave(self) -> None:
        if not hasattr(self, "phone"):
            return
        assert len(self.phone.effects) == len(set(self.phone.effects))
        for number in self.phone.effects:
            assert self.commands[number].progress.state not in {S.CANCELED, S.REJECTED, S.QUEUED}
        for one in self.commands:
            if one.progress.state is S.SUCCEEDED:
                assert one.number in self.phone.effects

    @invariant()
    def in_order(self) -> None:
        if hasattr(self, "phone"):
            numbers = [self.commands[number].seq for number in self.phone.effects]
            assert numbers == sorted(numbers)

    def teardown(self) -> None:
        """The network is whole again: what both believe is the same, or the server says it does not know."""
        if not hasattr(self, "phone"):
            return
        self.pull(arrives=True, forgets=True)
        self.acknowledge(arrives=True)
        self.carry_out(power=True)
        self.report(arrives=True, twice=True)
        for one in self.commands:
            happened = one.number in self.phone.effects
            assert happened == (one.progress.state is S.SUCCEEDED), one
            if one.seq and one.progress.state in OPEN:
                raise AssertionError(one)


LossyCommands.TestCase.settings = settings(max_examples=100, stateful_step_count=50)
TestLossyCommands = LossyCommands.TestCase


def test_a_lock_and_a_wipe_for_a_phone_that_is_off_both_come_in_order_and_stay_in_the_history() -> None:
    """Fleet #13272, #45617: a command to an offline and locked phone replaced or hid the one before."""
    long = replace(LIMITS, validity_s=30 * 86400)
    lock, _ = begin(NOW, long, second_person=False)
    wipe, _ = begin(after(10), long, second_person=True)
    wipe, effects = step(wipe, Approved(after(20)), long)
    assert Release() in effects
    month = after(29 * 86400)
    for one in (lock, wipe):
        for minute in range(60):
            one, _ = step(one, Tick(after(minute * 60)), long)  # noqa: PLW2901 - time passes
        one, _ = step(one, Delivered(month), long)  # noqa: PLW2901
        assert one.state is S.DELIVERED
