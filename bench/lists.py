"""Pages and lists at 100,000 contacts over a real web process, against the bare SQL of the same list.

    .venv/bin/python -m bench.lists [--quick]

A database in SQLite with 100,000 contacts, calls, 60,000 inspections, 10,000 customers and 54 employees;
the web process as `maskline serve` starts it; one request at a time over one connection, p50 and p95 of 30,
and the CPU time of the web process for each. The peer is one SELECT of the same rows (columns as they lie,
nothing opened, masked or rendered) by the sqlite3 module. `--quick` takes 20,000 contacts.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import numpy as np
from numpy.typing import NDArray

from bench.calls import cpu_s
from bench.figure import Figure, Options, Result, alone
from bench.seed import Seeded, Seeder
from core.access.model import Role
from gateway.customers.sealing import CustomerSealing
from maskline.ground import Ground
from tests.support.system import System, outside

CALLS = "SELECT * FROM gw_calls WHERE {} ORDER BY id DESC LIMIT 51"
TEAM = "(employee_id = :agent OR department_id = :department)"


@dataclass(frozen=True, slots=True)
class Asked:
    """One page or list, who asks for it, and the SQL of its main list. With a body it is a search."""

    name: str
    path: str
    role: Role
    sql: str
    body: dict[str, str] | None = None


def _asked(seeded: Seeded, surname: bytes) -> tuple[list[Asked], dict[str, object]]:
    if seeded.old_day is None:
        raise ValueError("seed first")
    day = seeded.old_day.date()
    begin = seeded.old_day.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    today = seeded.old_day + timedelta(days=100)
    known: dict[str, object] = {
        "agent": seeded.agent_id,
        "department": seeded.department_id,
        "begin": str(begin),
        "end": str(begin + timedelta(days=1)),
        "today": str(today.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)),
        "surname": surname,
    }
    see, calls = Role.REVIEWER, "/calls"
    within = "started_at >= :begin AND started_at < :end"
    counts = (
        "SELECT count(*), count(*) FILTER (WHERE customer_answered_at IS NOT NULL) FROM gw_calls "
        "WHERE started_at >= :today"
    )
    banded = "contact_id IN (SELECT contact_id FROM qa_inspections WHERE band = 'flag')"
    one_day = urlencode({"since": day, "until": day})
    return [
        Asked("page of today, all", "/", see, counts),
        Asked("page of today, a team's", "/", Role.SUPERVISOR, f"{counts} AND {TEAM}"),
        Asked("page of calls, all", calls, see, CALLS.format("1")),
        Asked("page of calls, a team's", calls, Role.SUPERVISOR, CALLS.format(TEAM)),
        Asked("page of calls, own", calls, Role.AGENT, CALLS.format("employee_id = :agent")),
        Asked("page of calls, one day long ago", f"{calls}?{one_day}", see, CALLS.format(within)),
        Asked("page of calls, refused", f"{calls}?outcome=refused", see, CALLS.format("decision = 'deny'")),
        Asked("page of calls, by rule", f"{calls}?rule=hours", see, CALLS.format("rule_id = 'hours'")),
        Asked("page of calls, by band", f"{calls}?band=flag", see, CALLS.format(banded)),
        Asked("page of calls, no such band that day", f"{calls}?band=flag&cause=busy", see,
              CALLS.format(f"{banded} AND cause = 'busy'")),
        Asked("API calls, 50", "/api/v1/calls", see, CALLS.format("1")),
        Asked("API contacts, 50", "/api/v1/contacts", see,
              "SELECT * FROM gw_contacts ORDER BY id DESC LIMIT 51"),
        Asked("API contacts, own", "/api/v1/contacts", Role.AGENT,
              "SELECT * FROM gw_contacts WHERE employee_id = :agent ORDER BY id DESC LIMIT 51"),
        Asked("API contacts, refused", "/api/v1/contacts?decision=deny", see,
              "SELECT * FROM gw_contacts WHERE decision = 'deny' ORDER BY id DESC LIMIT 51"),
        Asked("API customers, 50", "/api/v1/customers", Role.ADMINISTRATOR,
              "SELECT * FROM gw_customers ORDER BY id DESC LIMIT 51"),
        Asked("API customers, by surname", "/api/v1/customers/search", Role.ADMINISTRATOR,
              "SELECT * FROM gw_customers WHERE surname_index = :surname ORDER BY id DESC LIMIT 51",
              {"name": "王"}),
        Asked("API bindings, 50", "/api/v1/bindings", Role.ADMINISTRATOR,
              "SELECT * FROM gw_bindings ORDER BY id DESC LIMIT 51"),
        Asked("API inspections, a band", "/api/v1/inspections?band=flag", see,
              "SELECT * FROM qa_inspections WHERE band = 'flag' ORDER BY id DESC LIMIT 51"),
        Asked("API inspections, a category", "/api/v1/inspections?category=threat", see,
              "SELECT * FROM qa_inspections i WHERE EXISTS (SELECT 1 FROM qa_findings f WHERE "
              "f.inspection_id = i.id AND f.category = 'threat') ORDER BY id DESC LIMIT 51"),
        Asked("API alerts, open", "/api/v1/alerts?state=open", see,
              "SELECT * FROM qa_alerts WHERE state = 'open' ORDER BY id DESC LIMIT 51"),
        Asked("page of customers, own", "/customers", Role.AGENT,
              "SELECT * FROM gw_customers WHERE owner_id = :agent ORDER BY id DESC LIMIT 51"),
        Asked("page of work, own", "/today", Role.AGENT,
              "SELECT * FROM gw_bindings WHERE employee_id = :agent ORDER BY id DESC LIMIT 51"),
        Asked("page of results, own", "/results", Role.AGENT, f"{counts} AND employee_id = :agent"),
        Asked("page of the team", "/team", Role.SUPERVISOR,
              "SELECT employee_id, count(*) FROM gw_calls WHERE started_at >= :today "  # noqa: S608 - ours
              f"AND {TEAM} GROUP BY employee_id"),
        Asked("page of alerts", "/alerts", Role.SUPERVISOR,
              f"SELECT * FROM qa_alerts WHERE state = 'open' AND {TEAM} "  # noqa: S608 - our own words
              "ORDER BY id DESC LIMIT 51"),
        Asked("page of inspections", "/inspections", see,
              "SELECT * FROM qa_inspections ORDER BY id DESC LIMIT 51"),
        Asked("page of analysis", "/analysis", see,
              "SELECT band, count(*) FROM qa_inspections WHERE contact_started_at >= :today GROUP BY band"),
    ], known  # fmt: skip


async def _ask(url: str, one: Asked, token: str, count: int) -> tuple[NDArray[np.float64], int] | int:
    """Give the times of `count` requests in ms and the size; the status where it is not 200."""
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "zh"}
    times, size = [], 0
    async with aiohttp.ClientSession(headers=headers) as client:
        for number in range(count + 2):
            begun = time.perf_counter()
            method = "GET" if one.body is None else "POST"
            async with client.request(method, url + one.path, json=one.body, allow_redirects=False) as reply:
                size = len(await reply.read())
                if reply.status != 200:
                    return reply.status
            if number >= 2:
                times.append((time.perf_counter() - begun) * 1000)
    return np.array(times), size


def _bare(path: Path, sql: str, known: dict[str, object], count: int) -> float:
    """Give the median time of the SQL in ms."""
    times = []
    with sqlite3.connect(path) as connection:
        for _ in range(count + 1):
            begun = time.perf_counter()
            connection.execute(sql, known).fetchall()
            times.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return float(np.median(times[1:]))


async def _seed(system: System, contacts: int) -> tuple[Seeded, bytes]:
    async with system.ground() as ground:
        seeded = await Seeder(ground, contacts, customers=contacts // 10).run()
        await ground.database.analyse()  # as the relay process does every hour
        return seeded, _surname(ground)


def _surname(ground: Ground) -> bytes:
    return CustomerSealing(ground.vault).surname_index("王").raw


async def _measure_all(system: System, asked: Sequence[Asked], seeded: Seeded,
                       known: dict[str, object], count: int) -> tuple[list[Figure], list[str]]:  # fmt: skip
    figures, missing = [], []
    path = system.data / "maskline.db"
    for one in asked:
        url = f"http://127.0.0.1:{system.settings.web.port}"
        before = cpu_s(system.children["web"].pid)
        found = await _ask(url, one, seeded.tokens[one.role], count)
        each_ms = (cpu_s(system.children["web"].pid) - before) / (count + 2) * 1000
        if isinstance(found, int):
            missing.append(f"{one.path} {found}")
            continue
        times, size = found
        note = f"p95 {np.percentile(times, 95):.0f} ms, CPU {each_ms:.0f} ms, {size / 1024:.0f} KiB"
        bare = _bare(path, one.sql, known, count)
        name = f"{one.name}, p50"
        figures.append(
            Figure(name, float(np.median(times)), "ms", "bare SQL", bare, note, less_is_better=True)
        )
    return figures, missing


def measure(options: Options) -> Result:
    contacts, count = (20_000, 8) if options.quick else (100_000, 30)
    system = System(("web",), log_level="WARNING")
    try:
        system.prepare()
        begun = time.perf_counter()
        seeded, surname = outside(_seed(system, contacts))
        detail = f"{contacts:,} contacts put in within {time.perf_counter() - begun:.0f} s; "
        detail += f"database {(system.data / 'maskline.db').stat().st_size / 2**20:.0f} MiB"
        system.start()
        asked, known = _asked(seeded, surname)
        figures, missing = asyncio.run(_measure_all(system, asked, seeded, known, count))
        system.stop()
    finally:
        system.remove()
    if missing:
        detail += f"\nnot measured (status): {', '.join(missing)}"
    return Result(tuple(figures), detail)


if __name__ == "__main__":
    alone(measure, __doc__)
