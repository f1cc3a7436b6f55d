"""Takes lists of the institution's own phones: looked at line by line first, then taken."""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.sealed import Field
from core.sheets.faults import RowRefusal
from core.sheets.table import read_table
from core.vault import Vault
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.roster.errors import DeviceListEmpty, DeviceListTaken, DeviceListUnknown
from devicepolicy.roster.hardware import blind, tail
from devicepolicy.roster.matching import Matched, match
from devicepolicy.roster.model import Draft, HardwareKind, ListState, ListView, PreviewLine
from devicepolicy.roster.models import DeviceListRow, ListedHardwareRow, ListedPhoneRow
from devicepolicy.roster.plan import Plan, load_roster_layout, make_plan

PREVIEW_KEPT = timedelta(days=1)
HARDWARE = ListedHardwareRow.__tablename__


class RosterImporter:
    """Reads and checks outside any transaction. A bad line never stops a good one, and none is forgotten."""

    def __init__(self, database: Database, clock: Clock, *, vault: Vault, ledger: Ledger) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self.layout = load_roster_layout()

    async def preview(
        self, principal: Principal, content: bytes, *, name: str, admits: bool = False
    ) -> ListView:
        """Read a CSV or XLSX file and keep what it would add, for a day; nothing is listed yet.

        Raises what a whole file can be refused for (`core.sheets.errors`).
        """
        principal.require(permissions.DEVICE_ENROL)
        plan = await asyncio.to_thread(self._plan, content)
        async with self._db.begin() as session:
            matched = await match(session, self._vault, plan.rows)
            list_id = new_id()
            row = DeviceListRow(
                id=list_id,
                name=name,
                state=ListState.PREVIEW,
                admits=admits,
                created_by=principal.employee_id,
                created_at=self._clock.now(),
                rows_read=plan.rows_read,
                good=len(matched.good),
                known=matched.known,
                refusals=_told([*plan.refusals, *matched.refusals]),
                ignored_columns=list(plan.ignored_columns),
                draft=self._vault.cipher().seal(_draft(list_id), _packed(plan.rows)),
            )
            session.add(row)
        return list_view(row)

    def _plan(self, content: bytes) -> Plan:
        return make_plan(read_table(content, self.layout.limits), self.layout)

    async def lines(self, principal: Principal, list_id: str) -> list[PreviewLine]:
        """Show what a previewed list would add as things stand now; nothing of one that was taken."""
        principal.require(permissions.DEVICE_ENROL)
        async with self._db.read() as session:
            row = await session.get(DeviceListRow, list_id)
            if row is None:
                raise DeviceListUnknown
            if row.draft is None:
                return []
            matched = await match(session, self._vault, self._drafts(row))
        return [
            PreviewLine(
                draft.number,
                {kind: tail(value) for kind, value in draft.hardware.items()},
                draft.asset_number,
                draft.model,
                *matched.holders[draft.number],
            )
            for draft in matched.good
        ]

    async def take(self, principal: Principal, list_id: str) -> ListView:
        """Put the good lines of a previewed list on the list. Checked again: the world may have moved.

        Raises:
            DeviceListUnknown, DeviceListTaken, DeviceListEmpty: nothing was changed.
        """
        principal.require(permissions.DEVICE_ENROL)
        async with self._db.begin() as session:
            row = await self._preview_row(session, list_id)
            matched = await match(session, self._vault, self._drafts(row))
            if not matched.good:
                raise DeviceListEmpty
            try:
                phones = await self._add(session, row, matched)
            except IntegrityError:  # another list with one of these phones was taken at the same moment
                raise DeviceListTaken from None
            earlier = [RowRefusal(**told) for told in row.refusals]
            new = [told for told in matched.refusals if told not in earlier]
            row.state, row.draft = ListState.TAKEN, None
            row.taken_by, row.taken_at = principal.employee_id, self._clock.now()
            row.good, row.known, row.refusals = len(phones), matched.known, _told([*earlier, *new])
            await session.flush()
            body: dict[str, JSON] = {
                "list": row.id,
                "count": len(phones),
                "refused": len({told["row"] for told in row.refusals}),
                "phones_sha256": hashlib.sha256("\n".join(phones).encode()).hexdigest(),
                "admits": row.admits,
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "device.list-taken", body)
        return list_view(row)

    async def _add(self, session: AsyncSession, row: DeviceListRow, matched: Matched) -> list[str]:
        cipher, now = self._vault.cipher(), self._clock.now()
        phones, hardware = [], []
        for draft in matched.good:
            employee_id, department_id = matched.holders[draft.number]
            phone_id = new_id()
            phones.append(
                ListedPhoneRow(
                    id=phone_id,
                    list_id=row.id,
                    asset_number=draft.asset_number,
                    model=draft.model,
                    employee_id=employee_id,
                    department_id=department_id,
                    added_at=now,
                )
            )
            for kind, value in draft.hardware.items():
                hardware_id = new_id()
                hardware.append(
                    ListedHardwareRow(
                        id=hardware_id,
                        phone_id=phone_id,
                        kind=kind,
                        hardware=blind(self._vault, value),
                        value=cipher.seal(Field(HARDWARE, "value", hardware_id), value),
                    )
                )
        for rows in (phones, hardware):
            session.add_all(rows)
            await session.flush()
        return [phone.id for phone in phones]

    async def discard(self, principal: Principal, list_id: str) -> None:
        """Forget a preview; raise `DeviceListUnknown` or `DeviceListTaken`."""
        principal.require(permissions.DEVICE_ENROL)
        async with self._db.begin() as session:
            await session.delete(await self._preview_row(session, list_id))

    async def admit(self, principal: Principal, list_id: str, *, admits: bool) -> None:
        """Say whether the list's phones need no approval from now on; raise `DeviceListUnknown`."""
        principal.require(permissions.DEVICE_ENROL)
        async with self._db.begin() as session:
            row = await session.get(DeviceListRow, list_id, with_for_update=True)
            if row is None:
                raise DeviceListUnknown
            if row.admits == admits:
                return
            row.admits = admits
            await session.flush()
            if row.state is ListState.TAKEN:
                body: dict[str, JSON] = {"list": row.id, "admits": admits, "by": principal.employee_id}
                await self._ledger.append(session, "device.list-admits", body)

    async def find(
        self, principal: Principal, *, cursor: str | None = None, limit: int = 20
    ) -> tuple[list[ListView], str | None]:
        """List the lists, newest first."""
        principal.require(permissions.DEVICE_ENROL)
        async with self._db.read() as session:
            rows, following = await paginate(
                session, select(DeviceListRow), key=DeviceListRow.id, cursor=cursor, limit=limit
            )
        return [list_view(row) for row in rows], following

    async def one(self, principal: Principal, list_id: str) -> ListView:
        """Give one list; raise `DeviceListUnknown`."""
        principal.require(permissions.DEVICE_ENROL)
        async with self._db.read() as session:
            row = await session.get(DeviceListRow, list_id)
        if row is None:
            raise DeviceListUnknown
        return list_view(row)

    async def forget(self) -> None:
        """Drop previews that nobody took. A chore of the relay."""
        old = DeviceListRow.created_at < self._clock.now() - PREVIEW_KEPT
        async with self._db.begin() as session:
            await session.execute(delete(DeviceListRow).where(DeviceListRow.state == ListState.PREVIEW, old))

    async def _preview_row(self, session: AsyncSession, list_id: str) -> DeviceListRow:
        row = await session.get(DeviceListRow, list_id, with_for_update=True)
        if row is None:
            raise DeviceListUnknown
        if row.state is not ListState.PREVIEW:
            raise DeviceListTaken
        return row

    def _drafts(self, row: DeviceListRow) -> list[Draft]:
        if row.draft is None:
            return []
        return _unpacked(self._vault.open(_draft(row.id), row.draft))


def list_view(row: DeviceListRow) -> ListView:
    """Show a list."""
    return ListView(
        row.id,
        row.name,
        row.state,
        row.admits,
        row.created_by,
        row.created_at,
        row.taken_at,
        row.rows_read,
        row.good,
        row.known,
        tuple(RowRefusal(**told) for told in row.refusals),
        tuple(row.ignored_columns),
    )


def _draft(list_id: str) -> Field:
    return Field(DeviceListRow.__tablename__, "draft", list_id)


def _told(refusals: Sequence[RowRefusal]) -> list[dict[str, object]]:
    return [asdict(one) for one in sorted(refusals, key=lambda one: (one.row, one.column))]


def _packed(drafts: Sequence[Draft]) -> bytes:
    return json.dumps([asdict(draft) for draft in drafts]).encode()


def _unpacked(packed: bytes) -> list[Draft]:
    told: list[Mapping[str, object]] = json.loads(packed)
    return [_read(line) for line in told]


def _read(line: Mapping[str, object]) -> Draft:
    given = dict(line)
    hardware = given.pop("hardware")
    if not isinstance(hardware, Mapping):
        raise TypeError("a draft has its hardware")
    return Draft(hardware={HardwareKind(kind): str(value) for kind, value in hardware.items()}, **given)  # type: ignore[arg-type] # our own dataclass, packed by _packed
