"""Counts tries to log in, for each account and each source, and makes the next one wait.

A try is taken before the password is looked at, so parallel guesses cannot slip past the limit. The wait
doubles up to a cap and nobody is locked out for good (ASVS 5.0 6.1.1, 6.3.1).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.errors import LoginLocked
from core.access.models import LoginAttempts
from core.clock import Clock
from core.config import SecuritySettings

FIRST_WAIT_S = 30
FORGET_AFTER = timedelta(hours=24)
SOURCE_FACTOR = 6  # an office behind one address


@dataclass(frozen=True, slots=True)
class Limit:
    """One counter and how many tries it allows at once."""

    key: str
    tries: int


class Throttle:
    """Takes tries and gives them back."""

    def __init__(self, settings: SecuritySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    def limits(self, username: str, source: str) -> tuple[Limit, Limit]:
        """Give the counters of a log-in. Names are hashed: people type passwords into the wrong field."""
        name = hashlib.sha256(username.encode()).hexdigest()
        tries = self._settings.lockout_tries
        return Limit(f"account:{name}", tries), Limit(f"source:{source}"[:80], tries * SOURCE_FACTOR)

    async def take(self, session: AsyncSession, limits: Sequence[Limit]) -> bool:
        """Count one try under each limit; True if one of them is used up by it.

        Raises:
            LoginLocked: too many before; says how long to wait. Nothing is counted then.
        """
        now = self._clock.now()
        used_up = False
        for limit in limits:
            row = await self._locked(session, limit.key, now)
            if row.locked_until is not None and row.locked_until > now:
                raise LoginLocked(retry_after_s=ceil((row.locked_until - now).total_seconds()))
            if now - row.last_try_at > FORGET_AFTER:
                row.tries = 0
            row.tries += 1
            row.last_try_at = now
            if row.tries >= limit.tries:
                row.locked_until = now + self._wait(row.tries - limit.tries)
                used_up = True
        await session.flush()
        return used_up

    async def succeed(self, session: AsyncSession, limits: tuple[Limit, Limit], *, steps: int = 1) -> None:
        """Forget the account's tries; give the source back the `steps` tries that this success took.

        The source is not cleared: who knows one password may not buy tries at others with it.
        """
        account, source = limits
        await session.execute(delete(LoginAttempts).where(LoginAttempts.key == account.key))
        await self.give_back(session, source, steps)

    async def give_back(self, session: AsyncSession, limit: Limit, steps: int = 1) -> None:
        """Take back tries that were no wrong ones, and the wait if they alone had caused it."""
        row = await self._locked(session, limit.key, self._clock.now())
        row.tries = max(0, row.tries - steps)
        if row.tries < limit.tries:
            row.locked_until = None
        await session.flush()

    async def sweep(self, session: AsyncSession) -> None:
        """Delete counters that no longer matter."""
        await session.execute(
            delete(LoginAttempts).where(LoginAttempts.last_try_at < self._clock.now() - FORGET_AFTER)
        )

    def _wait(self, beyond: int) -> timedelta:
        cap = self._settings.lockout_s
        return timedelta(seconds=min(cap, FIRST_WAIT_S * 2 ** min(beyond, 20)))

    async def _locked(self, session: AsyncSession, key: str, now: datetime) -> LoginAttempts:
        """Give the row of a counter, locked until the transaction ends."""
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        await session.execute(
            insert(LoginAttempts)
            .values(key=key, tries=0, last_try_at=now, locked_until=None)
            .on_conflict_do_nothing()
        )
        return (
            await session.execute(
                select(LoginAttempts)
                .where(LoginAttempts.key == key)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).scalar_one()
