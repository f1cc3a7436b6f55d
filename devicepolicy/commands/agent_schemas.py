"""What agents send and get about commands."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from core.web.schema import ApiModel, IdStr
from devicepolicy.commands.kinds import ErrorCode
from devicepolicy.commands.machine import CommandState
from devicepolicy.commands.model import Told
from devicepolicy.commands.schemas import AmapiModel, Package

Seq = Annotated[int, Field(ge=0, le=2**53)]


class PullQuery(ApiModel):
    """`after`: the highest number that the phone has acknowledged and still keeps; 0 if it lost them."""

    after: Seq = 0


class CommandsOut(ApiModel):
    """Signed commands in order of their numbers. An id in `results_wanted` waits for its result.

    Each token is a JWS whose `doc` holds `command_id`, `type` and the parameters of AMAPI. Do not begin
    before the acknowledgement was answered. A wanted command that the phone does not know and whose token is
    not here is answered with FAILED, UNKNOWN.
    """

    commands: list[str]
    results_wanted: list[str]
    last_seq: int
    more: bool
    server_time: AwareDatetime


class AckBody(ApiModel):
    """The phone keeps every command up to this number."""

    up_to: Seq


class AckOut(ApiModel):
    """What may begin now, in this order, and nothing else of what was acknowledged."""

    begin: list[str]
    server_time: AwareDatetime


class AppCleared(AmapiModel):
    """AMAPI `PerAppResult`."""

    clearing_result: Literal["SUCCESS", "APP_NOT_FOUND", "APP_PROTECTED", "API_LEVEL"]


class ClearAppsStatusIn(AmapiModel):
    """AMAPI `ClearAppsDataStatus`."""

    results: dict[Package, AppCleared] = Field(max_length=100)


class StartLostModeStatusIn(AmapiModel):
    """AMAPI `StartLostModeStatus`."""

    status: Literal[
        "SUCCESS", "RESET_PASSWORD_RECENTLY", "USER_EXIT_LOST_MODE_RECENTLY", "ALREADY_IN_LOST_MODE"
    ]


class StopLostModeStatusIn(AmapiModel):
    """AMAPI `StopLostModeStatus`."""

    status: Literal["SUCCESS", "NOT_IN_LOST_MODE"]


class ChipIn(AmapiModel):
    """AMAPI `EuiccChipInfo`."""

    eid: str = Field(pattern=r"^[0-9]{32}$")


class EidInfoIn(AmapiModel):
    """AMAPI `EidInfo`."""

    euicc_chip_info: list[ChipIn] = Field(default=[], max_length=4)


class DeviceInfoStatusIn(AmapiModel):
    """AMAPI `RequestDeviceInfoStatus`."""

    status: Literal["SUCCEEDED", "PENDING_USER_ACTION", "USER_DECLINED", "UNSUPPORTED"]
    eid_info: EidInfoIn | None = None


class StatusIn(AmapiModel):
    """What AMAPI's `Command` tells beside success: one member, that of the command's type."""

    clear_apps_data_status: ClearAppsStatusIn | None = None
    start_lost_mode_status: StartLostModeStatusIn | None = None
    stop_lost_mode_status: StopLostModeStatusIn | None = None
    request_device_info_status: DeviceInfoStatusIn | None = None


class ResultIn(ApiModel):
    """How one command went. REJECTED: the phone did not try, and `error_code` says why."""

    command_id: IdStr
    state: Literal["SUCCEEDED", "FAILED", "REJECTED"]
    error_code: ErrorCode | None = None
    status: StatusIn | None = None

    def told(self) -> Told:
        status = None
        if self.status is not None:
            status = self.status.model_dump(mode="json", by_alias=True, exclude_none=True)
        return Told(self.command_id, CommandState(self.state), self.error_code, status or None)


class ResultsBody(ApiModel):
    """Results of commands. The same ones may be sent again: nothing changes."""

    results: list[ResultIn] = Field(min_length=1, max_length=100)


class KnownResult(ApiModel):
    """Where a command stands now; null if this phone never got one of that id."""

    command_id: str
    state: CommandState | None


class ResultsOut(ApiModel):
    results: list[KnownResult]
    server_time: AwareDatetime
