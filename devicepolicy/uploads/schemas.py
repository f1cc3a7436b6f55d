"""Uploads at the HTTP edge."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from core.ledger.record import JSON
from core.web.paging import PageQuery
from core.web.schema import ApiModel, FieldProblem, IdStr
from devicepolicy.enrolment.schemas import Sha256
from devicepolicy.uploads.catalogue import catalogue
from devicepolicy.uploads.model import (
    BatchAnswer,
    EventKind,
    FileDeed,
    NewRecording,
    Outcome,
    Progress,
    RecordingState,
    RecordKind,
    UploadedEvent,
    UploadedRecord,
)

_EARLIEST, _LATEST = datetime(2010, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
MAX_BATCH = 200
_GOES_OUT = frozenset({FileDeed.UPLOADED, FileDeed.FORWARDED})


def _sane(moment: datetime) -> datetime:
    if not _EARLIEST <= moment < _LATEST:
        raise FieldProblem("时间须在 2010 年至 2099 年之间。", "A time between 2010 and 2099.")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_sane)]
PhonesId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$", description="The phone's own id for it.")]
Salt = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{22,64}$",
        description="At least 16 random bytes, base64url: the hash then tells nothing of the content.",
    ),
]
Number = Annotated[str, Field(min_length=1, max_length=32)]
Handle = Annotated[str, Field(min_length=1, max_length=128)]
App = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+$", max_length=120)]
Seconds = Annotated[int, Field(ge=0, le=86_400)]
Platform = Literal["phone", "tablet", "desktop", "web", "watch", "other"]
MediaType = Literal["audio/wav", "audio/amr", "audio/mpeg", "audio/ogg", "audio/mp4", "audio/aac"]


class _Item(ApiModel):
    """What every item has. `sha256` is that of the RFC 8785 bytes of the item without `sha256`."""

    id: PhonesId
    seq: int = Field(
        ge=1, le=2**53 - 1, description="Rises with each item that the phone makes, whatever its clock does."
    )
    at: Moment
    salt: Salt
    sha256: Sha256


class CallIn(_Item):
    """A line of the call log."""

    kind: Literal["CALL"]
    number: Number
    direction: Literal["out", "in"]
    answered: bool
    duration_s: Seconds
    sim: int = Field(default=0, ge=0, le=3)


class SmsIn(_Item):
    """A text message."""

    kind: Literal["SMS"]
    number: Number
    direction: Literal["out", "in"]
    text: str = Field(max_length=10_000)


class ChatIn(_Item):
    """A message of a messaging app under policy."""

    kind: Literal["CHAT"]
    app: App
    contact: Handle
    group: bool = False
    direction: Literal["out", "in"]
    message_kind: Literal[
        "text", "picture", "voice", "video", "file", "card", "location", "red_packet", "transfer", "other"
    ] = "text"
    text: str = Field(default="", max_length=10_000)
    recalls: PhonesId | None = None


class FileIn(_Item):
    """What was done with a file in a messaging app under policy, as far as the agent could see it."""

    kind: Literal["FILE"]
    app: App
    deed: FileDeed
    contact: Handle | None = None
    name: str | None = Field(default=None, min_length=1, max_length=255, repr=False)
    size: int | None = Field(default=None, ge=0, le=2**40)
    content_sha256: Sha256 | None = None


RecordIn = Annotated[CallIn | SmsIn | ChatIn | FileIn, Field(discriminator="kind")]


class RecordsIn(ApiModel):
    """A batch of records, in any order. `sent_at` is the phone's clock at this request."""

    sent_at: Moment
    records: list[RecordIn] = Field(min_length=1, max_length=MAX_BATCH)

    def taken(self, raw: list[dict[str, JSON]]) -> list[UploadedRecord]:
        """Give what the service takes; `raw` is what the phone sent, item by item."""
        return [_record(item, sent) for item, sent in zip(self.records, raw, strict=True)]


class EvidenceIn(ApiModel):
    """What an event carries; which of it, the catalogue says for each kind."""

    counterpart: Handle | None = None
    app: App | None = None
    records: list[PhonesId] | None = Field(default=None, max_length=500)
    members: int | None = Field(default=None, ge=1, le=10_000)
    amount_fen: int | None = Field(default=None, ge=0, le=10**12)
    outgoing: bool | None = None
    sim: int | None = Field(default=None, ge=0, le=3)
    platform: Platform | None = None


class EventIn(_Item):
    """One conduct event."""

    kind: EventKind
    evidence: EvidenceIn = EvidenceIn()

    @model_validator(mode="after")
    def _carries_what_it_may(self) -> "EventIn":
        if self.evidence.model_fields_set - catalogue().events[self.kind].evidence:
            raise FieldProblem("该类事件不能携带此凭据。", "Events of this kind do not carry that evidence.")
        return self


class EventsIn(ApiModel):
    """A batch of events, in any order. `sent_at` is the phone's clock at this request."""

    sent_at: Moment
    events: list[EventIn] = Field(min_length=1, max_length=MAX_BATCH)

    def taken(self, raw: list[dict[str, JSON]]) -> list[UploadedEvent]:
        """Give what the service takes; `raw` is what the phone sent, item by item."""
        return [
            UploadedEvent(
                id=item.id,
                seq=item.seq,
                at=item.at,
                sha256=item.sha256,
                original=_without_hash(sent),
                counterpart=item.evidence.counterpart,
                app=item.evidence.app,
                kind=item.kind,
                records=tuple(item.evidence.records or ()),
            )
            for item, sent in zip(self.events, raw, strict=True)
        ]


class RecordingIn(ApiModel):
    """A recording that is to be sent. `call` is the id of its line in the call log."""

    sent_at: Moment
    id: PhonesId
    at: Moment
    sha256: Sha256
    size: int = Field(ge=1, le=64 * 1024 * 1024)
    media_type: MediaType
    duration_s: Seconds
    direction: Literal["out", "in"]
    number: Number
    call: PhonesId | None = None

    def taken(self) -> NewRecording:
        """Give what the service takes."""
        return NewRecording(
            id=self.id,
            at=self.at,
            sha256=self.sha256,
            size=self.size,
            media_type=self.media_type,
            duration_s=self.duration_s,
            outgoing=self.direction == "out",
            counterpart=self.number,
            call=self.call,
        )


class RecordingPath(ApiModel):
    recording_id: IdStr


class PieceQuery(ApiModel):
    offset: int = Field(ge=0)


class ResultOut(ApiModel):
    """What became of one item. After any of these the phone may forget it."""

    outcome: Outcome
    id: str | None


class BatchOut(ApiModel):
    """Results in the order of the batch. `skew_s` is what the phone's clock is behind ours."""

    results: list[ResultOut]
    server_time: AwareDatetime
    skew_s: int

    @classmethod
    def of(cls, answer: BatchAnswer) -> "BatchOut":
        results = [ResultOut(outcome=one.outcome, id=one.id) for one in answer.results]
        return cls(results=results, server_time=answer.server_time, skew_s=answer.skew_s)


class ProgressOut(ApiModel):
    """Send on from `offset`. Still OPEN with all of it here: announce it again, and it is put together."""

    id: str
    state: RecordingState
    offset: int
    size: int

    @classmethod
    def of(cls, progress: Progress) -> "ProgressOut":
        return cls(id=progress.id, state=progress.state, offset=progress.offset, size=progress.size)


class DevicePath(ApiModel):
    id: IdStr


class RecordListQuery(PageQuery):
    kind: RecordKind | None = None
    customer_id: IdStr | None = None
    deleted: bool | None = None


class LineOut(ApiModel):
    """What every upload shows."""

    id: str
    device_id: str
    employee_id: str | None
    customer_id: str | None
    counterpart: str
    """Masked, of a customer too; empty where there is none or the customer is erased."""
    sha256: str
    device_at: AwareDatetime
    at: AwareDatetime
    outside_hours: bool
    contradicts: str | None


class RecordLineOut(LineOut):
    """A record. What was written is read where it is inspected: in the conversation `message_id`."""

    kind: RecordKind
    received_at: AwareDatetime
    seq: int
    outgoing: bool
    duration_s: int | None
    deleted_at: AwareDatetime | None
    deleted_by: str | None
    message_id: str | None


class RecordingLineOut(LineOut):
    """A recording of a SIM call."""

    state: RecordingState
    size: int
    received: int
    media_type: str
    duration_s: int
    outgoing: bool
    failures: int
    completed_at: AwareDatetime | None
    message_id: str | None


class GapOut(ApiModel):
    """Numbers `first` to `last` did not come; `told_at`: somebody was told; `filled_at`: they came late."""

    id: str
    first: int
    last: int
    found_at: AwareDatetime
    told_at: AwareDatetime | None
    conduct_id: str | None
    filled_at: AwareDatetime | None


class GapsOut(ApiModel):
    items: list[GapOut]


def _without_hash(sent: dict[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in sent.items() if name != "sha256"}


def _record(item: CallIn | SmsIn | ChatIn | FileIn, sent: dict[str, JSON]) -> UploadedRecord:
    return UploadedRecord(
        id=item.id,
        seq=item.seq,
        at=item.at,
        sha256=item.sha256,
        original=_without_hash(sent),
        counterpart=item.contact if isinstance(item, ChatIn | FileIn) else item.number,
        app=item.app if isinstance(item, ChatIn | FileIn) else None,
        kind=RecordKind(item.kind),
        outgoing=item.deed in _GOES_OUT if isinstance(item, FileIn) else item.direction == "out",
        duration_s=item.duration_s if isinstance(item, CallIn) else None,
        recalls=item.recalls if isinstance(item, ChatIn) else None,
        deed=item.deed if isinstance(item, FileIn) else None,
    )
