"""Orders to phones: issue, approve, refuse, cancel; each in the books with the order itself."""

from datetime import timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Department
from core.access.scope import reaches, scope_clause
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.phone_settings import CommandSettings
from core.sealed import Field
from core.vault import Vault
from devicepolicy import permissions
from devicepolicy.commands.books import SECRET_KINDS, CommandBooks, field_of, hold_phone
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
from devicepolicy.commands.events import CommandIssued
from devicepolicy.commands.kinds import LASTING, TWO_PERSONS, CommandKind, dump
from devicepolicy.commands.machine import Approval, Approved, Canceled, Gone, Refused, begin
from devicepolicy.commands.model import CommandView, NewCommand
from devicepolicy.commands.models import CommandApprovalRow, CommandRow, WipeTurnRow
from devicepolicy.commands.queries import view_of
from devicepolicy.devices.events import DeviceEnded
from devicepolicy.devices.model import Trust
from devicepolicy.devices.models import DeviceRow

PERMISSION_FOR = {
    CommandKind.WIPE: permissions.COMMAND_WIPE,
    CommandKind.RELINQUISH_OWNERSHIP: permissions.COMMAND_RELINQUISH,
}
"""What these need instead of `command.issue`."""
_HOUR = timedelta(hours=1)


class CommandService:
    """What administrators do, and what other parts of the house order in their own transactions."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        vault: Vault,
        ledger: Ledger,
        bus: EventBus,
        books: CommandBooks,
        settings: CommandSettings,
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self._bus = bus
        self._books = books
        self._settings = settings

    async def issue(self, principal: Principal, new: NewCommand) -> CommandView:
        """Order a phone that the caller may command.

        Raises:
            PhoneUnknown, PhoneNotManaged, WipesExhausted, CommandKeyMismatch
        """
        permission = PERMISSION_FOR.get(new.order.kind, permissions.COMMAND_ISSUE)
        principal.require(permission)
        try:
            return await self._issue(principal, permission, new)
        except IntegrityError:
            if new.idempotency_key is None:
                raise
            # The same request came twice at the same moment, and the other one was first.
            return await self._issue(principal, permission, new)

    async def _issue(self, principal: Principal, permission: str, new: NewCommand) -> CommandView:
        async with self._db.begin() as session:
            await self._check_reach(session, principal, permission, new.device_id)
            return await self.issue_in(session, new, issued_by=principal.employee_id)

    async def issue_in(self, session: AsyncSession, new: NewCommand, *, issued_by: str | None) -> CommandView:
        """Order a phone in the caller's transaction; it is woken right after that has committed.

        Who may is the caller's business. A wipe waits for a second person here too. With the same
        `issued_by` and idempotency key the command that there is is given back.

        Raises:
            PhoneUnknown, PhoneNotManaged, WipesExhausted, CommandKeyMismatch
        """
        parameters = dump(new.order)
        mac = self._vault.blind("device-command", parameters.decode()).raw.hex()
        known = await self._known(session, new, issued_by)
        if known is not None:
            if (known.device_id, known.kind, known.parameters_mac or mac) != (
                new.device_id,
                new.order.kind,
                mac,
            ):
                raise CommandKeyMismatch
            return view_of(known)
        await hold_phone(session, new.device_id)
        device = await session.get(DeviceRow, new.device_id)
        if device is None:
            raise PhoneUnknown
        if device.trust is not Trust.TRUSTED:
            raise PhoneNotManaged
        kind = new.order.kind
        if kind is CommandKind.WIPE and issued_by is not None:
            await self._take_wipe_turn(session, issued_by)
        row = self._row(new, device, issued_by)
        cipher = self._vault.cipher()
        row.parameters = cipher.seal(field_of(row, "parameters"), parameters)
        row.parameters_mac = None if kind in SECRET_KINDS else mac
        row.reason = cipher.seal(field_of(row, "reason"), new.reason) if new.reason else None
        progress, effects = begin(row.issued_at, self._books.limits(row), second_person=kind in TWO_PERSONS)
        row.state, row.approval = progress.state, progress.approval
        session.add(row)
        await session.flush()
        await self._books.write(session, row, None, progress, effects, by=issued_by)
        await session.flush()
        waits = progress.approval is Approval.WAITING
        await self._bus.publish(session, CommandIssued(row.id, row.device_id, kind, issued_by, waits))
        await self._told(session, "command.issued", row, issued_by, parameters_mac=row.parameters_mac)
        return view_of(row)

    async def approve(self, principal: Principal, command_id: str) -> CommandView:
        """Let a wipe go, as the second person.

        Raises:
            CommandUnknown, OwnCommand, NotWaiting, WipesExhausted
        """
        async with self._db.begin() as session:
            row = await self._waiting(session, principal, command_id)
            await self._take_wipe_turn(session, principal.employee_id)
            await self._books.apply(session, row, Approved(self._clock.now()), by=principal.employee_id)
            if row.approval is Approval.GIVEN:
                self._decided(session, row, principal, approved=True, reason="")
                await session.flush()
                await self._told(session, "command.approved", row, principal.employee_id)
            late, view = row.approval is Approval.LATE, view_of(row)
        if late:  # after the commit: that it expired stays
            raise NotWaiting
        return view

    async def refuse(self, principal: Principal, command_id: str, reason: str = "") -> CommandView:
        """Stop a wipe that waits for approval.

        Raises:
            CommandUnknown, OwnCommand, NotWaiting
        """
        async with self._db.begin() as session:
            row = await self._waiting(session, principal, command_id)
            self._decided(session, row, principal, approved=False, reason=reason)
            await session.flush()
            await self._told(session, "command.refused", row, principal.employee_id)
            await self._books.apply(session, row, Refused(), by=principal.employee_id)
            return view_of(row)

    async def cancel(self, principal: Principal, command_id: str) -> CommandView:
        """Take a command back that no phone has acknowledged yet.

        Raises:
            CommandUnknown, CommandTooLate
        """
        async with self._db.begin() as session:
            row = await self._locked(session, principal, permissions.COMMAND_READ, command_id)
            permission = PERMISSION_FOR.get(row.kind, permissions.COMMAND_ISSUE)
            principal.require(permission)
            await self._check_reach(session, principal, permission, row.device_id)
            if not await self._books.apply(session, row, Canceled(), by=principal.employee_id):
                raise CommandTooLate
            return view_of(row)

    async def cancel_in(self, session: AsyncSession, command_id: str, *, by: str | None) -> bool:
        """Take one command back in the caller's transaction; False if it is too late or there is none."""
        device_id = await session.scalar(select(CommandRow.device_id).where(CommandRow.id == command_id))
        if device_id is None:
            return False
        await hold_phone(session, device_id)
        row = await session.get(CommandRow, command_id, with_for_update=True, populate_existing=True)
        return row is not None and await self._books.apply(session, row, Canceled(), by=by)

    async def cancel_open_in(self, session: AsyncSession, device_id: str, *, by: str | None) -> int:
        """Take back, in the caller's transaction, all that a phone has not acknowledged; gives how many."""
        return await self._end_open(session, device_id, Canceled(), by=by)

    async def on_device_ended(self, session: AsyncSession, ended: DeviceEnded) -> None:
        """Leave nothing for a phone that is no longer ours, and nothing open that it will never answer."""
        await self._end_open(session, ended.device_id, Gone(), by=ended.by)

    async def _end_open(
        self, session: AsyncSession, device_id: str, event: Canceled | Gone, *, by: str | None
    ) -> int:
        rows = await session.scalars(
            select(CommandRow)
            .where(CommandRow.device_id == device_id, CommandRow.finished_at.is_(None))
            .order_by(CommandRow.id)
            .with_for_update()
        )
        return sum([await self._books.apply(session, row, event, by=by) for row in rows.all()])

    def _row(self, new: NewCommand, device: DeviceRow, issued_by: str | None) -> CommandRow:
        settings = self._settings
        default = settings.lasting_validity_s if new.order.kind in LASTING else settings.validity_s
        return CommandRow(
            id=new_id(),
            device_id=device.id,
            seq=None,
            kind=new.order.kind,
            employee_id=device.employee_id,
            department_id=device.department_id,
            issued_by=issued_by,
            issued_at=self._clock.now(),
            idempotency_key=new.idempotency_key,
            validity_s=new.validity_s or default,
            deliveries=0,
            asked=0,
        )

    async def _known(
        self, session: AsyncSession, new: NewCommand, issued_by: str | None
    ) -> CommandRow | None:
        if new.idempotency_key is None:
            return None
        row: CommandRow | None = await session.scalar(
            select(CommandRow).where(
                CommandRow.issued_by == issued_by, CommandRow.idempotency_key == new.idempotency_key
            )
        )
        return row

    async def _check_reach(
        self, session: AsyncSession, principal: Principal, permission: str, device_id: str
    ) -> None:
        """Raise unless the caller's scope reaches whose phone it is now."""
        found = await session.execute(
            select(DeviceRow.employee_id, Department.path)
            .outerjoin(Department, Department.id == DeviceRow.department_id)
            .where(DeviceRow.id == device_id)
        )
        row = found.one_or_none()
        if row is None or not reaches(principal, permission, owner=row.employee_id, path=row.path):
            raise PhoneUnknown

    async def _locked(
        self, session: AsyncSession, principal: Principal, permission: str, command_id: str
    ) -> CommandRow:
        within = scope_clause(
            principal, permission, owner=CommandRow.employee_id, department=CommandRow.department_id
        )
        seen = (CommandRow.id == command_id) & within
        device_id = await session.scalar(select(CommandRow.device_id).where(seen))
        if device_id is None:
            raise CommandUnknown
        await hold_phone(session, device_id)
        row: CommandRow | None = await session.scalar(select(CommandRow).where(seen).with_for_update())
        if row is None:
            raise CommandUnknown
        return row

    async def _waiting(self, session: AsyncSession, principal: Principal, command_id: str) -> CommandRow:
        row = await self._locked(session, principal, permissions.COMMAND_APPROVE, command_id)
        if row.issued_by == principal.employee_id:
            raise OwnCommand
        if row.approval is not Approval.WAITING or row.finished_at is not None:
            raise NotWaiting
        return row

    async def _take_wipe_turn(self, session: AsyncSession, employee_id: str) -> None:
        """Count a person's wipes of the last hour, issued or approved, one count at a time."""
        now = self._clock.now()
        dialect = session.get_bind().dialect.name
        insert = (postgresql if dialect == "postgresql" else sqlite).insert(WipeTurnRow)
        turn = insert.values(employee_id=employee_id, at=now)
        await session.execute(turn.on_conflict_do_update(index_elements=["employee_id"], set_={"at": now}))
        approved = (
            select(CommandApprovalRow.command_id)
            .where(
                CommandApprovalRow.decided_by == employee_id,
                CommandApprovalRow.approved,
                CommandApprovalRow.decided_at > now - _HOUR,
            )
            .scalar_subquery()
        )
        issued = (CommandRow.issued_by == employee_id) & (CommandRow.issued_at > now - _HOUR)
        count = await session.scalar(
            select(func.count()).where(
                CommandRow.kind == CommandKind.WIPE, or_(issued, CommandRow.id.in_(approved))
            )
        )
        if (count or 0) >= self._settings.wipes_per_hour:
            raise WipesExhausted(limit=self._settings.wipes_per_hour, retry_after_s=3600)

    def _decided(
        self, session: AsyncSession, row: CommandRow, principal: Principal, *, approved: bool, reason: str
    ) -> None:
        place = Field("dp_command_approvals", "reason", row.id)
        session.add(
            CommandApprovalRow(
                command_id=row.id,
                decided_by=principal.employee_id,
                decided_at=self._clock.now(),
                approved=approved,
                reason=self._vault.cipher().seal(place, reason) if reason else None,
            )
        )

    async def _told(
        self,
        session: AsyncSession,
        kind: str,
        row: CommandRow,
        by: str | None,
        *,
        parameters_mac: str | None = None,
    ) -> None:
        body = {
            "command_id": row.id,
            "device_id": row.device_id,
            "kind": row.kind.value,
            "seq": row.seq,
            "by": by,
        }
        if kind == "command.issued":
            body |= {"parameters_mac": parameters_mac, "validity_s": row.validity_s}
        await self._ledger.append(session, kind, body)
