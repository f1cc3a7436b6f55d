"""Evaluates every rule in order and makes one verdict of them."""

from collections.abc import Iterable
from datetime import datetime

from gateway.contact.errors import RulesInvalid
from gateway.contact.facts import Facts
from gateway.contact.localtime import local_date
from gateway.contact.model import Decision, RuleRefusal, Verdict
from gateway.contact.rulebook import Rule, RuleBook
from gateway.contact.rules import FUNCTIONS

MAX_STEPS = 32


def evaluate(facts: Facts, book: RuleBook) -> Verdict:
    """Give the verdict: the first refusing rule, the further ones, and when all of them would allow."""
    refusals = refuse(facts, _rules(facts, book))
    if not refusals:
        return Verdict(Decision.ALLOW)
    first = refusals[0]
    return Verdict(
        Decision.DENY,
        first.rule_id,
        first.rule_version,
        first.code,
        first.zh,
        first.en,
        next_allowed(facts, book, refusals),
        others=tuple(refusals[1:]),
    )


def refuse(facts: Facts, rules: Iterable[Rule]) -> list[RuleRefusal]:
    """Ask every rule; none is skipped because an earlier one said no."""
    refusals = []
    for rule in rules:
        hit = FUNCTIONS[rule.kind](facts, rule)
        if hit is None:
            continue
        reason = rule.reasons[hit.code]
        zh, en = reason.zh.format_map(hit.figures), reason.en.format_map(hit.figures)
        refusals.append(RuleRefusal(rule.id, rule.version, hit.code, zh, en, hit.next_allowed_at))
    return refusals


def next_allowed(facts: Facts, book: RuleBook, refusals: Iterable[RuleRefusal]) -> datetime | None:
    """Give the first moment at which the whole chain would allow, if nothing happens until then.

    A cap ends at midnight, but nobody may call then: each step asks the whole chain again.
    """
    pending = list(refusals)
    for _ in range(MAX_STEPS):
        times = [refusal.next_allowed_at for refusal in pending]
        moment = max((time for time in times if time is not None), default=None)
        if moment is None or None in times:
            return None
        later = facts.at(moment)
        try:
            pending = refuse(later, _rules(later, book))
        except RulesInvalid:  # no rules are known for that day yet
            return None
        if not pending:
            return moment
    return None


def _rules(facts: Facts, book: RuleBook) -> tuple[Rule, ...]:
    day = local_date(facts.now, facts.zone)
    return book.chain(day, facts.purpose, facts.channel, facts.direction)
