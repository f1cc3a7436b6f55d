"""Reads commands, within the reader's scope."""

import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from core.sealed import Field
from core.vault import Vault
from core.web.paging import paginate
from devicepolicy.commands.books import SECRET_KINDS, cursor_of, field_of
from devicepolicy.commands.errors import CommandUnknown
from devicepolicy.commands.kinds import CommandKind, load
from devicepolicy.commands.machine import Approval, CommandState
from devicepolicy.commands.model import CommandDetail, CommandHappened, CommandView, Decision
from devicepolicy.commands.models import CommandApprovalRow, CommandEventRow, CommandRow
from devicepolicy.permissions import COMMAND_READ
from devicepolicy.wake.look import Look, Place


class CommandQueries:
    """Lists and single commands."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._db = database
        self._vault = vault

    async def listing(
        self,
        principal: Principal,
        *,
        device_id: str | None = None,
        kind: CommandKind | None = None,
        state: CommandState | None = None,
        waiting: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> tuple[list[CommandView], str | None]:
        """List commands, the newest first. `waiting`: only those that need a second person now."""
        row = CommandRow
        wanted = select(row).where(
            scope_clause(principal, COMMAND_READ, owner=row.employee_id, department=row.department_id)
        )
        if device_id is not None:
            wanted = wanted.where(row.device_id == device_id)
        if kind is not None:
            wanted = wanted.where(row.kind == kind)
        if state is not None:
            wanted = wanted.where(row.state == state)
        if waiting:
            wanted = wanted.where(row.state == CommandState.QUEUED, row.approval == Approval.WAITING)
        async with self._db.read() as session:
            rows, following = await paginate(session, wanted, key=row.id, cursor=cursor, limit=limit)
        return [view_of(found) for found in rows], following

    async def one(self, principal: Principal, command_id: str) -> CommandDetail:
        """Give a command with its history.

        Raises:
            CommandUnknown
        """
        row_type = CommandRow
        within = scope_clause(
            principal, COMMAND_READ, owner=row_type.employee_id, department=row_type.department_id
        )
        async with self._db.read() as session:
            row = await session.scalar(select(row_type).where(row_type.id == command_id, within))
            if row is None:
                raise CommandUnknown
            approval = await session.get(CommandApprovalRow, command_id)
            events = await session.scalars(
                select(CommandEventRow)
                .where(CommandEventRow.command_id == command_id)
                .order_by(CommandEventRow.id)
            )
            happened = tuple(
                CommandHappened(event.at, event.kind, event.state, event.code, event.by) for event in events
            )
        return self._detail(row, approval, happened)

    def _detail(
        self, row: CommandRow, approval: CommandApprovalRow | None, events: tuple[CommandHappened, ...]
    ) -> CommandDetail:
        parameters = None
        if row.parameters is not None:
            parameters = load(self._vault.open(field_of(row, "parameters"), row.parameters))
            if row.kind in SECRET_KINDS:
                parameters.pop("newPassword", None)
        status = None
        if row.status is not None:
            status = json.loads(self._vault.open(field_of(row, "status"), row.status))
        return CommandDetail(
            command=view_of(row),
            parameters=parameters,
            reason=self._vault.open_text(field_of(row, "reason"), row.reason) if row.reason else "",
            decision=self._decision(approval) if approval else None,
            events=events,
            status=status,
        )

    def _decision(self, row: CommandApprovalRow) -> Decision:
        place = Field("dp_command_approvals", "reason", row.command_id)
        reason = self._vault.open_text(place, row.reason) if row.reason else ""
        return Decision(row.decided_by, row.decided_at, row.approved, reason)


async def commands_waiting(session: AsyncSession, device_id: str) -> Look | None:
    """Say whether a phone has commands that it has not acknowledged, or results that are missed."""
    found = await session.scalar(
        select(CommandRow.id)
        .where(
            CommandRow.device_id == device_id, CommandRow.seq.is_not(None), CommandRow.finished_at.is_(None)
        )
        .limit(1)
    )
    if found is None:
        return None
    last_seq, _, _ = await cursor_of(session, device_id)
    return Look(Place.COMMANDS, last_seq)


def view_of(row: CommandRow) -> CommandView:
    return CommandView(**{name: getattr(row, name) for name in CommandView.__dataclass_fields__})
