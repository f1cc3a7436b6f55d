"""Contacts, verdicts and rules at the HTTP edge."""

from datetime import date
from typing import Any

from pydantic import AwareDatetime

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from gateway.contact.model import Channel, Decision, Direction, Outcome, Purpose
from gateway.contact.rulebook import Rule, RuleKind


class DryRunBody(ApiModel):
    """What would be tried; the purpose is the binding's unless stated."""

    binding_id: IdStr
    channel: Channel = Channel.CALL
    direction: Direction = Direction.OUTBOUND
    purpose: Purpose | None = None


class RefusalOut(ApiModel):
    """One rule that says no, and when it alone would allow (null: only an act helps)."""

    rule_id: str
    rule_version: str
    code: str
    zh: str
    en: str
    next_allowed_at: AwareDatetime | None


class VerdictOut(ApiModel):
    """The verdict: the first refusing rule, further ones in `others`, and when all would allow."""

    decision: Decision
    rule_id: str | None
    rule_version: str | None
    reason_code: str | None
    reason_zh: str
    reason_en: str
    next_allowed_at: AwareDatetime | None
    others: list[RefusalOut]


class ContactListQuery(PageQuery):
    customer_id: IdStr | None = None
    employee_id: IdStr | None = None
    decision: Decision | None = None
    outcome: Outcome | None = None
    purpose: Purpose | None = None


class ContactOut(VerdictOut):
    """A contact with its verdict. `verdict_seq` is the verdict's entry in the ledger."""

    id: str
    binding_id: str
    line_id: str
    employee_id: str
    department_id: str | None
    customer_id: str
    purpose: Purpose
    channel: Channel
    direction: Direction
    outcome: Outcome
    requested_at: AwareDatetime
    time_zone: str
    rules_digest: str
    verdict_seq: int | None
    rechecked_at: AwareDatetime | None
    answered_at: AwareDatetime | None
    closed_at: AwareDatetime | None


class RuleSourceOut(ApiModel):
    zh: str
    en: str
    standing: str
    url: str | None


class RuleOut(ApiModel):
    """A rule in force: its figures, to what it applies, and where it comes from."""

    id: str
    version: str
    kind: RuleKind
    jurisdiction: str
    effective_from: date
    effective_until: date | None
    title_zh: str
    title_en: str
    source: RuleSourceOut
    purposes: list[Purpose]
    channels: list[Channel]
    directions: list[Direction]
    parameters: dict[str, Any]

    @classmethod
    def of(cls, rule: Rule) -> "RuleOut":
        return cls(
            id=rule.id,
            version=rule.version,
            kind=rule.kind,
            jurisdiction=rule.jurisdiction,
            effective_from=rule.effective_from,
            effective_until=rule.effective_until,
            title_zh=rule.title.zh,
            title_en=rule.title.en,
            source=RuleSourceOut.model_validate(rule.source),
            purposes=sorted(rule.applies.purposes),
            channels=sorted(rule.applies.channels),
            directions=sorted(rule.applies.directions),
            parameters=rule.parameters.model_dump(mode="json", exclude={"kind"}),
        )


class RuleList(ApiModel):
    """The rules in the order of evaluation; `digest` is the SHA-256 of their files."""

    digest: str
    items: list[RuleOut]
