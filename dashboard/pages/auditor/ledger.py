"""The ledger: its newest checkpoint, its entries, and all that a browser needs to check them itself."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from core.access.model import Principal
from core.ledger import Checkpoint, Entry, EntryUnknown, LedgerFilter, LedgerService
from core.ledger.api import KIND, MAX_SIZE, EntryPath
from core.ledger.notes import ED25519
from core.ledger.permissions import LEDGER_CHECKPOINT, LEDGER_READ
from core.ledger.timestamping import Timestamps
from core.ledger.timestamping.authority import REPLY
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html, StreamReply
from core.web.schema import ApiModel
from dashboard.day import Calendar
from dashboard.filters import PeriodQuery
from dashboard.pages.preferences import Seen
from dashboard.render import Renderer, texts

LIMIT = 50
PLAIN = "text/plain; charset=utf-8"


class LedgerQuery(PeriodQuery):
    """The address of the list of entries."""

    page_path: ClassVar[str] = "/ledger"

    kind: Annotated[str, Field(pattern=KIND, max_length=64)] | None = None


class StampPath(ApiModel):
    """A stamped checkpoint's size."""

    size: int = Field(ge=0, le=MAX_SIZE)


@dataclass(frozen=True, slots=True)
class LedgerSources:
    """Where the pages come from."""

    ledger: LedgerService
    timestamps: Timestamps
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in the tree of the newest checkpoint; `covered` is false before it is signed."""

    size: int
    root: bytes
    hashes: tuple[bytes, ...]
    covered: bool


def endpoints(renderer: Renderer, sources: LedgerSources) -> list[Endpoint]:
    """Give the pages. The literal addresses stand before `/ledger/{seq}`."""
    return [
        _list(renderer, sources),
        *_downloads(sources.ledger),
        *_stamp_downloads(sources.timestamps),
        _one(renderer, sources.ledger),
    ]


def _list(renderer: Renderer, sources: LedgerSources) -> Endpoint:
    @endpoint(
        "GET",
        "/ledger",
        permission=LEDGER_READ,
        summary_zh="账本页",
        summary_en="Page of the ledger",
        kind="page",
    )
    async def show(
        *, principal: Principal, query: LedgerQuery, context: RequestContext, headers: Seen
    ) -> Html:
        wanted = LedgerFilter(
            kind=query.kind,
            since=sources.calendar.begin(query.since) if query.since else None,
            until=sources.calendar.end(query.until) if query.until else None,
        )
        entries, following = await sources.ledger.entries(wanted, cursor=query.cursor, limit=LIMIT)
        checkpoint = await sources.ledger.latest_checkpoint()
        return Html(
            renderer.page(
                "ledger.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                back=query.address(),
                query=query,
                given=query.given(),
                kinds=await sources.ledger.kinds(),
                entries=entries,
                next_address=query.address(cursor=following) if following else None,
                checkpoint=checkpoint,
                stamping=await sources.timestamps.state(),
                key_id=_key_id(sources.ledger),
                data=_data(context.language, None),
            )
        )

    return show


def _one(renderer: Renderer, ledger: LedgerService) -> Endpoint:
    @endpoint(
        "GET",
        "/ledger/{seq}",
        permission=LEDGER_READ,
        summary_zh="账本条目页",
        summary_en="Page of one ledger entry",
        kind="page",
    )
    async def show(*, principal: Principal, path: EntryPath, context: RequestContext, headers: Seen) -> Html:
        entry = await ledger.entry(path.seq)
        checkpoint = await ledger.latest_checkpoint()
        return Html(
            renderer.page(
                "ledger_entry.html",
                context=context,
                principal=principal,
                theme=headers.theme,
                entry=entry,
                place=await _place(ledger, entry, checkpoint),
                last=checkpoint is None or path.seq >= checkpoint.size - 1,
                checkpoint=checkpoint,
                data=_data(context.language, entry.record.decode()),
            )
        )

    return show


def _downloads(ledger: LedgerService) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/ledger/checkpoint.txt",
        permission=LEDGER_CHECKPOINT,
        summary_zh="下载最新检查点",
        summary_en="Download the newest checkpoint",
        produces="text/plain",
        kind="page",
    )
    async def checkpoint(*, principal: Principal) -> StreamReply:  # noqa: ARG001 - the same for all
        newest = await ledger.latest_checkpoint()
        if newest is None:
            raise EntryUnknown("Nothing was signed yet.", detail_zh="尚未签署检查点。")
        return StreamReply(_once(newest.note.encode()), PLAIN, f"checkpoint-{newest.size}.txt")

    @endpoint(
        "GET",
        "/ledger/public-key.txt",
        permission=LEDGER_CHECKPOINT,
        summary_zh="下载账本公钥",
        summary_en="Download the ledger's public key",
        produces="text/plain",
        kind="page",
    )
    async def key(*, principal: Principal) -> StreamReply:  # noqa: ARG001 - the same for all
        return StreamReply(_once(f"{ledger.verifier.vkey}\n".encode()), PLAIN, "ledger-public-key.txt")

    return [checkpoint, key]


def _stamp_downloads(timestamps: Timestamps) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/ledger/timestamps/{size}/token",
        permission=LEDGER_CHECKPOINT,
        summary_zh="下载时间戳",
        summary_en="Download a timestamp",
        produces=REPLY,
        kind="page",
    )
    async def token(*, principal: Principal, path: StampPath) -> StreamReply:  # noqa: ARG001 - the same for all
        stamped = await timestamps.stamped(path.size)
        return StreamReply(_once(stamped.reply), REPLY, f"checkpoint-{path.size}.tsr")

    @endpoint(
        "GET",
        "/ledger/timestamps/{size}/checkpoint",
        permission=LEDGER_CHECKPOINT,
        summary_zh="下载时间戳所盖的检查点",
        summary_en="Download the checkpoint that a timestamp is of",
        produces="text/plain",
        kind="page",
    )
    async def note(*, principal: Principal, path: StampPath) -> StreamReply:  # noqa: ARG001 - the same for all
        stamped = await timestamps.stamped(path.size)
        return StreamReply(_once(stamped.note.encode()), PLAIN, f"checkpoint-{path.size}.txt")

    return [token, note]


async def _place(ledger: LedgerService, entry: Entry, checkpoint: Checkpoint | None) -> Place:
    covered = checkpoint is not None and checkpoint.size > entry.seq
    found = await ledger.inclusion(entry.seq, checkpoint.size if covered and checkpoint else None)
    return Place(found.size, found.root, found.hashes, covered)


def _data(language: str, record: str | None) -> dict[str, object]:
    """Give the script its words, and the record as the page shows it."""
    said = texts(language, "proof.")
    conclusions = {f"proof.{word}": said[f"proof.audit.{word}"] for word in ("ok", "bad")}
    return {"texts": said | conclusions, "record": record}


def _key_id(ledger: LedgerService) -> str:
    return ledger.verifier.key_id(ED25519).hex()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
