"""The second factor: TOTP (RFC 6238) with a sealed secret, codes that work once, and recovery codes."""

import base64
import secrets
from dataclasses import dataclass, field

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.errors import CodeRefused, TotpAbsent, TotpPresent
from core.access.models import RecoveryCode, Totp
from core.clock import Clock
from core.ids import new_id
from core.sealed import Field
from core.vault import Vault

RECOVERY_CODES = 10
_RECOVERY_BYTES = 10  # 16 characters of base32
_DRIFT_STEPS = 1  # one step of 30 s to each side (RFC 6238 §5.2)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs, shown once: as text, and as a URI for a QR code."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class SecondFactor:
    """Sets up and checks second factors in the caller's transaction."""

    def __init__(self, vault: Vault, clock: Clock, *, issuer: str) -> None:
        self._vault = vault
        self._clock = clock
        self._issuer = issuer

    async def is_confirmed(self, session: AsyncSession, employee_id: str) -> bool:
        query = select(Totp.confirmed_at).where(Totp.employee_id == employee_id)
        return await session.scalar(query) is not None

    async def enrol(self, session: AsyncSession, employee_id: str, username: str) -> Enrolment:
        """Make a new secret; an earlier one that was never confirmed is forgotten.

        Raises:
            TotpPresent: a confirmed one exists.
        """
        if await self.is_confirmed(session, employee_id):
            raise TotpPresent
        await self.remove(session, employee_id)
        secret = pyotp.random_base32()
        session.add(
            Totp(
                employee_id=employee_id,
                secret=self._vault.cipher().seal(_place(employee_id), secret),
                created_at=self._clock.now(),
            )
        )
        await session.flush()
        uri = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=self._issuer)
        return Enrolment(secret, uri)

    async def confirm(self, session: AsyncSession, employee_id: str, code: str) -> list[str]:
        """Accept the secret once a code proves that the app has it; gives the recovery codes, once.

        Raises:
            TotpAbsent, TotpPresent, CodeRefused
        """
        row = await self._row(session, employee_id)
        if row is None:
            raise TotpAbsent
        if row.confirmed_at is not None:
            raise TotpPresent
        self._accept(row, code)
        row.confirmed_at = self._clock.now()
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        session.add_all(
            RecoveryCode(id=new_id(), employee_id=employee_id, code_hash=self._hash(employee_id, plain))
            for plain in codes
        )
        await session.flush()
        return codes

    async def check(self, session: AsyncSession, employee_id: str, code: str) -> bool:
        """Accept a code of the app (gives False) or a recovery code (gives True), each only once.

        Raises:
            CodeRefused
        """
        row = await self._row(session, employee_id)
        if row is None or row.confirmed_at is None:
            raise CodeRefused
        if code.isdecimal():
            self._accept(row, code)
            await session.flush()
            return False
        used = await session.execute(
            update(RecoveryCode)
            .where(
                RecoveryCode.employee_id == employee_id,
                RecoveryCode.code_hash == self._hash(employee_id, code),
                RecoveryCode.used_at.is_(None),
            )
            .values(used_at=self._clock.now())
            .returning(RecoveryCode.id)
        )
        if used.scalar_one_or_none() is None:
            raise CodeRefused
        return True

    async def remaining_codes(self, session: AsyncSession, employee_id: str) -> int:
        query = (
            select(func.count())
            .select_from(RecoveryCode)
            .where(RecoveryCode.employee_id == employee_id, RecoveryCode.used_at.is_(None))
        )
        return await session.scalar(query) or 0

    async def remove(self, session: AsyncSession, employee_id: str) -> None:
        """Forget the second factor and its recovery codes."""
        await session.execute(delete(RecoveryCode).where(RecoveryCode.employee_id == employee_id))
        await session.execute(delete(Totp).where(Totp.employee_id == employee_id))

    def _accept(self, row: Totp, code: str) -> None:
        """Check a code against the clock; a counter at or before the last accepted one is refused."""
        secret = self._vault.open_text(_place(row.employee_id), row.secret)
        try:
            counter = pyotp.TOTP(secret).verify_and_get_timecode(
                code, for_time=self._clock.now(), valid_window=_DRIFT_STEPS
            )
        except OTPVerificationError:
            raise CodeRefused from None
        if counter <= row.last_counter:
            raise CodeRefused
        row.last_counter = counter

    async def _row(self, session: AsyncSession, employee_id: str) -> Totp | None:
        query = select(Totp).where(Totp.employee_id == employee_id).with_for_update()
        return (await session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()

    def _hash(self, employee_id: str, code: str) -> str:
        plain = code.replace("-", "").replace(" ", "").casefold()
        return self._vault.blind("access_recovery_code", f"{employee_id}:{plain}").raw.hex()


def _recovery_code() -> str:
    plain = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().casefold()
    return "-".join(plain[begin : begin + 4] for begin in range(0, len(plain), 4))


def _place(employee_id: str) -> Field:
    return Field("access_totp", "secret", employee_id)
