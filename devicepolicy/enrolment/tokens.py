"""Enrolment tokens: made by an administrator, shown once, good for one phone."""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.models import Department, Employee, EmployeeState
from core.access.scope import scope_clause
from core.clock import Clock
from core.config import Settings
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger
from core.web.paging import paginate
from devicepolicy import permissions
from devicepolicy.devices.errors import HolderInvalid
from devicepolicy.enrolment.errors import TokenInvalid, TokenRefused, TokenUnknown
from devicepolicy.enrolment.model import IssuedToken, NewToken, TokenState, TokenView
from devicepolicy.enrolment.models import TokenRow
from devicepolicy.enrolment.ports import PolicyBinder
from devicepolicy.enrolment.provisioning import (
    LARGEST,
    AgentPackage,
    ChecksumInvalid,
    Invitation,
    SetUp,
    provisioning_text,
)
from devicepolicy.identity.keys import key_text
from devicepolicy.identity.signer import DocumentSigner

TOKEN_BYTES = 32


class EnrolmentTokens:
    """Keeps the invitations."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        ledger: Ledger,
        signer: DocumentSigner,
        policies: PolicyBinder,
        settings: Settings,
    ) -> None:
        self._db = database
        self._clock = clock
        self._ledger = ledger
        self._signer = signer
        self._policies = policies
        self._settings = settings

    async def issue(self, principal: Principal, new: NewToken) -> IssuedToken:
        """Make an invitation; raise `HolderInvalid` or `TokenInvalid`."""
        principal.require(permissions.DEVICE_ENROL)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        text = self._text(token, new.set_up)
        now = self._clock.now()
        validity_s = new.validity_s or self._settings.phones.enrolment.validity_s
        async with self._db.begin() as session:
            employee_id, department_id = await holder(session, new.employee_id, new.department_id)
            if new.policy_id is not None:
                await self._policies.check(session, new.policy_id)
            row = TokenRow(
                id=new_id(),
                token_hash=token_hash(token),
                name=new.name,
                employee_id=employee_id,
                department_id=department_id,
                policy_id=new.policy_id,
                approves=new.approves,
                created_by=principal.employee_id,
                created_at=now,
                expires_at=now + timedelta(seconds=validity_s),
            )
            session.add(row)
            await session.flush()
            body = {
                "token": row.id,
                "employee": employee_id,
                "department": department_id,
                "policy": row.policy_id,
                "approves": row.approves,
                "expires_at": row.expires_at.isoformat(),
                "by": principal.employee_id,
            }
            await self._ledger.append(session, "device.token-issued", body)
        return IssuedToken(_view(row, now), token, text)

    def _text(self, token: str, set_up: SetUp) -> str:
        enrolment = self._settings.phones.enrolment
        package = None
        if enrolment.agent_url is not None:
            package = AgentPackage(
                enrolment.agent_component,
                enrolment.agent_url,
                enrolment.signature_checksum,
                enrolment.package_checksum,
            )
        invitation = Invitation(self._settings.web.url, token, key_text(self._signer.current))
        try:
            text = provisioning_text(invitation, replace(set_up, package=package))
        except ChecksumInvalid:
            raise TokenInvalid(
                "The agent's checksum in the settings is no SHA-256.",
                detail_zh="设置中的管理程序校验值不是 SHA-256。",
            ) from None
        if len(text) > LARGEST:
            raise TokenInvalid("It does not fit into a QR code.", detail_zh="内容超出二维码容量。")
        return text

    async def find(
        self, principal: Principal, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[TokenView], str | None]:
        """List invitations within reach, newest first."""
        reach = scope_clause(
            principal, permissions.DEVICE_ENROL, owner=TokenRow.employee_id, department=TokenRow.department_id
        )
        async with self._db.read() as session:
            rows, following = await paginate(
                session, select(TokenRow).where(reach), key=TokenRow.id, cursor=cursor, limit=limit
            )
        now = self._clock.now()
        return [_view(row, now) for row in rows], following

    async def revoke(self, principal: Principal, token_id: str) -> None:
        """Make an unused invitation worthless. Idempotent; raise `TokenUnknown`."""
        principal.require(permissions.DEVICE_ENROL)
        async with self._db.begin() as session:
            row = await session.get(TokenRow, token_id, with_for_update=True)
            if row is None:
                raise TokenUnknown
            if row.revoked_at is None and row.used_at is None:
                row.revoked_at = self._clock.now()
                await session.flush()
                body = {"token": row.id, "by": principal.employee_id}
                await self._ledger.append(session, "device.token-revoked", body)

    async def take(self, session: AsyncSession, token: str) -> TokenRow:
        """Lock an invitation for the phone that brings it, used or not; raise `TokenRefused`.

        What is wrong with it is not told: who guesses learns nothing.
        """
        query = select(TokenRow).where(TokenRow.token_hash == token_hash(token)).with_for_update()
        row = await session.scalar(query)
        if row is None or row.revoked_at is not None:
            raise TokenRefused
        if row.used_at is None and row.expires_at <= self._clock.now():
            raise TokenRefused
        return row


async def holder(
    session: AsyncSession, employee_id: str | None, department_id: str | None
) -> tuple[str | None, str | None]:
    """Check who is to have a phone; the department is the employee's own if there is one.

    Raises:
        HolderInvalid: unknown, or the employee is suspended.
    """
    if employee_id is not None:
        employee = await session.get(Employee, employee_id)
        if employee is None or employee.state is not EmployeeState.ACTIVE:
            raise HolderInvalid
        return employee_id, employee.department_id
    if department_id is not None and await session.get(Department, department_id) is None:
        raise HolderInvalid
    return None, department_id


def token_hash(token: str) -> str:
    """Hash a token; it is random enough to need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def _view(row: TokenRow, now: datetime) -> TokenView:
    if row.used_at is not None:
        state = TokenState.USED
    elif row.revoked_at is not None:
        state = TokenState.REVOKED
    else:
        state = TokenState.EXPIRED if row.expires_at <= now else TokenState.OPEN
    return TokenView(
        id=row.id,
        name=row.name,
        employee_id=row.employee_id,
        department_id=row.department_id,
        policy_id=row.policy_id,
        approves=row.approves,
        created_by=row.created_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        state=state,
        device_id=row.device_id,
    )
