"""Orders to a phone: each says first what it will do; a wipe asks for a fresh proof and a second person."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from pydantic import Field, SecretStr

from core.access.model import Principal
from core.ids import new_id
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, Redirect
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.forms import Failure, FormModel, act
from dashboard.pages.phones.kit import PhoneKit, PhonePath, line_of, names_of
from dashboard.pages.preferences import Seen
from devicepolicy import permissions
from devicepolicy.commands import kinds
from devicepolicy.commands.errors import (
    CommandKeyMismatch,
    CommandTooLate,
    CommandUnknown,
    NotWaiting,
    OrderInvalid,
    OwnCommand,
    PhoneNotManaged,
    PhoneUnknown,
    WipesExhausted,
)
from devicepolicy.commands.kinds import CommandKind, Order, PasswordFlag, WipeFlag
from devicepolicy.commands.model import NewCommand
from devicepolicy.commands.schemas import ClearAppsParamsIn
from devicepolicy.devices.errors import DeviceNotFound

_ISSUING = (PhoneUnknown, PhoneNotManaged, CommandKeyMismatch, OrderInvalid)


class SimpleOrder(StrEnum):
    """Orders that one person may give."""

    LOCK = "lock"
    UNLOCK = "unlock"
    REBOOT = "reboot"
    LOST = "lost"
    FOUND = "found"
    INFO = "info"
    CLEAR = "clear"
    PASSWORD = "password"  # noqa: S105 - a word in an address


class OrderPath(ApiModel):
    device_id: IdStr
    order: SimpleOrder


class CommandPath(ApiModel):
    device_id: IdStr
    command_id: IdStr


class OrderForm(FormModel):
    """What an order needs; the key makes a form that is sent twice one order."""

    key: IdStr
    reason: Annotated[str, Field(max_length=300)] = ""
    message: Annotated[str, Field(max_length=1000)] = ""
    contact: Annotated[str, Field(max_length=100)] = ""
    packages: Annotated[str, Field(max_length=10_000)] = ""
    password: Annotated[SecretStr, Field(max_length=128)] = SecretStr("")
    lock_now: bool = False
    external_storage: bool = False
    keep_protection: bool = False

    def new(self, device_id: str, order: Order) -> NewCommand:
        return NewCommand(device_id, order, reason=self.reason, idempotency_key=self.key)

    def order(self, which: SimpleOrder) -> Order:
        """Give the order; raise `OrderInvalid` where something is missing."""
        if which is SimpleOrder.LOST:
            return self._lost()
        if which is SimpleOrder.CLEAR:
            return self._clear()
        if which is SimpleOrder.PASSWORD:
            return self._password()
        if which is SimpleOrder.INFO:
            return kinds.RequestDeviceInfo()
        return _PLAIN[which]

    def wipe(self) -> Order:
        flags = {
            WipeFlag.WIPE_EXTERNAL_STORAGE: self.external_storage,
            WipeFlag.PRESERVE_RESET_PROTECTION_DATA: self.keep_protection,
        }
        return kinds.Wipe(frozenset(flag for flag, given in flags.items() if given))

    def _lost(self) -> Order:
        message = kinds.Message(self.message) if self.message else None
        number = kinds.Message(self.contact) if self.contact else None
        if message is None and number is None:
            raise OrderInvalid(
                "Say on the screen what a finder is to do.", detail_zh="请写明捡到手机的人应当怎么做。"
            )
        return kinds.StartLostMode(message=message, phone_number=number)

    def _clear(self) -> Order:
        try:
            return kinds.ClearAppData(
                tuple(ClearAppsParamsIn.model_validate({"packageNames": self.packages.split()}).package_names)
            )
        except ValueError:
            raise OrderInvalid(
                "One package name a line, such as com.tencent.mm.",
                detail_zh="每行一个应用包名，例如 com.tencent.mm。",
            ) from None

    def _password(self) -> Order:
        password = self.password.get_secret_value()
        if len(password) < 6:
            raise OrderInvalid("At least 6 characters.", detail_zh="新密码至少 6 位。")
        flags = {PasswordFlag.LOCK_NOW} if self.lock_now else set()
        return kinds.ResetPassword(password, frozenset(flags))


_PLAIN = {
    SimpleOrder.LOCK: kinds.LOCK,
    SimpleOrder.UNLOCK: kinds.UNLOCK,
    SimpleOrder.REBOOT: kinds.REBOOT,
    SimpleOrder.FOUND: kinds.STOP_LOST_MODE,
}
NAME_OF = {
    CommandKind.LOCK: "lock",
    CommandKind.UNLOCK: "unlock",
    CommandKind.REBOOT: "reboot",
    CommandKind.START_LOST_MODE: "lost",
    CommandKind.STOP_LOST_MODE: "found",
    CommandKind.REQUEST_DEVICE_INFO: "info",
    CommandKind.CLEAR_APP_DATA: "clear",
    CommandKind.RESET_PASSWORD: "password",
    CommandKind.WIPE: "wipe",
    CommandKind.RELINQUISH_OWNERSHIP: "relinquish",
}


_PLACES = {name: name for name in ("wipe", "relinquish", "reject", "release")}


class AskPages:
    """The page that asks before an act: what it does, and what it needs to know."""

    def __init__(self, kit: PhoneKit) -> None:
        self.kit = kit

    async def show(
        self,
        asked: Asked,
        device_id: str,
        name: str,
        *,
        told: Failure | None = None,
        given: OrderForm | None = None,
    ) -> Html:
        """Ask about the act `name`; `given` is what was typed."""
        parts = self.kit.parts
        detail = await parts.fleet.queries.detail(asked.principal, device_id)
        directory = await parts.people.directory(asked.principal)
        return self.kit.show(
            "ask.html",
            asked,
            told=told,
            phone=line_of(detail.view, directory, names_of(directory)),
            name=name,
            limits=parts.settings.phones.commands,
            address=f"/phones/{device_id}/{_PLACES.get(name, 'order/' + name)}",
            back=f"/phones/{device_id}",
            given=given or OrderForm(key=new_id()),
        )


def endpoints(kit: PhoneKit) -> list[Endpoint]:
    """Give the questions and the acts."""
    pages = AskPages(kit)
    return [*_wipe(pages), *_relinquish(pages), *_deciding(kit), *_simple(pages)]


async def _send(
    pages: AskPages, asked: Asked, device_id: str, name: str, body: OrderForm, order: Callable[[], Order]
) -> Html | Redirect:
    """Order it, or ask again with what went wrong; what was typed stays."""

    async def again(told: Failure) -> Html:
        return await pages.show(asked, device_id, name, told=told, given=body)

    async def issue() -> None:
        await pages.kit.parts.commands.service.issue(asked.principal, body.new(device_id, order()))

    done = "phone.wipe-asked" if name == "wipe" else "phone.ordered"
    to = f"/phones/{device_id}#orders"
    return await act(issue(), to=to, done=done, language=asked.context.language, again=again)


def _simple(pages: AskPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/phones/{device_id}/order/{order}",
        permission=permissions.COMMAND_ISSUE,
        summary_zh="下达手机指令前的确认页",
        summary_en="Page that asks before a phone is ordered",
        errors=(DeviceNotFound,),
        kind="page",
    )
    async def ask(*, principal: Principal, path: OrderPath, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), path.device_id, path.order.value)

    @endpoint(
        "POST",
        "/phones/{device_id}/order/{order}",
        permission=permissions.COMMAND_ISSUE,
        summary_zh="下达手机指令",
        summary_en="Order a phone",
        errors=_ISSUING,
        kind="page",
    )
    async def send(
        *, principal: Principal, path: OrderPath, body: OrderForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        name = path.order.value
        return await _send(pages, asked, path.device_id, name, body, lambda: body.order(path.order))

    return [ask, send]


def _wipe(pages: AskPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/phones/{device_id}/wipe",
        permission=permissions.COMMAND_WIPE,
        summary_zh="擦除手机前的确认页",
        summary_en="Page that asks before a wipe is asked for",
        errors=(DeviceNotFound,),
        step_up=True,
        kind="page",
    )
    async def ask(*, principal: Principal, path: PhonePath, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), path.device_id, "wipe")

    @endpoint(
        "POST",
        "/phones/{device_id}/wipe",
        permission=permissions.COMMAND_WIPE,
        summary_zh="提出擦除手机（须第二人批准）",
        summary_en="Ask for a phone to be wiped (a second person must approve)",
        errors=(*_ISSUING, WipesExhausted),
        step_up=True,
        kind="page",
    )
    async def send(
        *, principal: Principal, path: PhonePath, body: OrderForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        return await _send(pages, asked, path.device_id, "wipe", body, body.wipe)

    return [ask, send]


def _relinquish(pages: AskPages) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/phones/{device_id}/relinquish",
        permission=permissions.COMMAND_RELINQUISH,
        summary_zh="解除管理前的确认页",
        summary_en="Page that asks before a phone is relinquished",
        errors=(DeviceNotFound,),
        step_up=True,
        kind="page",
    )
    async def ask(*, principal: Principal, path: PhonePath, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), path.device_id, "relinquish")

    @endpoint(
        "POST",
        "/phones/{device_id}/relinquish",
        permission=permissions.COMMAND_RELINQUISH,
        summary_zh="让手机交出管理权（不擦除）",
        summary_en="Let a phone give up its management (nothing is wiped)",
        errors=_ISSUING,
        step_up=True,
        kind="page",
    )
    async def send(
        *, principal: Principal, path: PhonePath, body: OrderForm, context: RequestContext, headers: Seen
    ) -> Html | Redirect:
        asked = Asked(principal, context, headers)
        return await _send(
            pages, asked, path.device_id, "relinquish", body, lambda: kinds.RELINQUISH_OWNERSHIP
        )

    return [ask, send]


class DecideForm(FormModel):
    reason: Annotated[str, Field(max_length=300)] = ""


def _deciding(kit: PhoneKit) -> list[Endpoint]:
    service = kit.parts.commands.service

    @endpoint(
        "POST",
        "/phones/{device_id}/orders/{command_id}/approve",
        permission=permissions.COMMAND_APPROVE,
        summary_zh="批准擦除",
        summary_en="Approve a wipe",
        errors=(CommandUnknown, OwnCommand, NotWaiting, WipesExhausted),
        step_up=True,
        kind="page",
    )
    async def approve(
        *, principal: Principal, path: CommandPath, body: DecideForm, context: RequestContext
    ) -> Html | Redirect:
        del body
        deciding = service.approve(principal, path.command_id)
        to = f"/phones/{path.device_id}#orders"
        return await act(deciding, to=to, done="phone.wipe-approved", language=context.language)

    @endpoint(
        "POST",
        "/phones/{device_id}/orders/{command_id}/refuse",
        permission=permissions.COMMAND_APPROVE,
        summary_zh="驳回擦除",
        summary_en="Refuse a wipe",
        errors=(CommandUnknown, OwnCommand, NotWaiting),
        kind="page",
    )
    async def refuse(
        *, principal: Principal, path: CommandPath, body: DecideForm, context: RequestContext
    ) -> Html | Redirect:
        deciding = service.refuse(principal, path.command_id, body.reason)
        to = f"/phones/{path.device_id}#orders"
        return await act(deciding, to=to, done="phone.wipe-refused", language=context.language)

    @endpoint(
        "POST",
        "/phones/{device_id}/orders/{command_id}/cancel",
        permission=permissions.COMMAND_ISSUE,
        summary_zh="撤回指令",
        summary_en="Take back a command",
        errors=(CommandUnknown, PhoneUnknown, CommandTooLate),
        kind="page",
    )
    async def cancel(
        *, principal: Principal, path: CommandPath, body: DecideForm, context: RequestContext
    ) -> Html | Redirect:
        del body
        canceling = service.cancel(principal, path.command_id)
        to = f"/phones/{path.device_id}#orders"
        return await act(canceling, to=to, done="phone.canceled", language=context.language)

    return [approve, refuse, cancel]
