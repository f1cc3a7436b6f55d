"""A WeCom archive in which every string of every kind of message is a number, by staff and by a customer."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import GenericAlias
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from sqlalchemy import func, select

from core.access.model import Role
from gateway.messages.channels.wecom.bodies import KINDS, MixedItem, RecordItem, Revoke
from gateway.messages.models import ArchiveRecordRow, ThreadRow
from tests.leak.canaries import SPELLINGS, Canaries, spelled
from tests.leak.crawl import Crawler
from tests.support.system_desk import Bound, Staff, SystemDesk, awaited

AT = 1_795_226_400_000
LAST = ("chatrecord", "mixed", "card", "link", "file", "text")
"""Kinds that come at the end, so that the first page of the thread shows them."""
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0tEXt"


@dataclass
class Archive:
    """The file, and what was written into it. `path` lies outside of the data folder: it is the vendor's."""

    path: Path
    canaries: Canaries
    lines: list[str] = field(default_factory=list)
    said: bytes = b""

    def number(self, name: str, spelling: str = "digits") -> str:
        written = spelled(self.canaries.number(name), spelling)
        self.said += f"{written}\n".encode()
        return written

    async def play(self, desk: SystemDesk, agent: Staff, bound: Bound, admin: Crawler) -> str:
        """Link the members, let the archive be read whole, and give the thread that came of it."""
        staff, customer = (
            f"zs{self.number('archive member, staff')}",
            f"wm{self.number('archive member, customer')}",
        )
        for member, who in (
            (staff, {"employee_id": agent.employee_id}),
            (customer, {"customer_id": bound.customer_id}),
        ):
            wish = {"source": "wecom", "member": member, **who}
            status, content = await admin.ask("POST", "/api/v1/archive/members", wish)
            assert status == 204, content
        await admin.ask(
            "POST",
            "/api/v1/archive/members",
            {"source": "wecom", "member": self.number("archive member, unknown")},
        )
        for one in self._records(staff, customer):
            self.lines.append(
                one if isinstance(one, str) else json.dumps({"seq": len(self.lines) + 1, **one})
            )
        whole = self.path.with_suffix(".new")
        whole.write_text("\n".join(self.lines))
        whole.rename(self.path)
        return await self._read(desk)

    async def _read(self, desk: SystemDesk) -> str:
        async def all_kept() -> bool:
            async with desk.ground.database.read() as session:
                return await session.scalar(select(func.count()).select_from(ArchiveRecordRow)) == len(
                    self.lines
                )

        await awaited(all_kept, what="every record of the archive", timeout_s=120)
        async with desk.ground.database.read() as session:
            thread_id = await session.scalar(select(ThreadRow.id).where(ThreadRow.channel == "wecom"))
        assert thread_id is not None
        return thread_id

    def _records(self, staff: str, customer: str) -> Iterator[dict[str, Any] | str]:
        threat = self._record("text", "staff, angry", staff, customer)
        yield {**threat, "text": {"content": f"再不还钱我弄死你，打 {self.number('archive: threat')}"}}
        kinds = [kind for kind in KINDS if kind not in {"switch", "revoke", *LAST}]
        for kind in [*kinds, *LAST]:
            for by in ("staff", "customer"):
                ends = (staff, customer) if by == "staff" else (customer, staff)
                yield self._record(kind, by, *ends)
        yield {**self._record("revoke", "customer", customer, staff), "revoke": {
            "pre_msgid": f"m{self.canaries.number('archive text by customer: msgid')}",
        }}  # fmt: skip
        name = self.number("archive: kind")
        yield {
            **self._record("text", "staff", staff, customer),
            "msgid": "odd",
            "msgtype": name,
            name: {"content": name},
        }
        stranger = self.number("archive: sender whom nobody knows")
        yield {**self._record("text", "stranger", f"wm{stranger}", staff), "msgid": "stranger"}
        yield {"msgid": "sw", "action": "switch", "time": AT, "user": self.number("archive: switch, user")}
        yield {
            "change_type": "del_external_contact", "UserID": staff, "ExternalUserID": customer, "CreateTime": AT // 1000,
            "State": self.number("archive: change, state"), "msgid": f"c{self.number('archive: change, msgid')}",
        }  # fmt: skip
        yield {
            "change_type": self.number("archive: change, kind"),
            "UserID": self.number("archive: change, user"),
        }
        yield f"{{{self.number('archive: unreadable line')}"
        yield f'"{self.number("archive: line that is a text")}"'

    def _record(self, kind: str, by: str, sender: str, receiver: str) -> dict[str, Any]:
        where = f"archive {kind} by {by}"
        model, places = KINDS[kind]
        body = {} if model is Revoke else self._filled(model, where)
        if "sdkfileid" in body:
            self._keep_file(kind, by, body["sdkfileid"])
        return {
            "msgid": f"m{self.number(f'{where}: msgid')}",
            "action": "recall" if kind == "revoke" else "send",
            "from": sender,
            "tolist": [receiver],
            "roomid": f"wr{self.number(f'{where}: room')}" if kind == "text" else "",
            "msgtime": AT,
            "msgtype": kind,
            "x-later": self.number(f"{where}: a field of later"),
            places[0]: {**body, "x-later": self.number(f"{where}: a field of later within")},
        }

    def _filled(self, model: type[BaseModel], where: str) -> dict[str, Any]:
        """Give a body whose every string is a number, each written in another way."""
        made: dict[str, Any] = {}
        for place, (name, info) in enumerate(model.model_fields.items()):
            kind, what = info.annotation, f"{where}: {name}"
            spelling = SPELLINGS[(len(self.canaries.names) + place) % len(SPELLINGS)]
            if kind is str:
                made[name] = self._string(model, name, what, spelling)
            elif kind in {int, float}:
                made[name] = 1
            elif isinstance(kind, GenericAlias) and get_origin(kind) is tuple:
                (inner, *_) = get_args(kind)
                nested = isinstance(inner, type) and issubclass(inner, BaseModel)
                made[name] = [
                    self._filled(inner, what)
                    if nested
                    else {"x": self.number(what)}
                    if get_origin(inner)
                    else self.number(what, spelling)
                ]
        return made

    def _string(self, model: type[BaseModel], name: str, what: str, spelling: str) -> str:
        if model in {RecordItem, MixedItem} and name == "type":
            return "ChatRecordText" if model is RecordItem else "text"
        if name == "content" and model in {
            RecordItem,
            MixedItem,
        }:  # JSON in a string, with every sign escaped
            return json.dumps({"content": f"打 {self.number(what, 'Chinese')}"})
        if name in {"md5sum", "fileext", "sdkfileid", "pre_msgid", "type"}:
            return f"{name}{self.number(what)}"
        if name.endswith("url"):
            return f"https://x.example/{self.number(what)}?n={self.number(what + ', query')}"
        return f"请打 {self.number(what, spelling)} 找我"

    def _keep_file(self, kind: str, by: str, file_id: str) -> None:
        """Put a file beside the archive whose content is a number: a picture, a document, a card of addresses."""
        number = self.number(f"content of a {kind} by {by}").encode()
        content = {
            "image": PNG + number,
            "file": document(number),
            "video": b"\0\0\0\x18ftypmp42" + number,
        }.get(kind, b"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL:" + number + b"\r\nEND:VCARD\r\n")
        folder = self.path.parent / "media"
        folder.mkdir(exist_ok=True)
        (folder / hashlib.sha256(file_id.encode()).hexdigest()).write_bytes(content)


def document(number: bytes) -> bytes:
    """Give a text document that says a number, unpacked, so that whoever gets it can be caught with it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<w:t>" + number + b"</w:t>")
    return made.getvalue()


MAY_OPEN = (Role.SUPERVISOR, Role.REVIEWER)
"""Who decides whether an employee may see a file, and so sees it before."""
