"""The ledger over HTTP: key, checkpoint, entries, proofs."""

import base64
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from core.access.model import Principal
from core.ledger import permissions
from core.ledger.ledger import EntryUnknown
from core.ledger.models import Entry
from core.ledger.notes import Checkpoint
from core.ledger.reading import LedgerFilter
from core.ledger.service import LedgerService
from core.ledger.tree import ProofImpossible
from core.web.endpoint import Endpoint, endpoint
from core.web.paging import CursorInvalid, Page, PageQuery
from core.web.schema import ApiModel

MAX_SIZE = 2**62
KIND = r"^[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*$"


class CheckpointOut(ApiModel):
    """A signed checkpoint; `note` is the C2SP text that a verifier needs, the rest repeats it."""

    origin: str
    size: int
    root: str = Field(description="base64")
    at: datetime
    note: str


class KeyOut(ApiModel):
    """The ledger's public key. Keep it: a key fetched at the time of a dispute proves little."""

    origin: str
    public_key: str = Field(description="C2SP verifier key: name+id+base64")


class EntryPath(ApiModel):
    """An entry's number."""

    seq: int = Field(ge=0, le=MAX_SIZE)


class EntryOut(ApiModel):
    """An entry; `record` is the canonical JSON that was hashed, byte for byte."""

    seq: int
    kind: str
    at: datetime
    body: dict[str, Any]
    record: str
    leaf_hash: str = Field(description="base64")


class EntriesQuery(PageQuery):
    """Which entries; `until` is exclusive."""

    kind: Annotated[str, Field(pattern=KIND)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class InclusionQuery(ApiModel):
    """The tree to prove in; by default that of the newest checkpoint that covers the entry."""

    size: int | None = Field(default=None, ge=1, le=MAX_SIZE)


class InclusionOut(ApiModel):
    """RFC 6962 §2.1.1: the entry's leaf is in the tree of this size and root."""

    seq: int
    size: int
    leaf_hash: str = Field(description="base64")
    root: str = Field(description="base64")
    hashes: list[str] = Field(description="base64, the leaf's sibling first")


class ConsistencyQuery(ApiModel):
    """Two tree sizes."""

    old: int = Field(ge=0, le=MAX_SIZE)
    new: int = Field(ge=0, le=MAX_SIZE)


class ConsistencyOut(ApiModel):
    """RFC 6962 §2.1.2: the newer tree only added to the older."""

    old: int
    new: int
    hashes: list[str] = Field(description="base64")


def endpoints(service: LedgerService) -> list[Endpoint]:
    """Give the endpoints of the ledger."""
    return [*_checkpoint_endpoints(service), *_entry_endpoints(service)]


def _checkpoint_endpoints(service: LedgerService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/ledger/key",
        permission=permissions.LEDGER_CHECKPOINT,
        summary_zh="账本公钥",
        summary_en="The ledger's public key",
        tags=("ledger",),
    )
    async def key(*, principal: Principal) -> KeyOut:  # noqa: ARG001 - the same for all
        return KeyOut(origin=service.verifier.origin, public_key=service.verifier.vkey)

    @endpoint(
        "GET",
        "/ledger/checkpoint",
        permission=permissions.LEDGER_CHECKPOINT,
        summary_zh="最新检查点",
        summary_en="The newest checkpoint",
        errors=(EntryUnknown,),
        tags=("ledger",),
    )
    async def checkpoint(*, principal: Principal) -> CheckpointOut:  # noqa: ARG001 - the same for all
        newest = await service.latest_checkpoint()
        if newest is None:
            raise EntryUnknown("Nothing was signed yet.", detail_zh="尚未签署检查点。")
        return _checkpoint(newest)

    @endpoint(
        "GET",
        "/ledger/consistency",
        permission=permissions.LEDGER_CHECKPOINT,
        summary_zh="一致性证明",
        summary_en="Prove that the ledger only grew",
        errors=(ProofImpossible,),
        tags=("ledger",),
    )
    async def consistency(*, principal: Principal, query: ConsistencyQuery) -> ConsistencyOut:  # noqa: ARG001
        hashes = await service.consistency_proof(query.old, query.new)
        return ConsistencyOut(old=query.old, new=query.new, hashes=_texts(hashes))

    return [key, checkpoint, consistency]


def _entry_endpoints(service: LedgerService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/ledger/entries",
        permission=permissions.LEDGER_READ,
        summary_zh="账本条目列表",
        summary_en="List entries, the newest first",
        errors=(CursorInvalid,),
        tags=("ledger",),
    )
    async def entries(*, principal: Principal, query: EntriesQuery) -> Page[EntryOut]:  # noqa: ARG001
        wanted = LedgerFilter(query.kind, query.since, query.until)
        found, following = await service.entries(wanted, cursor=query.cursor, limit=query.limit)
        return Page(items=[_entry(one) for one in found], next_cursor=following)

    @endpoint(
        "GET",
        "/ledger/entries/{seq}",
        permission=permissions.LEDGER_READ,
        summary_zh="账本条目",
        summary_en="An entry",
        errors=(EntryUnknown,),
        tags=("ledger",),
    )
    async def entry(*, principal: Principal, path: EntryPath) -> EntryOut:  # noqa: ARG001 - nobody's in particular
        return _entry(await service.entry(path.seq))

    @endpoint(
        "GET",
        "/ledger/entries/{seq}/proof",
        permission=permissions.LEDGER_READ,
        summary_zh="包含证明",
        summary_en="Prove that an entry is in the ledger",
        errors=(EntryUnknown, ProofImpossible),
        tags=("ledger",),
    )
    async def inclusion(*, principal: Principal, path: EntryPath, query: InclusionQuery) -> InclusionOut:  # noqa: ARG001
        size = query.size
        if size is None:
            newest = await service.latest_checkpoint()
            size = newest.size if newest and newest.size > path.seq else None
        proof = await service.inclusion(path.seq, size)
        return InclusionOut(
            seq=path.seq,
            size=proof.size,
            leaf_hash=_text(proof.entry.leaf_hash),
            root=_text(proof.root),
            hashes=_texts(proof.hashes),
        )

    return [entries, entry, inclusion]


def _checkpoint(one: Checkpoint) -> CheckpointOut:
    return CheckpointOut(origin=one.origin, size=one.size, root=_text(one.root), at=one.at, note=one.note)


def _entry(found: Entry) -> EntryOut:
    return EntryOut(
        seq=found.seq,
        kind=found.kind,
        at=found.at,
        body=found.body,
        record=found.record.decode(),
        leaf_hash=_text(found.leaf_hash),
    )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _texts(values: Iterable[bytes]) -> list[str]:
    return [_text(value) for value in values]
