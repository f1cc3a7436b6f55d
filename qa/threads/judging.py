"""Turns messages into sentences and findings, and joins what is found with what was found before. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from qa.inspection.model import Finding, Scored
from qa.inspection.models import FindingRow
from qa.inspection.rulebook import Chats
from qa.inspection.rules import NO_SCOPES, Inspector
from qa.inspection.texts import hide
from qa.lexicon.model import MatchedBy, Severity
from qa.ports import MessageText
from qa.speech.digits import mask_digits
from qa.speech.engine import Role, Sentence

NO_DIRECTION = ""
"""A thread's day has no side that began it, so what must be said at a call's beginning is not asked of it."""

Key = tuple[str | None, str | None, str, str | None, int, int]


@dataclass(frozen=True, slots=True)
class Joined:
    """All findings of a day in order, and the rows of those that were written before, by place."""

    findings: tuple[Finding, ...]
    known: Mapping[int, FindingRow]


def sentences_of(texts: Sequence[MessageText], since: datetime) -> tuple[Sentence, ...]:
    """Give a sentence for each text; its time is that of sending, in milliseconds since `since`."""
    found = []
    for text in texts:
        at_ms = max(0, round((text.at - since).total_seconds() * 1000))
        found.append(Sentence(text.role, at_ms, at_ms, text.text, text.confidence))
    return tuple(found)


def judge(
    inspector: Inspector,
    texts: Sequence[MessageText],
    sentences: Sequence[Sentence],
    purpose: str,
    scopes: Mapping[str, Chats] = NO_SCOPES,
) -> tuple[Finding, ...]:
    """Give the findings; their words hold no contact data, whatever the message did."""
    in_group = {place for place, text in enumerate(texts) if text.in_group}
    found = inspector.inspect(
        sentences, purpose=purpose, direction=NO_DIRECTION, in_group=in_group, scopes=scopes
    )
    return tuple(replace(finding, text=_covered(finding, texts)) for finding in found)


def covered_text(text: MessageText) -> str:
    """Give a text without contact data and without numbers; its length stays."""
    return mask_digits(hide(text.text, text.hidden))


def join(
    found: Sequence[Finding], known: Sequence[FindingRow], texts: Sequence[MessageText], inspector: Inspector
) -> Joined:
    """Put what was found before in the place of the same thing found again: nothing counts twice.

    What was found before stands as it was found, also where the rules have changed since.
    """
    rows: dict[Key, FindingRow] = {row_key(row): row for row in known}
    merged: list[tuple[Finding, FindingRow | None]] = []
    for finding in found:
        row = rows.pop(finding_key(finding, texts), None)
        merged.append((finding if row is None else _again(row, finding, inspector), row))
    merged += [(_again(row, _place(row, texts), inspector), row) for row in rows.values()]
    merged.sort(key=lambda pair: _order(pair[0]))
    return Joined(
        tuple(finding for finding, _ in merged),
        {place: row for place, (_, row) in enumerate(merged) if row is not None},
    )


def finding_key(finding: Finding, texts: Sequence[MessageText]) -> Key:
    """Say which hit this is, whenever it is found."""
    text = texts[finding.sentence_index] if finding.sentence_index is not None else None
    return (
        text.message_id if text else None,
        text.attachment_id if text else None,
        finding.rule_id,
        finding.term_id,
        finding.char_begin,
        finding.char_end,
    )


def row_key(row: FindingRow) -> Key:
    """Say the same of a row."""
    return (row.message_id, row.attachment_id, row.rule_id, row.term_id, row.char_begin, row.char_end)


def unscored(findings: Sequence[Finding]) -> tuple[Scored, ...]:
    """Give findings that cost nothing yet: points are counted when the day is over."""
    return tuple(Scored(replace(finding, sentence_index=None), 0) for finding in findings)


def _covered(finding: Finding, texts: Sequence[MessageText]) -> str:
    if finding.sentence_index is None:
        return finding.text
    return covered_text(texts[finding.sentence_index])[finding.char_begin : finding.char_end]


def _place(row: FindingRow, texts: Sequence[MessageText]) -> int | None:
    """Find the text that an earlier finding stands in; None if it is not among those said."""
    return next(
        (
            index
            for index, text in enumerate(texts)
            if (text.message_id, text.attachment_id) == (row.message_id, row.attachment_id)
        ),
        None,
    )


def _again(row: FindingRow, where: Finding | int | None, inspector: Inspector) -> Finding:
    """Read a finding back from its row; it alerted when it was found."""
    rule = inspector.rulebook.rule(row.rule_id)
    found = where if isinstance(where, Finding) else None
    return Finding(
        rule_id=row.rule_id,
        rule_version=row.rule_version,
        term_id=row.term_id,
        category=row.category,
        severity=Severity(row.severity),
        role=Role(row.role),
        sentence_index=found.sentence_index if found else where if isinstance(where, int) else None,
        begin_ms=found.begin_ms if found else row.begin_ms,
        end_ms=found.end_ms if found else row.end_ms,
        char_begin=row.char_begin,
        char_end=row.char_end,
        text="",
        matched_by=MatchedBy(row.matched_by),
        confidence=row.confidence,
        suspected=row.suspected,
        deducts=not row.suspected and getattr(rule, "deducts", True),
        fatal=row.fatal,
        alerts=False,
    )


def _order(finding: Finding) -> tuple[bool, int, int]:
    return finding.sentence_index is None, finding.sentence_index or 0, finding.char_begin
