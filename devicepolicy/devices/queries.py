"""Reads phones within the reader's scope: the list, the figures above it, one phone with its proofs."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.db import Database
from core.sealed import Field
from core.vault import Vault
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.capabilities.facts import Backend, DeviceFacts
from devicepolicy.devices.compliance import Fault, Reason, SettingState
from devicepolicy.devices.errors import DeviceNotFound
from devicepolicy.devices.model import ComplianceState, DeviceState, DeviceView, Trust
from devicepolicy.devices.models import DeviceRow, HistoryRow, ReportRow
from devicepolicy.devices.views import device_view


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which phones to list. `text` is looked for in name, maker and model, or it is a phone of `holders`."""

    trust: Trust | None = None
    compliance: ComplianceState | None = None
    online: bool | None = None
    employee_id: str | None = None
    department_id: str | None = None
    text: str | None = None
    trusts: Collection[Trust] | None = None
    states: Collection[DeviceState] | None = None
    """Wanted, or in force by the phone's own word."""
    department_ids: Collection[str] | None = None
    holders: Collection[str] = ()
    behind: bool | None = None
    """Whether the phone's own word is of another version than the wanted one."""


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting of one phone as judged from its last report."""

    name: str
    state: SettingState
    wanted_sha256: str
    reported_sha256: str | None
    reason: Reason | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class ProofLine:
    """A kept report: who wants to check it asks for its proof."""

    id: str
    seq: int
    received_at: datetime
    applied_version: int | None
    compliance: ComplianceState
    content_sha256: str


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """Something that happened."""

    id: str
    at: datetime
    kind: str
    facts: Mapping[str, object]
    by: str | None


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    """One phone with everything that its page shows first."""

    view: DeviceView
    settings: tuple[SettingLine, ...]
    faults: tuple[Fault, ...]
    proofs: tuple[ProofLine, ...]
    history: tuple[HistoryLine, ...]


@dataclass(frozen=True, slots=True)
class ReportProof:
    """A report as its phone signed it: `signature` over `signature_base` by `public_key` (Ed25519)."""

    line: ProofLine
    public_key: bytes
    signature_base: str
    signature: bytes
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """How many phones there are of each kind, within the reader's scope."""

    trust: Mapping[Trust, int]
    compliance: Mapping[ComplianceState, int]
    offline: int


class DeviceQueries:
    """What people read of phones."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._db = database
        self._vault = vault

    async def find(
        self, principal: Principal, wanted: DeviceFilter, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[DeviceView], str | None]:
        """List phones, newest enrolment first."""
        query = select(DeviceRow).where(*_conditions(principal, wanted))
        async with self._db.read() as session:
            rows, following = await paginate(session, query, key=DeviceRow.id, cursor=cursor, limit=limit)
        return [device_view(row) for row in rows], following

    async def facts(
        self, principal: Principal, department_ids: Collection[str] | None = None
    ) -> Mapping[DeviceFacts, int]:
        """Count the trusted phones by what they are; only those of these departments, if any are given."""
        wanted = DeviceFilter(trust=Trust.TRUSTED, department_ids=department_ids)
        query = select(DeviceRow.api_level, DeviceRow.mode, DeviceRow.backends)
        async with self._db.read() as session:
            found = await session.execute(query.where(*_conditions(principal, wanted)))
            return Counter(
                DeviceFacts(level, mode, frozenset(Backend(one) for one in backends))
                for level, mode, backends in found
            )

    async def names(self, principal: Principal, device_ids: Collection[str]) -> dict[str, str]:
        """Name these phones, gone ones too, as far as they are within reach."""
        query = select(DeviceRow.id, DeviceRow.name).where(DeviceRow.id.in_(device_ids), _reach(principal))
        async with self._db.read() as session:
            found: dict[str, str] = dict((await session.execute(query)).all())
            return found

    async def count(self, principal: Principal, wanted: DeviceFilter) -> int:
        """Count phones."""
        query = select(func.count()).select_from(DeviceRow).where(*_conditions(principal, wanted))
        async with self._db.read() as session:
            return await session.scalar(query) or 0

    async def figures(self, principal: Principal) -> FleetFigures:
        """Count phones by trust, and the trusted ones by compliance."""
        reach = _reach(principal)
        trusted = DeviceRow.trust == Trust.TRUSTED
        async with self._db.read() as session:
            trust = await session.execute(
                select(DeviceRow.trust, func.count()).where(reach).group_by(DeviceRow.trust)
            )
            by_trust = {row[0]: row[1] for row in trust}
            compliance = await session.execute(
                select(DeviceRow.compliance, func.count())
                .where(reach, trusted)
                .group_by(DeviceRow.compliance)
            )
            by_compliance = {row[0]: row[1] for row in compliance}
            offline = await session.scalar(
                select(func.count()).select_from(DeviceRow).where(reach, trusted, DeviceRow.offline)
            )
        return FleetFigures(by_trust, by_compliance, offline or 0)

    async def detail(self, principal: Principal, device_id: str) -> DeviceDetail:
        """Give one phone; raise `DeviceNotFound` if it is out of reach."""
        async with self._db.read() as session:
            row = await _one(session, principal, device_id)
            proofs = await session.scalars(
                select(ReportRow).where(ReportRow.device_id == row.id).order_by(ReportRow.id.desc()).limit(20)
            )
            history = await session.scalars(
                select(HistoryRow)
                .where(HistoryRow.device_id == row.id)
                .order_by(HistoryRow.id.desc())
                .limit(50)
            )
            return DeviceDetail(
                device_view(row),
                tuple(_setting(name, told) for name, told in row.settings.get("settings", {}).items()),
                tuple(Fault(fault) for fault in row.settings.get("faults", ())),
                tuple(_proof(report) for report in proofs),
                tuple(HistoryLine(line.id, line.at, line.kind, line.facts, line.by) for line in history),
            )

    async def history(
        self, principal: Principal, device_id: str, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[HistoryLine], str | None]:
        """Page through what happened to a phone; raise `DeviceNotFound`."""
        async with self._db.read() as session:
            row = await _one(session, principal, device_id)
            query = select(HistoryRow).where(HistoryRow.device_id == row.id)
            lines, following = await paginate(session, query, key=HistoryRow.id, cursor=cursor, limit=limit)
        return [HistoryLine(line.id, line.at, line.kind, line.facts, line.by) for line in lines], following

    async def proof(self, principal: Principal, device_id: str, report_id: str) -> ReportProof:
        """Give a report as it was signed; raise `DeviceNotFound`."""
        async with self._db.read() as session:
            row = await _one(session, principal, device_id)
            report = await session.get(ReportRow, report_id)
        if report is None or report.device_id != row.id:
            raise DeviceNotFound
        body = self._vault.open(Field("dp_reports", "body", report.id), report.body)
        return ReportProof(_proof(report), row.public_key, report.signature_base, report.signature, body)


async def _one(session: AsyncSession, principal: Principal, device_id: str) -> DeviceRow:
    row = await session.scalar(select(DeviceRow).where(DeviceRow.id == device_id, _reach(principal)))
    if row is None:
        raise DeviceNotFound
    return row


def _reach(principal: Principal) -> ColumnElement[bool]:
    return scope_clause(
        principal,
        permissions.DEVICE_READ,
        owner=DeviceRow.employee_id,
        department=DeviceRow.department_id,
    )


def _conditions(principal: Principal, wanted: DeviceFilter) -> list[ColumnElement[bool]]:
    equal = (
        (DeviceRow.trust, wanted.trust),
        (DeviceRow.compliance, wanted.compliance),
        (DeviceRow.employee_id, wanted.employee_id),
        (DeviceRow.department_id, wanted.department_id),
    )
    found = [_reach(principal), *(column == value for column, value in equal if value is not None)]
    if wanted.online is not None:
        found += [DeviceRow.trust == Trust.TRUSTED, DeviceRow.offline.is_(not wanted.online)]
    if wanted.behind is not None:
        applied = func.coalesce(DeviceRow.applied_version, 0)
        same = applied == DeviceRow.desired_version
        found.append(~same if wanted.behind else same)
    if wanted.trusts is not None:
        found.append(DeviceRow.trust.in_(wanted.trusts))
    if wanted.states is not None:
        found.append(or_(DeviceRow.state.in_(wanted.states), DeviceRow.applied_state.in_(wanted.states)))
    if wanted.department_ids is not None:
        found.append(DeviceRow.department_id.in_(wanted.department_ids))
    if wanted.text:
        looked_at = (DeviceRow.name, DeviceRow.manufacturer, DeviceRow.model)
        told = [column.icontains(wanted.text, autoescape=True) for column in looked_at]
        found.append(or_(*told, DeviceRow.employee_id.in_(wanted.holders)))
    return found


def _setting(name: str, told: Mapping[str, str]) -> SettingLine:
    reason = told.get("reason")
    return SettingLine(
        name,
        SettingState(told["state"]),
        told["wanted"],
        told.get("reported"),
        Reason(reason) if reason else None,
        told.get("detail"),
    )


def _proof(row: ReportRow) -> ProofLine:
    return ProofLine(row.id, row.seq, row.received_at, row.applied_version, row.compliance, row.content_hash)
