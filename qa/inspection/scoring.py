"""From findings to a score: once for each term a contact, nothing for what is only suspected."""

from collections.abc import Sequence

from qa.inspection.model import Band, Finding, Score, Scored
from qa.inspection.rulebook import Scoring


def score(findings: Sequence[Finding], scheme: Scoring) -> Score:
    """Deduct from the initial score by severity; a fatal finding sets the score to `fatal_score`."""
    seen: set[tuple[str, str | None]] = set()
    scored: list[Scored] = []
    for finding in findings:
        key = (finding.rule_id, finding.term_id)
        costs = finding.deducts and key not in seen
        if costs:
            seen.add(key)
        scored.append(Scored(finding, scheme.deductions[finding.severity] if costs else 0))
    fatal = any(finding.fatal for finding in findings)
    value = max(0, scheme.initial - sum(item.deduction for item in scored))
    if fatal:
        value = min(value, scheme.fatal_score)
    return Score(value, band_of(value, scheme), fatal, tuple(scored))


def band_of(value: int, scheme: Scoring) -> Band:
    """Say what a score calls for."""
    if value >= scheme.bands.pass_:
        return Band.PASS
    return Band.COACH if value >= scheme.bands.coach else Band.FLAG
