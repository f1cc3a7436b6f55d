"""Rules about words: in which chats each holds, when its alerts are told, and whom besides the screen."""

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel
from dashboard.call_filters import Slug
from dashboard.forms import DoneQuery, FormModel, act, failure
from dashboard.pages.preferences import Seen
from dashboard.parts import DashboardParts
from dashboard.render import Renderer
from qa.alert_rules import AlertRules, Choice, Timing
from qa.inspection.rulebook import Chats
from qa.permissions import ALERT_READ, ALERT_RULES

PATH = "/word-rules"


class WordRulePath(ApiModel):
    rule_id: Slug


class ChoiceForm(FormModel):
    """What is chosen for one rule."""

    scope: Chats
    timing: Timing
    webhook: bool = False


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the page and what its forms do."""
    rules: AlertRules = parts.alert_rules
    settings = parts.settings.alerts

    @endpoint("GET", PATH, permission=ALERT_READ, kind="page",
              summary_zh="敏感词预警设置页", summary_en="Page of alerts for words")  # fmt: skip
    async def show(*, principal: Principal, query: DoneQuery, context: RequestContext, headers: Seen) -> Html:
        return Html(
            renderer.page(
                "word_rules.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=PATH,
                query=query,
                rules=await rules.all(),
                scopes=tuple(Chats),
                timings=tuple(Timing),
                hour=settings.digest_hour,
                has_webhook=settings.webhook is not None,
                may_choose=principal.allows(ALERT_RULES),
                failed=failure(query.failed, context.language),
            )
        )

    @endpoint("POST", f"{PATH}/{{rule_id}}", permission=ALERT_RULES, kind="page",
              summary_zh="设置一条敏感词规则", summary_en="Choose for a rule about words")  # fmt: skip
    async def choose(
        *, principal: Principal, path: WordRulePath, body: ChoiceForm, context: RequestContext
    ) -> Html | Redirect:
        choice = Choice(body.scope, body.timing, body.webhook)
        work = rules.choose(principal, path.rule_id, choice)
        return await act(work, to=PATH, done="word-rule", language=context.language)

    return [show, choose]
