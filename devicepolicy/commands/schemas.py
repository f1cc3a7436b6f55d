"""Commands at the HTTP edge: orders in the shape of AMAPI, and commands as administrators see them."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from devicepolicy.commands import kinds
from devicepolicy.commands.kinds import CommandKind, DeviceInfo, ErrorCode, PasswordFlag, WipeFlag
from devicepolicy.commands.machine import Approval, Cause, CommandState
from devicepolicy.commands.model import CommandDetail, CommandView, NewCommand

Text = Annotated[str, Field(min_length=1, max_length=1000)]
Package = Annotated[str, Field(max_length=255, pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$")]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Key = Annotated[str, Field(min_length=1, max_length=128)]
Validity = Annotated[int, Field(ge=30, le=31_536_000, description="seconds")]


class AmapiModel(ApiModel):
    """Named as in the Android Management API."""

    model_config = ConfigDict(alias_generator=to_camel)


class MessageIn(AmapiModel):
    """AMAPI `UserFacingMessage`."""

    default_message: Text
    localized_messages: dict[Locale, Text] = Field(default={}, max_length=20)

    def message(self) -> kinds.Message:
        return kinds.Message(self.default_message, dict(self.localized_messages))


def _message(given: MessageIn | None) -> kinds.Message | None:
    return None if given is None else given.message()


class PlainIn(AmapiModel):
    """An order without parameters."""

    type: Literal["LOCK", "UNLOCK", "REBOOT", "STOP_LOST_MODE"]

    def order(self) -> kinds.Order:
        return kinds.Plain(CommandKind(self.type))


class ResetPasswordIn(AmapiModel):
    """AMAPI RESET_PASSWORD. An empty password takes the screen lock's password away."""

    type: Literal["RESET_PASSWORD"]
    new_password: SecretStr = Field(max_length=128)
    reset_password_flags: list[PasswordFlag] = Field(default=[], max_length=3)

    def order(self) -> kinds.Order:
        return kinds.ResetPassword(self.new_password.get_secret_value(), frozenset(self.reset_password_flags))


class LostModeParamsIn(AmapiModel):
    """AMAPI `StartLostModeParams`."""

    lost_message: MessageIn | None = None
    lost_phone_number: MessageIn | None = None
    lost_email_address: str = Field(default="", max_length=254)
    lost_street_address: MessageIn | None = None
    lost_organization: MessageIn | None = None


class StartLostModeIn(AmapiModel):
    """AMAPI START_LOST_MODE."""

    type: Literal["START_LOST_MODE"]
    start_lost_mode_params: LostModeParamsIn

    def order(self) -> kinds.Order:
        params = self.start_lost_mode_params
        return kinds.StartLostMode(
            message=_message(params.lost_message),
            phone_number=_message(params.lost_phone_number),
            email_address=params.lost_email_address,
            street_address=_message(params.lost_street_address),
            organization=_message(params.lost_organization),
        )


class ClearAppsParamsIn(AmapiModel):
    """AMAPI `ClearAppsDataParams`."""

    package_names: list[Package] = Field(min_length=1, max_length=100)


class ClearAppDataIn(AmapiModel):
    """AMAPI CLEAR_APP_DATA."""

    type: Literal["CLEAR_APP_DATA"]
    clear_apps_data_params: ClearAppsParamsIn

    def order(self) -> kinds.Order:
        return kinds.ClearAppData(tuple(self.clear_apps_data_params.package_names))


class DeviceInfoParamsIn(AmapiModel):
    """AMAPI `RequestDeviceInfoParams`; STATUS_REPORT is ours."""

    device_info: DeviceInfo = DeviceInfo.STATUS_REPORT


class RequestDeviceInfoIn(AmapiModel):
    """AMAPI REQUEST_DEVICE_INFO."""

    type: Literal["REQUEST_DEVICE_INFO"]
    request_device_info_params: DeviceInfoParamsIn = DeviceInfoParamsIn()

    def order(self) -> kinds.Order:
        return kinds.RequestDeviceInfo(self.request_device_info_params.device_info)


OrderIn = Annotated[
    PlainIn | ResetPasswordIn | StartLostModeIn | ClearAppDataIn | RequestDeviceInfoIn,
    Field(discriminator="type"),
]


class WipeParamsIn(AmapiModel):
    """AMAPI `WipeParams`."""

    wipe_data_flags: list[WipeFlag] = Field(default=[], max_length=3)
    wipe_reason: MessageIn | None = None


class DevicePath(ApiModel):
    device_id: IdStr


class CommandPath(ApiModel):
    command_id: IdStr


class _Issue(ApiModel):
    """The same idempotency key gives the same command again."""

    validity_s: Validity | None = None
    reason: str = Field(default="", max_length=300)
    idempotency_key: Key | None = None

    def new(self, device_id: str, order: kinds.Order) -> NewCommand:
        return NewCommand(device_id, order, self.validity_s, self.reason, self.idempotency_key)


class CommandIssue(_Issue):
    """An order to a phone."""

    order: OrderIn


class WipeIssue(_Issue):
    """A wipe. `reason` is for the second person; AMAPI's `wipeReason` is shown on the phone."""

    wipe_params: WipeParamsIn = Field(default=WipeParamsIn(), alias="wipeParams")

    def wipe(self) -> kinds.Wipe:
        return kinds.Wipe(frozenset(self.wipe_params.wipe_data_flags), _message(self.wipe_params.wipe_reason))


class RelinquishIssue(_Issue):
    """Release the phone from management, its data untouched."""


class RefuseBody(ApiModel):
    reason: str = Field(default="", max_length=300)


class CommandListQuery(PageQuery):
    device_id: IdStr | None = None
    kind: CommandKind | None = None
    state: CommandState | None = None
    waiting: bool = False


class CommandOut(ApiModel):
    """A command. Its parameters are in the single view."""

    id: str
    device_id: str
    seq: int | None
    kind: CommandKind
    state: CommandState
    approval: Approval
    approve_by: AwareDatetime | None
    employee_id: str | None
    department_id: str | None
    issued_by: str | None
    issued_at: AwareDatetime
    validity_s: int
    released_at: AwareDatetime | None
    expires_at: AwareDatetime | None
    deliveries: int
    delivered_at: AwareDatetime | None
    acked_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    asked: int
    cause: Cause | None
    error: ErrorCode | None

    @classmethod
    def of(cls, view: CommandView) -> "CommandOut":
        return cls.model_validate(view)


class CommandEventOut(ApiModel):
    at: AwareDatetime
    kind: str
    state: CommandState
    code: str | None
    by: str | None


class DecisionOut(ApiModel):
    decided_by: str
    decided_at: AwareDatetime
    approved: bool
    reason: str


class CommandDetailOut(ApiModel):
    """A command with its history. A password is not in `parameters`."""

    command: CommandOut
    parameters: dict[str, object] | None
    reason: str
    decision: DecisionOut | None
    events: list[CommandEventOut]
    status: dict[str, object] | None

    @classmethod
    def of(cls, detail: CommandDetail) -> "CommandDetailOut":
        return cls(
            command=CommandOut.of(detail.command),
            parameters=None if detail.parameters is None else dict(detail.parameters),
            reason=detail.reason,
            decision=DecisionOut.model_validate(detail.decision) if detail.decision else None,
            events=[CommandEventOut.model_validate(event) for event in detail.events],
            status=None if detail.status is None else dict(detail.status),
        )
