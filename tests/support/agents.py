"""The whole wing behind real HTTP, and reference agents that talk to it over loopback."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.test_utils import TestServer

from core.access.model import Role
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.web.app import build_app
from core.web.endpoint import Endpoint
from devicepolicy.agent.agent import BUNDLE, Agent, Invitation
from devicepolicy.agent.faults import Faults, PowerLost
from devicepolicy.agent.phone import SimulatedPhone
from devicepolicy.agent.settings import Facts
from devicepolicy.agent.store import MemoryStore
from devicepolicy.commands import agent_api
from devicepolicy.commands.build import build_commands
from devicepolicy.commands.ending import EndedByCommand
from devicepolicy.commands.events import CommandFinished
from devicepolicy.commands.kinds import LOCK, Order
from devicepolicy.commands.lost import LostByCommand
from devicepolicy.commands.model import CommandView, NewCommand
from devicepolicy.commands.queries import commands_waiting
from devicepolicy.wake.build import build_waking
from devicepolicy.wake.service import policy_waiting
from tests.support.fleet import House


def yes(terms: Mapping[str, Any]) -> str:
    """An employee who agrees."""
    return "zh"


@dataclass
class Handset:
    """A phone in somebody's hand: its disk stays, its agent comes and goes with the power."""

    site: "Site"
    invitation: str
    facts: Facts = field(default_factory=Facts)
    faults: Faults = field(default_factory=Faults)
    disk: MemoryStore = field(default_factory=MemoryStore)
    hardware: str = "SIM-0001"
    power_cuts: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Switch on: everything but the disk is new."""
        self.phone = SimulatedPhone(self.disk, self.facts, faults=self.faults, hardware=self.hardware)
        clock = self.site.house.clock
        self.agent = Agent(
            self.disk,
            self.phone,
            self.site.http,
            wall=lambda: clock.now().timestamp(),
            steady=clock.monotonic,
        )

    @property
    def device_id(self) -> str:
        return self.agent.memory.device_id

    async def enrol(self) -> str:
        return await self.agent.enrol(Invitation.read(self.invitation), yes)

    async def round(self, *, report: bool = False) -> str:
        """One round; after a power cut the phone starts again, and the next round goes on."""
        try:
            return await self.agent.round(report=report)
        except PowerLost:
            self.power_cuts += 1
            self.start()
            return "power"


class Site:
    """A house with commands and waking."""

    def __init__(
        self,
        database: Database,
        clock: ManualClock,
        settings: Settings,
        *,
        before: "Site | None" = None,
    ) -> None:
        """`before`: the site whose process has ended, on the same database."""
        self.house = house = House(database, clock, settings, before=None if before is None else before.house)
        self.second = house.principal(Role.ADMINISTRATOR)
        self.waking = build_waking(
            database=database,
            clock=clock,
            vault=house.vault,
            bus=house.bus,
            settings=settings.phones,
            places=[commands_waiting, policy_waiting],
        )
        self.commands = build_commands(
            database=database,
            clock=clock,
            vault=house.vault,
            ledger=house.ledger,
            bus=house.bus,
            waker=self.waking.wakes,
            signer=house.fleet.signer,
            settings=settings.phones.commands,
        )
        house.bus.subscribe(CommandFinished, EndedByCommand(house.fleet.enrolment))
        house.bus.subscribe(CommandFinished, LostByCommand(house.fleet.desired))
        self.http: aiohttp.ClientSession
        self.url = ""

    async def handset(self, *, approves: bool = True, enrol: bool = True, **more: Any) -> Handset:
        issued = await self.house.token(approves=approves)
        told = json.loads(issued.text)
        told[BUNDLE]["maskline.server"] = self.url
        handset = Handset(self, json.dumps(told), **more)
        if enrol:
            await handset.enrol()
        return handset

    async def order(self, handset: Handset, order: Order = LOCK) -> CommandView:
        new = NewCommand(handset.device_id, order)
        return await self.commands.service.issue(self.house.admin, new)

    async def command(self, command_id: str) -> CommandView:
        return (await self.commands.queries.one(self.house.admin, command_id)).command


@asynccontextmanager
async def open_site(
    database: Database,
    clock: ManualClock,
    settings: Settings,
    more: Callable[[Site], list[Endpoint]] = lambda _: [],
    *,
    before: Site | None = None,
) -> AsyncIterator[Site]:
    """Serve a site on a port of its own; `more`: what else it serves. `before`: the one that has ended."""
    site = Site(database, clock, settings, before=before)
    house = site.house
    app = build_app(
        settings,
        endpoints=[
            *house.fleet.endpoints(),
            *agent_api.endpoints(site.commands.queue, clock, house.fleet.gate),
            *site.waking.endpoints(house.fleet.gate),
            *more(site),
        ],
        permissions=house.permissions,
        authenticator=house.tokens,
        clock=clock,
    )
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        site.http, site.url = http, str(server.make_url("")).rstrip("/")
        yield site
