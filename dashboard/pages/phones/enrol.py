"""Enrolment: for whom, under which policy; then a code to scan, shown once, and the phones that come in."""

import base64
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import DoneQuery, Failure, FormModel, act, failure_of
from dashboard.pages.kit import tree
from dashboard.pages.phones.kit import PhoneKit, claims_of, line_of, names_of
from dashboard.pages.preferences import Seen
from devicepolicy.devices.errors import HolderInvalid
from devicepolicy.devices.model import Trust
from devicepolicy.devices.queries import DeviceFilter
from devicepolicy.enrolment.errors import TokenInvalid, TokenUnknown
from devicepolicy.enrolment.model import IssuedToken, NewToken
from devicepolicy.enrolment.provisioning import qr_svg
from devicepolicy.enrolment.schemas import TokenCreate
from devicepolicy.permissions import DEVICE_ENROL, DEVICE_WRITE, POLICY_READ

VALIDITIES = (900, 3600, 86_400, 604_800)
LATELY = 5
TOKENS_SHOWN = 10
_PENDING = DeviceFilter(trust=Trust.PENDING)
_TRUSTED = DeviceFilter(trust=Trust.TRUSTED)


class TokenPath(ApiModel):
    enrolment_token_id: IdStr


class RevokeForm(FormModel):
    """Nothing is asked: the address says which."""


class EnrolForm(FormModel):
    """An invitation as typed."""

    name: Annotated[str, Field(max_length=100)] = ""
    department: IdStr | None = None
    employee: IdStr | None = None
    policy: IdStr | None = None
    validity_s: Annotated[int, Field(ge=60, le=31_536_000)] = 3600
    approves: bool = False
    ssid: Annotated[str, Field(max_length=32)] = ""
    wifi_password: Annotated[SecretStr, Field(max_length=63)] = SecretStr("")
    security: Literal["NONE", "WPA", "WEP"] = "WPA"
    hidden: bool = False
    mobile_data: bool = False
    leave_apps: bool = False

    def wish(self, time_zone: str) -> NewToken:
        """Give what the service takes; raise `TokenInvalid` where it is not acceptable."""
        wifi = None
        if self.ssid:
            password = self.wifi_password.get_secret_value() or None
            wifi = {
                "ssid": self.ssid,
                "password": password,
                "security": self.security,
                "hidden": self.hidden,
            }
        told = {
            "name": self.name.strip(),
            "employee_id": self.employee,
            "department_id": self.department,
            "policy_id": self.policy,
            "validity_s": self.validity_s,
            "approves": self.approves,
            "wifi": wifi,
            "locale": "zh_CN",
            "time_zone": time_zone,
            "leave_system_apps": self.leave_apps,
            "use_mobile_data": self.mobile_data,
        }
        try:
            return TokenCreate.model_validate(told).wish()
        except ValidationError:
            raise TokenInvalid(
                "Name the phone, without a phone number in the name.",
                detail_zh="请给手机起一个名字，名字里不要写号码。",
            ) from None


class EnrolPages:
    """What the pages of enrolment share."""

    def __init__(self, kit: PhoneKit) -> None:
        self.kit = kit

    async def show(
        self,
        asked: Asked,
        query: DoneQuery | None = None,
        *,
        told: Failure | None = None,
        given: EnrolForm | None = None,
        issued: IssuedToken | None = None,
    ) -> Html:
        """Render the wizard; with `issued` the code stands where the form was."""
        parts, principal = self.kit.parts, asked.principal
        picture = await self.kit.picture(principal)
        directory = await parts.people.directory(principal)
        names = names_of(directory)
        queries = parts.fleet.queries
        waiting, _ = await queries.find(principal, _PENDING, limit=50)
        lately, _ = await queries.find(principal, _TRUSTED, limit=LATELY)
        tokens, _ = await parts.fleet.tokens.find(principal, limit=TOKENS_SHOWN)
        policies = await parts.policies.service.find(principal) if principal.allows(POLICY_READ) else []
        now = parts.clock.now()
        return self.kit.show(
            "enrol.html",
            asked,
            query=query,
            told=told,
            picture=picture,
            given=given or EnrolForm(),
            issued=issued,
            qr=_picture(issued.text) if issued else None,
            left_s=int((issued.view.expires_at - now).total_seconds()) if issued else 0,
            departments=list(tree(directory.departments)),
            employees=directory.employees,
            paths={place.id: place.path for place in directory.departments},
            policies=[policy for policy in policies if policy.latest is not None],
            policy_names={policy.id: policy.name for policy in policies},
            validities=VALIDITIES,
            terms=parts.fleet.consent.current(),
            installs=parts.settings.phones.enrolment.agent_url is not None,
            waiting=[line_of(view, directory, names) for view in waiting],
            claims=await claims_of(self.kit, principal, waiting),
            directory=directory,
            lately=[line_of(view, directory, names) for view in lately],
            tokens=tokens,
            names=names,
            may_write=principal.allows(DEVICE_WRITE),
        )


def _picture(text: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(qr_svg(text).encode()).decode()}"


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the wizard and its acts."""
    pages = EnrolPages(kit)
    tokens = kit.parts.fleet.tokens

    @endpoint(
        "GET",
        "/phones/enrol",
        permission=DEVICE_ENROL,
        summary_zh="手机登记页",
        summary_en="Page of enrolment",
        kind="page",
    )
    async def show(*, principal: Principal, query: DoneQuery, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "POST",
        "/phones/enrol",
        permission=DEVICE_ENROL,
        summary_zh="发放登记二维码",
        summary_en="Issue an enrolment code",
        errors=(HolderInvalid, TokenInvalid),
        kind="page",
    )
    async def issue(*, principal: Principal, body: EnrolForm, context: RequestContext, headers: Seen) -> Html:
        asked = Asked(principal, context, headers)
        try:
            issued = await tokens.issue(principal, body.wish(kit.parts.settings.timezone))
        except (HolderInvalid, TokenInvalid) as error:
            return await pages.show(asked, told=failure_of(error, context.language), given=body)
        return await pages.show(asked, issued=issued)

    @endpoint(
        "POST",
        "/phones/enrol/{enrolment_token_id}/revoke",
        permission=DEVICE_ENROL,
        summary_zh="作废登记二维码",
        summary_en="Revoke an enrolment code",
        errors=(TokenUnknown,),
        kind="page",
    )
    async def revoke(
        *, principal: Principal, path: TokenPath, body: RevokeForm, context: RequestContext
    ) -> Html | Redirect:
        del body
        revoking = tokens.revoke(principal, path.enrolment_token_id)
        return await act(revoking, to="/phones/enrol", done="phone.revoked", language=context.language)

    return [show, issue, revoke]
