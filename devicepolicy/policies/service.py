"""Keeps policies: drafts that change, versions that are published once and never again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from devicepolicy import permissions
from devicepolicy.canonical import canonical_bytes, sha256_of
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.policies.diff import Difference, diff
from devicepolicy.policies.document import Documents
from devicepolicy.policies.errors import (
    DraftMoved,
    Fault,
    NothingToPublish,
    PolicyNameTaken,
    PolicyUnknown,
    VersionUnknown,
)
from devicepolicy.policies.models import DraftRow, PolicyRow, VersionRow
from devicepolicy.policies.views import DraftView, PolicyView, VersionView

DRAFT = 0
"""The draft's number where two states of a policy are compared."""


@dataclass(frozen=True, slots=True)
class PolicyGround:
    """What the services of policies stand on."""

    database: Database
    clock: Clock
    ledger: Ledger
    documents: Documents
    table: CapabilityTable


class PolicyService:
    """Writes and publishes policies. Whom they reach is `AssignmentService`'s."""

    def __init__(self, ground: PolicyGround) -> None:
        self._ground = ground
        self._db = ground.database

    def check(self, principal: Principal, document: Mapping[str, JSON]) -> tuple[Fault, ...]:
        """Say what would be refused of a document."""
        principal.require(permissions.POLICY_READ)
        return self._ground.documents.faults(document)

    async def create(
        self, principal: Principal, name: str, about: str, document: Mapping[str, JSON]
    ) -> PolicyView:
        """Make a policy with its first draft. Raises PolicyNameTaken, DocumentInvalid."""
        principal.require(permissions.POLICY_WRITE)
        normal = self._ground.documents.normal(document)
        now = self._ground.clock.now()
        row = PolicyRow(id=new_id(), name=name, about=about, created_at=now, created_by=principal.employee_id)
        draft = DraftRow(
            policy_id=row.id, document=normal, revision=1, updated_at=now, updated_by=principal.employee_id
        )
        try:
            async with self._db.begin() as session:
                session.add(row)
                await session.flush()
                session.add(draft)
                await session.flush()
                await self._note(session, "policy.created", principal, row.id, sha256=sha256_of(normal))
        except IntegrityError:
            raise PolicyNameTaken from None
        return _policy(row, None, draft.revision)

    async def find(self, principal: Principal) -> list[PolicyView]:
        """List the policies by name."""
        principal.require(permissions.POLICY_READ)
        async with self._db.read() as session:
            found = await session.execute(_policies().order_by(PolicyRow.name))
            return [_policy(row, latest, revision) for row, latest, revision in found]

    async def get(self, principal: Principal, policy_id: str) -> PolicyView:
        """Give one policy; raise PolicyUnknown."""
        principal.require(permissions.POLICY_READ)
        async with self._db.read() as session:
            found = (await session.execute(_policies().where(PolicyRow.id == policy_id))).one_or_none()
        if found is None:
            raise PolicyUnknown
        row, latest, revision = found
        return _policy(row, latest, revision)

    async def draft(self, principal: Principal, policy_id: str) -> DraftView:
        """Give the draft; raise PolicyUnknown."""
        principal.require(permissions.POLICY_READ)
        async with self._db.read() as session:
            return _draft(await _find_draft(session, policy_id))

    async def save(
        self, principal: Principal, policy_id: str, document: Mapping[str, JSON], revision: int
    ) -> DraftView:
        """Change the draft that had `revision`. Raises PolicyUnknown, DraftMoved, DocumentInvalid."""
        principal.require(permissions.POLICY_WRITE)
        normal = self._ground.documents.normal(document)
        async with self._db.begin() as session:
            row = await _find_draft(session, policy_id, lock=True)
            if row.revision != revision:
                raise DraftMoved(revision=row.revision)
            row.document, row.revision = normal, revision + 1
            row.updated_at, row.updated_by = self._ground.clock.now(), principal.employee_id
            await self._note(session, "policy.draft_saved", principal, policy_id, sha256=sha256_of(normal))
            return _draft(row)

    async def publish(
        self, principal: Principal, policy_id: str, revision: int, note: str = ""
    ) -> VersionView:
        """Make the draft of `revision` a version for ever; nobody gets it by that alone.

        Raises:
            PolicyUnknown, DraftMoved, NothingToPublish, DocumentInvalid (the table may have changed)
        """
        principal.require(permissions.POLICY_PUBLISH)
        async with self._db.begin() as session:
            draft = await _find_draft(session, policy_id, lock=True)
            if draft.revision != revision:
                raise DraftMoved(revision=draft.revision)
            normal = self._ground.documents.normal(draft.document)
            newest = await session.scalar(
                select(VersionRow)
                .where(VersionRow.policy_id == policy_id)
                .order_by(VersionRow.number.desc())
                .limit(1)
            )
            digest = sha256_of(normal)
            if newest is not None and newest.sha256 == digest:
                raise NothingToPublish(version=newest.number)
            row = VersionRow(
                id=new_id(),
                policy_id=policy_id,
                number=newest.number + 1 if newest is not None else 1,
                sha256=digest,
                document=canonical_bytes(normal),
                note=note,
                published_at=self._ground.clock.now(),
                published_by=principal.employee_id,
            )
            session.add(row)
            await session.flush()
            await self._note(
                session,
                "policy.published",
                principal,
                policy_id,
                version=row.id,
                number=row.number,
                sha256=digest,
                table=self._ground.table.digest,
            )
            return _version(row)

    async def versions(self, principal: Principal, policy_id: str) -> list[VersionView]:
        """List the versions of a policy, the newest first; raise PolicyUnknown."""
        await self.get(principal, policy_id)
        query = select(VersionRow).where(VersionRow.policy_id == policy_id).order_by(VersionRow.number.desc())
        async with self._db.read() as session:
            return [_version(row) for row in await session.scalars(query)]

    async def version(self, principal: Principal, policy_id: str, number: int) -> VersionView:
        """Give one version; raise VersionUnknown."""
        principal.require(permissions.POLICY_READ)
        async with self._db.read() as session:
            return _version(await find_version(session, policy_id, number))

    async def compare(
        self, principal: Principal, policy_id: str, before: int, after: int
    ) -> tuple[Difference, ...]:
        """Give what differs between two versions (0: the draft). Raises PolicyUnknown, VersionUnknown."""
        principal.require(permissions.POLICY_READ)
        async with self._db.read() as session:
            sides = [await self._settings(session, policy_id, number) for number in (before, after)]
        return diff(sides[0], sides[1], self._ground.table)

    async def changes(
        self, principal: Principal, policy_id: str, before: int | None, document: Mapping[str, JSON]
    ) -> tuple[Difference, ...]:
        """Give what a document that is not saved would change (None: against nothing).

        Raises:
            PolicyUnknown, VersionUnknown, DocumentInvalid
        """
        principal.require(permissions.POLICY_READ)
        after = self._ground.documents.settings(self._ground.documents.normal(document))
        async with self._db.read() as session:
            old = {} if before is None else await self._settings(session, policy_id, before)
        return diff(old, after, self._ground.table)

    async def _settings(self, session: AsyncSession, policy_id: str, number: int) -> Mapping[str, JSON]:
        if number == DRAFT:
            return self._ground.documents.settings((await _find_draft(session, policy_id)).document)
        row = await find_version(session, policy_id, number)
        return self._ground.documents.settings(json.loads(row.document))

    async def _note(
        self, session: AsyncSession, kind: str, principal: Principal, policy_id: str, **more: JSON
    ) -> None:
        await self._ground.ledger.append(
            session, kind, {"policy": policy_id, "by": principal.employee_id, **more}
        )


async def find_version(session: AsyncSession, policy_id: str, number: int) -> VersionRow:
    """Give a version by its number; raise VersionUnknown."""
    query = select(VersionRow).where(VersionRow.policy_id == policy_id, VersionRow.number == number)
    row = await session.scalar(query)
    if row is None:
        raise VersionUnknown
    return row


def _policies() -> Select[Any]:
    latest = select(func.max(VersionRow.number)).where(VersionRow.policy_id == PolicyRow.id).scalar_subquery()
    return select(PolicyRow, latest, DraftRow.revision).join(DraftRow, DraftRow.policy_id == PolicyRow.id)


async def _find_draft(session: AsyncSession, policy_id: str, *, lock: bool = False) -> DraftRow:
    row = await session.get(DraftRow, policy_id, with_for_update=lock or None)
    if row is None:
        raise PolicyUnknown
    return row


def _policy(row: PolicyRow, latest: int | None, revision: int) -> PolicyView:
    return PolicyView(row.id, row.name, row.about, latest, revision, row.created_at, row.created_by)


def _draft(row: DraftRow) -> DraftView:
    return DraftView(row.policy_id, row.document, row.revision, row.updated_at, row.updated_by)


def _version(row: VersionRow) -> VersionView:
    document: dict[str, Any] = json.loads(row.document)
    return VersionView(
        row.id, row.policy_id, row.number, row.sha256, document, row.note, row.published_at, row.published_by
    )
