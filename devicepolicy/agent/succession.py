"""Follows the server from one signing key to the next: only by the word of a key that is believed already."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .client import Client
from .memory import Memory
from .signing import ANY_DEVICE, KEY, Refused, key_id_in, thumbprint, unb64u, verify
from .store import Store


async def follow(client: Client, memory: Memory, store: Store, token: str) -> None:
    """Where a token names a key that we do not know, ask which keys came after ours."""
    if not key_id_in(token) or key_id_in(token) in memory.keys:
        return
    for statement in (await client.open("/keys")).get("successions", []):
        believe(memory, statement, client.now())
    memory.save(store)


def believe(memory: Memory, statement: str, now: float) -> bool:
    """Believe a key if one that we believe says so, and if it comes after all that we know."""
    try:
        found = verify(
            statement, KEY, keys=memory.keys, device_id=ANY_DEVICE, now=now, not_behind=memory.key_seq + 1
        )
        kid, x = found.doc.get("kid"), found.doc.get("x")
        if thumbprint(Ed25519PublicKey.from_public_bytes(unb64u(str(x)))) != kid:
            return False
    except (Refused, ValueError):
        return False
    memory.keys, memory.key_seq = {**memory.keys, str(kid): str(x)}, found.sequence
    return True


def settle(memory: Memory, token: str) -> None:
    """Once the newest key has signed something that holds, believe the older ones no more."""
    newest = next(reversed(memory.keys), "")
    if key_id_in(token) == newest:
        memory.keys = {newest: memory.keys[newest]}
