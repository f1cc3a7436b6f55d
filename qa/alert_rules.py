"""What an institution chose for a rule: in which chats it holds, and how and when its alerts are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from qa.inspection.errors import AlertRuleUnknown
from qa.inspection.models import AlertRuleRow
from qa.inspection.rulebook import Chats, LexiconRule, Rulebook

LEDGER_KIND = "alert.rule-changed"


class Timing(StrEnum):
    """When an alert is told: at once, or with the day's others."""

    AT_ONCE = "at_once"
    DAILY = "daily"


@dataclass(frozen=True, slots=True)
class Choice:
    """How a rule's alerts are told. The screen shows all of them; `webhook` tells another system too."""

    scope: Chats = Chats.ANY
    timing: Timing = Timing.AT_ONCE
    webhook: bool = False


@dataclass(frozen=True, slots=True)
class ChosenRule:
    """A rule with what holds for it."""

    rule: LexiconRule
    choice: Choice


async def choices(session: AsyncSession) -> Mapping[str, Choice]:
    """Give what was chosen, by the rule's id; what nobody touched is not among it."""
    return {
        row.rule_id: Choice(Chats(row.scope), Timing(row.timing), row.webhook)
        for row in await session.scalars(select(AlertRuleRow))
    }


async def scopes(database: Database) -> dict[str, Chats]:
    """Give in which chats the rules hold, where somebody chose it."""
    async with database.read() as session:
        return {rule_id: choice.scope for rule_id, choice in (await choices(session)).items()}


class AlertRules:
    """Reads and changes choices; each change is in the ledger."""

    def __init__(self, *, database: Database, clock: Clock, ledger: Ledger, rulebook: Rulebook) -> None:
        self._database = database
        self._clock = clock
        self._ledger = ledger
        self._rulebook = rulebook

    async def all(self) -> tuple[ChosenRule, ...]:
        """Give every rule about words, in the rulebook's order."""
        async with self._database.read() as session:
            chosen = await choices(session)
        return tuple(
            ChosenRule(rule, chosen.get(rule.id, Choice(rule.chats))) for rule in self._rulebook.lexicon_rules
        )

    async def choose(self, principal: Principal, rule_id: str, choice: Choice) -> ChosenRule:
        """Let `choice` hold for a rule from now on; the same again changes nothing.

        Raises:
            AlertRuleUnknown.
        """
        rule = self._rulebook.rule(rule_id)
        if not isinstance(rule, LexiconRule):
            raise AlertRuleUnknown
        async with self._database.begin() as session:
            row = await session.get(AlertRuleRow, rule_id, with_for_update=True)
            told = {"scope": choice.scope.value, "timing": choice.timing.value, "webhook": choice.webhook}
            if row is not None and told == {name: getattr(row, name) for name in told}:
                return ChosenRule(rule, choice)
            who = {"changed_by": principal.employee_id, "changed_at": self._clock.now()}
            await session.merge(AlertRuleRow(rule_id=rule_id, **told, **who))
            body = {"rule_id": rule_id, **told, "by": principal.employee_id}
            await self._ledger.append(session, LEDGER_KIND, body)
        return ChosenRule(rule, choice)
