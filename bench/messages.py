"""Messages a second through service and dispatch, to a channel in memory and over SMPP, against a bare loop.

    .venv/bin/python -m bench.messages [--quick]

A message is asked for at the service (verdict, screening, sealing, ledger, outbox), and sent by the
dispatcher: claim, second verdict, number out of the vault, submission, each part written down, state and
acknowledgement. SQLite, one process. Over SMPP the other side is an SMSC process. The peer is smpplib in a
bare loop against the same SMSC: submit_sm, wait for the answer, keep nothing.
"""

import asyncio
import json
import sys
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.databases import sqlite
from bench.figure import Figure, Options, Result, alone
from core.clock import ManualClock, SystemClock
from core.db import Database
from core.tasks import cancel, spawn
from gateway.messages.channels.smpp.channel import SmppChannel, SmppOptions
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import ChannelKind
from gateway.messages.service import SendRequest
from tests.support.messaging import Post

BEGIN = datetime(2026, 11, 3, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
PAUSE = timedelta(days=2)  # beyond the cap of messages a day
TEXT = "您好，您本期账单将于明天到期，请按时还款。"
PEER = "bare smpplib loop"


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds in the service and in the dispatcher, and seconds of CPU time in both."""

    messages: int
    service_s: float
    dispatch_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        return self.messages / (self.service_s + self.dispatch_s)

    @property
    def note(self) -> str:
        each = 1000 / self.messages
        return (
            f"service {self.service_s * each:.1f} ms, dispatch {self.dispatch_s * each:.1f} ms a message; "
            f"CPU {self.cpu_s * each:.1f} ms"
        )


async def _through(database: Database, channel: Any, customers: int, rounds: int) -> Spent:
    """Write to each customer once a round, and send what was written."""
    clock = ManualClock(BEGIN)
    post = Post(database, clock, channels=[channel])
    await post.set_up()
    bindings = [post.binding.id]
    for number in range(1, customers):
        customer = await post.desk.customer(post.agent, f"138{number:08d}")
        bindings.append((await post.desk.bind(post.agent, customer.id, days=90)).id)
    service_s = dispatch_s = cpu_s = 0.0
    for number in range(rounds + 1):
        clock.advance(PAUSE)
        begun, cpu_begun = time.perf_counter(), time.process_time()
        for binding in bindings:
            await post.messages.service.send(post.agent, SendRequest(binding, ChannelKind.SMS, TEXT))
        between = time.perf_counter()
        while await post.dispatcher.pump():
            pass
        if number:  # the first round compiles the statements
            service_s += between - begun
            dispatch_s += time.perf_counter() - between
            cpu_s += time.process_time() - cpu_begun
    return Spent(customers * rounds, service_s, dispatch_s, cpu_s)


@dataclass(slots=True)
class Smsc:
    """The SMSC process: its port, and how many submissions it took."""

    port: int
    submitted: int = 0


@asynccontextmanager
async def _smsc() -> AsyncIterator[Smsc]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.smsc", "0",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None  # noqa: S101 - asked for
    told = json.loads(await process.stdout.readline())
    smsc = Smsc(told["port"])
    lines = process.stdout

    async def count() -> None:
        while line := await lines.readline():
            smsc.submitted += b'"submit"' in line

    counting = spawn(count(), name="smsc-told")
    try:
        yield smsc
    finally:
        process.kill()
        await process.wait()
        await cancel(counting)


async def _memory(customers: int, rounds: int) -> Spent:
    channel = InMemoryChannel()
    async with sqlite() as database:
        await channel.start()
        spent = await _through(database, channel, customers, rounds)
    _require(len(channel.sent), customers * (rounds + 1))
    return spent


async def _smpp(customers: int, rounds: int) -> Spent:
    async with _smsc() as smsc, sqlite() as database:
        options = SmppOptions("127.0.0.1", smsc.port, "me", "secret")
        channel = SmppChannel(options, SystemClock(), lambda text: format(abs(hash(text)), "x"))
        await channel.start()
        async with asyncio.timeout(20):
            await channel.wait_bound()
        try:
            spent = await _through(database, channel, customers, rounds)
        finally:
            await channel.close()
        _require(smsc.submitted, customers * (rounds + 1))
        return spent


def _require(sent: int, wanted: int) -> None:
    """A figure of messages that did not go out is none."""
    if sent != wanted:
        raise RuntimeError(f"{sent} of {wanted} messages went out")


async def _bare(count: int) -> float:
    """Give the submissions a second of smpplib alone."""
    async with _smsc() as smsc:
        return await asyncio.to_thread(_submit_all, smsc.port, count)


def _submit_all(port: int, count: int) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import smpplib.client  # type: ignore[import-untyped]
        from smpplib import consts

        client = smpplib.client.Client("127.0.0.1", port, allow_unknown_opt_params=True)
        client.set_message_sent_handler(lambda **_: None)
        client.connect()
        client.bind_transceiver(system_id="me", password="secret")  # noqa: S106 - the test SMSC's
        begun = time.perf_counter()
        for number in range(count):
            client.send_message(
                source_addr_ton=consts.SMPP_TON_INTL,
                source_addr="861087654321",
                dest_addr_ton=consts.SMPP_TON_INTL,
                destination_addr=f"86138{number:08d}",
                short_message=TEXT.encode("utf-16-be"),
                data_coding=consts.SMPP_ENCODING_ISO10646,
                registered_delivery=True,
            )
            client.read_once()
        seconds = time.perf_counter() - begun
        client.unbind()
        client.disconnect()
    return count / seconds


async def _measure(customers: int, rounds: int, bare: int) -> Result:
    peer = await _bare(bare)
    memory, smpp = await _memory(customers, rounds), await _smpp(customers, rounds)
    return Result(
        (
            Figure("messages, channel in memory", memory.rate, "messages/s", PEER, peer, memory.note),
            Figure("messages, SMPP", smpp.rate, "messages/s", PEER, peer, smpp.note),
        )
    )


def measure(options: Options) -> Result:
    return asyncio.run(_measure(30, 2, 500) if options.quick else _measure(60, 8, 3000))


if __name__ == "__main__":
    alone(measure, __doc__)
