"""The reference agent and the real services: no whereabouts without consent or outside of the hours."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from core.blobs import InMemoryBlobStore
from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from devicepolicy.agent.whereabouts import picture
from devicepolicy.whereabouts.model import PhotoState
from devicepolicy.whereabouts.models import CheckInRow, LocationFixRow, LocationRefusalRow
from tests.support.agents import Handset, Site, open_site, yes
from tests.support.whereabouts import BUND, PlaceDesk, policy

MOVE = {"do": "move", "lat": BUND[0], "lon": BUND[1]}


@pytest.fixture
async def shop(
    sqlite_url: str, clock: ManualClock, settings: Settings
) -> AsyncIterator[tuple[Site, PlaceDesk]]:
    """On SQLite alone: the services have tests of their own on both engines."""
    database, desks = Database(sqlite_url), []

    def endpoints(site: Site) -> Any:
        desk = PlaceDesk(site.house, InMemoryBlobStore())
        desks.append(desk)
        gate = site.house.fleet.gate
        return [*desk.uploads.endpoints(gate), *desk.whereabouts.endpoints(gate)]

    async with open_site(database, clock, settings, endpoints) as site:
        yield site, desks[0]
    await database.close()


async def in_hand(site: Site, wanted: Any) -> Handset:
    """A phone that somebody has, under a policy that holds on it."""
    await site.house.policy(wanted)
    handset = await site.handset()
    await site.house.fleet.enrolment.assign(
        site.house.admin, handset.device_id, employee_id=await site.house.employee()
    )
    assert await handset.agent.agree(yes)
    assert await handset.round() == "ok"
    return handset


async def rows(site: Site, table: Any) -> list[Any]:
    async with site.house.database.read() as session:
        return list(await session.scalars(select(table)))


async def test_a_day_of_visits_with_consent_withdrawn_in_the_evening(shop: tuple[Site, PlaceDesk]) -> None:
    site, desk = shop
    handset = await in_hand(site, policy())
    where = handset.agent.whereabouts
    where.happen(MOVE)
    assert where.check_in("sales-visit", picture(900)) is None, "nothing without consent"
    await handset.round()
    assert await rows(site, LocationFixRow) == await rows(site, LocationRefusalRow) == []
    assert await where.agree(yes)
    for step in range(4):
        where.happen({**MOVE, "lat": BUND[0] + step / 1000, "mock": step == 3})
        assert await handset.round() == "ok"
        assert await handset.round() == "ok", "not due yet"
        site.house.clock.advance(timedelta(minutes=5))
    handset.faults.drops = [None, None, "answer"]
    where.check_in("sales-visit", picture(900))
    await handset.round()
    for _ in range(3):
        await handset.round()
    fixes, (visit,) = await rows(site, LocationFixRow), await rows(site, CheckInRow)
    assert (len(fixes) >= 4, visit.photo) == (True, PhotoState.COMPLETE)
    assert [row.mock for row in sorted(fixes, key=lambda row: row.at)][:4] == [False, False, False, True]
    assert {kind for kind, _ in desk.neighbours.seen_conduct} == {"MOCK_LOCATION"}
    await where.withdraw()
    site.house.clock.advance(timedelta(minutes=10))
    await handset.round()
    await desk.whereabouts.upkeep()
    assert await rows(site, LocationFixRow) == []
    assert await rows(site, LocationRefusalRow) == [], "the agent did not even try"


async def test_a_withdrawal_that_the_phone_missed_drops_what_waits(shop: tuple[Site, PlaceDesk]) -> None:
    site, _ = shop
    handset = await in_hand(site, policy())
    where = handset.agent.whereabouts
    await where.agree(yes)
    where.happen(MOVE)
    await site.house.fleet.enrolment.assign(
        site.house.admin, handset.device_id, employee_id=await site.house.employee()
    )
    assert await handset.agent.agree(yes)
    assert await handset.round() == "ok"
    assert handset.agent.memory.location_version == ""
    assert await rows(site, LocationFixRow) == []
    assert [row.reason.value for row in await rows(site, LocationRefusalRow)] == ["no-consent"]


async def test_outside_of_the_hours_the_agent_takes_no_fix(shop: tuple[Site, PlaceDesk]) -> None:
    site, _ = shop
    handset = await in_hand(site, policy(permittedHours=[]))
    where = handset.agent.whereabouts
    await where.agree(yes)
    where.happen(MOVE)
    assert where.check_in("other", picture(900)) is None
    await handset.round()
    assert await rows(site, LocationFixRow) == await rows(site, LocationRefusalRow) == []
