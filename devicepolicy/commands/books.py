"""Writes what the machine decides, in one transaction: row, history, ledger, wake and event."""

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.phone_settings import CommandSettings
from core.sealed import Field
from core.vault import Vault
from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.commands.machine import (
    Acked,
    Approval,
    Approved,
    CommandState,
    Delivered,
    Effect,
    EraseSecrets,
    Event,
    Finish,
    Limits,
    Progress,
    Refused,
    Release,
    Reported,
    Wake,
    step,
)
from devicepolicy.commands.models import CommandCursorRow, CommandEventRow, CommandRow
from devicepolicy.commands.ports import PhoneWaker
from devicepolicy.devices.models import DeviceRow

SECRET_KINDS = frozenset({CommandKind.RESET_PASSWORD})
"""Their parameters are erased once the phone has them, and leave no hash anywhere."""


class CommandBooks:
    """Joins the caller's transaction, always."""

    def __init__(
        self,
        *,
        clock: Clock,
        vault: Vault,
        ledger: Ledger,
        bus: EventBus,
        waker: PhoneWaker,
        settings: CommandSettings,
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self._bus = bus
        self._waker = waker
        self._settings = settings

    def limits(self, row: CommandRow) -> Limits:
        return Limits(row.validity_s, self._settings.approval_s)

    async def apply(
        self, session: AsyncSession, row: CommandRow, event: Event, *, by: str | None = None
    ) -> bool:
        """Take one step of a locked row; False if the event changed nothing."""
        before = progress_of(row)
        after, effects = step(before, event, self.limits(row))
        if after == before and not effects:
            return False
        await self.write(session, row, before, after, effects, event=event, by=by)
        return True

    async def write(
        self,
        session: AsyncSession,
        row: CommandRow,
        before: Progress | None,
        after: Progress,
        effects: Iterable[Effect],
        *,
        event: Event | None = None,
        by: str | None = None,
    ) -> None:
        """Write a step and do what it asks for."""
        now = self._clock.now()
        _put(row, after)
        if isinstance(event, Delivered) and row.delivered_at is None and after.deliveries:
            row.delivered_at = now
        if isinstance(event, Acked) and after.state is CommandState.ACKED:
            row.acked_at = now
        if before is None or after.state is not before.state or after.approval is not before.approval:
            self._happened(session, row, _word(event, after), by=by)
        elif Wake() in effects:
            self._happened(session, row, "asked", by=by)
        for effect in effects:
            await self._do(session, row, before, effect)

    async def _do(
        self, session: AsyncSession, row: CommandRow, before: Progress | None, effect: Effect
    ) -> None:
        now = self._clock.now()
        if isinstance(effect, Release):
            row.seq = await next_seq(session, row.device_id)
            row.released_at = now
        elif isinstance(effect, Wake):
            await session.flush()
            await self._waker.look_for_commands(session, row.device_id, row.seq or 0)
        elif isinstance(effect, EraseSecrets):
            if row.kind in SECRET_KINDS:
                row.parameters = None
        else:
            await self._finish(session, row, before, effect)

    async def _finish(
        self, session: AsyncSession, row: CommandRow, before: Progress | None, _effect: Finish
    ) -> None:
        corrected = before is not None and before.state in {CommandState.EXPIRED, CommandState.CANCELED}
        row.finished_at = self._clock.now()
        await session.flush()
        finished = CommandFinished(
            row.id, row.device_id, row.kind, row.state, row.cause, row.error, corrected
        )
        await self._bus.publish(session, finished)
        await self._ledger.append(
            session,
            "command.finished",
            {
                "command_id": row.id,
                "device_id": row.device_id,
                "kind": row.kind.value,
                "seq": row.seq,
                "state": row.state.value,
                "cause": row.cause.value if row.cause else None,
                "error": row.error.value if row.error else None,
                "corrected": corrected,
            },
        )

    def _happened(self, session: AsyncSession, row: CommandRow, kind: str, *, by: str | None) -> None:
        code = row.error or row.cause
        session.add(
            CommandEventRow(
                id=new_id(),
                command_id=row.id,
                at=self._clock.now(),
                kind=kind,
                state=row.state,
                code=code.value if code else None,
                by=by,
            )
        )


async def hold_phone(session: AsyncSession, device_id: str) -> None:
    """Lock a phone. Everybody who locks its commands does so first, as who ends a phone must.

    The order of locks: phone, commands, their cursor, the step that waits for their end, ledger's head.
    """
    await session.execute(select(DeviceRow.id).where(DeviceRow.id == device_id).with_for_update())


def field_of(row: CommandRow, column: str) -> Field:
    """Give the place of a sealed value of a command."""
    return Field("dp_commands", column, row.id)


def progress_of(row: CommandRow) -> Progress:
    return Progress(
        state=row.state,
        approval=row.approval,
        approve_by=row.approve_by,
        expires_at=row.expires_at,
        deliveries=row.deliveries,
        asked=row.asked,
        ask_at=row.ask_at,
        cause=row.cause,
        error=row.error,
    )


def _put(row: CommandRow, now: Progress) -> None:
    row.state, row.approval = now.state, now.approval
    row.approve_by, row.expires_at = now.approve_by, now.expires_at
    row.deliveries, row.asked, row.ask_at = now.deliveries, now.asked, now.ask_at
    row.cause, row.error = now.cause, now.error


def _word(event: Event | None, after: Progress) -> str:
    """Name what happened in a history."""
    if event is None:
        return "issued"
    if isinstance(event, Approved) and after.approval is Approval.GIVEN:
        return "approved"
    if isinstance(event, Refused):
        return "refused"
    return "reported" if isinstance(event, Reported) else after.state.value.lower()


async def next_seq(session: AsyncSession, device_id: str) -> int:
    """Give the next number of a phone, one caller at a time."""
    dialect = session.get_bind().dialect.name
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(CommandCursorRow)
    counted = insert.values(device_id=device_id, last_seq=1, delivered_seq=0, acked_seq=0)
    counted = counted.on_conflict_do_update(
        index_elements=["device_id"], set_={"last_seq": CommandCursorRow.last_seq + 1}
    )
    seq: int | None = await session.scalar(counted.returning(CommandCursorRow.last_seq))
    if seq is None:
        raise AssertionError("an upsert gives its row")
    return seq


async def cursor_of(session: AsyncSession, device_id: str) -> tuple[int, int, int]:
    """Give how far a phone's numbers are: given, delivered, acknowledged."""
    found = await session.execute(
        select(CommandCursorRow.last_seq, CommandCursorRow.delivered_seq, CommandCursorRow.acked_seq).where(
            CommandCursorRow.device_id == device_id
        )
    )
    row = found.one_or_none()
    return (row.last_seq, row.delivered_seq, row.acked_seq) if row else (0, 0, 0)


async def move_cursor(session: AsyncSession, device_id: str, *, delivered: int = 0, acked: int = 0) -> None:
    """Move a phone's cursor forward, never back."""
    row = CommandCursorRow
    for column, value in ((row.delivered_seq, delivered), (row.acked_seq, acked)):
        if value:
            await session.execute(
                update(row).where(row.device_id == device_id, column < value).values({column: value})
            )
