"""Several SMSC accounts as one channel: each line by its own, references apart, nothing mixed up."""

import asyncio

import pytest

from core.clock import SystemClock
from gateway.customers.phone import PhoneNumber
from gateway.messages.channels.smpp.accounts import SmppAccounts
from gateway.messages.channels.smpp.channel import SmppChannel, SmppOptions
from gateway.messages.errors import ChannelRefused
from gateway.messages.model import Outgoing, Receipt
from tests.conformance.test_smpp_channel import FAST, Smsc

FIRST, SECOND = "+862166668888", "+862166668889"


def account(smsc, name, sources=None, *, dedupes=True):
    options = SmppOptions("127.0.0.1", smsc.port, "me", "secret", sources=sources or {}, name=name,
                          dedupes=dedupes, limits=FAST, reconnect_s=(0.05,))  # fmt: skip
    return SmppChannel(options, SystemClock(), lambda text: format(abs(hash(text)), "x"))


@pytest.fixture
async def smscs():
    both = [await Smsc.start(), await Smsc.start()]
    yield both
    for smsc in both:
        await smsc.stop()


async def opened(*accounts):
    channel = SmppAccounts(accounts)
    await channel.start()
    async with asyncio.timeout(60):
        for one in accounts:
            await one.wait_bound()
    return channel


def outgoing(line, number=1):
    return Outgoing("m", "t", f"{number:032x}", line, "hello", PhoneNumber.parse("13800138000"))


async def nothing(part, reference):
    return None


async def test_each_line_goes_by_its_account_and_receipts_come_home(smscs):
    channel = await opened(account(smscs[0], "unicom", {FIRST: "10690001"}), account(smscs[1], "telecom"))
    assert channel.connected
    assert channel.states() == {"unicom": True, "telecom": True}
    first = await channel.submit(outgoing(FIRST), nothing)
    second = await channel.submit(outgoing(SECOND, 2), nothing)
    sent = [await smsc.next("submit") for smsc in smscs]
    assert [one["source"] for one in sent] == ["10690001", "862166668889"]
    assert sent[0]["id"] == sent[1]["id"]  # two SMSCs count alike: the account tells them apart
    assert first.references != second.references
    coming = channel.deliveries()
    for smsc, submitted in zip(smscs, (first, second), strict=True):
        await smsc.tell(do="receipt", id=sent[0]["id"], stat="DELIVRD")
        delivery = await anext(coming)
        assert isinstance(delivery.event, Receipt)
        assert (delivery.event.provider_reference,) == submitted.references
        await delivery.settle()
    await channel.close()
    assert [delivery async for delivery in coming] == []


async def test_a_line_without_an_account_is_refused_for_good(smscs):
    channel = await opened(account(smscs[0], "unicom", {FIRST: "10690001"}))
    with pytest.raises(ChannelRefused):
        await channel.submit(outgoing(SECOND), nothing)
    await channel.close()


async def test_one_account_that_does_not_dedupe_makes_all_careful(smscs):
    assert SmppAccounts([account(smscs[0], "a"), account(smscs[1], "b", {FIRST: "1"})]).traits.dedupes
    assert not SmppAccounts(
        [account(smscs[0], "a"), account(smscs[1], "b", {FIRST: "1"}, dedupes=False)]
    ).traits.dedupes
