"""Every rule of unusual access: something that it finds, and something like it that it does not."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from core.audit.unusual import Rule, own_rules
from core.clock import ManualClock
from core.db import Database
from core.ids import new_id
from tests.support.unusual import UnusualHouse

Story = Callable[[UnusualHouse, Rule], Awaitable[None]]
NIGHT = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)  # 22:30 in Shanghai
LINES = {
    "access_large_export": 2,
    "access_guessed_login": 6,
    "access_roundabout_grant": 2,
}
"""How many lines a finding's page shows, where it is not one for each that was seen."""
FINDS: dict[str, Story] = {}
PASSES: dict[str, Story] = {}


def finds(rule_id: str) -> Callable[[Story], Story]:
    return lambda story: FINDS.setdefault(rule_id, story)


def passes(rule_id: str) -> Callable[[Story], Story]:
    return lambda story: PASSES.setdefault(rule_id, story)


def quick(rule: Rule, number: int) -> timedelta:
    """So close together that as many fit the window."""
    return timedelta(seconds=rule.window_s * 0.9 / number)


@finds("access_bulk_looking")
async def _(house: UnusualHouse, rule: Rule) -> None:
    number = rule.limit + 1
    await house.did("customer.opened", number, every=quick(rule, number))


@passes("access_bulk_looking")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """As many as may be; the same customer again; the others an hour later; and two people who share it."""
    await house.did("customer.opened", rule.limit, every=quick(rule, rule.limit))
    await house.did("thread.read", 10, same=True, every=timedelta(0), who=house.mate)
    await house.did("customer.opened", rule.limit - 10, who=house.mate, every=timedelta(seconds=1))
    house.clock.advance(timedelta(seconds=rule.window_s + 1))
    await house.did("customer.opened", rule.limit, every=quick(rule, rule.limit))


@finds("access_bulk_listening")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("recording.listened", rule.limit + 1, every=timedelta(seconds=60))


@passes("access_bulk_listening")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """One recording heard many times; and a number that is usual for this person."""
    await house.did("recording.listened", 3 * rule.limit, same=True, every=timedelta(seconds=1))
    await house.usual_day("recording.listened", 30, range(2, 14), who=house.mate)
    await house.did("recording.listened", 2 * rule.limit, who=house.mate, every=timedelta(seconds=30))


@finds("access_bulk_revealing")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("contact.reveal-for-dialling", rule.limit + 1, every=timedelta(seconds=20))


@passes("access_bulk_revealing")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("contact.reveal-for-dialling", 5 * rule.limit, every=timedelta(seconds=40))


@finds("access_bulk_export")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("evidence.taken", rule.limit + 1, every=timedelta(hours=3))


@passes("access_bulk_export")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("evidence.taken", 3 * rule.limit, every=timedelta(hours=4))


@finds("access_large_export")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("evidence.exported", 2, amount=rule.limit // 2 + 1, every=timedelta(hours=5))


@passes("access_large_export")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("evidence.exported", 2, amount=rule.limit // 2, every=timedelta(hours=5))
    await house.did("evidence.exported", 2, amount=rule.limit, who=house.mate, every=timedelta(hours=25))


@finds("access_night")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """Over midnight: it is one night."""
    house.clock.set(NIGHT)
    await house.did("customer.opened", rule.limit + 1, every=timedelta(minutes=20))


@passes("access_night")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """By day; a few each night; and what nobody decides to do, a dialling campaign's reveals."""
    await house.did("customer.opened", 3 * rule.limit, every=timedelta(minutes=5))
    for night in range(3):
        house.clock.set(NIGHT + timedelta(days=60 + night))
        await house.did("customer.opened", rule.limit, every=timedelta(minutes=1))
        await house.did("login.password-accepted", 5)


@finds("access_probing")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.did("customer.searched", rule.limit, detail="missed")
    await house.did("customer.number-known", 1)


@passes("access_probing")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """Searches that hit; and the same one that misses again and again."""
    await house.did("customer.searched", 3 * rule.limit, detail="found")
    await house.did("customer.searched", 3 * rule.limit, detail="missed", same=True)


@finds("access_guessed_login")
async def _(house: UnusualHouse, rule: Rule) -> None:
    for _ in range(rule.limit + 1):
        await house.login("login.refused")
    await house.login("login.password-accepted")


@passes("access_guessed_login")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """Refused for ever; or a success in between; or somebody else's refusals."""
    for _ in range(rule.limit + 4):
        await house.login("login.refused", house.mate)
    for _ in range(2):
        for _ in range(rule.limit):
            await house.login("login.code-refused")
        await house.login("login.second-factor-accepted")


@finds("access_new_address")
async def _(house: UnusualHouse, rule: Rule) -> None:
    await house.signed_in("203.0.113.7")
    await house.signed_in("198.51.100.9")


@passes("access_new_address")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """The very first one; a neighbour in the same network, IPv4 and IPv6; and one that was used before."""
    for source in ("203.0.113.7", "203.0.113.200", "::ffff:203.0.113.9", "203.0.113.7"):
        await house.signed_in(source)
    for source in ("2001:db8:1:2::1", "2001:db8:1:ffff::2"):
        await house.signed_in(source, house.mate)


@finds("access_roundabout_grant")
async def _(house: UnusualHouse, rule: Rule) -> None:
    puppet = house.mate
    await house.entry("employee.password-reset", {"employee_id": puppet, "by": house.who})
    await house.entry("employee.roles-set", {"employee_id": house.who, "by": puppet, "roles": ["auditor"]})


@passes("access_roundabout_grant")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """Two who administer others; and a grant by somebody whom one had reset long ago."""
    await house.entry("employee.roles-set", {"employee_id": house.mate, "by": house.admin, "roles": []})
    await house.entry("employee.roles-set", {"employee_id": house.who, "by": house.admin, "roles": []})
    await house.entry("employee.password-reset", {"employee_id": house.mate, "by": house.who})
    house.clock.advance(timedelta(seconds=rule.window_s))
    await house.entry("employee.roles-set", {"employee_id": house.who, "by": house.mate, "roles": []})


@finds("access_wipe_burst")
async def _(house: UnusualHouse, rule: Rule) -> None:
    for _ in range(rule.limit):
        await house.entry(
            "command.issued", {"device_id": new_id(), "kind": "WIPE", "by": house.who, "seq": 1}
        )
    await house.entry("offboarding.begun", {"offboarding": new_id(), "employee": new_id(), "by": house.who})


@passes("access_wipe_burst")
async def _(house: UnusualHouse, rule: Rule) -> None:
    """Orders that destroy nothing; and as many wipes as may be."""
    for kind in ("LOCK", "REBOOT", "UNLOCK"):
        for _ in range(rule.limit):
            await house.entry(
                "command.issued", {"device_id": new_id(), "kind": kind, "by": house.who, "seq": 1}
            )
    for _ in range(rule.limit):
        await house.entry(
            "command.issued", {"device_id": new_id(), "kind": "WIPE", "by": house.who, "seq": 1}
        )


def test_every_rule_has_both_stories() -> None:
    ids = {rule.id for rule in own_rules().rules}
    assert ids == set(FINDS) == set(PASSES)


@pytest.mark.parametrize("rule", own_rules().rules, ids=lambda rule: rule.id)
async def test_a_rule_finds_what_it_is_for_and_no_more(
    database: Database, clock: ManualClock, rule: Rule
) -> None:
    house = UnusualHouse(database, clock)
    await house.open()
    await FINDS[rule.id](house, rule)
    await house.watch()
    (found,) = await house.found()
    assert (found.rule_id, found.employee_id) == (rule.id, house.who)
    assert found.seen > rule.limit
    (alert,), _ = await house.reader.alerts(house.chief)
    assert (alert.category, alert.conduct, alert.severity) == ("access", rule.id, rule.severity)
    assert alert.category_zh == rule.title.zh
    assert f"{found.seen:,}" in (alert.said_zh or "")
    assert f"{found.seen:,}" in (alert.said_en or "")
    lines = house.findings.lines(await house.findings.get(house.auditor, found.id))
    assert await house.exact(lines) == LINES.get(rule.id, rule.limit + 1)

    other = UnusualHouse(database, clock)  # other people, another day
    clock.set(datetime(2027, 1, 4, 2, 0, tzinfo=UTC))
    await other.open()
    await PASSES[rule.id](other, rule)
    await other.watch()
    assert [(one.rule_id, one.id) for one in await other.found()] == [(rule.id, found.id)]
