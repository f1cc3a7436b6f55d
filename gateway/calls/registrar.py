"""Who is calling or registering: the trunk by its address, a staff phone by its password, nobody by From."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.config import SipSettings
from core.db import Database
from core.logging import get_logger
from gateway.calls.accounts import KnownAccount, SipAccountService
from gateway.calls.digest import Ha1, Nonces, NonceState, algorithm_of, answers, uri_user
from gateway.calls.gear import PhoneAddress
from gateway.calls.models import RegistrationRow
from gateway.calls.throttle import Throttle
from gateway.switch import protocol as sip
from gateway.switch.trunk import TrunkSources

_log = get_logger(__name__)
FORBIDDEN = 403
BAD_REQUEST = 400
NOBODY = Ha1("0" * 32, "0" * 64)
"""Checked in place of an unknown user's hashes, so that both take the same way."""
_CONTACT = re.compile(
    r"<?sips?:(?:(?P<user>[0-9A-Za-z+*#._~!-]{1,64})@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s;:>@]+)(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class Trunk:
    """The carrier."""


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The request must be repeated with credentials; `stale` if only the nonce was too old."""

    nonce: str
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """This one gets no further."""

    status: int = FORBIDDEN


Caller: TypeAlias = KnownAccount | Trunk | AskAgain | Refused


class Registrar:
    """Authenticates staff phones and keeps where each can be reached."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        accounts: SipAccountService,
        settings: SipSettings,
        nonces: Nonces | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._settings = settings
        self._nonces = nonces or Nonces(clock)
        self._throttle = throttle or Throttle(clock)
        self._trunk = TrunkSources.of(settings)

    async def identify(self, event: sip.Incoming) -> Caller:
        """Tell who sends an INVITE. Credentials are checked first: a trunk has none of ours."""
        if event.authorization is None and self._trunk.includes(event.source_host, event.source_port):
            return Trunk()
        dialled = event.to_user.get_secret_value()
        return await self._authenticate(event.authorization, event.source_host, "INVITE", dialled)

    async def register(self, event: sip.Register) -> sip.SwitchCommand:
        """Answer a REGISTER: a challenge, a refusal, or what is registered now."""
        caller = await self._authenticate(event.authorization, event.source_host, "REGISTER", None)
        if isinstance(caller, AskAgain):
            return self.challenge(caller, request=event.request)
        if isinstance(caller, Trunk | Refused) or caller.username != event.user:
            return sip.RefuseRegister(request=event.request, status=FORBIDDEN)
        return await self._store(caller, event)

    def challenge(
        self, ask: AskAgain, *, leg: str | None = None, request: str | None = None
    ) -> sip.Challenge:
        """Write the challenge for a leg or for a request."""
        return sip.Challenge(
            leg=leg,
            request=request,
            realm=self._settings.realm,
            nonce=ask.nonce,
            stale=ask.stale,
            algorithms=self._settings.digest_algorithms,
        )

    async def locate(self, employee_id: str) -> PhoneAddress | None:
        """Find where an employee's phone is registered; None if it is not, or no longer."""
        async with self._database.read() as session:
            row = await session.scalar(
                select(RegistrationRow).where(
                    RegistrationRow.employee_id == employee_id,
                    RegistrationRow.expires_at > self._clock.now(),
                )
            )
        return None if row is None else PhoneAddress(row.contact_user, row.host, row.port)

    async def forget_expired(self) -> None:
        """Remove what ran out."""
        async with self._database.begin() as session:
            now = self._clock.now()
            await session.execute(delete(RegistrationRow).where(RegistrationRow.expires_at <= now))

    async def _authenticate(
        self, given: sip.DigestCredentials | None, source: str, method: str, dialled: str | None
    ) -> KnownAccount | AskAgain | Refused:
        if given is None or given.realm != self._settings.realm or given.method != method:
            return AskAgain(self._nonces.issue())
        if self._throttle.blocked(source, given.username):
            _log.warning("sip.throttled", method=method)
            return Refused()
        account = await self._accounts.known(given.username)
        asked = algorithm_of(given) in self._settings.digest_algorithms
        right = answers(given, NOBODY if account is None else account.ha1) and asked
        if account is None or not right:
            self._throttle.failed(source, given.username)
            return AskAgain(self._nonces.issue())
        meant = uri_user(given.uri)
        if dialled is not None and meant and meant != dialled:
            return Refused()  # somebody put these credentials on another call (RFC 7616 section 3.4.6)
        return self._spend(given, source, account)

    def _spend(
        self, given: sip.DigestCredentials, source: str, account: KnownAccount
    ) -> KnownAccount | AskAgain | Refused:
        """Take the answer's nonce and count, which are good for one request."""
        state = self._nonces.use(given.nonce, given.nc or "")
        if state is not NonceState.FRESH:
            return AskAgain(self._nonces.issue(), stale=True)
        self._throttle.succeeded(source, given.username)
        return account if account.active else Refused()

    async def _store(self, account: KnownAccount, event: sip.Register) -> sip.SwitchCommand:
        longest = self._settings.registration_max_s
        expires = min(longest if event.expires is None else event.expires, longest)
        async with self._database.begin() as session:
            row = await session.get(RegistrationRow, account.account_id, with_for_update=True)
            now = self._clock.now()
            if event.contact is None:
                left = 0 if row is None else max(0, int((row.expires_at - now).total_seconds()))
                return sip.Registered(request=event.request, expires=left)
            if event.contact == "*" or expires == 0:
                if row is not None:
                    await session.delete(row)
                return sip.Registered(request=event.request, expires=0)
            address = phone_address(event.contact, account.username, event.source_host, event.source_port)
            if address is None:
                return sip.RefuseRegister(request=event.request, status=BAD_REQUEST)
            await self._put(session, account, address, expires)
        return sip.Registered(request=event.request, expires=expires)

    async def _put(
        self, session: AsyncSession, account: KnownAccount, address: PhoneAddress, expires_s: int
    ) -> None:
        now = self._clock.now()
        await session.merge(
            RegistrationRow(
                account_id=account.account_id,
                employee_id=account.employee_id,
                contact_user=address.user,
                host=address.host,
                port=address.port,
                registered_at=now,
                expires_at=now + timedelta(seconds=expires_s),
            )
        )


def phone_address(contact: str, username: str, source_host: str, source_port: int) -> PhoneAddress | None:
    """Read where to reach a phone; None if the Contact cannot be read.

    A phone behind NAT names an address that nobody reaches: whenever it is not the one the request came
    from, the source is taken (RFC 3581). So no Contact can send our calls to a third place.
    """
    match = _CONTACT.match(contact.strip())
    if match is None:
        return None
    user = match["user"] or username
    host = match["host"].strip("[]")
    source = source_host.strip("[]")
    port = int(match["port"] or 5060)
    if host != source or not 1 <= port <= 65535:
        return PhoneAddress(user, source, source_port)
    return PhoneAddress(user, host, port)
