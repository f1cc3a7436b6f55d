"""The agent: comes in, does its rounds, and stays to be woken."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from . import __version__
from .backlog import Backlog
from .backoff import Backoff
from .client import Client, Problem
from .collector import Collector
from .faults import NetworkLost
from .life import DeedsFile, happen
from .memory import Memory
from .orders import Orders
from .phone import SimulatedPhone
from .policy import Policy
from .signing import JSON, Refused, b64u, key_text, thumbprint, unb64u
from .store import Store
from .uploads import Uploads
from .whereabouts import Whereabouts

BUNDLE = "android.app.extra.PROVISIONING_ADMIN_EXTRAS_BUNDLE"
WAITING_S = 5.0
"""Between two questions of a phone that waits to be approved."""
GONE = {"device-released": "RELEASED", "device-rejected": "REJECTED", "device-unknown": "UNKNOWN"}
Consent: TypeAlias = Callable[[Mapping[str, JSON]], str | None]
"""Shows the terms; gives the language (`zh`, `en`) in which the employee agreed, or None: no."""
Duty: TypeAlias = Callable[[Client], Awaitable[None]]
"""Something else to do in each round; it does not run before the employee agreed."""


class InvitationUnreadable(ValueError):
    """The QR code's text is not an invitation."""


class ServerNotTrusted(Exception):
    """The server does not have the key that the QR code names."""


class NotAgreed(Exception):
    """The employee did not agree to the terms: the phone is not enrolled."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a QR code says to the agent."""

    server: str
    token: str = field(repr=False)
    server_key: str

    @classmethod
    def read(cls, text: str) -> "Invitation":
        """Read the QR code's text; raise `InvitationUnreadable`."""
        try:
            extras = json.loads(text)[BUNDLE]
            server, token, key = (extras[f"maskline.{name}"] for name in ("server", "token", "key"))
            Ed25519PublicKey.from_public_bytes(unb64u(key))
        except (ValueError, KeyError, TypeError):
            raise InvitationUnreadable from None
        return cls(str(server), str(token), str(key))


class Agent:
    """One phone's agent. Make a new one on the same store after `PowerLost`: it goes on where it was."""

    def __init__(
        self,
        store: Store,
        phone: SimulatedPhone,
        http: aiohttp.ClientSession,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
        duties: Sequence[Duty] = (),
    ) -> None:
        self._store = store
        self.phone = phone
        self.memory = Memory.of(store)
        self.client = Client(http, self.memory, wall=wall, faults=phone.faults)
        self.orders = Orders(self.client, store, phone, self.memory, phone.faults)
        self.policy = Policy(self.client, store, phone, self.memory, phone.faults)
        self.backlog = Backlog(store)
        self.collector = Collector(self.backlog, phone, self.memory, self.client, steady=steady)
        self.uploads = Uploads(self.backlog, self.collector, phone.faults)
        self.whereabouts = Whereabouts(store, self.memory, self.client, self.collector)
        self.duties = tuple(duties)

    def live(self, deeds: DeedsFile) -> None:
        """Let in each round happen what was added to a file: whatever an agent cannot help."""

        async def notice(_: Client) -> None:
            for deed in deeds.fresh():
                if not self.whereabouts.happen(deed):
                    happen(self.collector, deed)

        self.duties = (notice, *self.duties)

    @property
    def ended(self) -> str:
        """Why this phone is no longer managed; empty: it is."""
        if self.phone.body.wiped:
            return "WIPE"
        return self.memory.ended

    def over(self) -> bool:
        """Whether this phone is no longer managed."""
        return bool(self.ended)

    async def enrol(self, invitation: Invitation, consent: Consent) -> str:
        """Come in: terms first, then a key of our own, then the token. Gives the trust that we have.

        The same invitation again after a lost answer goes on with the same key.

        Raises:
            ServerNotTrusted, NotAgreed, Problem, NetworkLost
        """
        memory = self.memory
        memory.server = invitation.server
        served = {key["kid"]: key["x"] for key in (await self.client.open("/keys"))["keys"]}
        keys = {kid: x for kid, x in served.items() if x == invitation.server_key}
        if not keys:
            raise ServerNotTrusted
        terms = await self.client.open("/terms")
        language = consent(terms)
        if language is None:
            raise NotAgreed
        if not memory.seed:
            memory.seed = b64u(Ed25519PrivateKey.generate().private_bytes_raw())
        memory.keys = keys
        memory.save(self._store)
        public = self.client.key.public_key()
        body = {
            "token": invitation.token,
            "public_key": key_text(public),
            "hardware": self.phone.hardware,
            "manufacturer": "Simulated",
            "model": "Reference",
            "os_version": "14",
            "security_patch": "2026-11-01",
            "agent_version": __version__,
            "facts": self.phone.facts.document(),
            "consent": agreement(terms, language),
        }
        answer = (await self.client.ask("POST", "/enrol", body)).body
        memory.device_id, memory.trust = answer["device_id"], answer["trust"]
        memory.report_every_s = float(answer["report_every_s"])
        memory.terms_version = terms["version"]
        memory.save(self._store)
        return memory.trust

    @property
    def key_id(self) -> str:
        """The `keyid` before we have an id."""
        return thumbprint(self.client.key.public_key())

    async def agree(self, consent: Consent) -> bool:
        """Show the terms of now, and record the employee's yes."""
        terms = await self.client.open("/terms")
        language = consent(terms)
        if language is None:
            return False
        await self.client.ask("POST", "/consent", agreement(terms, language))
        self.memory.terms_version = terms["version"]
        self.memory.save(self._store)
        return True

    async def withdraw(self) -> None:
        """Record that the employee withdraws: from now on nothing is collected."""
        await self.client.ask("DELETE", "/consent")
        self.memory.terms_version = ""
        self.memory.save(self._store)

    async def round(self, *, report: bool = False) -> str:
        """Do all there is to do now; give how it went: ok, waiting, offline, consent, refused or ended.

        Raises:
            PowerLost: a fault that was asked for.
        """
        if self.over():
            return "ended"
        self.phone.round()
        self.collector.mind_clock()
        try:
            outcome = await self._do(report=report)
        except NetworkLost:
            outcome = "offline"
            self.policy.apply()  # what a power cut interrupted is finished without the server
            self.phone.mind_silence(self.client.now() - (self.memory.heard_s or self.client.now()))
        except Problem as problem:
            outcome = self._told_off(problem)
        return "ended" if self.over() else outcome

    async def _do(self, *, report: bool) -> str:
        await self.orders.work()
        if self.over():
            return "ended"
        self.phone.mind_silence(0)
        outcome = "ok"
        try:
            await self.policy.fetch()
        except Refused:
            outcome = "refused"  # what we had before stays in force
        self.memory.trust = "TRUSTED"
        self.policy.apply()
        due = report or self.orders.report_wanted
        if self.memory.terms_version:
            await self.policy.report(due=due)
            self.orders.report_wanted = False
            for duty in self.duties:
                await duty(self.client)
            await self.uploads(self.client)
            await self.whereabouts(self.client)
            return outcome
        return "consent" if outcome == "ok" else outcome

    def _told_off(self, problem: Problem) -> str:
        if problem.status >= 500:
            return "offline"  # it is there, and cannot: as good as no answer
        if problem.code == "device-pending":
            return "waiting"
        if problem.code in {"consent-required", "consent-stale"}:
            self.memory.terms_version = ""
            self.memory.save(self._store)
            return "consent"
        if problem.code in GONE:
            reason = GONE[problem.code]
            self.phone.relinquish()
            self.memory.ended = reason
            return "ended"
        return "refused"

    def status(self) -> dict[str, JSON]:
        """Say how it stands, for a person."""
        memory, phone = self.memory, self.phone
        return {
            "server": memory.server,
            "device_id": memory.device_id,
            "trust": memory.trust,
            "ended": self.ended,
            "terms": memory.terms_version,
            "desired_version": memory.version,
            "applied_version": memory.applied_version,
            "compliance": memory.compliance,
            "state": phone.state,
            "locked": phone.body.locked or phone.body.silent_lock,
            "settings": {name: phone.value(name) for name in sorted(phone.names())},
            "not_applied": dict(memory.reasons),
            "commands": {name: kept.phase for name, kept in memory.commands.items()},
            "clock_offset_s": round(memory.offset_s, 3),
            "waiting": dict(zip(("items", "recordings"), self.backlog.count(), strict=True)),
            "uploaded": dict(self.uploads.outcomes),
            "location_terms": memory.location_version,
            "located": dict(self.whereabouts.outcomes),
        }


def agreement(terms: Mapping[str, JSON], language: str) -> dict[str, JSON]:
    """Give the yes to the terms as they were shown."""
    return {"version": terms["version"], "sha256": terms[language]["sha256"], "language": language}


async def run(
    agent: Agent,
    wake: Callable[[Agent, asyncio.Event], Awaitable[None]],
    *,
    said: Callable[[str], None] = lambda _: None,
    every_s: float | None = None,
    backoff: Backoff | None = None,
) -> None:
    """Do rounds until the phone is no longer managed: when woken, and when the next report is due."""
    rung, again = asyncio.Event(), backoff or Backoff()
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(_listen(agent, wake, rung), name="wake")
        while True:
            rung.clear()
            outcome = await agent.round()
            said(outcome)
            if outcome == "ended":
                break
            pause = agent.memory.report_every_s if every_s is None else every_s
            if outcome == "offline":
                pause = min(pause, again.next_s())
            else:
                again.worked()
            if outcome == "waiting":
                pause = min(pause, WAITING_S)
            try:
                async with asyncio.timeout(pause):
                    await rung.wait()
            except TimeoutError:
                continue
        listening.cancel()


async def _listen(
    agent: Agent, wake: Callable[[Agent, asyncio.Event], Awaitable[None]], rung: asyncio.Event
) -> None:
    await wake(agent, rung)
