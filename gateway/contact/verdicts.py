"""Shows how a contact was judged: each rule that was asked, its version, and what it said."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from gateway import permissions
from gateway.contact.errors import ContactUnknown
from gateway.contact.localtime import local_date
from gateway.contact.model import Decision
from gateway.contact.models import ContactRow
from gateway.contact.rulebook import Rule, RuleBook


@dataclass(frozen=True, slots=True)
class JudgedRule:
    """One rule and its answer. `rule` is None for a version that is no longer on this machine."""

    rule_id: str
    rule_version: str
    rule: Rule | None
    refused: bool
    reason_zh: str = ""
    reason_en: str = ""
    next_allowed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class VerdictDetail:
    """A contact's verdict. `complete`: the rules on this machine are those that gave it.

    If they are not, `rules` holds only the refusals, which the contact itself keeps.
    """

    decision: Decision
    rules: tuple[JudgedRule, ...]
    rules_digest: str
    complete: bool
    next_allowed_at: datetime | None
    time_zone: str
    judged_at: datetime
    rechecked_at: datetime | None
    revealed_at: datetime | None


class VerdictReader:
    """Reads verdicts; it judges nothing."""

    def __init__(self, database: Database, book: RuleBook) -> None:
        self._database = database
        self._book = book

    async def of_contact(self, principal: Principal, contact_id: str) -> VerdictDetail:
        """Show a verdict; raise `ContactUnknown` if there is none or it is out of scope."""
        scope = scope_clause(
            principal,
            permissions.CONTACT_READ,
            owner=ContactRow.employee_id,
            department=ContactRow.department_id,
        )
        async with self._database.read() as session:
            row = await session.scalar(select(ContactRow).where(ContactRow.id == contact_id, scope))
        if row is None:
            raise ContactUnknown
        complete = row.rules_digest == self._book.digest
        return VerdictDetail(
            decision=row.decision,
            rules=tuple(self._asked(row) if complete else _refusals(row, {}).values()),
            rules_digest=row.rules_digest,
            complete=complete,
            next_allowed_at=row.next_allowed_at,
            time_zone=row.time_zone,
            judged_at=row.requested_at,
            rechecked_at=row.rechecked_at,
            revealed_at=row.revealed_at,
        )

    def _asked(self, row: ContactRow) -> list[JudgedRule]:
        """Give every rule that the chain asked on that day, in the order of evaluation."""
        day = local_date(row.requested_at, ZoneInfo(row.time_zone))
        chain = self._book.chain(day, row.purpose, row.channel, row.direction)
        refusals = _refusals(row, {rule.id: rule for rule in chain})
        return [
            refusals.get(rule.id) or JudgedRule(rule.id, rule.version, rule, refused=False) for rule in chain
        ]

    def title(self, rule_id: str, language: str) -> str:
        """Name a rule for people; an unknown one by its id."""
        found = next((rule for rule in self._book.rules if rule.id == rule_id), None)
        if found is None:
            return rule_id
        return found.title.zh if language == "zh" else found.title.en


def _refusals(row: ContactRow, known: dict[str, Rule]) -> dict[str, JudgedRule]:
    found: dict[str, JudgedRule] = {}
    if row.rule_id is not None:
        found[row.rule_id] = JudgedRule(
            row.rule_id,
            row.rule_version or "",
            known.get(row.rule_id),
            refused=True,
            reason_zh=row.reason_zh,
            reason_en=row.reason_en,
            next_allowed_at=row.next_allowed_at,
        )
    for other in row.others:
        judged = _other(other, known)
        found.setdefault(judged.rule_id, judged)
    return found


def _other(other: dict[str, Any], known: dict[str, Rule]) -> JudgedRule:
    rule_id = str(other["rule_id"])
    return JudgedRule(
        rule_id,
        str(other["rule_version"]),
        known.get(rule_id),
        refused=True,
        reason_zh=str(other["zh"]),
        reason_en=str(other["en"]),
    )
