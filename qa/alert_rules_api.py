"""HTTP endpoints of what is chosen for rules about words."""

from typing import Annotated, Literal

from pydantic import Field

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.schema import ApiModel
from qa.alert_rules import AlertRules, Choice, ChosenRule, Timing
from qa.inspection.errors import AlertRuleUnknown
from qa.inspection.rulebook import Chats
from qa.lexicon.model import Severity, Speaker
from qa.permissions import ALERT_READ, ALERT_RULES


class WordRulePath(ApiModel):
    rule_id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{1,63}$")]


class ChoiceBody(ApiModel):
    """`scope`: in which chats the rule holds. `timing`: at once, or with the day's digest.

    The screen shows every alert; with `webhook` the other system of the settings is told too.
    """

    scope: Chats
    timing: Timing
    webhook: bool


class WordRuleItem(ChoiceBody):
    """A rule about words: whose words, from which severity it alerts, and what was chosen."""

    id: str
    title_zh: str
    title_en: str
    category: str
    role: Speaker
    alert_from: Severity | None
    kind: Literal["lexicon"] = "lexicon"


class WordRulesBody(ApiModel):
    items: list[WordRuleItem]


def endpoints(rules: AlertRules) -> list[Endpoint]:
    """Give the endpoints."""
    tags = ("alerts",)

    @endpoint("GET", "/word-rules", permission=ALERT_READ, tags=tags,
              summary_zh="敏感词规则与预警设置", summary_en="List rules about words")  # fmt: skip
    async def listing(*, principal: Principal) -> WordRulesBody:
        del principal
        return WordRulesBody(items=[_item(one) for one in await rules.all()])

    @endpoint("PUT", "/word-rules/{rule_id}", permission=ALERT_RULES, tags=tags, errors=(AlertRuleUnknown,),
              summary_zh="设置一条敏感词规则", summary_en="Choose for a rule about words")  # fmt: skip
    async def choose(*, principal: Principal, path: WordRulePath, body: ChoiceBody) -> WordRuleItem:
        choice = Choice(body.scope, body.timing, body.webhook)
        return _item(await rules.choose(principal, path.rule_id, choice))

    return [listing, choose]


def _item(one: ChosenRule) -> WordRuleItem:
    rule, choice = one.rule, one.choice
    return WordRuleItem(
        id=rule.id,
        title_zh=rule.title.zh,
        title_en=rule.title.en,
        category=rule.category,
        role=rule.role,
        alert_from=rule.alert_from,
        scope=choice.scope,
        timing=choice.timing,
        webhook=choice.webhook,
    )
