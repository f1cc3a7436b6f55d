"""Judges lines of one person by one rule. Pure: the same lines give the same answer, in whatever batches."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from core.audit.unusual.model import Line, Seen
from core.audit.unusual.rulebook import Counts, Rule


def count(rule: Rule, lines: Iterable[Line]) -> int:
    """Count what the rule counts of lines of its acts."""
    lines = [line for line in lines if line.is_of(rule.acts_told)]
    if rule.counts is Counts.AMOUNT:
        return sum(line.amount or 0 for line in lines)
    return len({_key(rule, line) for line in lines} - {None})


def many(rule: Rule, lines: Sequence[Line], *, since: datetime) -> Seen | None:
    """Find the fullest window that ends at a line from `since` on and is beyond the limit.

    `lines` in the order of their times. A window holds its last `window_s` seconds, the end included.
    """
    window = timedelta(seconds=rule.window_s)
    best: Seen | None = None
    inside, total, first = Counter[str](), 0, 0
    lines = [line for line in lines if line.is_of(rule.acts_told)]
    for line in lines:
        total += _put(rule, inside, line, 1)
        while lines[first].at <= line.at - window:
            total += _put(rule, inside, lines[first], -1)
            first += 1
        if line.at >= since and total > max(rule.limit, best.count if best else 0):
            best = Seen(lines[first].at, line.at, total)
    return best


def within(rule: Rule, lines: Sequence[Line]) -> Seen | None:
    """Say whether the lines of one night are beyond the limit."""
    lines = [line for line in lines if line.is_of(rule.acts_told)]
    total = count(rule, lines)
    return Seen(lines[0].at, lines[-1].at, total) if lines and total > rule.limit else None


def streak(rule: Rule, lines: Sequence[Line], *, since: datetime) -> Seen | None:
    """Find the longest run of acts that one of `then`, at `since` or later, ended; beyond the limit."""
    window = timedelta(seconds=rule.window_s)
    best: Seen | None = None
    run: list[Line] = []
    for line in lines:
        if line.is_of(rule.acts_told):
            run.append(line)
        elif line.is_of(rule.then_told):
            run = [one for one in run if one.at > line.at - window]
            if line.at >= since and len(run) > max(rule.limit, best.count if best else 0):
                best = Seen(run[0].at, line.at, len(run))
            run = []
    return best


def roundabout(rule: Rule, grant: Line, earlier: Sequence[Line]) -> Seen | None:
    """Say whether the one who is granted something had prepared who grants it, or is the same.

    `earlier`: what the one who is granted did to the one who grants.
    """
    if not grant.is_of(rule.then_told) or grant.target_id is None:
        return None
    if grant.actor_id == grant.target_id:
        return Seen(grant.at, grant.at, 1)
    window = timedelta(seconds=rule.window_s)
    before = [
        line
        for line in earlier
        if line.is_of(rule.acts_told)
        and (line.actor_id, line.target_id) == (grant.target_id, grant.actor_id)
        and grant.at - window < line.at <= grant.at
    ]
    return Seen(before[0].at, grant.at, 1) if before else None


def limit_with(rule: Rule, usual: float | None) -> int:
    """Give the limit that holds for somebody whose usual is this."""
    if rule.usual is None or usual is None:
        return rule.limit
    several = int(rule.usual.factor * max(usual, rule.usual.floor))
    return min(rule.usual.always, max(rule.limit, several))


def _key(rule: Rule, line: Line) -> str | None:
    if rule.counts is Counts.CUSTOMERS:
        return line.customer_id
    return line.target_id if rule.counts is Counts.TARGETS else line.id


def _put(rule: Rule, inside: Counter[str], line: Line, sign: int) -> int:
    """Let a line into the window or out of it; gives by how much the count changes."""
    if rule.counts is Counts.AMOUNT:
        return sign * (line.amount or 0)
    key = _key(rule, line)
    if key is None:
        return 0
    inside[key] += sign
    return sign if inside[key] == (1 if sign > 0 else 0) else 0
