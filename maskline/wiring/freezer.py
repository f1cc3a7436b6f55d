"""The phones' wing as unbinding sees it: freezing is a lock that lasts, wiping asks for a second person."""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.commands.kinds import CommandKind, ErrorCode, Order, Plain, Wipe, WipeFlag
from devicepolicy.commands.machine import Approval, Cause, CommandState
from devicepolicy.commands.model import NewCommand
from devicepolicy.commands.models import CommandRow
from devicepolicy.commands.service import CommandService
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow
from gateway.offboarding.ports import OrderState, Phone, PhoneOrder

_NO_USE_IN_ASKING_AGAIN = frozenset(
    {ErrorCode.API_LEVEL, ErrorCode.MANAGEMENT_MODE, ErrorCode.INVALID_VALUE, ErrorCode.UNSUPPORTED}
)
_A_PERSON_SAID_NO = frozenset({Cause.APPROVAL_REFUSED, Cause.APPROVAL_LATE})
_REASONS = {
    CommandKind.LOCK: "离职解绑：冻结 / unbinding: freeze",
    CommandKind.UNLOCK: "撤销解绑或换绑：解冻 / undone or rebound: unfreeze",
    CommandKind.WIPE: "离职解绑：擦除 / unbinding: wipe",
}


class PhoneGiver(Protocol):
    """Gives a phone to somebody else; `devicepolicy.enrolment.service.EnrolmentService` is the real one."""

    async def assign_in(
        self, session: AsyncSession, device_id: str, employee_id: str | None, *, by: str | None
    ) -> None: ...


class FleetFreezer:
    """`gateway.offboarding.ports.PhoneFreezer` over the commands and the register of phones."""

    def __init__(self, commands: CommandService, giver: PhoneGiver) -> None:
        self._commands = commands
        self._giver = giver

    async def phones(self, session: AsyncSession, employee_id: str) -> Sequence[Phone]:
        query = (
            select(DeviceRow)
            .where(DeviceRow.employee_id == employee_id, DeviceRow.trust == Trust.TRUSTED)
            .order_by(DeviceRow.id)
        )
        return [_phone(row) for row in await session.scalars(query.with_for_update())]

    async def phone(self, session: AsyncSession, device_id: str) -> Phone | None:
        row = await session.get(DeviceRow, device_id, with_for_update=True, populate_existing=True)
        return None if row is None or row.trust is not Trust.TRUSTED else _phone(row)

    async def freeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        return await self._issue(session, device_id, Plain(CommandKind.LOCK), by)

    async def unfreeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        return await self._issue(session, device_id, Plain(CommandKind.UNLOCK), by)

    async def ask_wipe(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        order = Wipe(frozenset({WipeFlag.WIPE_EXTERNAL_STORAGE}))
        return await self._issue(session, device_id, order, by)

    async def cancel(self, session: AsyncSession, order_id: str, *, by: str) -> bool:
        return await self._commands.cancel_in(session, order_id, by=by)

    async def order(self, session: AsyncSession, order_id: str) -> PhoneOrder:
        row = await session.get(CommandRow, order_id, populate_existing=True)
        if row is None:
            return PhoneOrder(OrderState.FAILED, "command-unknown")
        device = await session.get(DeviceRow, row.device_id)
        return order_of(row, offline=device is None or device.offline)

    async def assign(self, session: AsyncSession, device_id: str, employee_id: str, *, by: str) -> None:
        await self._giver.assign_in(session, device_id, employee_id, by=by)

    async def _issue(self, session: AsyncSession, device_id: str, order: Order, by: str) -> str:
        new = NewCommand(device_id, order, reason=_REASONS[order.kind])
        return (await self._commands.issue_in(session, new, issued_by=by)).id


def order_of(row: CommandRow, *, offline: bool) -> PhoneOrder:
    """Say in unbinding's words how a command stands."""
    if row.state is CommandState.SUCCEEDED:
        return PhoneOrder(OrderState.DONE)
    if row.finished_at is None:
        return PhoneOrder(OrderState.WAITING, _waits_for(row, offline=offline))
    if row.cause in _A_PERSON_SAID_NO:
        return PhoneOrder(OrderState.REFUSED, row.cause.value if row.cause else None)
    reason = (row.error or row.cause or row.state).value.lower()
    state = OrderState.REFUSED if row.error in _NO_USE_IN_ASKING_AGAIN else OrderState.FAILED
    return PhoneOrder(state, reason)


def _waits_for(row: CommandRow, *, offline: bool) -> str:
    """Say what keeps an open command; it counts as sent only once the phone has fetched it."""
    if row.approval is Approval.WAITING:
        return "awaiting-approval"
    if offline:
        return "device-offline"
    return "queued" if row.state is CommandState.QUEUED else "sent"


def _phone(row: DeviceRow) -> Phone:
    return Phone(row.id, row.employee_id, row.last_seen_at is not None and not row.offline)
