"""Guessing is slowed down without locking an employee's phone out from elsewhere."""

from datetime import UTC, datetime, timedelta

from core.clock import ManualClock
from gateway.calls.throttle import MAX_KEYS, Throttle, ThrottleLimits

LIMITS = ThrottleLimits(window_s=60, by_source=5, by_user=3)


def throttle() -> tuple[Throttle, ManualClock]:
    clock = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))
    return Throttle(clock, LIMITS), clock


def test_a_user_at_a_source():
    guard, clock = throttle()
    for _ in range(3):
        assert not guard.blocked("a", "alice")
        guard.failed("a", "alice")
    assert guard.blocked("a", "alice")
    assert not guard.blocked("b", "alice")
    assert not guard.blocked("a", "bob")
    clock.advance(timedelta(seconds=61))
    assert not guard.blocked("a", "alice")


def test_a_source_that_tries_many_users():
    guard, _ = throttle()
    for number in range(5):
        guard.failed("a", f"user{number}")
    assert guard.blocked("a", "anybody")
    assert not guard.blocked("b", "anybody")


def test_success_forgives_the_user_but_not_the_source():
    guard, _ = throttle()
    for _ in range(2):
        guard.failed("a", "alice")
    guard.succeeded("a", "alice")
    guard.failed("a", "alice")
    assert not guard.blocked("a", "alice")
    for _ in range(2):
        guard.failed("a", "alice")
    assert guard.blocked("a", "bob")


def test_memory_is_bounded():
    guard, _ = throttle()
    for number in range(MAX_KEYS + 10):
        guard.failed(f"source{number}", "user")
    assert len(guard._failures) == MAX_KEYS
