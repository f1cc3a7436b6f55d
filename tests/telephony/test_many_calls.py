"""Many calls with SIPp on both sides: a hundred in a row, twenty at once; not one record or voice is wrong."""

from collections import Counter

import pytest

from gateway.media.model import Law
from tests.telephony.sipp import NO_SIPP, SIPP, sipp
from tests.telephony.sound import CUSTOMER_HZ, STAFF_HZ, assert_voices

pytestmark = pytest.mark.skipif(SIPP is None, reason=NO_SIPP)


async def play(desk, folder, bounds, *, calls: int, at_once: int, talk_ms: int, law: Law) -> None:
    """Let SIPp dial the tokens one after the other, and SIPp answer."""
    staff, server = bounds[0].staff.sip, desk.system.sip
    folder.mkdir()
    tokens = [bound.token for bound in bounds]
    async with (
        sipp(
            folder / "customers", "full_uas", calls=calls, at_once=at_once, hertz=CUSTOMER_HZ, law=Law.ALAW,
            port=desk.system.trunk_port,
        ) as customers,
        sipp(
            folder / "staff", "full_uac", calls=calls, at_once=at_once, hertz=STAFF_HZ, law=law,
            server=server, fields=tokens, user=staff.username, password=staff.password, talk_ms=str(talk_ms),
        ) as phones,
    ):  # fmt: skip
        await phones.done(talk_ms / 1000 * calls / at_once + 60)
        await customers.done(20)


async def checked(desk, bounds, *, count: int, cause: str, seconds: float) -> list:
    rows = await desk.closed(*bounds, count=count, timeout_s=90)
    assert len(rows) == count
    assert Counter(row.cause for row in rows) == {cause: count}
    for row in rows:
        await desk.assert_books(row)
        assert_voices((await desk.recording(row)).samples, seconds=seconds)
    return rows


@pytest.mark.timeout(240)
async def test_a_hundred_calls_in_a_row(desk, tmp_path):
    """Most are short: both speak while the notice plays, then hang up. Five talk after it."""
    staff = await desk.hire()
    bounds = [await desk.bind(staff) for _ in range(50)]
    await play(desk, tmp_path / "short", bounds[:48], calls=95, at_once=1, talk_ms=800, law=Law.ULAW)
    await play(desk, tmp_path / "long", bounds[48:], calls=5, at_once=1, talk_ms=3000, law=Law.ALAW)
    short = await checked(desk, bounds[:48], count=95, cause="abandoned", seconds=0.2)
    long = await checked(desk, bounds[48:], count=5, cause="completed", seconds=2.5)
    assert all(row.relayed_packets > 20 for row in long)
    assert len({row.recording_id for row in [*short, *long]}) == 100
    calls, contacts, ended, told = await desk.totals()
    assert calls == contacts == ended == told


async def test_twenty_calls_at_once(desk, tmp_path):
    staff = await desk.hire()
    bounds = [await desk.bind(staff) for _ in range(20)]
    await play(desk, tmp_path / "many", bounds, calls=20, at_once=20, talk_ms=4000, law=Law.ULAW)
    rows = await checked(desk, bounds, count=20, cause="completed", seconds=3.0)
    assert max(row.customer_answered_at for row in rows) < min(row.ended_at for row in rows)
    assert all(row.relayed_packets > 40 for row in rows)
    assert {row.binding_id for row in rows} == {bound.binding_id for bound in bounds}
