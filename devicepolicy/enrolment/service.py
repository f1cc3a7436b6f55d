"""Enrolment: a phone comes in, is approved or rejected, gets an employee, goes, and comes in again as new."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.events import EmployeeMoved
from core.access.model import Principal
from core.clock import Clock
from core.db import Database
from core.events import EventBus
from core.ids import new_id
from core.ledger import Ledger
from core.ledger.record import JSON
from core.vault import Vault
from devicepolicy import permissions
from devicepolicy.devices.errors import DeviceStateWrong, HolderInvalid
from devicepolicy.devices.events import DeviceAssigned, DeviceTrusted
from devicepolicy.devices.model import ComplianceState, DeviceState, Trust
from devicepolicy.devices.models import DeviceRow
from devicepolicy.devices.register import Register
from devicepolicy.enrolment.consent import ConsentService
from devicepolicy.enrolment.errors import KeyUsed, TokenRefused
from devicepolicy.enrolment.model import Enrolled, NewPhone
from devicepolicy.enrolment.models import TokenRow
from devicepolicy.enrolment.tokens import EnrolmentTokens, holder
from devicepolicy.identity.keys import key_id_of
from devicepolicy.roster.claims import claims_of, listed_phone
from devicepolicy.roster.hardware import blind
from devicepolicy.roster.model import Claim

_LIVE = (Trust.TRUSTED, Trust.PENDING)


class EnrolmentService:
    """Changes who is trusted. Locks: token, phones, then the ledger's head."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        vault: Vault,
        ledger: Ledger,
        bus: EventBus,
        register: Register,
        tokens: EnrolmentTokens,
        consent: ConsentService,
    ) -> None:
        self._db = database
        self._clock = clock
        self._vault = vault
        self._ledger = ledger
        self._bus = bus
        self._register = register
        self._tokens = tokens
        self._consent = consent

    async def enrol(self, new: NewPhone, key: Ed25519PublicKey) -> Enrolled:
        """Let a phone in that proved its key. The same phone that asks again gets the same answer.

        Raises:
            TokenRefused, ConsentStale, KeyUsed: nothing was stored then.
        """
        self._consent.check(new.agreement)
        async with self._db.begin() as session:
            token = await self._tokens.take(session, new.token)
            if token.used_at is not None:
                return await self._again(session, token, key)
            row = self._row(new, key, token, await self._who(session, token, new))
            try:
                async with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                raise KeyUsed from None
            token.used_at, token.device_id = self._clock.now(), row.id
            self._register.remember(session, row.id, "enrolled", token=token.id)
            await session.flush()
            await self._consent.record(session, row, new.agreement)
            claim = (await claims_of(session, [row]))[row.id]
            body: dict[str, JSON] = {
                "device": row.id,
                "token": token.id,
                "employee": row.employee_id,
                "department": row.department_id,
                "key": key_id_of(key),
                "listed": claim.phone_id,
                "flags": [flag.value for flag in claim.flags],
            }
            await self._ledger.append(session, "device.enrolled", body)
            await self._by_list(session, row, token, claim)
            return Enrolled(row.id, row.trust)

    async def _who(
        self, session: AsyncSession, token: TokenRow, new: NewPhone
    ) -> tuple[str | None, str | None]:
        """Say whose the phone is: as the invitation says, and where that names nobody, as the list does."""
        phone = await listed_phone(session, blind(self._vault, new.hardware))
        try:
            who = await holder(session, token.employee_id, token.department_id)
        except HolderInvalid:
            raise TokenRefused from None
        if phone is None or who != (None, None):
            return who
        try:
            return await holder(session, phone.employee_id, phone.department_id)
        except HolderInvalid:  # who was to have it has left: an administrator gives it to somebody
            return None, None

    async def _by_list(self, session: AsyncSession, row: DeviceRow, token: TokenRow, claim: Claim) -> None:
        """Let a phone in whose invitation or list says so; turn one away that was rejected on the list."""
        if claim.rejected:
            await self._register.end(session, row, Trust.REJECTED, "rejected-on-list", by=None)
            return
        by = token.created_by if token.approves else claim.lets_in
        if by is not None:
            await self._trust(session, row, by=by)

    async def _again(self, session: AsyncSession, token: TokenRow, key: Ed25519PublicKey) -> Enrolled:
        """The answer may have been lost on its way: the key that came first may ask again."""
        row = await session.get(DeviceRow, token.device_id)
        if row is None or row.public_key != key.public_bytes_raw():
            raise TokenRefused
        return Enrolled(row.id, row.trust)

    def _row(
        self, new: NewPhone, key: Ed25519PublicKey, token: TokenRow, who: tuple[str | None, str | None]
    ) -> DeviceRow:
        now = self._clock.now()
        employee_id, department_id = who
        return DeviceRow(
            id=new_id(),
            name=token.name,
            trust=Trust.PENDING,
            public_key=key.public_bytes_raw(),
            hardware=blind(self._vault, new.hardware),
            employee_id=employee_id,
            department_id=department_id,
            token_id=token.id,
            state=DeviceState.PROVISIONING,
            manufacturer=new.manufacturer,
            model=new.model,
            os_version=new.os_version,
            security_patch=new.security_patch,
            api_level=new.facts.api_level,
            mode=new.facts.mode,
            backends=sorted(backend.value for backend in new.facts.backends),
            agent_version=new.agent_version,
            status={},
            compliance=ComplianceState.UNKNOWN,
            settings={},
            last_seen_at=now,
            enrolled_at=now,
        )

    async def approve(self, principal: Principal, device_id: str) -> None:
        """Trust a phone that waits. The same hardware's earlier enrolments end with it.

        Raises:
            DeviceNotFound, DeviceStateWrong. HolderInvalid: its employee was suspended meanwhile.
        """
        async with self._db.begin() as session:
            row = await self._register.within_reach(session, principal, permissions.DEVICE_WRITE, device_id)
            if row.trust is Trust.TRUSTED:
                return
            if row.trust is not Trust.PENDING:
                raise DeviceStateWrong(trust=row.trust.value)
            await holder(session, row.employee_id, row.department_id)
            await self._trust(session, row, by=principal.employee_id)

    async def _trust(self, session: AsyncSession, row: DeviceRow, *, by: str) -> None:
        """Only now does an earlier enrolment of the hardware end: a claim alone throws nobody out."""
        query = (
            select(DeviceRow)
            .where(DeviceRow.hardware == row.hardware, DeviceRow.id != row.id, DeviceRow.trust.in_(_LIVE))
            .order_by(DeviceRow.id)
            .with_for_update()
        )
        for earlier in await session.scalars(query):
            if earlier.trust is Trust.TRUSTED:
                row.previous_id = earlier.id
            await self._register.end(session, earlier, Trust.RELEASED, "replaced", by=by)
        row.trust, row.state = Trust.TRUSTED, DeviceState.ACTIVE
        row.trusted_at, row.trusted_by = self._clock.now(), by
        row.left_compliance_at = row.trusted_at
        row.desired_stale = True
        self._register.remember(session, row.id, "trusted", by=by, previous=row.previous_id)
        try:
            await session.flush()
        except IntegrityError:  # the other of two enrolments was approved at the same moment
            raise DeviceStateWrong from None
        policy_id = await session.scalar(select(TokenRow.policy_id).where(TokenRow.id == row.token_id))
        told = DeviceTrusted(row.id, row.employee_id, row.department_id, policy_id, by)
        await self._bus.publish(session, told)
        body = {"device": row.id, "previous": row.previous_id, "by": by}
        await self._ledger.append(session, "device.trusted", body)

    async def reject(self, principal: Principal, device_id: str) -> None:
        """Turn a waiting phone away for good; raise `DeviceNotFound` or `DeviceStateWrong`."""
        async with self._db.begin() as session:
            row = await self._register.within_reach(session, principal, permissions.DEVICE_WRITE, device_id)
            if row.trust is Trust.REJECTED:
                return
            if row.trust is not Trust.PENDING:
                raise DeviceStateWrong(trust=row.trust.value)
            await self._register.end(session, row, Trust.REJECTED, "rejected", by=principal.employee_id)

    async def release(self, principal: Principal, device_id: str) -> None:
        """Stop dealing with a phone: its key is dead from the next request on. Idempotent.

        This cuts the phone off; let it finish a command to give up ownership first where that is wanted.
        """
        async with self._db.begin() as session:
            row = await self._register.within_reach(session, principal, permissions.DEVICE_WRITE, device_id)
            await self._register.end(session, row, Trust.RELEASED, "released", by=principal.employee_id)

    async def release_in(self, session: AsyncSession, device_id: str, reason: str, *, by: str | None) -> None:
        """Release within a larger transaction that has checked the right to."""
        row = await self._register.locked(session, device_id)
        await self._register.end(session, row, Trust.RELEASED, reason, by=by)

    async def assign(
        self,
        principal: Principal,
        device_id: str,
        *,
        employee_id: str | None,
        department_id: str | None = None,
    ) -> None:
        """Give a phone to another employee, or to nobody; raise `DeviceNotFound` or `HolderInvalid`."""
        async with self._db.begin() as session:
            row = await self._register.within_reach(session, principal, permissions.DEVICE_WRITE, device_id)
            await self._give(session, row, employee_id, department_id, by=principal.employee_id)

    async def assign_in(
        self, session: AsyncSession, device_id: str, employee_id: str | None, *, by: str | None
    ) -> None:
        """Give a phone to another within a larger transaction that has checked the right to."""
        row = await self._register.locked(session, device_id)
        await self._give(session, row, employee_id, row.department_id, by=by)

    async def _give(
        self,
        session: AsyncSession,
        row: DeviceRow,
        employee_id: str | None,
        department_id: str | None,
        *,
        by: str | None,
    ) -> None:
        if row.trust not in _LIVE:
            raise DeviceStateWrong(trust=row.trust.value)
        who = await holder(session, employee_id, department_id)
        if who == (row.employee_id, row.department_id):
            return
        if employee_id != row.employee_id and row.terms_version is not None:
            await self._consent.void(session, row)  # another person has to agree for themselves
        row.employee_id, row.department_id = who
        row.desired_stale = row.trust is Trust.TRUSTED
        self._register.remember(session, row.id, "assigned", by=by, employee=row.employee_id)
        await session.flush()
        await self._bus.publish(session, DeviceAssigned(row.id, row.employee_id, row.department_id, by))
        body = {"device": row.id, "employee": row.employee_id, "department": row.department_id, "by": by}
        await self._ledger.append(session, "device.assigned", body)

    async def on_employee_moved(self, session: AsyncSession, event: EmployeeMoved) -> None:
        """A phone follows its employee into the new department."""
        query = select(DeviceRow).where(
            DeviceRow.employee_id == event.employee_id, DeviceRow.trust.in_(_LIVE)
        )
        for row in await session.scalars(query.order_by(DeviceRow.id).with_for_update()):
            row.department_id = event.department_id
            row.desired_stale = row.trust is Trust.TRUSTED
            self._register.remember(session, row.id, "moved", by=event.by)
            await session.flush()
            told = DeviceAssigned(row.id, row.employee_id, row.department_id, event.by)
            await self._bus.publish(session, told)
