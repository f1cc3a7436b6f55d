"""What a phone hands in, over HTTP."""

import json
from typing import Any

from core.web.endpoint import Endpoint, endpoint
from core.web.wire import WireRequest
from devicepolicy.enrolment.errors import ConsentRequired
from devicepolicy.identity.gate import Admitted, DeviceGate, phone_endpoint
from devicepolicy.uploads.conduct import ConductEvents
from devicepolicy.uploads.errors import (
    OffsetWrong,
    PieceInvalid,
    RecordingBroken,
    RecordingNotWanted,
    RecordingUnknown,
)
from devicepolicy.uploads.recordings import MAX_PIECE_BYTES, Recordings
from devicepolicy.uploads.records import Records
from devicepolicy.uploads.schemas import (
    BatchOut,
    EventsIn,
    PieceQuery,
    ProgressOut,
    RecordingIn,
    RecordingPath,
    RecordsIn,
)


def endpoints(
    gate: DeviceGate, records: Records, events: ConductEvents, recordings: Recordings
) -> list[Endpoint]:
    """Give the endpoints for phones."""
    return [*_batches(gate, records, events), *_pieces(gate, recordings)]


def _batches(gate: DeviceGate, records: Records, events: ConductEvents) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/agent/uploads/records",
        **phone_endpoint(gate, ConsentRequired),
        summary_zh="成批上传通话记录、短信和聊天记录",
        summary_en="Hand in a batch of call log, text messages and chats",
    )
    async def take_records(*, caller: Admitted, body: RecordsIn, wire: WireRequest) -> BatchOut:
        raw: dict[str, Any] = json.loads(wire.body)
        answer = await records.take(caller.phone, body.sent_at, body.taken(raw["records"]))
        return BatchOut.of(answer)

    @endpoint(
        "POST",
        "/agent/uploads/events",
        **phone_endpoint(gate, ConsentRequired),
        summary_zh="成批上报行为事件",
        summary_en="Hand in a batch of conduct events",
    )
    async def take_events(*, caller: Admitted, body: EventsIn, wire: WireRequest) -> BatchOut:
        raw: dict[str, Any] = json.loads(wire.body)
        return BatchOut.of(await events.take(caller.phone, body.sent_at, body.taken(raw["events"])))

    return [take_records, take_events]


def _pieces(gate: DeviceGate, recordings: Recordings) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/agent/uploads/recordings",
        **phone_endpoint(gate, ConsentRequired, RecordingNotWanted, RecordingBroken),
        summary_zh="申报一段 SIM 卡通话录音，或询问从何处续传",
        summary_en="Announce a recording of a SIM call, or ask where to send on from",
    )
    async def announce(*, caller: Admitted, body: RecordingIn) -> ProgressOut:
        return ProgressOut.of(await recordings.announce(caller.phone, body.sent_at, body.taken()))

    @endpoint(
        "GET",
        "/agent/uploads/recordings/{recording_id}",
        **phone_endpoint(gate, RecordingUnknown),
        summary_zh="一段录音已收到多少",
        summary_en="How far a recording has come",
    )
    async def progress(*, caller: Admitted, path: RecordingPath) -> ProgressOut:
        return ProgressOut.of(await recordings.progress(caller.phone, path.recording_id))

    @endpoint(
        "PATCH",
        "/agent/uploads/recordings/{recording_id}",
        **phone_endpoint(gate, ConsentRequired, RecordingUnknown, OffsetWrong, PieceInvalid, RecordingBroken),
        summary_zh="从 offset 处续传录音的一段（原始字节）",
        summary_en="Send a piece of a recording from `offset` on, as raw bytes",
        max_body_bytes=MAX_PIECE_BYTES,
    )
    async def piece(
        *, caller: Admitted, path: RecordingPath, query: PieceQuery, wire: WireRequest
    ) -> ProgressOut:
        """The offset is in the address, which the signature covers; the content digest covers the bytes."""
        found = await recordings.piece(caller.phone, path.recording_id, query.offset, wire.body)
        return ProgressOut.of(found)

    return [announce, progress, piece]
