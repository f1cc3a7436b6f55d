"""What is done to a fleet while it is measured: a policy pushed, an employee unbound, orders under kills."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from sqlalchemy import func, select

from bench.calls import cpu_s
from bench.fleet_clients import Clients
from bench.fleet_seed import TOKEN, Fleet, policy, prove_anew
from core.tasks import spawn
from devicepolicy.commands.machine import CommandState
from devicepolicy.commands.models import CommandRow
from gateway.contact.model import Channel, ContactRequest, Decision, Direction, Purpose
from gateway.numbers.errors import BindingUnknown
from maskline.ground import Ground
from maskline.wiring.gateway import Gateway, build_gateway
from tests.support.system import System

ISSUERS = 4
KINDS = ("LOCK", "UNLOCK", "REBOOT")


@dataclass(frozen=True, slots=True)
class Office:
    """The administrator's desk: the API of the web process, and the books."""

    system: System
    fleet: Fleet
    clients: Clients
    http: aiohttp.ClientSession
    ground: Ground
    gateway: Gateway

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask the API; raise `aiohttp.ClientError` where it refuses or is away."""
        async with self.http.request(method, f"/api/v1{path}", json=body) as reply:
            said = await reply.json(content_type=None)
            if reply.status >= 400:
                raise aiohttp.ClientError(f"{path} {reply.status} {said}")
            return said


@asynccontextmanager
async def office(system: System, fleet: Fleet, clients: Clients) -> AsyncIterator[Office]:
    base = f"http://127.0.0.1:{system.settings.web.port}"
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Language": "en"}
    timeout = aiohttp.ClientTimeout(total=120)
    async with (
        system.ground() as ground,
        aiohttp.ClientSession(base, headers=headers, timeout=timeout) as http,
    ):
        yield Office(system, fleet, clients, http, ground, build_gateway(ground))


# --- a policy for all


@dataclass(frozen=True, slots=True)
class Push:
    """Seconds from the click to its answer, and to each phone's having verified, and proved, what is wanted.

    `cpu_ms`: for each phone, by process.
    """

    fetched_s: Sequence[float]
    proved_s: Sequence[float]
    click_s: float
    cpu_ms: Mapping[str, float]


async def push(at: Office, mark: str, count: int, timeout_s: float) -> Push:
    """Publish another policy, point all to it, and wait until each phone has proved it."""
    path = f"/policies/{at.fleet.policy_id}"
    draft = await at.ask("GET", f"{path}/draft")
    saved = await at.ask("PUT", f"{path}/draft", {"document": policy(mark), "revision": draft["revision"]})
    version = await at.ask("POST", f"{path}/versions", {"revision": saved["revision"]})
    pids = {name: child.pid for name, child in at.system.children.items() if name in {"web", "relay"}}
    used = {name: cpu_s(pid) for name, pid in pids.items()}
    begun = time.monotonic()
    point = f"/policy-assignments/{at.fleet.assignment_id}/version"
    await at.ask("PUT", point, {"number": version["number"]})
    click_s = time.monotonic() - begun
    await at.clients.applied(mark, count, timeout_s)
    times = await at.clients.times(mark)
    return Push(
        [one - begun for one, _ in times],
        [one - begun for _, one in times],
        click_s,
        {name: (cpu_s(pid) - used[name]) * 1000 / count for name, pid in pids.items()},
    )


# --- an employee who leaves


@dataclass(frozen=True, slots=True)
class Gone:
    """Seconds from the click to its answer, to the first refused call, to the order verified, and locked."""

    answered_s: float
    refused_s: float
    heard_s: float
    locked_s: float


async def unbind(at: Office, index: int) -> Gone:
    """Unbind the employee of a phone, and look from everywhere at once."""
    phone = at.fleet.phones[index]
    wish = {"employee_id": phone.employee_id, "successor_id": at.fleet.successor_id}
    shown = await at.ask("POST", "/offboardings/preview", wish)
    begun = time.monotonic()
    refused = spawn(_refused(at, phone.employee_id), name="verdicts")
    click = {"preview_id": shown["id"], "digest": shown["digest"]}
    made = await at.ask("POST", "/offboardings", click)
    answered = time.monotonic()
    refused_at = await refused
    async with at.ground.database.read() as session:
        order = await session.scalar(
            select(CommandRow.id)
            .where(CommandRow.device_id == phone.device_id)
            .order_by(CommandRow.id.desc())
            .limit(1)
        )
    if order is None:
        raise AssertionError(f"no order for the phone: {made}")
    seen = await at.clients.order(order)
    return Gone(answered - begun, refused_at - begun, seen["heard"] - begun, seen["done"] - begun)


async def _refused(at: Office, employee_id: str) -> float:
    """Ask for a verdict, as for a call that is dialled, until it is a refusal; give when that came."""
    binding_id = at.fleet.leavers[employee_id]
    request = ContactRequest(employee_id, binding_id, Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION)
    while True:
        try:
            async with at.ground.database.read() as session:
                verdict = await at.gateway.contacts.dry_run(session, request)
            if verdict.decision is Decision.DENY:
                break
        except BindingUnknown:
            break
        await asyncio.sleep(0.005)
    at_once = time.monotonic()
    try:
        async with at.ground.database.begin() as session:
            verdict = await at.gateway.contacts.judge(session, request)
    except BindingUnknown:
        return at_once
    if verdict.decision is not Decision.DENY:
        raise AssertionError("a refused call was allowed")
    return at_once


# --- orders while the server dies


@dataclass(frozen=True, slots=True)
class Survived:
    """Orders given; how many had no effect, more than one, or a state that says otherwise."""

    orders: int
    lost: int
    doubled: int
    disagreeing: int
    kills: int
    seconds: float


async def survive(at: Office, phones: int, *, orders: int, kills: int, timeout_s: float) -> Survived:
    """Order phones about while the web process is killed at random moments and started again."""
    before = await at.clients.effects()
    begun = time.monotonic()
    names: set[str] = set()
    numbers = iter(range(orders))
    issuers = [spawn(_issue(at, numbers, phones, names), name="orders") for _ in range(ISSUERS)]
    for _ in range(kills):
        await asyncio.sleep(0.3 + random.random() * 2)  # noqa: S311
        await asyncio.to_thread(at.system.kill, "web")
        await asyncio.to_thread(at.system.start, "web")
    await asyncio.gather(*issuers)
    await _finished(at, timeout_s)
    await at.clients.settled(phones, timeout_s)
    seconds = time.monotonic() - begun
    effects = await at.clients.effects() - before
    async with at.ground.database.read() as session:
        rows = dict((await session.execute(select(CommandRow.id, CommandRow.state))).tuples().all())
        keyed = await session.scalar(
            select(func.count()).where(CommandRow.idempotency_key.startswith("bench-"))
        )
    return Survived(
        orders=len(names),
        lost=sum(not effects[name] for name in names) + orders - len(names),
        doubled=sum(effects[name] > 1 for name in names) + max(0, (keyed or 0) - orders),
        disagreeing=sum(rows.get(name) is not CommandState.SUCCEEDED for name in names),
        kills=kills,
        seconds=seconds,
    )


async def _issue(at: Office, numbers: Any, phones: int, names: set[str]) -> None:
    """Give orders, each until it is accepted: the same key is the same order."""
    for number in numbers:
        phone = at.fleet.phones[random.randrange(phones)]  # noqa: S311
        body = {"order": {"type": KINDS[number % 3]}, "idempotency_key": f"bench-{number}"}
        while True:
            try:
                made = await at.ask("POST", f"/devices/{phone.device_id}/commands", body)
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(0.2)
            else:
                names.add(made["id"])
                break


async def _finished(at: Office, timeout_s: float) -> None:
    """Wait until the books say of every order how it went."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        async with at.ground.database.read() as session:
            still = await session.scalar(
                select(func.count()).where(CommandRow.finished_at.is_(None), CommandRow.seq.is_not(None))
            )
        if not still:
            return
        await asyncio.sleep(0.2)


async def ready_to_unbind(at: Office) -> None:
    await prove_anew(at.ground)
