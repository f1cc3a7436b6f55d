"""What every message channel does, whatever it stands on."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from core.clock import SystemClock
from core.db import Database
from core.ledger import Ledger
from core.tasks import cancel, spawn
from core.vault import Keyring, SubjectKeys, Vault
from gateway.customers.phone import PhoneNumber
from gateway.messages.channels.sip.channel import LinkSplit, SipTextChannel, SipTextOptions
from gateway.messages.channels.smpp.channel import SmppChannel, SmppOptions
from gateway.messages.channels.webchat.channel import WebChatChannel, WebChatOptions
from gateway.messages.channels.webchat.history import ChatHistory
from gateway.messages.channels.webchat.tokens import ChatTokens
from gateway.messages.channels.wecom.channel import WeComChannel
from gateway.messages.errors import ChannelRefused, ChannelUnavailable
from gateway.messages.memory import InMemoryChannel
from gateway.messages.model import ChannelKind, Outgoing
from gateway.messages.ports import MessageChannel
from gateway.switch import protocol as p
from gateway.switch.memory import InMemorySwitch
from gateway.switch.trunk import TrunkSources
from tests.conformance.test_smpp_channel import Smsc

KINDS = ["memory", "smpp", "webchat", "sip", "wecom"]


@dataclass
class Bench:
    """A channel, and how many messages its provider has."""

    channel: MessageChannel
    count: Any
    tasks: list


class NoArchive:
    """An archive that does not answer."""

    async def read(self):
        raise ChannelUnavailable("away")


async def memory(sqlite_url):
    channel = InMemoryChannel()
    return Bench(channel, lambda: len(channel.sent), [])


async def smpp(sqlite_url):
    smsc = await Smsc.start("--dedupe")
    options = SmppOptions("127.0.0.1", smsc.port, "me", "secret", dedupes=True)
    channel = SmppChannel(options, SystemClock(), lambda text: text[:8])
    seen = []

    async def follow():
        try:
            while True:
                seen.append(await smsc.next("submit"))
        finally:
            await smsc.stop()

    return Bench(channel, lambda: len(seen), [spawn(follow(), name="smsc")])


async def webchat(sqlite_url):
    vault, clock, database = Vault(Keyring.generate()), SystemClock(), Database(sqlite_url)
    keys = SubjectKeys(vault, clock)
    tokens = ChatTokens(
        database=database, clock=clock, vault=vault, subject_keys=keys, ledger=Ledger(clock), base_url="x", days=1
    )  # fmt: skip
    history = ChatHistory(database=database, subject_keys=keys)
    return Bench(WebChatChannel(WebChatOptions(), clock=clock, tokens=tokens, history=history), None, [])


async def sip(sqlite_url):
    link = InMemorySwitch()
    channel = SipTextChannel(
        link, SipTextOptions("127.0.0.1", 5060, TrunkSources((), ())), lambda text: text[:8]
    )
    link.connect()
    sent = []

    async def answer():
        while True:
            command = await link.next(p.SendText)
            sent.append(command)
            link.emit(p.TextResult(request=command.request, status=200))

    async def listen():
        async for _ in LinkSplit(link, channel.hear).events():
            pass

    return Bench(channel, lambda: len(sent), [spawn(answer(), name="a"), spawn(listen(), name="l")])


async def wecom(sqlite_url):
    return Bench(WeComChannel(NoArchive(), every_s=0.01), None, [])


MAKERS = {"memory": memory, "smpp": smpp, "webchat": webchat, "sip": sip, "wecom": wecom}


@pytest.fixture(params=KINDS)
async def bench(request, sqlite_url):
    bench = await MAKERS[request.param](sqlite_url)
    await bench.channel.start()
    await bench.channel.start()  # a second start changes nothing
    if request.param == "smpp":
        await bench.channel.wait_bound()
    yield bench
    await bench.channel.close()
    await cancel(*bench.tasks)


def outgoing(text="您好", number=1, **more):
    return Outgoing(
        "m" * 32, "t" * 32, f"{number:032x}", "+861087654321", text, PhoneNumber.parse("13800138000"), **more
    )


class Taken:
    def __init__(self):
        self.parts = {}

    async def __call__(self, part, reference):
        assert part not in self.parts
        self.parts[part] = reference


async def test_a_message_is_taken_once_with_all_its_parts(bench):
    traits, taken = bench.channel.traits, Taken()
    assert isinstance(bench.channel.kind, ChannelKind)
    if not traits.can_send:
        with pytest.raises(ChannelRefused):
            await bench.channel.submit(outgoing(), taken)
        assert taken.parts == {}
        return
    submitted = await bench.channel.submit(outgoing("好" * 100), taken)
    assert submitted.parts == len(submitted.references) == len(taken.parts) >= 1
    assert tuple(taken.parts[part] for part in sorted(taken.parts)) == submitted.references
    if traits.dedupes:
        again = await bench.channel.submit(outgoing("好" * 100), Taken())
        assert again.references == submitted.references
        if bench.count is not None:
            await asyncio.sleep(0)
            assert bench.count() <= submitted.parts


async def test_messages_at_once_do_not_mix(bench):
    if not bench.channel.traits.can_send:
        return
    numbers = range(1, 9)
    many = await asyncio.gather(
        *(
            bench.channel.submit(
                Outgoing(
                    f"{n:032x}", "t" * 32, f"{n:032x}", "+861087654321", "a", PhoneNumber.parse("13800138000")
                ),
                Taken(),
            )
            for n in numbers
        )
    )
    assert len({submitted.references for submitted in many}) == len(numbers)


async def test_without_a_number_nothing_leaves(bench):
    if not bench.channel.traits.needs_number or isinstance(bench.channel, InMemoryChannel):
        return
    with pytest.raises(ChannelRefused):
        await bench.channel.submit(Outgoing("m", "t", "1" * 32, "+86", "x"), Taken())


async def test_deliveries_end_when_it_is_closed(bench):
    async def listen():
        return [delivery async for delivery in bench.channel.deliveries()]

    listening = spawn(listen(), name="listen")
    await asyncio.sleep(0)
    await bench.channel.close()
    async with asyncio.timeout(60):
        assert await listening == []


async def test_nothing_prints_a_number(bench):
    assert "13800138000" not in repr(outgoing("13800138000")) + repr(bench.channel) + repr(
        bench.channel.traits
    )
