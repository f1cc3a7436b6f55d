"""The score by the findings that stand: overturned ones cost nothing, confirmed suspicions cost. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qa.inspection.rulebook import RequiredRule, Rulebook
from qa.inspection.scoring import band_of
from qa.lexicon.model import Severity
from qa.review.model import Ruling


@dataclass(frozen=True, slots=True)
class Weighed:
    """What of a finding counts for the score."""

    id: str
    rule_id: str
    term_id: str | None
    severity: str
    suspected: bool
    fatal: bool
    deduction: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A score, its band, and whether something fatal is in it; all None or False where nothing was scored."""

    score: int | None
    band: str | None
    fatal: bool


def standing(
    original: Standing,
    findings: Sequence[Weighed],
    rulings: Mapping[str, Ruling],
    rulebook: Rulebook,
) -> Standing:
    """Score anew by the rulings in force. Without one that matters the original score holds exactly.

    A term costs once: as much as it cost before, or, where it was only suspected, what its severity costs
    by the scheme in force. A confirmed suspicion is never fatal: the machine did not say so.
    """
    changed = any(
        rulings.get(found.id) is Ruling.OVERTURN or (found.suspected and found.id in rulings)
        for found in findings
    )
    if original.score is None or not changed:
        return original
    scheme = rulebook.scoring
    paid: dict[tuple[str, str | None], int] = {}
    for found in findings:
        key = (found.rule_id, found.term_id)
        paid[key] = max(paid.get(key, 0), found.deduction)
    costs: dict[tuple[str, str | None], int] = {}
    fatal = False
    for found in findings:
        ruling = rulings.get(found.id)
        if ruling is Ruling.OVERTURN or (found.suspected and ruling is None):
            continue
        key = (found.rule_id, found.term_id)
        due = paid[key] or (
            scheme.deductions[Severity(found.severity)]
            if found.suspected and _deducts(rulebook, found.rule_id)
            else 0
        )
        costs[key] = max(costs.get(key, 0), due)
        fatal = fatal or found.fatal
    value = max(0, scheme.initial - sum(costs.values()))
    if fatal:
        value = min(value, scheme.fatal_score)
    return Standing(value, band_of(value, scheme), fatal)


def _deducts(rulebook: Rulebook, rule_id: str) -> bool:
    """Whether findings of the rule cost points; those of a rule that is gone do not."""
    rule = rulebook.rule(rule_id)
    return rule is not None and (isinstance(rule, RequiredRule) or rule.deducts)
