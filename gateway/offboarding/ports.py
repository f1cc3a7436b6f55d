"""What unbinding needs of others: the calls process, phones, and work in hand of other wings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession


class CallEnder(Protocol):
    """The way to the calls process; `gateway.calls.client.CallsClient` is the real one."""

    async def end_inactive(self) -> int:
        """End the live calls of employees who are not active; raise `Unavailable` if it cannot be told."""
        ...


class OrderState(StrEnum):
    """Where an order to a phone is."""

    WAITING = "waiting"
    """On its way, or waiting for the phone or for a second person."""
    DONE = "done"
    FAILED = "failed"
    """Refused, failed, expired or cancelled: it may be given again."""
    REFUSED = "refused"
    """A person said no: it is not given again."""


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone that is in somebody's hands. `connected`: it would hear an order at this moment."""

    device_id: str
    employee_id: str | None
    connected: bool


@dataclass(frozen=True, slots=True)
class PhoneOrder:
    """How an order stands; `reason` is a code of a fixed list (`device-offline`, `awaiting-approval`...)."""

    state: OrderState
    reason: str | None = None


class PhoneFreezer(Protocol):
    """Orders to phones. Everything joins the caller's transaction: an order that is given is queued in it.

    An order may raise a `MasklineError` (a queue that is full) having written nothing: it is given again.
    """

    async def phones(self, session: AsyncSession, employee_id: str) -> Sequence[Phone]:
        """Give the phones that somebody has. In a write transaction they stay locked until its end."""
        ...

    async def phone(self, session: AsyncSession, device_id: str) -> Phone | None:
        """Give one phone; None if there is none that is managed."""
        ...

    async def freeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        """Lock a phone until somebody unlocks it; give the order's id."""
        ...

    async def unfreeze(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        """Unlock it; give the order's id."""
        ...

    async def ask_wipe(self, session: AsyncSession, device_id: str, *, by: str) -> str:
        """Ask for a wipe, which a second person must approve; give the order's id."""
        ...

    async def cancel(self, session: AsyncSession, order_id: str, *, by: str) -> bool:
        """Take an order back that was not carried out; False if it is too late."""
        ...

    async def order(self, session: AsyncSession, order_id: str) -> PhoneOrder:
        """Say how an order stands."""
        ...

    async def assign(self, session: AsyncSession, device_id: str, employee_id: str, *, by: str) -> None:
        """Give a phone to somebody else."""
        ...


class Duties(Protocol):
    """Work in somebody's hands in another wing (reviews, alerts).

    `pass_on` comes before the first entry in the ledger and writes none itself: the unbinding's entry counts
    what it did.
    """

    async def of(self, session: AsyncSession, employee_id: str) -> Mapping[str, frozenset[str]]:
        """Give the ids of what is in hand, by kind. In a write transaction they stay locked until its end."""
        ...

    async def pass_on(self, session: AsyncSession, employee_id: str, successor_id: str | None) -> None:
        """Give everything to the successor where they may do it, else back to all."""
        ...


class AllDuties:
    """Work in hand of several parts of the house, as one."""

    def __init__(self, *parts: Duties) -> None:
        self._parts = parts

    async def of(self, session: AsyncSession, employee_id: str) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for part in self._parts:
            found |= await part.of(session, employee_id)
        return found

    async def pass_on(self, session: AsyncSession, employee_id: str, successor_id: str | None) -> None:
        for part in self._parts:
            await part.pass_on(session, employee_id, successor_id)


class NoDuties:
    """For a deployment without quality assurance."""

    async def of(self, session: AsyncSession, employee_id: str) -> Mapping[str, frozenset[str]]:
        del session, employee_id
        return {}

    async def pass_on(self, session: AsyncSession, employee_id: str, successor_id: str | None) -> None:
        del session, employee_id, successor_id
