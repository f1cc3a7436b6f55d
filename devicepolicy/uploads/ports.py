"""What uploads need of their neighbours. The roof plugs the gateway's books and the quality wing in."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.devices.model import Phone
from devicepolicy.uploads.model import EventKind, Finding, RecordKind


@dataclass(frozen=True, slots=True)
class ForeignRecord:
    """A message written on a phone, with a known customer. `id` is the same however often it comes."""

    id: str
    kind: RecordKind
    device_id: str
    employee_id: str
    customer_id: str
    at: datetime
    outgoing: bool
    text: str = field(repr=False)
    body_kind: str = "text"
    """text, picture, voice, video, file, card, location, red_packet, transfer, other."""
    app: str | None = None
    recalls: str | None = None
    """The `id` of the record that this takes back."""
    in_group: bool = False
    """Written in a group chat, as the phone says."""


@dataclass(frozen=True, slots=True)
class SimCall:
    """A recorded SIM call with a known customer."""

    id: str
    device_id: str
    employee_id: str
    customer_id: str
    at: datetime
    outgoing: bool
    duration_s: int
    media_type: str
    size: int
    sha256: str
    open: Callable[[], AsyncIterator[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceConduct:
    """A conduct event. `subject` is the same for the same deed however often it is told."""

    kind: EventKind | Finding
    subject: str
    at: datetime
    device_id: str
    employee_id: str | None
    department_id: str | None
    customer_id: str | None


class Consent(Protocol):
    """Raises unless the phone's employee agreed to the terms of now."""

    def require(self, phone: Phone) -> None: ...


class Counterparts(Protocol):
    """Tells whether a number (`app` None) or an app's name for somebody is a customer of ours."""

    async def customer(self, session: AsyncSession, counterpart: str, app: str | None) -> str | None: ...


class ForeignRecords(Protocol):
    """Takes messages into the archive, where they are inspected. Idempotent by the record's id."""

    async def take(self, record: ForeignRecord) -> str | None:
        """Give the message's id; None where it belongs to no conversation of ours."""


class SimCalls(Protocol):
    """Takes recordings to where they are inspected. Idempotent by the call's id."""

    async def take(self, call: SimCall) -> str | None: ...


class ConductSink(Protocol):
    """Takes conduct in the caller's transaction; somebody is told at once."""

    async def seen(self, session: AsyncSession, conduct: DeviceConduct) -> str | None:
        """Give the id under which it is told, the same for one that is known."""


class Holds(Protocol):
    """Tells what is held for evidence; asked in the transaction that would delete."""

    async def is_employee_held(self, session: AsyncSession, employee_id: str) -> bool: ...

    async def is_customer_held(self, session: AsyncSession, customer_id: str) -> bool: ...


class NullCounterparts:
    """For a deployment without customers: everybody is a stranger."""

    async def customer(self, session: AsyncSession, counterpart: str, app: str | None) -> str | None:
        del session, counterpart, app
        return None


class NullForeignRecords:
    """For a deployment without an archive: records stay here."""

    async def take(self, record: ForeignRecord) -> str | None:
        del record
        return None


class NullSimCalls:
    """For a deployment without inspection: recordings stay here."""

    async def take(self, call: SimCall) -> str | None:
        del call
        return None


class NullConductSink:
    """For a deployment without alerts: events stay here."""

    async def seen(self, session: AsyncSession, conduct: DeviceConduct) -> str | None:
        del session, conduct
        return None


class NullHolds:
    """For a deployment without unbinding: nothing is held."""

    async def is_employee_held(self, session: AsyncSession, employee_id: str) -> bool:
        del session, employee_id
        return False

    async def is_customer_held(self, session: AsyncSession, customer_id: str) -> bool:
        del session, customer_id
        return False
