"""Roll-outs: how far each has come, why one has halted, and what can be done with it."""

from collections.abc import Awaitable
from typing import Annotated

from pydantic import Field

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, act
from dashboard.pages.kit import DeskQuery
from dashboard.pages.phones.kit import PhoneKit
from dashboard.pages.preferences import Seen
from devicepolicy.permissions import POLICY_ASSIGN, POLICY_READ
from devicepolicy.policies.views import RolloutView

HOME = "/rollouts"
STEPS = (1, 5, 10, 25, 50, 75, 100)


class RolloutPath(ApiModel):
    rollout_id: IdStr


class RolloutsQuery(DeskQuery):
    """The address of the list."""

    open: bool = False


class WidenForm(FormModel):
    share: Annotated[int, Field(ge=1, le=100)]


class RolloutPages:
    """What the forms of roll-outs share."""

    def __init__(self, kit: PhoneKit) -> None:
        self.kit = kit
        self.rollouts = kit.parts.policies.rollouts

    async def show(
        self, asked: Asked, query: RolloutsQuery | None = None, told: Failure | None = None
    ) -> Html:
        query, principal = query or RolloutsQuery(), asked.principal
        picture = await self.kit.picture(principal)
        found = await self.rollouts.find(principal, open_only=query.open)
        directory = await self.kit.parts.people.directory(principal)
        return self.kit.show(
            "rollouts.html",
            asked,
            back=f"{HOME}?open=true" if query.open else HOME,
            query=query,
            told=told,
            rollouts=found,
            picture=picture,
            steps=STEPS,
            names={one.id: one.display_name for one in directory.employees},
            may_assign=principal.allows(POLICY_ASSIGN),
        )

    async def do(self, asked: Asked, action: Awaitable[RolloutView], done: str) -> Html | Redirect:
        """Act, and go back to the list; a refusal is told there."""

        async def again(told: Failure) -> Html:
            return await self.show(asked, told=told)

        return await act(action, to=HOME, done=done, language=asked.context.language, again=again)


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the pages."""
    pages = RolloutPages(kit)
    return [_listing(pages), *_going_on(pages), *_ending(pages)]


def _listing(pages: RolloutPages) -> Endpoint:
    @endpoint(
        "GET",
        HOME,
        permission=POLICY_READ,
        summary_zh="灰度发布页",
        summary_en="Page of staged roll-outs",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: RolloutsQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    return listing


def _going_on(pages: RolloutPages) -> list[Endpoint]:
    @endpoint(
        "POST",
        f"{HOME}/{{rollout_id}}/widen",
        permission=POLICY_ASSIGN,
        summary_zh="扩大灰度比例",
        summary_en="Take in more phones",
        kind="page",
    )
    async def widen(
        *, principal: Principal, path: RolloutPath, body: WidenForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        action = pages.rollouts.widen(principal, path.rollout_id, body.share)
        return await pages.do(asked, action, "rollout-widened")

    @endpoint(
        "POST",
        f"{HOME}/{{rollout_id}}/halt",
        permission=POLICY_ASSIGN,
        summary_zh="暂停灰度",
        summary_en="Halt a roll-out",
        kind="page",
    )
    async def halt(
        *, principal: Principal, path: RolloutPath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        return await pages.do(asked, pages.rollouts.halt(principal, path.rollout_id), "rollout-halted")

    @endpoint(
        "POST",
        f"{HOME}/{{rollout_id}}/resume",
        permission=POLICY_ASSIGN,
        summary_zh="继续灰度",
        summary_en="Resume a roll-out",
        kind="page",
    )
    async def resume(
        *, principal: Principal, path: RolloutPath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        return await pages.do(asked, pages.rollouts.resume(principal, path.rollout_id), "rollout-resumed")

    return [widen, halt, resume]


def _ending(pages: RolloutPages) -> list[Endpoint]:
    @endpoint(
        "POST",
        f"{HOME}/{{rollout_id}}/finish",
        permission=POLICY_ASSIGN,
        summary_zh="完成灰度",
        summary_en="Finish a roll-out",
        kind="page",
    )
    async def finish(
        *, principal: Principal, path: RolloutPath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        return await pages.do(asked, pages.rollouts.finish(principal, path.rollout_id), "rollout-finished")

    @endpoint(
        "POST",
        f"{HOME}/{{rollout_id}}/roll-back",
        permission=POLICY_ASSIGN,
        summary_zh="回退灰度",
        summary_en="Roll a roll-out back",
        kind="page",
    )
    async def roll_back(
        *, principal: Principal, path: RolloutPath, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        action = pages.rollouts.roll_back(principal, path.rollout_id)
        return await pages.do(asked, action, "rollout-rolled-back")

    return [finish, roll_back]
