"""The server's signing keys in a row: published statements, the agent's judgement of them, the keyring behind them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from core.vault import Keyring, Vault
from devicepolicy.agent.memory import Memory
from devicepolicy.agent.settings import DATA
from devicepolicy.agent.succession import believe, settle
from devicepolicy.identity.documents import DocumentKind
from devicepolicy.identity.keys import key_text
from devicepolicy.identity.signer import SECRET_NAME, DocumentSigner

VECTORS = json.loads((DATA / "successions.json").read_text("utf-8"))
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["name"])
def test_statements_of_the_vectors(case: dict[str, Any]) -> None:
    first = VECTORS["keys"][0]
    memory = Memory(keys={first["kid"]: first["x"]}, key_seq=VECTORS["key_seq"])
    for statement in case["statements"]:
        believe(memory, statement, VECTORS["now"])
    believed = VECTORS["keys"][: case["newest"]]
    assert memory.keys == {key["kid"]: key["x"] for key in believed}
    assert memory.key_seq == case["newest"]


def signers() -> list[DocumentSigner]:
    """One institution's signer as it is, and after one and two rotations."""
    keyrings = [Keyring.generate()]
    for _ in range(2):
        keyrings.append(Keyring.parse(keyrings[-1].renew(SECRET_NAME).dump()))
    return [DocumentSigner(Vault(keyring)) for keyring in keyrings]


def signed(signer: DocumentSigner) -> str:
    until = NOW.replace(hour=3)
    made = signer.sign(
        DocumentKind.DESIRED, {}, device_id="d" * 32, sequence=1, issued_at=NOW, expires_at=until
    )
    return made.token


def test_an_agent_follows_over_several_keys_and_lets_the_old_ones_go() -> None:
    old, middle, new = signers()
    assert len({one.key_id for one in (old, middle, new)}) == 3
    assert (old.successions(NOW), next(iter(new.keys))) == ([], old.key_id)
    memory = Memory(keys={old.key_id: key_text(old.current)})
    for statement in new.successions(NOW):
        assert believe(memory, statement, NOW.timestamp())
    assert list(memory.keys) == [old.key_id, middle.key_id, new.key_id]
    settle(memory, signed(old))
    assert len(memory.keys) == 3, "what was on its way is still believed"
    settle(memory, signed(new))
    assert memory.keys == {new.key_id: key_text(new.current)}
    assert not believe(memory, new.successions(NOW)[0], NOW.timestamp()), "an old key has no word any more"
