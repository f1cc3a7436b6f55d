"""Phones under load: memory of an idle one, a policy for all, an unbinding, and orders while the server dies.

    .venv/bin/python -m bench.phones [--quick] [--phones 10000] [--unbound 1000] [--keep]

The web, relay and calls processes as they run in a deployment, on SQLite; a real Mosquitto; phones in
processes of their own, each with its key: every request and every WebSocket handshake is signed and checked,
every document verified, every setting proved. Both ways of waking one after the other, same phones, same
database. The peer is a bare aiohttp WebSocket server that sends one text to as many connections.
`--unbound` is how many are connected while employees are unbound; 300 of them get orders while the web
process is killed and started again. `--keep` keeps the figures of a run in bench/kept/ and puts them on the
page, under "Runs of their own", where `make bench` leaves them. Ten thousand need 14,500 open files.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import numpy as np

from bench import machine
from bench.figure import Figure, Missing, Options, Result, alone
from bench.fleet_acts import Gone, Office, Push, Survived, office, push, ready_to_unbind, survive, unbind
from bench.fleet_clients import EACH, Clients, clients, raise_limits
from bench.fleet_seed import admit_all, seed
from bench.kept import Kept, keep, kept_runs, with_kept
from bench.page import PAGE
from tests.support.mosquitto import PASSWORD, Mosquitto, MosquittoMissing
from tests.support.system import ROOT, System, free_port

PROCESSES = ("web", "relay", "calls")
NAMES = {"websocket": "WebSocket", "mqtt": "MQTT"}


@dataclass(frozen=True, slots=True)
class Load:
    """How much of what."""

    phones: int
    unbound: int
    ordered: int
    leavers: int
    orders: int
    kills: int
    timeout_s: float = 600.0


@dataclass(slots=True)
class Seen:
    """What one way of waking came to. KiB for an idle phone, by process."""

    kib: dict[str, float] = field(default_factory=dict)
    connect_s: float = 0.0
    push: Push | None = None
    gone: list[Gone] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bare:
    """What the peer came to: a text to all, their two questions after it answered, and a text to one."""

    kib: float
    all_s: Sequence[float]
    asked_s: Sequence[float]
    one_s: Sequence[float]


_BEGUN = time.monotonic()


def say(text: str) -> None:
    """Tell how far a long run is."""
    print(f"{time.monotonic() - _BEGUN:6.1f} s  {text}", flush=True)


def rss_kib(pid: int) -> int:
    """Give the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise ProcessLookupError(pid)


async def settled_kib(pid: int, within_s: int = 10) -> int:
    """Give the resident memory of a process that has come to rest."""
    before = 0
    for _ in range(within_s):
        now = rss_kib(pid)
        if now == before:
            break
        before = now
        await asyncio.sleep(1)
    return before


def measure(options: Options) -> Result:
    phones = int(options.extra.get("phones") or (300 if options.quick else 1000))
    unbound = min(int(options.extra.get("unbound") or 1000), phones)
    few = options.quick
    ordered = min(300, unbound)
    load = Load(phones, unbound, ordered, 10 if few else 60, 60 if few else 400, 1 if few else 3)
    raise_limits(load.phones)
    return asyncio.run(run(load))


async def run(load: Load) -> Result:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        try:
            broker = Mosquitto(folder)
        except MosquittoMissing as missing:
            raise Missing(str(missing)) from None
        mqtt = broker.settings
        settings = {**mqtt.model_dump(exclude_none=True), "password": PASSWORD}
        system = System(PROCESSES, log_level="WARNING", phones={"mqtt": settings})
        try:
            system.prepare()
            return await _with(system, broker, folder, load)
        except BaseException:
            say(system.logs(2000))
            raise
        finally:
            broker.stop()
            system.remove()


async def _with(system: System, broker: Mosquitto, folder: Path, load: Load) -> Result:
    begun = time.monotonic()
    async with system.ground() as ground:
        fleet = await seed(ground, load.phones, 2 * load.leavers)
        await ground.database.analyse()
    admit_all(folder / "dynsec.json", fleet)
    seeded_s = time.monotonic() - begun
    say(f"{load.phones} phones put in")
    parts = range(0, load.phones, EACH)
    port, bare_port = system.settings.web.port, free_port()
    plans = [
        fleet.plan(
            fleet.phones[number :: len(parts)],
            port=port,
            mqtt_port=broker.port,
            source=f"127.0.0.{number + 2}",
        )
        for number in range(len(parts))
    ]
    bare_plans = [{**plan, "port": bare_port} for plan in plans]
    async with clients(bare_plans, folder) as found:
        bare = await _bare(bare_port, found, load)
    say(f"bare: told, {_told(bare.all_s)}")
    seen: dict[str, Seen] = {}
    async with clients(plans, folder) as found:
        for way in NAMES:
            await asyncio.to_thread(
                broker.stop
            )  # a new one for each: what the last way left is no idle phone's
            await asyncio.to_thread(broker.start)
            await asyncio.to_thread(system.start)
            say(f"{way}: the system runs")
            async with office(system, fleet, found) as at:
                seen[way] = await _way(at, way, broker, load, len(seen))
                say(f"{way}: done")
            await found.connect(way, 0)
            await asyncio.to_thread(system.stop)
        await asyncio.to_thread(system.start)
        await found.connect("websocket", load.ordered)
        await found.settled(load.ordered, load.timeout_s)
        before, _ = await found.counted()
        async with office(system, fleet, found) as at:
            survived = await survive(
                at, load.ordered, orders=load.orders, kills=load.kills, timeout_s=load.timeout_s
            )
        say(f"killed {load.kills} times")
        await found.connect("websocket", 0)
        await asyncio.to_thread(system.stop)
        counts, refusals = await found.counted()
    detail = f"{load.phones} phones put in within {seeded_s:.0f} s; "
    detail += f"questions asked again: {before['lost']} before the kills, {counts['lost']} with them"
    detail += f"\nrefusals: {dict(refusals)}" if refusals else ""
    return Result(tuple(figures(load, bare, seen, survived)), detail)


async def _way(at: Office, way: str, broker: Mosquitto, load: Load, turn: int) -> Seen:
    """Measure one way of waking."""
    seen = Seen()
    pids = {"web": at.system.children["web"].pid}
    if way == "mqtt":
        pids["mosquitto"] = broker.pid
    # What the broker took to read its accounts it uses again for connections: all that it has is the phones'.
    empty = {"mosquitto": 0, "web": await settled_kib(pids["web"])}
    begun = time.monotonic()
    await at.clients.connect(way, load.phones)
    await at.clients.settled(load.phones, load.timeout_s)
    seen.connect_s = time.monotonic() - begun
    seen.kib = {name: (await settled_kib(pid) - empty[name]) / load.phones for name, pid in pids.items()}
    kib = ", ".join(f"{name} {each:.1f}" for name, each in seen.kib.items())
    say(f"{way}: {load.phones} connected within {seen.connect_s:.1f} s; KiB each: {kib}")
    seen.push = await push(at, f"push over {way}", load.phones, load.timeout_s)
    say(f"{way}: pushed, {_told(seen.push.proved_s)}")
    await at.clients.connect(way, load.unbound)
    await at.clients.settled(load.unbound, load.timeout_s)
    for number in range(load.leavers):
        if number % 20 == 0:
            await ready_to_unbind(at)
        seen.gone.append(await unbind(at, turn * load.leavers + number))
    say(f"{way}: unbound, {_told([one.locked_s for one in seen.gone])}")
    await at.clients.settled(load.unbound, load.timeout_s)
    return seen


# --- the peer


@asynccontextmanager
async def _peer(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.fleet_peer", str(port), cwd=ROOT
    )
    try:
        async with aiohttp.ClientSession() as http, asyncio.timeout(30):
            while True:
                try:
                    async with http.get(f"http://127.0.0.1:{port}/"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        yield process
    finally:
        process.kill()
        await process.wait()


async def _bare(port: int, found: Clients, load: Load) -> Bare:
    """Let the peer keep as many, tell all of them, and then few of fewer, one by one."""
    async with _peer(port) as process, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        empty = await settled_kib(process.pid)
        await found.connect("bare", load.phones)
        await found.settled(load.phones, load.timeout_s)
        kib = (await settled_kib(process.pid) - empty) / load.phones
        begun = time.monotonic()
        (await http.post("/all")).release()
        all_s = [at - begun for at in await found.when("woken", load.phones, load.timeout_s)]
        asked_s = [at - begun for at in await found.when("answered", load.phones, load.timeout_s)]
        await found.connect("bare", load.unbound)
        await found.settled(load.unbound, load.timeout_s)
        one_s = []
        for number in range(load.leavers):
            await found.ask("forget")
            begun = time.monotonic()
            (await http.post("/one", params={"number": str(number * 7)})).release()
            one_s += [at - begun for at in await found.when("woken", 1, load.timeout_s)]
        await found.connect("bare", 0)
    return Bare(kib, all_s, asked_s, one_s)


# --- figures


def _ms(times_s: Sequence[float]) -> tuple[float, float, float]:
    """Give p50, p99 and the longest, in ms."""
    sorted_ms = np.array(times_s) * 1000
    return float(np.percentile(sorted_ms, 50)), float(np.percentile(sorted_ms, 99)), float(sorted_ms.max())


def _told(times_s: Sequence[float]) -> str:
    return "p50 {:,.0f}, p99 {:,.0f}, longest {:,.0f} ms".format(*_ms(times_s))


def figures(load: Load, bare: Bare, seen: dict[str, Seen], survived: Survived) -> list[Figure]:
    made = []
    peer = "bare aiohttp WebSocket broadcast"
    for way, one in seen.items():
        whole, parts = sum(one.kib.values()), ", ".join(f"{name} {kib:.1f}" for name, kib in one.kib.items())
        made.append(
            Figure(
                f"memory of an idle phone, {NAMES[way]}, {load.phones:,} connected", whole, "KiB", peer,
                bare.kib, f"{parts}; all connected within {one.connect_s:.0f} s", less_is_better=True,
            )
        )  # fmt: skip
    for way, one in seen.items():
        if one.push is not None:
            made += _push_figures(f"{NAMES[way]}, {load.phones:,} phones", one.push, bare, peer)
    for way, one in seen.items():
        made += _gone_figures(f"{NAMES[way]}, {load.unbound:,} connected", one.gone, bare)
    told = (survived.lost, survived.doubled, survived.disagreeing)
    note = "{} lost, {} doubled, {} told wrongly".format(*told) + f"; {survived.seconds:.0f} s"
    what = f"orders lost, doubled or told wrongly, {survived.kills} × kill -9, {load.ordered:,} phones"
    theirs = float(survived.orders)
    made.append(Figure(what, sum(told), "orders", "orders given", theirs, note, less_is_better=True))
    return made


def _push_figures(name: str, one: Push, bare: Bare, peer: str) -> list[Figure]:
    ours, fetched, theirs = _ms(one.proved_s), _ms(one.fetched_s), _ms(bare.all_s)
    notes = (
        f"answer to the click {one.click_s * 1000:.0f} ms",
        "verified: p50 {:,.0f}, p99 {:,.0f}, longest {:,.0f} ms".format(*fetched),
        "",
    )
    made = [
        Figure(f"policy for all proved, {name}, {part}", ours[at], "ms", peer, theirs[at], notes[at],
               less_is_better=True)
        for at, part in enumerate(("p50", "p99", "longest"))
    ]  # fmt: skip
    cpu = "CPU ms a phone: " + ", ".join(f"{name} {spent:.1f}" for name, spent in one.cpu_ms.items())
    bare_rate = len(bare.asked_s) / max(bare.asked_s)
    questions = "bare aiohttp: the text, a GET, a POST"
    rate = len(one.proved_s) / max(one.proved_s)
    return [*made, Figure(f"policy for all proved, {name}", rate, "phones/s", questions, bare_rate, cpu)]


def _gone_figures(name: str, gone: Sequence[Gone], bare: Bare) -> list[Figure]:
    theirs = _ms(bare.one_s)
    told = "bare aiohttp, a text to one"
    answered, heard = _ms([one.answered_s for one in gone]), _ms([one.heard_s for one in gone])
    notes = (
        f"answer to the click p50 {answered[0]:.0f}, p99 {answered[1]:.0f} ms",
        f"order verified p50 {heard[0]:.0f}, p99 {heard[1]:.0f} ms",
    )
    made = []
    for what, times, note in (
        ("refused call", [one.refused_s for one in gone], notes[0]),
        ("locked phone", [one.locked_s for one in gone], notes[1]),
    ):
        ours = _ms(times)
        for at, part in enumerate(("p50", "p99")):
            more = f"{note}; longest {ours[2]:.0f} ms; {len(gone)} unbindings" if at else ""
            made.append(
                Figure(
                    f"unbinding to {what}, {name}, {part}",
                    ours[at],
                    "ms",
                    told,
                    theirs[at],
                    more,
                    less_is_better=True,
                )
            )
    return made


def keep_run(phones: int, unbound: int, load: float, result: Result) -> None:
    """Keep a run of its own, and put it on the page."""
    run = Kept(
        name=f"phones-{phones:06}",
        zh=f"{phones:,} 台手机",
        en=f"{phones:,} phones",
        command=f"python -m bench.phones --phones {phones} --unbound {unbound} --keep",
        facts=tuple(machine.facts()),
        load=load,
        result=result,
    )
    say(f"kept: {keep(run).relative_to(ROOT)}")
    PAGE.write_text(with_kept(PAGE.read_text("utf-8"), kept_runs()), encoding="utf-8")
    say(f"written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--phones", type=int)
    parser.add_argument("--unbound", type=int)
    parser.add_argument("--keep", action="store_true")
    chosen, rest = parser.parse_known_args()
    if chosen.keep and (chosen.phones is None or chosen.unbound is None or "--quick" in rest):
        parser.error("--keep takes --phones and --unbound, and no --quick")
    sys.argv[1:] = rest
    given = {"phones": chosen.phones, "unbound": chosen.unbound}
    load_before = machine.load()
    made = alone(lambda options: measure(Options(options.quick, options.data, given)), __doc__ or "")
    if chosen.keep and not made.skipped:
        keep_run(chosen.phones, chosen.unbound, load_before, made)
