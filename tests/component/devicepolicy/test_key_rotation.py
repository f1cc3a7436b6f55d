"""Another key signs orders: phones follow by the word of the old one, and follow nobody else."""

from collections.abc import AsyncIterator

import pytest

from core.clock import ManualClock
from core.config import Settings
from core.db import Database
from core.vault import Keyring, Vault
from devicepolicy.commands.machine import CommandState
from devicepolicy.identity.signer import SECRET_NAME, DocumentSigner
from tests.support.agents import Site, open_site

OFF = {"bluetoothDisabled": True}


@pytest.fixture
async def site(sqlite_url: str, clock: ManualClock, settings: Settings) -> AsyncIterator[Site]:
    """On SQLite alone: no table has a part in this."""
    database = Database(sqlite_url)
    async with open_site(database, clock, settings) as site:
        yield site
    await database.close()


class Institution:
    """Its keyring; after a rotation the processes start with the new one, which the same signer stands for."""

    def __init__(self, site: Site) -> None:
        self.signer: DocumentSigner = site.house.fleet.signer
        self.keyring = site.house.vault._keyring

    def use(self, keyring: Keyring) -> None:
        self.keyring = keyring
        self.signer.__dict__.update(DocumentSigner(Vault(keyring)).__dict__)

    def rotate(self) -> None:
        self.use(self.keyring.renew(SECRET_NAME))


@pytest.mark.parametrize("first", ["policy", "command"])
async def test_a_phone_that_was_away_for_two_rotations_follows_and_loses_nothing(
    site: Site, first: str
) -> None:
    institution = Institution(site)
    handset = await site.handset()
    old = institution.signer.key_id
    assert await handset.round() == "ok"
    assert list(handset.agent.memory.keys) == [old]
    institution.rotate()
    institution.rotate()
    command = await site.order(handset) if first == "command" else None
    await site.house.policy(OFF)
    assert await handset.round() == "ok"
    assert handset.phone.value("bluetoothDisabled") is True
    assert list(handset.agent.memory.keys) == [institution.signer.key_id]
    assert institution.signer.key_id != old
    if command is not None:
        assert (await site.command(command.id)).state is CommandState.SUCCEEDED
    handset.start()
    await site.house.policy({**OFF, "smsDisabled": True})
    assert await handset.round() == "ok", "and still after a restart"


async def test_a_code_from_before_the_rotation_still_lets_a_phone_in(site: Site) -> None:
    institution = Institution(site)
    handset = await site.handset(enrol=False)
    institution.rotate()
    await handset.enrol()
    assert await handset.round() == "ok"
    assert list(handset.agent.memory.keys) == [institution.signer.key_id]


async def test_a_key_that_the_old_one_did_not_name_is_followed_by_nobody(site: Site) -> None:
    institution = Institution(site)
    handset = await site.handset()
    assert await handset.round() == "ok"
    believed = dict(handset.agent.memory.keys)
    stranger = Keyring.generate().renew(SECRET_NAME)
    institution.use(stranger)
    await site.house.policy(OFF)
    command = await site.order(handset)
    assert await handset.round() == "refused"
    assert handset.agent.memory.keys == believed
    assert handset.phone.value("bluetoothDisabled") is None
    assert (await site.command(command.id)).state is CommandState.REJECTED
    assert handset.phone.body.effects == {}
