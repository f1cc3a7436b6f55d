"""Phones of a deployment that manages none, and phones in memory for tests and demonstrations."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from core.errors import MasklineError
from core.ids import new_id
from gateway.offboarding.errors import PhoneUnknown
from gateway.offboarding.ports import OrderState, Phone, PhoneOrder


class NoPhones:
    """Nobody has a managed phone (`gateway.offboarding.ports.PhoneFreezer`)."""

    async def phones(self, session: AsyncSession, employee_id: str) -> Sequence[Phone]:
        del session, employee_id
        return ()

    async def phone(self, session: AsyncSession, device_id: str) -> Phone | None:
        del session, device_id
        return None

    async def freeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        del session, device_id, by
        raise PhoneUnknown

    async def unfreeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        del session, device_id, by
        raise PhoneUnknown

    async def ask_wipe(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        del session, device_id, by
        raise PhoneUnknown

    async def cancel(self, session: AsyncSession, order_id: str, *, by: str) -> bool:
        del session, order_id, by
        return False

    async def order(self, session: AsyncSession, order_id: str) -> PhoneOrder:
        del session, order_id
        return PhoneOrder(OrderState.FAILED, "phone-unknown")

    async def assign(self, session: AsyncSession, device_id: str, employee_id: str, *, by: str) -> None:
        del session, device_id, employee_id, by
        raise PhoneUnknown


@dataclass
class PhoneInMemory:
    """A phone that knows only what it was told. `online` False: orders wait."""

    device_id: str
    employee_id: str | None
    online: bool = True
    frozen: bool = False
    wiped: bool = False


@dataclass
class InMemoryPhones:
    """A twin of the phones' wing. It knows no transaction: a rolled back order stays given.

    `fault` is raised by every new order while it is set.
    """

    known: dict[str, PhoneInMemory] = field(default_factory=dict)
    orders: dict[str, tuple[str, str, PhoneOrder]] = field(default_factory=dict)
    fault: MasklineError | None = None

    def add(self, device_id: str, employee_id: str, *, online: bool = True) -> PhoneInMemory:
        """Enrol a phone."""
        self.known[device_id] = PhoneInMemory(device_id, employee_id, online)
        return self.known[device_id]

    def settle(self, order_id: str, order: PhoneOrder) -> None:
        """Say how an order ended, as the wing would."""
        kind, device_id, _ = self.orders[order_id]
        self.orders[order_id] = kind, device_id, order
        if order.state is OrderState.DONE:
            self._carry_out(kind, self.known[device_id])

    def given(self, kind: str) -> list[str]:
        """Give the ids of the orders of a kind, first to last."""
        return [order_id for order_id, (name, _, _) in self.orders.items() if name == kind]

    async def phones(self, session: AsyncSession, employee_id: str) -> Sequence[Phone]:
        del session
        return [
            Phone(one.device_id, one.employee_id, one.online)
            for one in self.known.values()
            if one.employee_id == employee_id
        ]

    async def phone(self, session: AsyncSession, device_id: str) -> Phone | None:
        del session
        one = self.known.get(device_id)
        return None if one is None else Phone(one.device_id, one.employee_id, one.online)

    async def freeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        del session, by
        return self._give("freeze", device_id)

    async def unfreeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        del session, by
        return self._give("unfreeze", device_id)

    async def ask_wipe(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        del session, by
        return self._give("wipe", device_id)

    async def cancel(self, session: AsyncSession, order_id: str, *, by: str) -> bool:
        del session, by
        kind, device_id, order = self.orders[order_id]
        if order.state is not OrderState.WAITING:
            return False
        self.orders[order_id] = kind, device_id, PhoneOrder(OrderState.FAILED, "cancelled")
        return True

    async def order(self, session: AsyncSession, order_id: str) -> PhoneOrder:
        """Carry an order out if the phone is there; a wipe waits for `settle`."""
        del session
        kind, device_id, order = self.orders[order_id]
        if order.state is OrderState.WAITING and kind != "wipe" and self.known[device_id].online:
            order = PhoneOrder(OrderState.DONE)
            self.settle(order_id, order)
        return order

    async def assign(self, session: AsyncSession, device_id: str, employee_id: str, *, by: str) -> None:
        del session, by
        self.known[device_id].employee_id = employee_id

    def _give(self, kind: str, device_id: str) -> str:
        if self.fault is not None:
            raise self.fault
        reason = "awaiting-approval" if kind == "wipe" else None
        if kind != "wipe" and not self.known[device_id].online:
            reason = "device-offline"
        order_id = new_id()
        self.orders[order_id] = kind, device_id, PhoneOrder(OrderState.WAITING, reason)
        return order_id

    def _carry_out(self, kind: str, phone: PhoneInMemory) -> None:
        if kind == "wipe":
            phone.wiped = True
        else:
            phone.frozen = kind == "freeze"
