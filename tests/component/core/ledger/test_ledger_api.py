"""The ledger over HTTP: an outsider's checker accepts what it answers; who may not see it does not."""

import base64
from datetime import timedelta

import pytest
from rfc3161_client import decode_timestamp_response

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.ledger.api import endpoints
from core.ledger.permissions import PERMISSIONS
from core.ledger.timestamping import Authority, Timestamps
from core.ledger.timestamping import api as timestamp_api
from core.web.app import build_app
from core.web.system import SYSTEM_PERMISSIONS
from tests.support.ledger import grow, leaf_of, make_service, verifier
from tests.support.tsa import timestamp_authority
from tests.support.web import NOW, TOKENS, auth

REGISTRY = PermissionRegistry(PERMISSIONS, SYSTEM_PERMISSIONS)
PATHS = (
    "/ledger/key",
    "/ledger/checkpoint",
    "/ledger/consistency?old=3&new=8",
    "/ledger/entries/2",
    "/ledger/entries/2/proof",
    "/ledger/timestamp",
)


class Book:
    """One fixed token for each role."""

    async def authenticate(self, token: str) -> Principal | None:
        for role, known in TOKENS.items():
            if token == known:
                grants = REGISTRY.grants_for([role])
                return Principal(role.value, "d1", "/d1/", frozenset({role}), grants, "s1", NOW)
        return None


@pytest.fixture
def service(database, clock, tmp_path):
    return make_service(database, clock, tmp_path)


@pytest.fixture
async def timestamps(service, database, clock, tmp_path):
    async with timestamp_authority(tmp_path / "tsa") as tsa:
        authority = Authority(tsa.url, tsa.roots)
        yield Timestamps(database, service, clock, authority=authority, every=timedelta(days=1))


@pytest.fixture
async def get(settings, service, timestamps, clock, aiohttp_client):
    app = build_app(
        settings,
        endpoints=[*endpoints(service), *timestamp_api.endpoints(timestamps)],
        permissions=REGISTRY,
        authenticator=Book(),
        clock=clock,
    )
    client = await aiohttp_client(app)

    async def get(path, role=Role.AUDITOR):
        answer = await client.get(f"/api/v1{path}", headers=auth(role))
        return answer.status, await answer.json()

    return get


async def test_proofs_from_the_api_hold_by_an_independent_checker(get, service, database, clock):
    assert (await get("/ledger/checkpoint"))[0] == 404
    await grow(service, database, clock, 3)
    await service.sign_checkpoint()
    _, early = await get("/ledger/checkpoint")
    await grow(service, database, clock, 5)
    await service.sign_checkpoint()
    await grow(service, database, clock, 2)
    key = verifier.read_key((await get("/ledger/key"))[1]["public_key"])
    _, late = await get("/ledger/checkpoint")
    old, new = (verifier.read_checkpoint(one["note"], key) for one in (early, late))
    assert (old.size, new.size) == (3, 8)
    _, entry = await get("/ledger/entries/2")
    _, proof = await get("/ledger/entries/2/proof")
    assert proof["size"] == 8, "the newest signed tree, not the newest"
    assert base64.b64decode(proof["leaf_hash"]) == leaf_of(entry["record"])
    hashes = [base64.b64decode(value) for value in proof["hashes"]]
    assert verifier.included(leaf_of(entry["record"]), 2, 8, hashes, new.root)
    _, step = await get("/ledger/consistency?old=3&new=8")
    hashes = [base64.b64decode(value) for value in step["hashes"]]
    assert verifier.consistent(3, 8, hashes, old.root, new.root)
    _, tail = await get("/ledger/entries/9/proof")
    assert tail["size"] == 10, "no checkpoint covers it yet"
    assert (await get("/ledger/entries/2/proof?size=3"))[1]["size"] == 3


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/ledger/entries/99", 404, "ledger-entry-unknown"),
        ("/ledger/entries/99/proof", 404, "ledger-entry-unknown"),
        ("/ledger/entries/2/proof?size=2", 404, "ledger-entry-unknown"),
        ("/ledger/entries/2/proof?size=99", None, "ledger-proof-impossible"),
        ("/ledger/consistency?old=5&new=3", None, "ledger-proof-impossible"),
        ("/ledger/consistency?old=1&new=99", None, "ledger-proof-impossible"),
        ("/ledger/entries/99999999999999999999999", None, None),
        ("/ledger/entries/-1", None, None),
        ("/ledger/entries/x", None, None),
        ("/ledger/consistency?old=1", None, None),
    ],
)
async def test_impossible_questions_get_a_clear_answer(get, service, database, clock, path, status, code):
    await grow(service, database, clock, 8)
    answered, problem = await get(path)
    assert 400 <= answered < 500
    assert status in {None, answered}
    assert code in {None, problem["code"]}


@pytest.mark.parametrize("role", list(Role))
async def test_who_may_see_what(get, service, database, clock, role):
    await grow(service, database, clock, 8)
    await service.sign_checkpoint()
    seen = [(await get(path, role))[0] for path in PATHS]
    entries = 200 if role in {Role.REVIEWER, Role.ADMINISTRATOR, Role.AUDITOR} else 403
    assert seen == [200, 200, 200, entries, entries, 200]


async def test_entries_are_listed_newest_first_by_kind_time_and_cursor(get, service, database, clock):
    begun = clock.now()
    await grow(service, database, clock, 5)
    clock.advance(timedelta(minutes=1))
    turned = clock.now()
    async with database.begin() as session:
        await service.append(session, "line.status", {"line": "l1"})
    seqs, cursor = [], ""
    while cursor is not None:
        status, page = await get(f"/ledger/entries?limit=4{cursor and '&cursor=' + cursor}")
        assert status == 200
        seqs += [one["seq"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert seqs == [5, 4, 3, 2, 1, 0]
    _, page = await get("/ledger/entries?kind=line.status")
    assert [one["body"] for one in page["items"]] == [{"line": "l1"}]
    moment = turned.strftime("%Y-%m-%dT%H:%M:%SZ")
    _, page = await get(f"/ledger/entries?since={moment}")
    assert [one["seq"] for one in page["items"]] == [5]
    _, page = await get(f"/ledger/entries?until={begun.strftime('%Y-%m-%dT%H:%M:%SZ')}")
    assert page == {"items": [], "next_cursor": None}
    assert (await get("/ledger/entries?cursor=WyJ4Il0"))[0] == 422
    assert (await get("/ledger/entries", Role.AGENT))[0] == 403
    assert set(await service.kinds()) >= {"line.status"}


async def test_the_newest_stamp_comes_with_what_it_is_of(get, service, timestamps, database, clock):
    assert await get("/ledger/timestamp") == (200, {"enabled": True, "late": False, "newest": None})
    await grow(service, database, clock, 2)
    signed = await service.sign_checkpoint()
    await timestamps.stamp_due()
    newest = (await get("/ledger/timestamp"))[1]["newest"]
    assert (newest["size"], newest["note"], newest["authority"]) == (2, signed.note, "127.0.0.1")
    assert decode_timestamp_response(base64.b64decode(newest["reply"])).tst_info.gen_time is not None
