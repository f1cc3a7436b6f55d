"""Writes over every channel, with numbers wherever a customer, a carrier or an employee can put one."""

import asyncio
import base64
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp

from core.access.model import Role
from core.ids import new_id
from maskline.demo.chat import ChatCustomer
from tests.conformance.test_smpp_channel import Smsc
from tests.leak.archive import Archive
from tests.leak.canaries import SPELLINGS, Canaries, spelled
from tests.leak.crawl import Crawler
from tests.leak.hostile import HEADERS
from tests.support.system import HOST
from tests.support.system_desk import LINES, Bound, Staff, SystemDesk, awaited
from tests.telephony.sip_phone import SipPhone
from tests.telephony.sip_text import write

UCS2, LATIN, BINARY, ASCII = 8, 3, 4, 0
UDHI, RECEIPT = 0x40, 0x04
CARD = "6222021234567890128"  # a bank card number holds a message until a person has read it
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0" + b"\0" * 20
TEMPLATE = "【{{institution}}】{{who}}，请在此与我们沟通 {{chat_link}} {{opt_out}}"
SOURCES = {f"+86{line[1:]}": f"1069000{place}" for place, line in enumerate(LINES)}
"""The access code of each line at the SMSC."""


def smsc_account(port: int) -> dict[str, Any]:
    return {
        "name": "leak", "host": HOST, "port": port, "system_id": "bank", "password": "secret",
        "sources": SOURCES, "dedupes": True,
    }  # fmt: skip


@dataclass
class Talk:
    """Messages both ways on a running system. `sent` is what left, `said` what was put in."""

    desk: SystemDesk
    canaries: Canaries
    crawlers: dict[Role, Crawler]
    smsc: Smsc
    said: bytes = b""
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    threads: dict[str, str] = field(default_factory=dict)
    """The thread of each channel, and of what was held or decided."""
    writers: list[str] = field(default_factory=list)
    """The customers, the one with the notes first."""

    async def all(self, agent: Staff, trunk: SipPhone) -> None:
        kinds = ("SMS", "held", "decided", "SIP", "stored: web chat", "archive")
        bound = {
            kind: await self.desk.bind(agent, number=self.canaries.e164(self._phone(kind))) for kind in kinds
        }
        self.writers = [one.customer_id for one in bound.values()]
        await self._notes(bound["SMS"])
        await self._held(bound["held"], bound["decided"])
        link = await self._template(bound["stored: web chat"])
        await self._sms(bound["SMS"])
        await self._chat(bound["stored: web chat"], link)
        await self._sip(bound["SIP"], trunk)
        await self._archive(agent, bound["archive"])

    async def _archive(self, agent: Staff, bound: Bound) -> None:
        path = self.desk.system.settings.wecom.path
        assert path is not None
        archive = Archive(path, self.canaries)
        try:
            admin = self.crawlers[Role.ADMINISTRATOR]
            self.threads["wecom"] = await archive.play(self.desk, agent, bound, admin)
        finally:
            self.said += archive.said

    @staticmethod
    def _phone(kind: str) -> str:
        return kind if kind.startswith("stored") else f"phone of a customer, {kind}"

    def number(self, name: str, spelling: str = "digits") -> str:
        """Give a number as somebody writes it, and note that it was written."""
        written = spelled(self.canaries.number(name), spelling)
        self.said += f"{written}\n".encode()
        return written

    # --- what staff write

    async def _ask(self, role: Role, path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
        status, content = await self.crawlers[role].ask(method, f"/api/v1{path}", body)
        assert status < 300, (path, status, content)
        return json.loads(content or b"{}")

    async def _send(self, bound: Bound, text: str, channel: str = "sms", **more: Any) -> dict[str, Any]:
        body = {"binding_id": bound.binding_id, "channel": channel, "text": text, **more}
        sent = await self._ask(Role.AGENT, "/messages", body)
        self.threads[channel] = sent["thread_id"]
        return sent

    async def _refused(self, role: Role, path: str, body: dict[str, Any]) -> None:
        status, _ = await self.crawlers[role].ask("POST", f"/api/v1{path}", body)
        assert 400 <= status < 500, (path, status)

    async def _submitted(self) -> str:
        """Give the next message at the SMSC, all its parts together."""
        text, total = b"", 1
        while total:
            part = await self.smsc.next("submit")
            payload = bytes.fromhex(part["payload"])
            if part["esm"] & UDHI:
                payload, total = payload[6:], payload[4] - payload[5] + 1
            text, total = text + payload, total - 1
        written = text.decode("utf-16-be")
        self.sent.append((f"SMS {len(self.sent)}", written.encode()))
        return written

    async def _notes(self, bound: Bound) -> None:
        path, number = f"/customers/{bound.customer_id}", self.number
        for spelling in SPELLINGS:
            text = f"客户说可打 {number(f'note, {spelling}', spelling)} 找他"
            await self._ask(Role.AGENT, f"{path}/notes", {"text": text})
        due = (self.desk.ground.clock.now() + timedelta(hours=1)).isoformat()
        step = {"kind": "call", "due_at": due, "text": f"打 {number('next step')}"}
        status, content = await self.crawlers[Role.AGENT].ask("POST", f"/api/v1{path}/next-steps", step)
        assert status in {201, 422}, content

    async def _held(self, held: Bound, decided: Bound) -> None:
        """One waits for ever, one is rejected, one released: each with a number beside the card."""
        number, review = self.number, self.crawlers[Role.REVIEWER]
        key = {"idempotency_key": self.canaries.number("idempotency key of a message")}
        waits = await self._send(held, f"请转到 {CARD}，有事打 {number('held text')}", **key)
        again = await self._send(held, f"请转到 {CARD}，有事打 {number('held text')}", **key)
        assert again["id"] == waits["id"], "the key is known again"
        assert waits["state"] == "held", waits
        self.threads["held"] = waits["thread_id"]
        no = await self._send(decided, f"请转到 {CARD}，有事打 {number('rejected text')}")
        await self._ask(
            Role.REVIEWER, f"/messages/{no['id']}/reject", {"comment": f"别写 {number('rejection')}"}
        )
        self.threads["decided"] = no["thread_id"]
        yes = await self._send(decided, f"请转到 {CARD}，有事打 {number('released text')}")
        comment = {"comment": f"可以，{number('release', 'Chinese')}"}
        await self._ask(Role.REVIEWER, f"/messages/{yes['id']}/release", comment)
        assert "139****" in await self._submitted()
        blocked = await self._send(held, f"再不还钱我弄死你，{number('blocked text')}")
        assert blocked["state"] == "blocked"
        await review.ask("POST", f"/api/v1/messages/{blocked['id']}/release", {"comment": number("too late")})

    async def _template(self, bound: Bound) -> str:
        """A template's text and values hold no number; the link to the chat comes by it."""
        draft = {
            "name": f"网聊邀请 {self.number('template name')}",
            "purpose": "collection",
            "text": TEMPLATE,
        }
        draft["variables"] = [{"name": "who", "kind": "text"}]
        for spelling in SPELLINGS:
            bad = TEMPLATE + self.number(f"template text, {spelling}", spelling)
            await self._refused(Role.SUPERVISOR, "/templates", {**draft, "text": bad})
        made = await self._ask(Role.SUPERVISOR, "/templates", draft)
        await self._refused(
            Role.SUPERVISOR, f"/template-versions/{made['id']}/decision", {"approve": self.number("approval")}
        )
        decision = {"approve": True, "comment": f"可用，{self.number('template comment')}"}
        await self._ask(Role.REVIEWER, f"/template-versions/{made['id']}/decision", decision)
        body = {"binding_id": bound.binding_id, "channel": "sms", "template_version_id": made["id"]}
        for spelling in SPELLINGS:
            values = {"who": self.number(f"template value, {spelling}", spelling)}
            await self._refused(Role.AGENT, "/messages", {**body, "values": values})
        await self._send(bound, "", template_version_id=made["id"], values={"who": "您好"})
        link = re.search(r"http://\S+#\S+", await self._submitted())
        assert link is not None
        return link[0]

    # --- SMS

    async def _sms(self, bound: Bound) -> None:
        spellings = [self.number(f"staff text by SMS, {one}", one) for one in SPELLINGS]
        masked = await self._send(bound, "有事请打" + "，或者打".join(spellings))
        assert masked["action"] == "mask"
        own = spelled(self.canaries.number(self._phone("SMS")), "letters")
        await self._send(bound, f"您的号码是 {own} 吗？")
        for _ in range(2):
            await self._submitted()
        customer, line = bound.number.removeprefix("+"), SOURCES[bound.line]
        number = self.number
        for spelling in SPELLINGS:
            written = f"请打 {number(f'SMS text, {spelling}', spelling)} 找我"
            await self._came(customer, line, written.encode("utf-16-be"), UCS2)
        await self._came(customer, line, f"ring {number('SMS in ASCII')}".encode(), ASCII)
        await self._came(customer, line, f"ring {number('SMS in Latin')}".encode(), LATIN)
        await self._came(customer, line, f"ring {number('SMS in binary')}".encode(), BINARY)
        await self._came(customer, number("SMS to no line of ours"), "在吗".encode("utf-16-be"), UCS2)
        stranger = "86" + number("SMS of a stranger")
        await self._came(stranger, line, f"打 {number('SMS text of a stranger')}".encode("utf-16-be"), UCS2)
        await self._came(f"T{number('SMS of a name')}", line, b"hello", ASCII)
        await self._parts(customer, line)
        for name, text in (
            ("receipt text", "id:A1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:{n}"),
            ("receipt error", "id:A2 sub:001 dlvrd:001 stat:UNDELIV err:{n} text:x"),
            ("receipt id", "id:{n} sub:001 dlvrd:001 stat:DELIVRD err:000 text:x"),
            ("receipt that is none", "what {n}"),
        ):
            await self._came(customer, line, text.format(n=number(name)).encode(), ASCII, RECEIPT)

    async def _came(self, source: str, to: str, payload: bytes, coding: int, esm: int = 0) -> None:
        self.said += source.encode() + b"\n" + to.encode() + b"\n"
        order = {"from": source, "to": to, "payload": payload.hex(), "coding": coding, "esm": esm}
        await self.smsc.tell(do="mo", **order)
        assert (await self.smsc.next("resp"))["status"] == 0

    async def _parts(self, customer: str, line: str) -> None:
        """A text in two parts, the cut within the number; and a first part whose second never comes."""
        whole = f"我的新号码{self.number('SMS in parts')}".encode("utf-16-be")
        for part, payload in ((1, whole[:24]), (2, whole[24:])):
            await self._came(customer, line, bytes((5, 0, 3, 7, 2, part)) + payload, UCS2, UDHI)
        lone = f"打 {self.number('SMS part without its other')}".encode("utf-16-be")
        await self._came(customer, line, bytes((5, 0, 3, 8, 2, 1)) + lone, UCS2, UDHI)
        to = self.number("SMS part to no line of ours")
        await self._came(customer, to, bytes((5, 0, 3, 9, 2, 1)) + lone, UCS2, UDHI)

    # --- the web chat

    async def _chat(self, bound: Bound, link: str) -> None:
        number = self.number
        site = link.partition("#")[0].rstrip("/")
        async with aiohttp.ClientSession() as http, ChatCustomer(link, http) as customer:
            text = f"您好，可以打 {number('staff text by web chat')} 吗？"
            asked = await self._send(bound, text, "webchat")
            self.sent.append(("web chat", (await customer.reads(asked["id"])).encode()))
            for spelling in SPELLINGS:
                await customer.says(f"打 {number(f'chat text, {spelling}', spelling)}")
            picture, program = number("name of a picture"), number("name of a refused file", "full width")
            await self._gives(customer, f"{picture}.png", PNG)
            await self._gives(customer, f"{program}.exe", b"MZ" + b"\0" * 60)
            await self._strangers(http, site)

    @staticmethod
    async def _gives(customer: ChatCustomer, name: str, content: bytes) -> None:
        frame = {"type": "give", "ref": new_id(), "name": name, "data": base64.b64encode(content).decode()}
        await customer._send(frame)
        await customer._hear("kept")

    async def _strangers(self, http: aiohttp.ClientSession, site: str) -> None:
        """Who has no link says numbers to the site all the same."""
        number = self.number
        headers = {
            name: number(f"chat header {name}") for name in ("User-Agent", "Cookie", "X-Forwarded-For")
        }
        path = f"{site}/{number('chat path')}?{number('chat query')}"
        async with http.get(path, headers=headers) as answer:
            assert answer.status == 404
        with suppress(aiohttp.WSServerHandshakeError):
            await http.ws_connect(f"{site}/ws", headers={"Origin": f"http://{number('chat origin')}"})
        for frame in (
            {"type": "hello", "token": number("chat token") * 2},
            {"type": number("chat frame"), "token": number("chat frame token")},
        ):
            async with http.ws_connect(f"{site}/ws", headers={"Origin": site, **headers}) as socket:
                await socket.send_json(frame)
                await socket.receive()

    # --- SIP

    async def _sip(self, bound: Bound, trunk: SipPhone) -> None:
        number = self.number
        await self._send(bound, f"您好，可以打 {number('staff text by SIP')} 吗？", "sip")

        async def heard() -> bool:
            return any(data.startswith(b"MESSAGE ") for data in trunk.heard)

        await awaited(heard, what="a MESSAGE at the trunk")
        self.sent += [
            ("SIP text", data.partition(b"\r\n\r\n")[2])
            for data in trunk.heard
            if data.startswith(b"MESSAGE ")
        ]
        for spelling in SPELLINGS:
            text = f"打 {number(f'SIP text, {spelling}', spelling)}"
            assert await self._wrote(trunk, bound.number, bound.line, text, spelling) == 200
        stranger = self.canaries.e164("SIP text's unknown sender")
        text = f"我是 {number('SIP text of a stranger')}"
        assert await self._wrote(trunk, stranger, bound.line, text, "stranger") == 200
        nowhere = self.canaries.e164("SIP text to no line of ours")
        assert await self._wrote(trunk, bound.number, nowhere, "在吗", "nowhere") == 200
        text = f"<b>{number('SIP text in HTML')}</b>"
        assert await self._wrote(trunk, bound.number, bound.line, text, "HTML", "text/html") == 415

    async def _wrote(
        self,
        trunk: SipPhone,
        user: str,
        to: str,
        text: str,
        name: str,
        kind: str = "text/plain;charset=UTF-8",
    ) -> int:
        """Write as a customer whose phone says numbers in every header; give the answer's status."""
        display, mark = (
            self.number(f"SIP text's {what}") for what in ("display name", "tag, branch, Call-ID")
        )
        word = f"{mark}{new_id()}"
        lines = [
            ("Via", f"SIP/2.0/UDP {HOST}:{trunk.port};branch=z9hG4bK{word};rport"),
            ("From", f'"{display}" <sip:{user}@{HOST}>;tag={word}'),
            ("To", f"<sip:{to}@{HOST}>"),
            ("Call-ID", word),
            ("CSeq", "1 MESSAGE"),
            ("Max-Forwards", "70"),
            ("Contact", f"<sip:{display}@{HOST}:{trunk.port}>"),
            *(
                (header, self.number(f"SIP text's {header}"))
                for header in HEADERS
                if header in {"User-Agent", "Subject", "X-Number", "Organization", "In-Reply-To"}
            ),
            ("P-Asserted-Identity", f"<sip:{self.number('SIP text: P-Asserted-Identity')}@{HOST}>"),
            ("Content-Type", kind),
        ]
        request = write(f"MESSAGE sip:{to}@{HOST} SIP/2.0", lines, text)
        async with asyncio.timeout(60):
            return (await trunk.transact("MESSAGE", request, trunk.server)).status
