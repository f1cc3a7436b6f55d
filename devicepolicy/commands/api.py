"""Commands over HTTP, for administrators."""

from core.access.model import Principal
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import Page
from devicepolicy import permissions
from devicepolicy.commands import kinds
from devicepolicy.commands.build import Commands
from devicepolicy.commands.errors import (
    CommandKeyMismatch,
    CommandTooLate,
    CommandUnknown,
    NotWaiting,
    OwnCommand,
    PhoneNotManaged,
    PhoneUnknown,
    WipesExhausted,
)
from devicepolicy.commands.schemas import (
    CommandDetailOut,
    CommandIssue,
    CommandListQuery,
    CommandOut,
    CommandPath,
    DevicePath,
    RefuseBody,
    RelinquishIssue,
    WipeIssue,
)

_TAGS = ("phones",)
_ISSUING = (PhoneUnknown, PhoneNotManaged, CommandKeyMismatch)


def endpoints(commands: Commands) -> list[Endpoint]:
    """Give the endpoints of issuing, deciding and reading."""
    return [*_issuing(commands), *_deciding(commands), *_reading(commands)]


def _issuing(commands: Commands) -> list[Endpoint]:
    service = commands.service

    @endpoint(
        "POST",
        "/devices/{device_id}/commands",
        permission=permissions.COMMAND_ISSUE,
        status=201,
        summary_zh="向手机下达指令",
        summary_en="Command a phone",
        errors=_ISSUING,
        tags=_TAGS,
    )
    async def issue(*, principal: Principal, path: DevicePath, body: CommandIssue) -> CommandOut:
        new = body.new(path.device_id, body.order.order())
        return CommandOut.of(await service.issue(principal, new))

    @endpoint(
        "POST",
        "/devices/{device_id}/wipe",
        permission=permissions.COMMAND_WIPE,
        status=201,
        summary_zh="提出擦除手机（须第二人批准）",
        summary_en="Ask for a phone to be wiped (a second person must approve)",
        errors=(*_ISSUING, WipesExhausted),
        step_up=True,
        tags=_TAGS,
    )
    async def wipe(*, principal: Principal, path: DevicePath, body: WipeIssue) -> CommandOut:
        return CommandOut.of(await service.issue(principal, body.new(path.device_id, body.wipe())))

    @endpoint(
        "POST",
        "/devices/{device_id}/relinquish",
        permission=permissions.COMMAND_RELINQUISH,
        status=201,
        summary_zh="解除手机管理（不擦除）",
        summary_en="Release a phone from management (nothing is wiped)",
        errors=_ISSUING,
        step_up=True,
        tags=_TAGS,
    )
    async def relinquish(*, principal: Principal, path: DevicePath, body: RelinquishIssue) -> CommandOut:
        new = body.new(path.device_id, kinds.RELINQUISH_OWNERSHIP)
        return CommandOut.of(await service.issue(principal, new))

    return [issue, wipe, relinquish]


def _deciding(commands: Commands) -> list[Endpoint]:
    service = commands.service

    @endpoint(
        "POST",
        "/commands/{command_id}/approve",
        permission=permissions.COMMAND_APPROVE,
        summary_zh="批准擦除",
        summary_en="Approve a wipe",
        errors=(CommandUnknown, OwnCommand, NotWaiting, WipesExhausted),
        step_up=True,
        tags=_TAGS,
    )
    async def approve(*, principal: Principal, path: CommandPath) -> CommandOut:
        return CommandOut.of(await service.approve(principal, path.command_id))

    @endpoint(
        "POST",
        "/commands/{command_id}/refuse",
        permission=permissions.COMMAND_APPROVE,
        summary_zh="驳回擦除",
        summary_en="Refuse a wipe",
        errors=(CommandUnknown, OwnCommand, NotWaiting),
        tags=_TAGS,
    )
    async def refuse(*, principal: Principal, path: CommandPath, body: RefuseBody) -> CommandOut:
        return CommandOut.of(await service.refuse(principal, path.command_id, body.reason))

    @endpoint(
        "POST",
        "/commands/{command_id}/cancel",
        permission=permissions.COMMAND_ISSUE,
        summary_zh="撤回尚未被手机确认的指令",
        summary_en="Take back a command that the phone has not acknowledged",
        errors=(CommandUnknown, PhoneUnknown, CommandTooLate),
        tags=_TAGS,
    )
    async def cancel(*, principal: Principal, path: CommandPath) -> CommandOut:
        return CommandOut.of(await service.cancel(principal, path.command_id))

    return [approve, refuse, cancel]


def _reading(commands: Commands) -> list[Endpoint]:
    queries = commands.queries

    @endpoint(
        "GET",
        "/commands",
        permission=permissions.COMMAND_READ,
        summary_zh="指令列表",
        summary_en="List commands",
        tags=_TAGS,
    )
    async def listing(*, principal: Principal, query: CommandListQuery) -> Page[CommandOut]:
        views, following = await queries.listing(
            principal,
            device_id=query.device_id,
            kind=query.kind,
            state=query.state,
            waiting=query.waiting,
            cursor=query.cursor,
            limit=query.limit,
        )
        return Page(items=[CommandOut.of(view) for view in views], next_cursor=following)

    @endpoint(
        "GET",
        "/commands/{command_id}",
        permission=permissions.COMMAND_READ,
        summary_zh="一条指令及其经过",
        summary_en="One command with its history",
        errors=(CommandUnknown,),
        tags=_TAGS,
    )
    async def one(*, principal: Principal, path: CommandPath) -> CommandDetailOut:
        return CommandDetailOut.of(await queries.one(principal, path.command_id))

    return [listing, one]
