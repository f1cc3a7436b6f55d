"""Makes one decision of all that was found in a message of staff."""

from collections import defaultdict
from collections.abc import Iterable

from gateway.messages.rulefile import Consequence, ScreeningPolicy
from gateway.messages.screening.detect import Allowed, detect, mask
from gateway.messages.screening.model import Action, Finding, Screened, Spot, WordHit


def decide(
    text: str,
    hits: Iterable[WordHit],
    policy: ScreeningPolicy,
    allowed: Allowed,
    *,
    own: tuple[str, ...] = (),
) -> Screened:
    """Screen a text: the gravest consequence decides; contact data is covered whatever is decided.

    A supervisor who releases a held message lets the covered text out, never the number.
    """
    spots = detect(text, allowed, own=own)
    findings = [*_data_findings(spots, policy), *_word_findings(hits, policy)]
    action = max((finding.action for finding in findings), key=lambda a: a.rank, default=Action.DELIVER)
    covered = [spot for spot in spots if policy.contact_data[spot.kind].action is not Action.DELIVER]
    return Screened(action, mask(text, covered), tuple(findings), policy.label)


def attachment_finding(kind: str, policy: ScreeningPolicy) -> Finding:
    """Give what follows from an attachment that no machine has read."""
    known = {"picture": "picture", "voice": "voice", "video": "file"}.get(kind, "file")
    consequence = policy.attachment[known]  # type: ignore[index]
    return _finding(f"attachment.{known}", f"attachment.{known}", consequence, 1, 0, 0)


def _data_findings(spots: tuple[Spot, ...], policy: ScreeningPolicy) -> list[Finding]:
    kinds: dict[str, list[Spot]] = defaultdict(list)
    for spot in spots:
        kinds[spot.kind].append(spot)
    return [
        _finding(
            f"contact_data.{found[0].kind}",
            f"contact_data.{found[0].kind}",
            policy.contact_data[found[0].kind],
            len(found),
            found[0].begin,
            found[0].end,
        )
        for found in kinds.values()
    ]


def _word_findings(hits: Iterable[WordHit], policy: ScreeningPolicy) -> list[Finding]:
    return [
        _finding(hit.category, hit.term_id, _consequence(hit, policy), 1, hit.begin, hit.end) for hit in hits
    ]


def _consequence(hit: WordHit, policy: ScreeningPolicy) -> Consequence:
    by_severity = policy.words.get(hit.category, {})
    found = by_severity.get(hit.severity) or by_severity.get("any") or policy.unknown_word
    if hit.fatal:
        found = policy.fatal_word if found.action is not Action.BLOCK else found
    if found.action is Action.BLOCK and hit.confidence < policy.unsure_below:
        return found.model_copy(update={"action": Action.HOLD})
    return found


def _finding(
    category: str, rule_id: str, consequence: Consequence, count: int, begin: int, end: int
) -> Finding:
    return Finding(category, consequence.action, rule_id, count, consequence.zh, consequence.en, begin, end)
