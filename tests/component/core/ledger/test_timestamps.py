"""RFC 3161 timestamps: a real authority (openssl), what it says wrongly is refused, and the verifier asks openssl."""

import json
import os
import zipfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from core.clock import ManualClock
from core.db import Database
from core.ledger import EntryUnknown, LedgerService
from core.ledger.evidence import EvidenceExporter
from core.ledger.export import export_lines
from core.ledger.timestamping import Authority, TimestampRefused, Timestamps
from tests.support.ledger import Verdict, grow, make_service, run_verifier, verify
from tests.support.tsa import TimestampAuthority, timestamp_authority

DAY = timedelta(days=1)


@dataclass
class House:
    """A ledger whose clock begins now (the authority's cannot be set), and an authority."""

    database: Database
    clock: ManualClock
    ledger: LedgerService
    tsa: TimestampAuthority
    stamps: Timestamps
    folder: Path

    async def add(self, count: int, *, start: int = 0) -> int:
        """Append entries and sign; give the size."""
        await grow(self.ledger, self.database, self.clock, count, start=start)
        return (await self.ledger.sign_checkpoint()).size

    async def bundle(self, seqs: list[int], name: str = "bundle.zip") -> Path:
        exporter = EvidenceExporter(database=self.database, ledger=self.ledger, clock=self.clock)
        await exporter.export(self.folder / name, seqs)
        return self.folder / name

    def check(self, bundle: Path, *extra: object) -> Verdict:
        return verify("evidence", bundle, "--public-key", self.ledger.verifier.vkey, *extra, cwd=self.folder)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    # Entries are a minute apart: an hour back keeps all of them before the authority's time.
    clock = ManualClock(datetime.now(UTC) - timedelta(hours=1))
    ledger = make_service(database, clock, tmp_path)
    async with timestamp_authority(tmp_path / "tsa") as tsa:
        authority = Authority(tsa.url, tsa.roots)
        stamps = Timestamps(database, ledger, clock, authority=authority, every=DAY)
        yield House(database, clock, ledger, tsa, stamps, tmp_path)


async def test_a_stamp_is_kept_once_a_day_and_only_of_what_grew(house: House) -> None:
    assert await house.stamps.stamp_due() is None, "nothing is signed yet"
    size = await house.add(3)
    stamp = await house.stamps.stamp_due()
    assert stamp is not None
    assert (stamp.size, stamp.authority) == (size, "127.0.0.1")
    await house.add(2, start=3)
    assert await house.stamps.stamp_due() is None, "a day has not gone by"
    house.clock.advance(DAY)
    assert not (await house.stamps.state()).late
    second = await house.stamps.stamp_due()
    assert second is not None
    assert second.clock_differs, "our clock runs ahead of the authority's, which is told"
    house.clock.advance(10 * DAY)
    assert await house.stamps.stamp_due() is None, "nothing was added since"
    assert house.tsa.asked == 2
    with pytest.raises(EntryUnknown):
        await house.stamps.stamped(size + 1)


async def test_without_an_authority_nobody_is_asked(house: House) -> None:
    await house.add(1)
    alone = Timestamps(house.database, house.ledger, house.clock, authority=None, every=DAY)
    assert await alone.stamp_due() is None
    assert not (await alone.state()).enabled
    assert house.tsa.asked == 0


def _another_message(tsa: TimestampAuthority) -> None:
    request = TimestampRequestBuilder().data(b"another").hash_algorithm(HashAlgorithm.SHA256).build()
    tsa.reply = tsa.stamp(request.as_bytes())


def _another_root(tsa: TimestampAuthority) -> None:
    tsa.roots.write_bytes(TimestampAuthority(tsa.roots.parent / "stranger").roots.read_bytes())


BENT: dict[str, Callable[[TimestampAuthority], object]] = {
    "another message": _another_message,
    "another root": _another_root,
    "no token": lambda tsa: setattr(tsa, "reply", b"\x30\x00"),
    "too long": lambda tsa: setattr(tsa, "reply", b"\x30" * 200_000),
    "a page": lambda tsa: setattr(tsa, "status", 500),
    "a redirect": lambda tsa: setattr(tsa, "status", 307),
    "no roots": lambda tsa: tsa.roots.write_text("none"),
    "no file": lambda tsa: tsa.roots.unlink(),
}


@pytest.mark.parametrize("how", BENT)
async def test_what_does_not_hold_is_refused_and_asked_again(house: House, how: str) -> None:
    await house.add(1)
    roots = house.tsa.roots.read_bytes()
    BENT[how](house.tsa)
    with pytest.raises(TimestampRefused):
        await house.stamps.stamp_due()
    assert (await house.stamps.state()).newest is None
    house.tsa.roots.write_bytes(roots)
    house.tsa.status, house.tsa.reply = 200, None
    assert await house.stamps.stamp_due() is not None


async def test_the_bundle_carries_the_first_stamp_over_each_entry(house: House) -> None:
    sizes = []
    for start in (0, 3, 6):
        sizes.append(await house.add(3, start=start))
        await house.stamps.stamp_due()
        house.clock.advance(DAY)
    await house.add(1, start=9)
    with zipfile.ZipFile(await house.bundle([0, 1, 7, 9])) as archive:
        found = {name for name in archive.namelist() if name.startswith("timestamps/")}
    assert found == {f"timestamps/{sizes[0]}.tsr", f"timestamps/{sizes[2]}.tsr"}


async def test_the_verifier_believes_the_authority_and_not_us(house: House) -> None:
    size = await house.add(2)
    await house.stamps.stamp_due()
    bundle = await house.bundle([0])
    roots = ("--tsa-roots", house.tsa.roots)
    good = house.check(bundle, *roots)
    assert good.exit_code == 0, good.report
    assert [one["size"] for one in good.report["timestamps"]] == [size]
    assert "timestamps-unchecked" in house.check(bundle).warnings, "it says that it did not look"
    stranger = TimestampAuthority(house.folder / "stranger")
    assert house.check(bundle, "--tsa-roots", stranger.roots).codes == ["timestamp-invalid"]

    def altered(name: str, change: Callable[[dict[str, bytes]], object]) -> Verdict:
        with zipfile.ZipFile(bundle) as archive:
            files = {one: archive.read(one) for one in archive.namelist()}
        change(files)
        path = house.folder / name
        with zipfile.ZipFile(path, "w") as archive:
            for one, content in files.items():
                archive.writestr(one, content)
        return house.check(path, *roots)

    token = f"timestamps/{size}.tsr"
    missing = altered("missing.zip", lambda files: files.pop(token))
    assert missing.codes == ["timestamp-missing"]
    flipped = altered("flipped.zip", lambda files: files.update({token: files[token][:-1] + b"\x00"}))
    assert flipped.codes == ["timestamp-invalid"]
    moved = altered("moved.zip", lambda files: files.update({"timestamps/1.tsr": files[token]}))
    assert moved.codes == ["timestamp-invalid"], "a token over another checkpoint"
    await house.add(1, start=2)
    late = house.check(await house.bundle([2], "late.zip"), *roots)
    assert (late.exit_code, late.warnings) == (0, ["no-outside-checkpoint", "not-timestamped"])


async def test_a_clock_that_was_set_forward_is_told_by_the_authority(house: House) -> None:
    """An entry that claims to be of tomorrow was stamped today."""
    house.clock.advance(2 * DAY)
    await house.add(1)
    await house.stamps.stamp_due()
    found = house.check(await house.bundle([0]), "--tsa-roots", house.tsa.roots)
    assert (found.exit_code, found.codes) == (1, ["clock-ahead"])


async def test_a_whole_ledger_is_verified_with_its_stamps(house: House) -> None:
    await house.add(2)
    await house.stamps.stamp_due()
    export = house.folder / "export.jsonl"
    export.write_text("".join([line async for line in export_lines(house.database, house.ledger.verifier)]))
    key = ("--public-key", house.ledger.verifier.vkey, "--tsa-roots", house.tsa.roots)
    found = verify("ledger", export, *key, cwd=house.folder)
    assert found.exit_code == 0
    assert len(found.report["timestamps"]) == 1
    if house.database.is_sqlite:
        source = Path(house.database.url.database or "")
        found = verify("ledger", source, *key, cwd=house.folder)
        assert found.exit_code == 0
        assert len(found.report["timestamps"]) == 1


async def test_without_openssl_the_verifier_says_that_it_could_not_look(house: House) -> None:
    await house.add(1)
    await house.stamps.stamp_due()
    bundle = await house.bundle([0])
    arguments = ("evidence", bundle, "--public-key", house.ledger.verifier.vkey, "--json")
    done = run_verifier(*arguments, "--tsa-roots", house.tsa.roots, cwd=house.folder, path=os.devnull)
    report = json.loads(done.stdout)
    assert "openssl-missing" in [one["code"] for one in report["warnings"]]
    assert report["exit_code"] == 3
