"""What is wanted of each phone: made of policies and its state, kept version by version, signed when fetched.

A change marks the phones that it may reach. A few are computed in the same transaction; of many the rest
follows by the relay's chore, or at once when one of them asks.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.events import DepartmentMoved
from core.access.models import Department
from core.batches import Batches
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ledger import JSON, Ledger
from devicepolicy.canonical import sha256_of
from devicepolicy.devices.errors import DeviceStateWrong
from devicepolicy.devices.events import DesiredChanged, DeviceAssigned, DeviceEnded, DeviceTrusted
from devicepolicy.devices.model import DeviceState, Phone, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import Register, subjects_of
from devicepolicy.identity.documents import DocumentKind
from devicepolicy.identity.signer import DocumentSigner
from devicepolicy.policies.contacts import ContactRule
from devicepolicy.policies.events import PolicyChanged
from devicepolicy.policies.model import PolicySubject
from devicepolicy.policies.ports import EffectivePolicies
from devicepolicy.policies.settings import setting_sha256
from devicepolicy.sync.documents import Documents, Head, Heads
from devicepolicy.sync.errors import NothingDesired
from devicepolicy.sync.model import Desired, etag_of
from devicepolicy.sync.models import DesiredRow
from devicepolicy.sync.standing import Standings, still_proved

AT_ONCE = 100
"""Phones computed within the transaction of a change: a person may wait for it."""
BATCH = 100
_LIVE = DeviceRow.trust == Trust.TRUSTED
_DOCUMENT = select(DesiredRow.document).where(
    DesiredRow.device_id == bindparam("device"), DesiredRow.version == bindparam("version")
)


class DesiredStates:
    """Keeps what is wanted true to policies, people and departments. Locks phones in order of their ids."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        policies: EffectivePolicies,
        signer: DocumentSigner,
        standings: Standings,
        register: Register,
        ledger: Ledger,
        bus: EventBus,
        validity_s: int,
    ) -> None:
        self._db = database
        self._clock = clock
        self._policies = policies
        self._signer = signer
        self._standings = standings
        self._register = register
        self._ledger = ledger
        self._bus = bus
        self._validity = timedelta(seconds=validity_s)
        self._documents = Documents()
        self._head = Batches(Heads(database), name="what is wanted of phones")

    def subscribe(self, bus: EventBus) -> None:
        """Hear what changes what is wanted."""
        bus.subscribe(PolicyChanged, self.on_policy_changed)
        bus.subscribe(DeviceTrusted, self.on_trusted)
        bus.subscribe(DeviceAssigned, self.on_assigned)
        bus.subscribe(DeviceEnded, self.on_ended)
        bus.subscribe(DepartmentMoved, self.on_department_moved)

    async def fetch(self, phone: Phone, etag: str | None = None) -> Desired | None:
        """Give what is wanted of a phone now, signed anew; None if it has it already (`etag`).

        Raises:
            NothingDesired: it is not trusted (any more).
        """
        head = await self._head(phone.device_id)
        if head is None:
            async with self._db.begin() as session:
                row = await self._register.locked(session, phone.device_id)
                desired = await self.refresh(session, row, "asked")
            head = Head(desired.version, desired.sha256)
            self._documents.keep(desired.sha256, desired.document)
        if etag == etag_of(head.version, head.sha256):
            return None
        document = await self._document(phone.device_id, head)
        now = self._clock.now()
        signed = self._signer.sign(
            DocumentKind.DESIRED,
            {"version": head.version, "sha256": head.sha256, **document},
            device_id=phone.device_id,
            sequence=head.version,
            issued_at=now,
            expires_at=now + self._validity,
        )
        return Desired(head.version, head.sha256, signed.token)

    async def _document(self, device_id: str, head: Head) -> Mapping[str, Any]:
        """Give a document; many phones have the same one, and its hash names it.

        Raises:
            NothingDesired: the phone ended a moment ago.
        """
        known = self._documents.get(head.sha256)
        if known is None:
            rows = await self._db.run(_DOCUMENT, {"device": device_id, "version": head.version})
            if not rows:
                raise NothingDesired
            known = self._documents.keep(head.sha256, rows[0].document)
        return known

    async def refresh(self, session: AsyncSession, row: DeviceRow, cause: str) -> DesiredRow:
        """Compute what is wanted of a locked phone; write a new version if it is something else.

        Raises:
            NothingDesired: it is not trusted (any more).
        """
        if row.trust is not Trust.TRUSTED:
            raise NothingDesired
        return (await self._refresh_all(session, [row], cause))[row.id]

    async def overtake(self, session: AsyncSession, row: DeviceRow, version: int) -> DesiredRow:
        """Want the same again under a number above one that the phone has and we do not know.

        So a server that was restored from a backup gets ahead of its phones again: they take nothing older.
        """
        row.desired_version = version
        return await self.refresh(session, row, "overtaken")

    async def _refresh_all(
        self, session: AsyncSession, rows: Sequence[DeviceRow], cause: str
    ) -> dict[str, DesiredRow]:
        """Compute what is wanted of locked, trusted phones: each step for all of them at once."""
        wanted = await current_of(session, rows)
        changed: list[tuple[DeviceRow, DesiredRow]] = []
        with session.no_autoflush:
            for row, subject in zip(rows, await subjects_of(session, rows), strict=True):
                row.desired_stale = False
                made = await self._made(session, row, subject, cause)
                rule = ContactRule.of(made.document["policy"])
                row.contact_needs_compliance = rule.needs_compliance
                row.max_silence_minutes = rule.max_silence_minutes
                current = wanted.get(row.id)
                if current is None or current.sha256 != made.sha256:
                    changed.append((row, made))
                    wanted[row.id] = made
        for row, made in changed:
            session.add(made)
            row.desired_version = made.version
            self._register.remember(session, row.id, "desired", version=made.version, cause=cause)
        reported = await self._standings.last_reported(session, [row.id for row, _ in changed])
        settled = [
            self._standings.settle(session, row, made, still_proved(row, reported.get(row.id)))
            for row, made in changed
        ]
        await session.flush()
        for (row, made), standing in zip(changed, settled, strict=True):
            await standing.tell(session)
            await self._bus.publish(session, DesiredChanged(row.id, made.version, made.sha256))
        for row, made in changed:
            body: dict[str, JSON] = {
                "device": row.id,
                "version": made.version,
                "sha256": made.sha256,
                "cause": cause,
            }
            await self._ledger.append(session, "device.desired", body)
        return wanted

    async def _made(
        self, session: AsyncSession, row: DeviceRow, subject: PolicySubject, cause: str
    ) -> DesiredRow:
        """Make what would be the next version."""
        effective = await self._policies.effective(session, subject)
        document = {
            "state": row.state.value,
            "policy": dict(effective.document),
            "settings": {name: setting_sha256(name, value) for name, value in effective.settings.items()},
        }
        return DesiredRow(
            device_id=row.id,
            version=row.desired_version + 1,
            sha256=sha256_of(document),
            policy_sha256=effective.sha256,
            document=document,
            cause=cause,
            created_at=self._clock.now(),
        )

    async def set_state(
        self, session: AsyncSession, device_id: str, state: DeviceState, *, by: str | None
    ) -> None:
        """Want a phone locked, lost or free again, in the caller's transaction. Raises `DeviceStateWrong`."""
        row = await self._register.locked(session, device_id)
        if row.trust is not Trust.TRUSTED:
            raise DeviceStateWrong(trust=row.trust.value)
        if row.state is state:
            return
        self._register.remember(session, row.id, "state", by=by, before=row.state.value, after=state.value)
        row.state = state
        await self.refresh(session, row, f"state-{state.value.lower()}")

    async def on_policy_changed(self, session: AsyncSession, event: PolicyChanged) -> None:
        ids = event.device_ids
        await self.touch(session, true() if ids is None else DeviceRow.id.in_(ids), "policy")

    async def on_trusted(self, session: AsyncSession, event: DeviceTrusted) -> None:
        await self.touch(session, DeviceRow.id == event.device_id, "trusted")

    async def on_assigned(self, session: AsyncSession, event: DeviceAssigned) -> None:
        await self.touch(session, DeviceRow.id == event.device_id, "assigned")

    async def on_department_moved(self, session: AsyncSession, event: DepartmentMoved) -> None:
        below = select(Department.id).where(Department.path.startswith(event.path, autoescape=True))
        await self.touch(session, DeviceRow.department_id.in_(below), "department")

    async def on_ended(self, session: AsyncSession, event: DeviceEnded) -> None:
        """Leave nothing of it behind."""
        await session.execute(delete(DesiredRow).where(DesiredRow.device_id == event.device_id))

    async def touch(self, session: AsyncSession, which: ColumnElement[bool], cause: str) -> None:
        """Mark phones whose wish may have changed, and compute it at once if they are few."""
        reached = await session.scalar(select(func.count()).select_from(DeviceRow).where(_LIVE, which)) or 0
        if reached <= AT_ONCE:
            query = select(DeviceRow).where(_LIVE, which).order_by(DeviceRow.id).with_for_update()
            rows = list(await session.scalars(query.execution_options(populate_existing=True)))
            await self._refresh_all(session, rows, cause)
        else:
            await session.execute(update(DeviceRow).where(_LIVE, which).values(desired_stale=True))

    async def catch_up(self, *, limit: int = BATCH) -> int:
        """Compute marked phones; give how many. A chore of the relay: call again while it is not 0."""
        async with self._db.begin() as session:
            query = (
                select(DeviceRow)
                .where(_LIVE, DeviceRow.desired_stale)
                .order_by(DeviceRow.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            rows = list(await session.scalars(query))
            await self._refresh_all(session, rows, "policy")
            return len(rows)


async def latest(session: AsyncSession, device_id: str) -> DesiredRow | None:
    """Read what is wanted of a phone."""
    query = select(DesiredRow).where(DesiredRow.device_id == device_id)
    return await session.scalar(query.order_by(DesiredRow.version.desc()).limit(1))


async def current_of(session: AsyncSession, rows: Sequence[DeviceRow]) -> dict[str, DesiredRow]:
    """Read what is wanted of phones, by their ids."""
    query = (
        select(DesiredRow)
        .join(DeviceRow, DeviceRow.id == DesiredRow.device_id)
        .where(DesiredRow.version == DeviceRow.desired_version, DeviceRow.id.in_([row.id for row in rows]))
    )
    return {found.device_id: found for found in await session.scalars(query)}
