"""Subject keys: one each, destroyed for good and at once, rewrapped after a rotation."""

import hashlib
import sqlite3
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, select, text, type_coerce, update

from core.clock import ManualClock
from core.columns import SealedColumn
from core.db import Database
from core.ids import new_id
from core.vault import (
    Field,
    Keyring,
    SealBroken,
    Sealed,
    SubjectErased,
    SubjectKeyExists,
    SubjectKeyRow,
    SubjectKeys,
    SubjectUnknown,
    Vault,
    purge_remains,
)

NUMBER = "+8613800138000"


@pytest.fixture
def keyring() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def keys(keyring: Keyring, clock: ManualClock) -> SubjectKeys:
    return SubjectKeys(Vault(keyring), clock)


async def sealed_number(database: Database, keys: SubjectKeys, subject: str) -> Sealed:
    async with database.begin() as session:
        cipher = await keys.create(session, subject)
        return cipher.seal(Field("t", "phone", subject), NUMBER)


async def test_value_opens_with_a_cipher_read_again(database: Database, keys: SubjectKeys) -> None:
    subject = new_id()
    sealed = await sealed_number(database, keys, subject)
    async with database.read() as session:
        cipher = await keys.cipher(session, subject)
        assert cipher.open_text(Field("t", "phone", subject), sealed) == NUMBER
        assert cipher.key_id == sealed.key_id


async def test_keys_of_two_subjects_are_different(database: Database, keys: SubjectKeys) -> None:
    one, other = new_id(), new_id()
    async with database.begin() as session:
        first, second = await keys.create(session, one), await keys.create(session, other)
        assert first.derive_key("recording") != second.derive_key("recording")
        with pytest.raises(SealBroken):
            second.open(Field("t", "c", "r"), first.seal(Field("t", "c", "r"), NUMBER))


async def test_a_subject_gets_a_key_once_and_the_transaction_lives_on(
    database: Database, keys: SubjectKeys
) -> None:
    subject, other = new_id(), new_id()
    async with database.begin() as session:
        first = await keys.create(session, subject)
        with pytest.raises(SubjectKeyExists):
            await keys.create(session, subject)
        await keys.create(session, other)
    async with database.read() as session:
        assert (await keys.cipher(session, subject)).key_id == first.key_id
        await keys.cipher(session, other)


async def test_unknown_subject(database: Database, keys: SubjectKeys) -> None:
    async with database.begin() as session:
        with pytest.raises(SubjectUnknown):
            await keys.cipher(session, new_id())
        with pytest.raises(SubjectUnknown):
            await keys.destroy(session, new_id())


async def test_destroyed_key_is_gone_for_every_process_at_once(
    database: Database, keyring: Keyring, keys: SubjectKeys, clock: ManualClock
) -> None:
    subject = new_id()
    await sealed_number(database, keys, subject)
    other_process = SubjectKeys(Vault(keyring), clock)
    async with database.read() as session:
        await other_process.cipher(session, subject)
    clock.advance(timedelta(days=1))
    async with database.begin() as session:
        wrapped = await session.scalar(select(SubjectKeyRow.wrapped_key))
        assert wrapped is not None
        destroyed = await keys.destroy(session, subject)
        with pytest.raises(SubjectErased):
            await keys.cipher(session, subject)
    assert destroyed.wrapped_key_sha256 == hashlib.sha256(wrapped.raw).hexdigest()
    assert destroyed.destroyed_at == clock.now()
    async with database.begin() as session:
        with pytest.raises(SubjectErased):
            await other_process.cipher(session, subject)
        with pytest.raises(SubjectErased):
            await keys.destroy(session, subject)
        with pytest.raises(SubjectKeyExists):
            await keys.create(session, subject)


async def test_rolled_back_erasure_erases_nothing(database: Database, keys: SubjectKeys) -> None:
    subject = new_id()
    sealed = await sealed_number(database, keys, subject)

    class Stop(Exception):
        pass

    with suppress(Stop):
        async with database.begin() as session:
            await keys.destroy(session, subject)
            raise Stop
    async with database.read() as session:
        assert (await keys.cipher(session, subject)).open_text(Field("t", "phone", subject), sealed) == NUMBER


async def test_many_ciphers_at_once_leave_out_erased_and_unknown(
    database: Database, keys: SubjectKeys
) -> None:
    subjects = [new_id() for _ in range(1201)]
    async with database.begin() as session:
        for subject in subjects[:5]:
            await keys.create(session, subject)
        await keys.destroy(session, subjects[3])
    async with database.read() as session:
        assert set(await keys.ciphers(session, subjects)) == set(subjects[:5]) - {subjects[3]}
        assert await keys.ciphers(session, []) == {}


async def test_rewrap_moves_living_keys_to_the_new_key(
    database: Database, keyring: Keyring, keys: SubjectKeys, clock: ManualClock
) -> None:
    subjects = [new_id() for _ in range(7)]
    sealed = [await sealed_number(database, keys, subject) for subject in subjects]
    async with database.begin() as session:
        await keys.destroy(session, subjects[6])
    rotated = keyring.rotate()
    newer = SubjectKeys(Vault(rotated), clock)
    async with database.begin() as session:
        assert await newer.count_by_wrapping_key(session) == {keyring.current: 6}
        assert [
            await newer.rewrap(session, 4),
            await newer.rewrap(session, 4),
            await newer.rewrap(session),
        ] == [4, 2, 0]
        assert await newer.count_by_wrapping_key(session) == {rotated.current: 6}
    newest = SubjectKeys(Vault(rotated.retire(keyring.current)), clock)
    async with database.read() as session:
        for subject, value in zip(subjects[:6], sealed, strict=False):
            assert (await newest.cipher(session, subject)).open_text(
                Field("t", "phone", subject), value
            ) == NUMBER
        with pytest.raises(SealBroken):
            await keys.cipher(session, subjects[0])


async def test_wrapped_key_of_one_subject_does_not_serve_another(
    database: Database, keys: SubjectKeys
) -> None:
    """Whoever writes the table cannot give an erased subject somebody else's key, or swap two."""
    one, other = new_id(), new_id()
    await sealed_number(database, keys, one)
    await sealed_number(database, keys, other)
    async with database.begin() as session:
        wrapped = await session.scalar(
            select(SubjectKeyRow.wrapped_key).where(SubjectKeyRow.subject_id == one)
        )
        await session.execute(
            update(SubjectKeyRow).where(SubjectKeyRow.subject_id == other).values(wrapped_key=wrapped)
        )
        with pytest.raises(SealBroken):
            await keys.cipher(session, other)


async def test_no_key_and_no_date_contradict_each_other(database: Database, keys: SubjectKeys) -> None:
    subject = new_id()
    await sealed_number(database, keys, subject)
    with pytest.raises(Exception, match="erased"):
        async with database.begin() as session:
            await session.execute(text("UPDATE core_subject_keys SET wrapped_key = NULL"))


async def test_sealed_column_stores_the_envelope(database: Database, keys: SubjectKeys) -> None:
    await sealed_number(database, keys, new_id())
    async with database.read() as session:
        raw = await session.scalar(select(type_coerce(SubjectKeyRow.wrapped_key, LargeBinary)))
        sealed = await session.scalar(select(SubjectKeyRow.wrapped_key))
    assert isinstance(sealed, Sealed)
    assert sealed.raw == raw
    assert isinstance(SubjectKeyRow.__table__.c.wrapped_key.type, SealedColumn)


def _in_files(folder: Path, wrapped: Sealed) -> bool:
    return any(wrapped.raw[22:] in file.read_bytes() for file in folder.glob("maskline.db*"))


async def test_purge_leaves_nothing_of_a_destroyed_key_in_the_files(
    sqlite_url: str, tmp_path: Path, keys: SubjectKeys
) -> None:
    database = Database(sqlite_url)
    subject = new_id()
    await sealed_number(database, keys, subject)
    async with database.begin() as session:
        wrapped = await session.scalar(select(SubjectKeyRow.wrapped_key))
        assert wrapped is not None
    assert _in_files(tmp_path, wrapped)
    async with database.begin() as session:
        await keys.destroy(session, subject)
    await purge_remains(database)
    assert not _in_files(tmp_path, wrapped)
    await database.close()
    with sqlite3.connect(tmp_path / "maskline.db") as check:
        assert check.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    check.close()


async def test_purge_runs_on_every_database(database: Database, keys: SubjectKeys) -> None:
    subject = new_id()
    await sealed_number(database, keys, subject)
    async with database.begin() as session:
        await keys.destroy(session, subject)
    await purge_remains(database)
    async with database.read() as session:
        with pytest.raises(SubjectErased):
            await keys.cipher(session, subject)
