"""Plays every kind of call with a hostile customer, and gathers what could give a number away."""

import asyncio
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from core.access.model import Role
from core.ledger.export import export_lines
from core.tasks import spawn
from gateway.media import g711
from gateway.media.model import Law
from gateway.messages.models import AttachmentRow, MessageRow, ThreadRow
from maskline.demo.zones import daytime_zone
from tests.conformance.test_smpp_channel import Smsc
from tests.leak.canaries import Canaries
from tests.leak.crawl import Crawler
from tests.leak.handset import Handset
from tests.leak.hostile import press_number, rtcp_with_numbers, rtp_with_numbers, say_everything, taint
from tests.leak.talk import Talk
from tests.support.media import tone
from tests.support.system import HOST, ROOT, System
from tests.support.system_desk import Bound, Staff, SystemDesk, desk_of
from tests.telephony.flows import arrived, connect, connect_inbound, over, staff_phone, status
from tests.telephony.sip_phone import Call, SipPhone
from tests.telephony.sip_text import write
from tests.telephony.sound import converse

OWN_PASSWORD = "Correct-Horse-7-Battery"
ROLES = (Role.AGENT, Role.SUPERVISOR, Role.REVIEWER, Role.ADMINISTRATOR, Role.AUDITOR)
Source = tuple[str, bytes]


@dataclass
class Gathered:
    """Everything that could give a number away, by where it was seen."""

    canaries: Canaries
    staff_phones: list[Source] = field(default_factory=list)
    answers: list[Source] = field(default_factory=list)
    system: list[Source] = field(default_factory=list)
    files: list[Source] = field(default_factory=list)
    processes: list[Source] = field(default_factory=list)
    exports: list[Source] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    sent: list[Source] = field(default_factory=list)
    """What customers were written, over every channel."""
    said: bytes = b""
    """All that phones, customers and writers sent: proof that the numbers were on the wire."""
    threads: dict[str, str] = field(default_factory=dict)
    """The thread of each channel, and of what was held or decided."""
    writers: list[str] = field(default_factory=list)
    """The customers who were written to or wrote, the one with the notes first."""
    closed_alerts: int = 0
    decisions: list[str] = field(default_factory=list)
    """What each decision on a finding was answered with."""


class Stage:
    """One performance on a running system."""

    def __init__(self, system: System, desk: SystemDesk, smsc: Smsc) -> None:
        self.system, self.desk, self.smsc = system, desk, smsc
        self.canaries = Canaries()
        self.gathered = Gathered(self.canaries)
        self.beside: list[tuple[str, Beside]] = []

    async def play(self) -> Gathered:
        await self.desk.lines()
        department = await self.desk.people.departments.create(self.desk.director, "电销部", None)
        places = {Role.ADMINISTRATOR: None, Role.AUDITOR: None}
        people = {role: await self.desk.hire(role, places.get(role, department.id)) for role in ROLES}
        crawlers = {role: Crawler(self.system.settings.web.url, role.value) for role in ROLES}
        try:
            for role, crawler in crawlers.items():
                await crawler.log_in(people[role].username, people[role].password, OWN_PASSWORD)
            await self._store(crawlers[Role.ADMINISTRATOR], people[Role.AGENT])
            async with SipPhone(self.system.sip, "trunk", port=self.system.trunk_port) as trunk:
                taint(trunk, self.canaries)
                self._record_what_is_sent(trunk)
                await self._calls(people[Role.AGENT], trunk)
                await self._messages(people[Role.AGENT], trunk, crawlers)
                await self._handset(people[Role.AGENT], crawlers[Role.ADMINISTRATOR])
                await self.desk.idle()
            await self._inspected()
            await self._reviewed(crawlers)
            ids = await self._ids(people)
            for crawler in crawlers.values():
                await crawler.crawl(ids, self.canaries.number("bad input to the API"))
            await self._anonymous()
        finally:
            for crawler in crawlers.values():
                await crawler.close()
                self.gathered.answers += crawler.answers
                self.gathered.statuses |= {f"{crawler._role} {k}": v for k, v in crawler.statuses.items()}
        await self._exports()
        self.gathered.processes += processes(self.system)
        self.gathered.files += files(self.system.data)
        return self.gathered

    # --- what is stored

    async def _store(self, admin: Crawler, agent: Staff) -> None:
        """Create customers whose numbers are canaries, by the API and by a file; others are refused."""
        number, zone = self.canaries.number, daytime_zone(self.desk.ground.clock.now())
        for name in ("stored phone", "phone of a customer who calls in"):
            body = {
                "phone": number(name),
                "name": "张三丰",
                "id_number": f"E{number('id number')[3:]}",
                "time_zone": zone,
            }
            code, content = await admin.ask("POST", "/api/v1/customers", body)
            assert code == 201, content
        await self._keep_by_key(admin, agent, json.loads(content)["id"])
        await self._ask_for_changes(admin, json.loads(content)["id"])
        for column in ("name", "id_number", "external_id", "city", "time_zone"):
            body = {"phone": "13800138000", "name": "张三丰", column: number(f"refused {column}")}
            await admin.ask("POST", "/api/v1/customers", body)
        await admin.ask("POST", "/api/v1/customers", {
            "phone": "13800138001", "name": "李四", "tags": [number("refused tag")],
        })  # fmt: skip
        await admin.ask("POST", "/api/v1/customers", {"phone": number("refused phone") + "9", "name": "李四"})
        await admin.ask(
            "POST", "/api/v1/customers/search", {"last_four": number("search"), "name": number("search")}
        )
        rows = [
            "手机号,姓名,证件号,标签,外部编号,时区,城市,负责人",
            f"{number('imported phone')},王五,E{number('imported id')[3:]},,,{zone},,",
            *(
                ",".join(
                    [
                        "13800138002",
                        *("" if i != place else number(f"import column {place}") for i in range(7)),
                    ]
                )
                for place in range(7)
            ),
            f"{number('import phone')}99,王五,,,,,,",
        ]
        for mode in ("all_or_nothing", "good_rows", ""):
            query = f"?mode={mode}" if mode else ""
            await admin.ask(
                "POST", f"/api/v1/customers/import{query}", raw="\n".join(rows).encode(), kind="text/csv"
            )

        await self._import_by_page(admin, "\n".join(rows))

    async def _ask_for_changes(self, admin: Crawler, customer_id: str) -> None:
        """A change that waits for a second person, its reason, and a list of customers that waits, too."""
        number = self.canaries.number
        wish = {
            "phone": number("stored phone that waits"), "id_number": f"E{number('stored id that waits')[3:]}",
            "reason": f"客户换号 {number('stored reason of a change')}",
        }  # fmt: skip
        path = f"/api/v1/customers/{customer_id}/change-requests"
        code, content = await admin.ask("POST", path, wish)
        assert code == 201, content
        code, content = await admin.ask(
            "PATCH", f"/api/v1/customers/{customer_id}", {"phone": number("refused change")}
        )
        assert code == 409, content
        wish = {"reason": number("stored reason of an export"), "tag": number("refused tag of an export")}
        assert (await admin.ask("POST", "/api/v1/customer-exports", wish))[0] == 422
        code, content = await admin.ask("POST", "/api/v1/customer-exports", {"reason": wish["reason"]})
        assert code == 201, content

    async def _keep_by_key(self, admin: Crawler, agent: Staff, customer_id: str) -> None:
        """A CRM may name its request by the customer's number; consent and block come with a word of why."""
        number, now = self.canaries.number, self.desk.ground.clock.now()
        wish = {
            "employee_id": agent.employee_id, "customer_id": customer_id, "purpose": "sales",
            "expires_at": (now + timedelta(days=7)).isoformat(), "idempotency_key": number("idempotency key of a binding"),
        }  # fmt: skip
        made = [await admin.ask("POST", "/api/v1/bindings", wish) for _ in range(2)]
        assert [code for code, _ in made] == [201, 201], made
        assert json.loads(made[0][1])["id"] == json.loads(made[1][1])["id"], "the key is known again"
        given = {
            "purpose": "sales", "source": "written", "given_at": (now - timedelta(days=1)).isoformat(),
            "evidence": number("stored consent's evidence"),
        }  # fmt: skip
        code, content = await admin.ask("POST", f"/api/v1/customers/{customer_id}/consents", given)
        assert code == 201, content
        why = {"reason": "dispute", "note": number("stored block's note")}
        code, content = await admin.ask("POST", f"/api/v1/customers/{customer_id}/do-not-contact", why)
        assert code == 201, content

    async def _import_by_page(self, admin: Crawler, table: str) -> None:
        """The same rows by the page: the import's page and its report as CSV name the refused ones, masked."""
        name, mark = self.canaries.number("import file name"), "leak-boundary"
        form = (
            f'--{mark}\r\nContent-Disposition: form-data; name="mode"\r\n\r\ngood_rows\r\n'
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}.csv"\r\n'
            f"Content-Type: text/csv\r\n\r\n{table}\r\n--{mark}--\r\n"
        )
        kind = f"multipart/form-data; boundary={mark}"
        code, content = await admin.ask("POST", "/imports", raw=form.encode(), kind=kind)
        assert code == 303, content
        found = re.search(rb"Location: (/imports/[0-9a-f]{32})", admin.answers[-1][1])
        assert found is not None
        for path in (found[1].decode(), f"{found[1].decode()}/report.csv", "/imports/template.csv"):
            code, content = await admin.ask("GET", path)
            assert code == 200, (path, content)

    # --- calls

    async def _calls(self, agent, trunk: SipPhone) -> None:
        desk, number = self.desk, self.canaries.e164
        bound = [
            await desk.bind(agent, number=number(f"customer's phone, {kind} call"))
            for kind in ("answered", "busy", "redirected", "failed", "inbound", "callback", "lonely")
        ]
        async with staff_phone(desk, bound[0], registered=True) as phone, desk.control() as control:
            try:
                await self._answered(phone, bound[0], trunk)
                await self._refused(phone, bound[1:4], trunk)
                staff, customer = await connect_inbound(phone, bound[4], trunk)
                await self._talk(staff, customer)
                await customer.bye()
                await over(staff)
                key = self.canaries.number("idempotency key of a call")
                await control.place(agent.employee_id, bound[5].binding_id, key)
                staff = await arrived(phone)
                staff.ring()
                staff.answer()
                customer = await arrived(trunk)
                customer.ring()
                customer.answer()
                await asyncio.wait_for(customer.acknowledged.wait(), 60)
                await self._talk(staff, customer)
                await staff.bye()
                await over(customer)
                await self._outside(trunk)
                await phone.register(expires=0)
            finally:
                self._keep(phone)
        trunk.user = bound[6].number
        assert await status(trunk.place(bound[6].line)) == 480
        trunk.user = self.canaries.e164("caller whom nobody knows")
        assert await status(trunk.place(bound[6].line)) == 404
        for one in bound:
            await desk.closed(one)
        await self._dials_a_number(bound[0])

    async def _answered(self, phone: SipPhone, bound: Bound, trunk: SipPhone) -> None:
        staff, customer = await connect(phone, bound, trunk)
        await self._talk(staff, customer)
        answers = await say_everything(customer, self.canaries)
        assert {answer.status for answer in answers} <= {200, 400, 405, 415, 481, 489, 501}
        held = await customer.reinvite("sendonly")
        assert held.status == 200, held
        assert (await staff.reinvite("sendrecv")).status == 200
        assert (await customer.reinvite("sendrecv")).status == 200
        reason = self.canaries.number("BYE reason")
        await customer.ask("BYE", headers=(("Reason", f'SIP;cause=200;text="{reason}"'),))
        await over(staff)

    async def _talk(self, staff: Call, customer: Call) -> None:
        self.beside.append(("RTCP port of the staff phone", Beside(staff.rtp.port + 1)))
        payload = g711.encode(tone(1000, 160), Law.ALAW)
        for _ in range(2):  # before the voices are let through, and after
            rtp_with_numbers(customer, self.canaries, payload)
            rtcp_with_numbers(customer, self.canaries)
            await converse(staff, customer, seconds=0.3)
        press_number(customer, self.canaries)
        await converse(staff, customer, seconds=0.2)

    async def _refused(self, phone: SipPhone, bound: list[Bound], trunk: SipPhone) -> None:
        contact = ("Contact", f"<sip:{self.canaries.number('302 Contact')}@{HOST}:9>")
        for one, (code, told, headers) in zip(
            bound, ((486, 486, ()), (302, 480, (contact,)), (500, 503, ())), strict=True
        ):
            staff = phone.place(one.token)
            customer = await arrived(trunk)
            customer.ring()
            customer.answer_invite(183, "Progress", sdp=customer.sdp())
            customer.answer_invite(code, "No", headers=headers)
            assert await status(staff) == told

    async def _outside(self, trunk: SipPhone) -> None:
        """Requests that belong to no call."""
        for method in (
            "MESSAGE",
            "NOTIFY",
            "OPTIONS",
            "SUBSCRIBE",
            "REGISTER",
            "INFO",
            "REFER",
            "BYE",
            "FROB",
        ):
            name = self.canaries.number(f"{method} outside of a call")
            lines = [
                ("Via", f"SIP/2.0/UDP {HOST}:{trunk.port};branch=z9hG4bK{name}{method};rport"),
                ("From", f'"{name}" <sip:{name}@{HOST}>;tag={name}'),
                ("To", f"<sip:{name}@{HOST}>"),
                ("Call-ID", f"{name}{method}"),
                ("CSeq", f"1 {method}"),
                ("Contact", f"<sip:{name}@{HOST}:{trunk.port}>"),
                ("Max-Forwards", "70"),
                (
                    "Authorization",
                    f'Digest username="{name}", realm="{name}", nonce="{name}", uri="sip:{name}", response="{name}"',
                ),
                ("Content-Type", "text/plain"),
            ]
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    trunk.transact(
                        method, write(f"{method} sip:{name}@{HOST} SIP/2.0", lines, name), trunk.server
                    ),
                    3,
                )
        broken = self.canaries.number("broken message")
        trunk.send(
            f"INVITE sip:{broken}@x SIP/2.0\r\nFrom: {broken}\r\nTo: {broken}\r\n\r\n{broken}".encode()
        )
        trunk.send(f"SIP/2.0 200 {broken}\r\nVia: {broken}\r\n\r\n".encode())
        trunk.send(broken.encode())

    async def _dials_a_number(self, bound: Bound) -> None:
        """An employee types a number: no call, and the number is nowhere (but in their own phone)."""
        async with staff_phone(self.desk, bound) as phone:
            assert await status(phone.place(self.canaries.number("number that an employee dialled"))) == 404

    def _keep(self, phone: SipPhone) -> None:
        heard = self.gathered.staff_phones
        heard += [(f"SIP message {i}", data) for i, data in enumerate(phone.heard)]
        for call in phone.calls.values():
            heard += [(f"RTP packet {i}", data) for i, data in enumerate(call.rtp.received)]
        for name, beside in self.beside:
            heard += [(name, data) for data in beside.close()]

    def _record_what_is_sent(self, trunk: SipPhone) -> None:
        send = trunk.send

        def keeping(data: bytes, to=None) -> None:
            self.gathered.said += data
            send(data, to)

        trunk.send = keeping

    # --- messages

    async def _messages(self, agent: Staff, trunk: SipPhone, crawlers: dict[Role, Crawler]) -> None:
        """Write both ways while those who may listen read the stream of live events."""
        talk, over = Talk(self.desk, self.canaries, crawlers, self.smsc), asyncio.Event()
        listening = [
            spawn(crawlers[role].listen(over), name=f"live events of {role}")
            for role in (Role.AGENT, Role.SUPERVISOR, Role.REVIEWER)
        ]
        try:
            await talk.all(agent, trunk)
        finally:
            over.set()
            self.gathered.said += talk.said
        await asyncio.gather(*listening)
        self.gathered.sent, self.gathered.threads = talk.sent, talk.threads
        self.gathered.writers = talk.writers

    async def _handset(self, agent: Staff, admin: Crawler) -> None:
        """Let the agent's phone hand in what it has."""
        await self.desk.bind(agent, number=self.canaries.e164("handset customer"))
        handset = Handset(self.desk, self.canaries, self.system.settings.web.url)
        try:
            await handset.play(agent, admin)
        finally:
            self.gathered.said += handset.said
            self.gathered.answers += handset.answers

    # --- what the system says of it

    async def _inspected(self) -> None:
        """Wait until the worker has taken every message, where there is a worker."""
        if "worker" not in self.system.children:
            return
        from core.outbox import OutboxRow
        from tests.support.system_desk import awaited

        async def look() -> bool:
            query = select(func.count()).where(OutboxRow.done_at.is_(None), OutboxRow.dead_at.is_(None))
            async with self.desk.ground.database.read() as session:
                return not await session.scalar(query)

        await awaited(look, what="every call inspected", timeout_s=240)

    async def _reviewed(self, crawlers: dict[Role, Crawler]) -> None:
        """Close alerts and try to decide on findings (a thread's day is not over yet), a number in every word."""
        reviewer, number = crawlers[Role.REVIEWER], self.canaries.number
        code, content = await reviewer.ask("GET", "/api/v1/alerts?state=open")
        assert code == 200, content
        for alert in json.loads(content)["items"][:2]:
            await reviewer.ask("POST", f"/api/v1/alerts/{alert['id']}/take")
            note = {"note": f"已打 {number('stored note of an alert')}"}
            code, content = await reviewer.ask("POST", f"/api/v1/alerts/{alert['id']}/close", note)
            assert code in {200, 204}, content
            self.gathered.closed_alerts += 1
        code, content = await reviewer.ask("GET", "/api/v1/inspections?limit=100")
        for inspection in json.loads(content)["items"]:
            code, content = await reviewer.ask("GET", f"/api/v1/inspections/{inspection['id']}")
            for finding in json.loads(content).get("findings", [])[:1]:
                ruling = {
                    "ruling": "confirm", "revision": 0, "comment": f"属实 {number('stored comment of a decision')}",
                }  # fmt: skip
                await reviewer.ask("POST", f"/api/v1/inspections/{inspection['id']}/review/claim")
                code, content = await reviewer.ask(
                    "POST", f"/api/v1/findings/{finding['id']}/decisions", ruling
                )
                self.gathered.decisions.append(f"{code} {content.decode()[:200]}")

    async def _ids(self, people) -> dict[str, list[str]]:
        rows = await self.desk.calls()
        async with self.desk.ground.database.read() as session:
            messages = list(await session.scalars(select(MessageRow).order_by(MessageRow.id)))
            threads = list(await session.scalars(select(ThreadRow.id)))
            files = list(await session.scalars(select(AttachmentRow.id)))
        writers = self.gathered.writers
        return {
            "thread_id": threads,
            "message_id": [row.id for row in messages],
            "attachment_id": files,
            "writer_id": writers,
            "call_id": [row.id for row in rows],
            "contact_id": [row.contact_id for row in rows],
            "customer_id": [*writers, *(row.customer_id for row in rows)],
            "binding_id": [row.binding_id for row in rows],
            "line_id": [row.line_id for row in rows],
            "employee_id": [one.employee_id for one in people.values()],
            "seq": [str(seq) for seq in range(0, 60, 5)],
        }

    async def _anonymous(self) -> None:
        crawler = Crawler(self.system.settings.web.url, "nobody")
        try:
            for path in ("/status", "/metrics", "/healthz", "/openapi.json", "/", "/login", "/nothing"):
                await crawler.ask("GET", path)
            bad = self.canaries.number("user name at the log-in")
            await crawler.ask(
                "POST", "/api/v1/session", {"username": bad, "password": bad, "deliver": "token"}
            )
            await crawler.ask("GET", f"/api/v1/{bad}?{bad}={bad}")
        finally:
            await crawler.close()
        self.gathered.answers += crawler.answers

    async def _exports(self) -> None:
        ground = self.desk.ground
        lines = [line async for line in export_lines(ground.database, ground.ledger_service.verifier)]
        self.gathered.exports.append(("ledger export", "\n".join(lines).encode()))
        rows = await self.desk.calls()
        async with ground.database.read() as session:
            query = select(MessageRow.contact_id).where(MessageRow.contact_id.is_not(None)).distinct()
            written = list(await session.scalars(query.limit(60)))
        bundle = self.system.data / "evidence.zip"
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "maskline", "evidence", "export", *[row.contact_id for row in rows], *written, "--out", str(bundle)],
            cwd=ROOT, env=self.system.environment(), capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        self.gathered.exports.append(("evidence export, what it prints", done.stdout + done.stderr))
        with zipfile.ZipFile(bundle) as archive:
            self.gathered.exports += [
                (f"evidence bundle, {name}", name.encode() + archive.read(name))
                for name in archive.namelist()
            ]


class Beside:
    """Listens on a port next to a phone's RTP, where RTCP would come."""

    def __init__(self, port: int) -> None:
        import socket

        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003
        with suppress(OSError):
            self._socket.bind((HOST, port))

    def close(self) -> list[bytes]:
        got = []
        with suppress(OSError):
            while True:
                got.append(self._socket.recv(4096))
        self._socket.close()
        return got


def files(folder: Path) -> list[Source]:
    """Every file with its name and its bytes; sockets have a name only."""

    def walk() -> Iterator[Source]:
        for path in sorted(folder.rglob("*")):
            yield f"name of {path}", os.fsencode(path)
            if path.is_file():
                yield f"file {path.relative_to(folder)}", path.read_bytes()

    return list(walk())


def processes(system: System) -> list[Source]:
    """Command line and environment of each process, as anybody of this user sees them."""
    found = []
    for name, child in system.children.items():
        folder = Path(f"/proc/{child.pid}")
        found += [(f"{what} of {name}", (folder / what).read_bytes()) for what in ("cmdline", "environ")]
    return found


async def perform(system: System, smsc_port: int) -> Gathered:
    """Start a system beside an SMSC, play everything on it, stop it, and look at its files once more."""
    smsc = await Smsc.start("--dedupe", port=smsc_port)
    try:
        await asyncio.to_thread(system.start)
        async with desk_of(system) as desk:
            gathered = await Stage(system, desk, smsc).play()
        await asyncio.to_thread(system.stop)
    finally:
        await smsc.stop()
    gathered.files += [(f"{where}, after the end", data) for where, data in files(system.data)]
    return gathered
