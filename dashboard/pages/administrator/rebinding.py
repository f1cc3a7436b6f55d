"""Rebinding: a one-time code lets one named employee take over a phone, or a line with its customers."""

from typing import Annotated

import segno
from pydantic import Field, SecretStr

from core.access.model import Principal
from core.errors import MasklineError
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import DoneQuery, Failure, FormModel, act, failure_of
from dashboard.pages.administrator.unbinding import fit
from dashboard.pages.kit import DeskQuery, Kit
from dashboard.pages.preferences import Seen
from devicepolicy.devices.model import Trust
from devicepolicy.devices.queries import DeviceFilter
from devicepolicy.permissions import DEVICE_READ
from gateway.offboarding.rebinding import FreshCode, RebindRequest, Taken
from gateway.permissions import LINE_READ, REBINDING_REDEEM, REBINDING_WRITE

HOME = "/offboarding/rebind"
TAKE = "/rebind"
CHOICES = 200


class RebindForm(FormModel):
    """Who takes over what, as chosen."""

    employee: IdStr | None = None
    device: IdStr | None = None
    line: IdStr | None = None
    holder: IdStr | None = None


class RebindQuery(RebindForm, DeskQuery):
    """The address of the form."""


class RebindingPath(ApiModel):
    rebinding_id: IdStr


class TakeForm(FormModel):
    code: Annotated[SecretStr, Field(max_length=100)]


class RebindingPages:
    """What the pages of rebinding share."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self.service = kit.parts.offboardings.rebinding

    async def form(
        self,
        asked: Asked,
        given: RebindForm,
        query: DoneQuery | None = None,
        told: Failure | None = None,
    ) -> Html:
        """Render the choice of who takes over what."""
        principal, parts = asked.principal, self.kit.parts
        directory = await parts.people.directory(principal)
        lines = await parts.lines.list(principal) if principal.allows(LINE_READ) else []
        phones = []
        if principal.allows(DEVICE_READ):
            found, _ = await parts.fleet.queries.find(
                principal, DeviceFilter(trust=Trust.TRUSTED), limit=CHOICES
            )
            phones = [one for one in found if one.employee_id is not None]
        return self.kit.show(
            "rebind.html",
            asked,
            back=HOME,
            query=query,
            told=told,
            given=given,
            takers=fit(directory),
            holders=directory.employees,
            names={one.id: one.display_name for one in directory.employees},
            lines=lines,
            phones=phones,
            minutes=parts.settings.offboarding.code_s // 60,
        )

    def code(self, asked: Asked, fresh: FreshCode, name: str) -> Html:
        """Render a code, this once."""
        picture: str = segno.make(fresh.text, micro=False).svg_data_uri(scale=5, border=2, light="white")
        return self.kit.show("rebind_code.html", asked, back=HOME, code=fresh, qr=picture, name=name)

    def take(self, asked: Asked, taken: Taken | None = None, told: Failure | None = None) -> Html:
        """Render the page of who takes over."""
        return self.kit.show("rebind_take.html", asked, back=TAKE, told=told, taken=taken)


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages."""
    pages = RebindingPages(kit)
    return [*_making(pages), *_taking(pages)]


def _making(pages: RebindingPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        HOME,
        permission=REBINDING_WRITE,
        summary_zh="换绑页",
        summary_en="Page to rebind a phone or a line",
        kind="page",
    )
    async def form(
        *, principal: Principal, query: RebindQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.form(Asked(principal, context, headers), query, query)

    @endpoint(
        "POST",
        HOME,
        permission=REBINDING_WRITE,
        step_up=True,
        summary_zh="生成换绑码",
        summary_en="Make a rebinding code",
        kind="page",
    )
    async def create(
        *, principal: Principal, body: RebindForm, context: RequestContext, headers: Seen
    ) -> Html:
        asked = Asked(principal, context, headers)
        try:
            wanted = RebindRequest(body.employee or "", body.device, body.line, body.holder)
            fresh = await pages.service.create(principal, wanted)
        except MasklineError as error:
            return await pages.form(asked, body, told=failure_of(error, context.language))
        taker = await pages.kit.parts.access.employees.get(principal, fresh.employee_id)
        return pages.code(asked, fresh, taker.display_name)

    @endpoint(
        "POST",
        f"{HOME}/{{rebinding_id}}/revoke",
        permission=REBINDING_WRITE,
        summary_zh="作废换绑码",
        summary_en="Revoke a rebinding code",
        kind="page",
    )
    async def revoke(
        *, principal: Principal, path: RebindingPath, context: RequestContext
    ) -> Html | Redirect:
        return await act(
            pages.service.revoke(principal, path.rebinding_id),
            to=HOME,
            done="rebinding-revoked",
            language=context.language,
        )

    return [form, create, revoke]


def _taking(pages: RebindingPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        TAKE,
        permission=REBINDING_REDEEM,
        summary_zh="凭码接手页",
        summary_en="Page to take over with a code",
        kind="page",
    )
    async def form(*, principal: Principal, context: RequestContext, headers: Seen) -> Html:
        return pages.take(Asked(principal, context, headers))

    @endpoint(
        "POST",
        TAKE,
        permission=REBINDING_REDEEM,
        summary_zh="凭码接手",
        summary_en="Take over with a code",
        kind="page",
    )
    async def redeem(*, principal: Principal, body: TakeForm, context: RequestContext, headers: Seen) -> Html:
        asked = Asked(principal, context, headers)
        try:
            taken = await pages.service.redeem(principal, body.code.get_secret_value().strip())
        except MasklineError as error:
            return pages.take(asked, told=failure_of(error, context.language))
        return pages.take(asked, taken)

    return [form, redeem]
