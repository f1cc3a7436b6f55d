"""Reads one decrypted record: a message of any kind, a recall, a change of contacts. Never refuses."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from gateway.messages.channels.wecom.bodies import KINDS, Body, Revoke, Unknown
from gateway.messages.events import ConductKind
from gateway.messages.model import BodyKind

_BODY_KINDS = {
    "image": BodyKind.PICTURE,
    "emotion": BodyKind.PICTURE,
    "voice": BodyKind.VOICE,
    "meeting_voice_call": BodyKind.VOICE,
    "video": BodyKind.VIDEO,
    "file": BodyKind.FILE,
    "voip_doc_share": BodyKind.FILE,
    "card": BodyKind.CARD,
    "text": BodyKind.TEXT,
    "markdown": BodyKind.TEXT,
}
_CONDUCT = {
    "card": ConductKind.NAME_CARD,
    "redpacket": ConductKind.RED_PACKET,
    "external_redpacket": ConductKind.RED_PACKET,
    "revoke": ConductKind.MESSAGE_RECALLED,
    "disagree": ConductKind.ARCHIVE_REFUSED,
    "location": ConductKind.LOCATION,
}
# 客户联系事件 (document/path/92130): who deleted whom.
_KIND = re.compile(r"[a-z_]{1,40}")
_CHANGES = {
    "del_external_contact": ConductKind.CONTACT_DELETED_BY_STAFF,
    "del_follow_user": ConductKind.CONTACT_DELETED_BY_CUSTOMER,
    "chat_deleted": ConductKind.CHAT_DELETED,
}


@dataclass(frozen=True, slots=True)
class ArchiveRecord:
    """A record. `sender` and `receivers` are the vendor's ids (external ones begin with wm, wo or wb)."""

    seq: int
    record_id: str
    kind: str
    body: Body = field(repr=False)
    at: datetime | None
    sender: str = field(default="", repr=False)
    receivers: tuple[str, ...] = field(default=(), repr=False)
    room: str = field(default="", repr=False)
    conduct: ConductKind | None = None
    original: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """What a person can read in it, and which kind it is if that is nothing."""
        found = " ".join(text for text in self.body.texts() if text)
        return found or ("" if self.kind in _BODY_KINDS else f"[{self.kind}]")

    @property
    def body_kind(self) -> BodyKind:
        return _BODY_KINDS.get(self.kind, BodyKind.OTHER)

    @property
    def recalls(self) -> str:
        """The id of the message that this recalls, "" if it recalls none."""
        return self.body.pre_msgid if isinstance(self.body, Revoke) else ""


def read_record(seq: int, record_id: str, original: bytes) -> ArchiveRecord:
    """Read a record; one that cannot be read at all is of kind `unreadable` and keeps its bytes."""
    try:
        found = json.loads(original)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return ArchiveRecord(seq, record_id, "unreadable", Unknown(), None, original=original)
    if "change_type" in found:
        return _change(seq, record_id, found, original)
    kind = "switch" if found.get("action") == "switch" else _kind(found.get("msgtype"))
    return ArchiveRecord(
        seq=seq,
        record_id=_word(found.get("msgid")) or record_id,
        kind=kind,
        body=_body(kind, found),
        at=_moment(found.get("msgtime") or found.get("time")),
        sender=_word(found.get("from")),
        receivers=_words(found.get("tolist")),
        room=_word(found.get("roomid")),
        conduct=_CONDUCT.get(kind),
        original=original,
    )


def _change(seq: int, record_id: str, found: Mapping[str, Any], original: bytes) -> ArchiveRecord:
    kind = _kind(found.get("change_type"))
    staff, customer = _word(found.get("UserID")), _word(found.get("ExternalUserID"))
    by_customer = kind == "del_follow_user"
    seconds = found.get("CreateTime")
    return ArchiveRecord(
        seq=seq,
        record_id=record_id,
        kind=kind,
        body=Unknown(),
        at=_moment(int(seconds) * 1000) if isinstance(seconds, int) else None,
        sender=customer if by_customer else staff,
        receivers=(staff,) if by_customer else (customer,),
        conduct=_CHANGES.get(kind),
        original=original,
    )


def _body(kind: str, found: Mapping[str, Any]) -> Body:
    known = KINDS.get(kind)
    if known is None:
        return Unknown()
    model, keys = known
    raw = next((found[key] for key in keys if isinstance(found.get(key), dict)), found if not keys else {})
    try:
        return model.model_validate(raw)
    except ValidationError:
        return Unknown()


def _moment(milliseconds: object) -> datetime | None:
    if isinstance(milliseconds, str) and milliseconds.isdigit():
        milliseconds = int(milliseconds)
    if not isinstance(milliseconds, int) or not 0 < milliseconds < 4_102_444_800_000:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _kind(value: object) -> str:
    """Give the vendor's word for a kind; what is no word is none, and may be anything."""
    return value if isinstance(value, str) and _KIND.fullmatch(value) else "unknown"


def _word(value: object) -> str:
    return value[:128] if isinstance(value, str) else ""


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):  # some resellers give one id instead of a list
        return (value[:128],)
    return tuple(_word(one) for one in value if one) if isinstance(value, list) else ()
