"""Templates: written, approved by another person than the author, versioned, rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from gateway.contact.model import Purpose
from gateway.messages import permissions, templating
from gateway.messages.errors import (
    OwnTemplate,
    TemplateDecided,
    TemplateExists,
    TemplateInvalid,
    TemplateNotApproved,
    TemplateUnknown,
)
from gateway.messages.models import TemplateRow, TemplateVersionRow
from gateway.messages.rulefile import Wording
from gateway.messages.screening.detect import Allowed, detect, mask
from gateway.messages.templating import Flaw, Variable, VariableKind


@dataclass(frozen=True, slots=True)
class TemplateView:
    """A version of a template and where it stands: draft, approved, rejected or retired."""

    id: str
    template_id: str
    name: str
    purpose: Purpose
    version: int
    text: str
    variables: tuple[Variable, ...]
    state: str
    author_id: str
    created_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    rejected_by: str | None
    comment: str
    wording_version: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text made of an approved version."""

    version_id: str
    text: str

    def __repr__(self) -> str:
        return f"Rendered({self.version_id})"


class TemplateService:
    """Keeps templates. A version that was decided about is never changed."""

    def __init__(
        self, *, database: Database, clock: Clock, ledger: Ledger, wording: Wording, allowed: Allowed
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._wording = wording
        self._allowed = allowed

    @property
    def wording(self) -> Wording:
        """What every template must say."""
        return self._wording

    def flaws(self, text: str, variables: Sequence[Variable], purpose: Purpose) -> tuple[Flaw, ...]:
        """Say what would be refused of a text, before anybody writes it down."""
        return templating.flaws_of(text, tuple(variables), purpose, self._wording, self._allowed)

    async def create(
        self, principal: Principal, name: str, purpose: Purpose, text: str, variables: Sequence[Variable]
    ) -> TemplateView:
        """Make a template with its first version. Raises TemplateExists, TemplateInvalid."""
        principal.require(permissions.TEMPLATE_WRITE)
        now = self._clock.now()
        try:
            async with self._db.begin() as session:
                row = TemplateRow(
                    id=new_id(),
                    name=self._covered(name),
                    purpose=purpose,
                    created_at=now,
                    created_by=principal.employee_id,
                )
                session.add(row)
                await session.flush()
                return await self._add(session, principal, row, 1, text, tuple(variables))
        except IntegrityError:
            raise TemplateExists from None

    def _covered(self, text: str) -> str:
        """Cover contact data for good: names and comments are read by everybody and lie open in the books."""
        return mask(text, detect(text, self._allowed))

    async def write(
        self, principal: Principal, template_id: str, text: str, variables: Sequence[Variable]
    ) -> TemplateView:
        """Write a new version; the approved one stays in force until this one is approved."""
        principal.require(permissions.TEMPLATE_WRITE)
        async with self._db.begin() as session:
            row = await session.get(TemplateRow, template_id, with_for_update=True)
            if row is None or row.retired_at is not None:
                raise TemplateUnknown
            query = select(func.max(TemplateVersionRow.version)).where(
                TemplateVersionRow.template_id == template_id
            )
            version = (await session.scalar(query) or 0) + 1
            return await self._add(session, principal, row, version, text, tuple(variables))

    async def decide(
        self, principal: Principal, version_id: str, *, approve: bool, comment: str = ""
    ) -> TemplateView:
        """Approve or reject a version; raise TemplateUnknown, -Decided, -Invalid, OwnTemplate."""
        principal.require(permissions.TEMPLATE_APPROVE)
        async with self._db.begin() as session:
            version, template = await self._find(session, version_id, lock=True)
            if version.author_id == principal.employee_id:
                raise OwnTemplate
            if version.approved_at or version.rejected_at or template.retired_at:
                raise TemplateDecided
            now = self._clock.now()
            version.comment = self._covered(comment)
            if approve:
                # The wording asked for may have changed since it was written.
                self._check(version.text, _variables(version), template.purpose)
                version.approved_at, version.approved_by = now, principal.employee_id
                version.wording_version = self._wording.label
            else:
                version.rejected_at, version.rejected_by = now, principal.employee_id
            body: dict[str, JSON] = {
                "template": template.id,
                "version": version.id,
                "number": version.version,
                "by": principal.employee_id,
                "author": version.author_id,
                "wording": version.wording_version,
            }
            await self._ledger.append(session, "template.approved" if approve else "template.rejected", body)
            return _view(version, template)

    async def retire(self, principal: Principal, template_id: str) -> None:
        """Take a template out of use; what was sent with it stays."""
        principal.require(permissions.TEMPLATE_WRITE)
        async with self._db.begin() as session:
            row = await session.get(TemplateRow, template_id, with_for_update=True)
            if row is None:
                raise TemplateUnknown
            if row.retired_at is None:
                row.retired_at = self._clock.now()
                body = {"template": row.id, "by": principal.employee_id}
                await self._ledger.append(session, "template.retired", body)

    async def find(
        self, principal: Principal, *, purpose: Purpose | None = None, in_force: bool = False
    ) -> list[TemplateView]:
        """List versions, newest first; `in_force` gives the latest approved one of each living template."""
        principal.require(permissions.TEMPLATE_READ)
        query = (
            select(TemplateVersionRow, TemplateRow)
            .join(TemplateRow, TemplateRow.id == TemplateVersionRow.template_id)
            .order_by(TemplateRow.name, TemplateVersionRow.version.desc())
        )
        if purpose is not None:
            query = query.where(TemplateRow.purpose == purpose)
        async with self._db.read() as session:
            views = [_view(version, template) for version, template in await session.execute(query)]
        if not in_force:
            return views
        latest: dict[str, TemplateView] = {}
        for view in views:
            if view.state == "approved":
                latest.setdefault(view.template_id, view)
        return list(latest.values())

    async def render(
        self,
        session: AsyncSession,
        version_id: str,
        purpose: Purpose,
        given: Mapping[str, str],
        house: Mapping[str, str],
        allowed: Allowed,
    ) -> Rendered:
        """Fill an approved version of that purpose; raise TemplateUnknown, -NotApproved, -Invalid."""
        version, template = await self._find(session, version_id)
        if template.purpose is not purpose:
            raise TemplateUnknown
        if version.approved_at is None or template.retired_at is not None:
            raise TemplateNotApproved
        flaws = templating.value_flaws(given, _variables(version), allowed)
        if flaws:
            raise _invalid(flaws)
        return Rendered(version.id, templating.fill(version.text, {**house, **given}))

    async def _add(
        self,
        session: AsyncSession,
        principal: Principal,
        template: TemplateRow,
        version: int,
        text: str,
        variables: tuple[Variable, ...],
    ) -> TemplateView:
        self._check(text, variables, template.purpose)
        row = TemplateVersionRow(
            id=new_id(),
            template_id=template.id,
            version=version,
            text=text,
            variables=[{"name": variable.name, "kind": variable.kind.value} for variable in variables],
            wording_version=self._wording.label,
            author_id=principal.employee_id,
            created_at=self._clock.now(),
            comment="",
        )
        session.add(row)
        await session.flush()
        body: dict[str, JSON] = {
            "template": template.id,
            "version": row.id,
            "number": version,
            "by": principal.employee_id,
            "wording": row.wording_version,
        }
        await self._ledger.append(session, "template.written", body)
        return _view(row, template)

    def _check(self, text: str, variables: tuple[Variable, ...], purpose: Purpose) -> None:
        if len({variable.name for variable in variables}) != len(variables):
            raise TemplateInvalid("A variable is declared twice.", detail_zh="变量重复声明。")
        flaws = templating.flaws_of(text, variables, purpose, self._wording, self._allowed)
        if flaws:
            raise _invalid(flaws)

    async def _find(
        self, session: AsyncSession, version_id: str, *, lock: bool = False
    ) -> tuple[TemplateVersionRow, TemplateRow]:
        version = await session.get(TemplateVersionRow, version_id, with_for_update=lock or None)
        template = await session.get(TemplateRow, version.template_id) if version else None
        if version is None or template is None:
            raise TemplateUnknown
        return version, template


def _invalid(flaws: tuple[Flaw, ...]) -> TemplateInvalid:
    return TemplateInvalid(
        " ".join(flaw.en for flaw in flaws),
        detail_zh="".join(flaw.zh for flaw in flaws),
        flaws=[flaw.code for flaw in flaws],
    )


def _variables(row: TemplateVersionRow) -> tuple[Variable, ...]:
    def one(stored: Mapping[str, Any]) -> Variable:
        return Variable(str(stored["name"]), VariableKind(stored["kind"]))

    return tuple(one(stored) for stored in row.variables)


def _view(version: TemplateVersionRow, template: TemplateRow) -> TemplateView:
    state = "draft"
    if template.retired_at is not None:
        state = "retired"
    elif version.approved_at is not None:
        state = "approved"
    elif version.rejected_at is not None:
        state = "rejected"
    return TemplateView(
        id=version.id,
        template_id=template.id,
        name=template.name,
        purpose=template.purpose,
        version=version.version,
        text=version.text,
        variables=_variables(version),
        state=state,
        author_id=version.author_id,
        created_at=version.created_at,
        approved_by=version.approved_by,
        approved_at=version.approved_at,
        rejected_by=version.rejected_by,
        comment=version.comment,
        wording_version=version.wording_version,
    )
