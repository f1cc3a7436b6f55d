"""What belongs to one alert: its face, its rules, whether it waits for a digest, what calls for it. Pure."""

from collections.abc import Mapping, Sequence

from qa.alert_rules import Choice, Timing
from qa.inspection.models import AlertRow, FindingRow
from qa.lexicon.model import Severity


def face_of(rows: Sequence[FindingRow]) -> FindingRow:
    """Choose the finding that is shown: the surest, of these the gravest."""
    return max(
        rows, key=lambda row: (not row.suspected, row.fatal, Severity(row.severity).rank, row.confidence)
    )


def rules_of(rows: Sequence[FindingRow]) -> list[str]:
    """Name the rules that were hit, each once."""
    return sorted({row.rule_id for row in rows})


def waits(rows: Sequence[FindingRow], chosen: Mapping[str, Choice]) -> bool:
    """Whether all rules that were hit are told once a day: one that is told at once tells all."""
    return all(row.rule_id in chosen and chosen[row.rule_id].timing is Timing.DAILY for row in rows)


def take_in(alert: AlertRow, rows: Sequence[FindingRow], *, waiting: bool) -> None:
    """Count more hits into an alert; what is graver than its face becomes its face."""
    face = face_of(rows)
    alert.hits += len(rows)
    alert.suspected = alert.suspected and face.suspected
    alert.rules = sorted({*alert.rules, *rules_of(rows)})
    alert.gathered = waiting
    if Severity(face.severity).rank > Severity(alert.severity).rank:
        alert.severity, alert.category, alert.finding_id = face.severity, face.category, face.id


def calling_for(
    alert: AlertRow, alerts: Sequence[AlertRow], standing: Sequence[FindingRow]
) -> list[FindingRow]:
    """Give the standing findings that call for an alert; `alerts` are all of its inspection."""
    grave = [row for row in standing if Severity(row.severity).rank >= Severity(alert.severity).rank]
    if alert.joins == alert.category:
        return [row for row in grave if row.category == alert.category]
    own = {other.joins for other in alerts}
    more = alert.messages > 1  # it also stands for messages that have none of their own
    return [row for row in grave if row.message_id == alert.joins or (more and row.message_id not in own)]
