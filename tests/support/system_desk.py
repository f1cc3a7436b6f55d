"""The people around a running system (staff, phones, customers, bindings), and what its books say."""

import asyncio
import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import rfc8785
from numpy.typing import NDArray
from sqlalchemy import func, select

from core.access.employees import NewEmployee
from core.access.model import Principal, Role, Scope
from core.blobs import LocalBlobStore
from core.ledger.models import EntryRow
from core.outbox import OutboxRow
from gateway.calls.accounts import FreshAccount, SipAccountService
from gateway.calls.books import recording_key
from gateway.calls.client import CallsClient
from gateway.calls.control import SECRET_NAME, SOCKET_NAME
from gateway.calls.models import CallRow, cdr_document
from gateway.contact.model import Channel, Purpose
from gateway.contact.models import ContactRow
from gateway.customers.model import CustomerInput
from gateway.media.recording import RecordingEvent, RecordingReader, recover_recording
from gateway.numbers.model import BindRequest, LineDraft
from maskline.demo.zones import daytime_zone, late_zone
from maskline.ground import Ground
from maskline.permissions import registry
from maskline.wiring.gateway import build_gateway, build_people
from tests.support.system import System

_numbers = itertools.count(1)
LINES = ("02166668888", "02166668889", "02166668890")


@dataclass(frozen=True)
class Staff:
    """An agent with a phone account. `password` is the first one of their log-in."""

    employee_id: str
    username: str
    password: str
    sip: FreshAccount


@dataclass(frozen=True)
class Bound:
    """A customer, and the binding that ties one agent to them."""

    staff: Staff
    customer_id: str
    number: str
    binding_id: str
    token: str
    line: str


@dataclass(frozen=True)
class Recorded:
    """A recording read back: int16 [2, n]; channel 0 staff, 1 customer."""

    samples: NDArray[np.int16]
    events: list[RecordingEvent]
    complete: bool


class SystemDesk:
    """Services on a system's own database, in this process."""

    def __init__(self, system: System, ground: Ground) -> None:
        self.system, self.ground = system, ground
        permissions = registry()
        grants = {spec.name: Scope.ALL for spec in permissions}
        self.director = Principal("tester", None, "", frozenset(), grants, "tester", ground.clock.now())
        self.people = build_people(ground, permissions)
        self.gateway = build_gateway(ground)
        self.accounts = SipAccountService(
            ground.database, ground.clock, vault=ground.vault, ledger=ground.ledger,
            realm=ground.settings.sip.realm,
        )  # fmt: skip

    # --- people

    async def lines(self) -> None:
        """Register the institution's lines, once a system."""
        for number in LINES:
            await self.gateway.lines.add(self.director, LineDraft(number, "上海", "云山贷款公司", "TEST"))

    async def hire(self, role: Role = Role.AGENT, department_id: str | None = None) -> Staff:
        number = next(_numbers)
        made = await self.people.employees.create(
            self.director, NewEmployee(f"staff{number}", "林晓雨", frozenset({role}), department_id)
        )
        account = await self.accounts.create(self.director, made.employee.id)
        return Staff(made.employee.id, made.employee.username, made.password, account)

    async def bind(
        self, staff: Staff, *, number: str = "", late: bool = False, purpose: Purpose = Purpose.COLLECTION
    ) -> Bound:
        """Make a customer for whom it is daytime now (or late at night) and bind the agent to them."""
        number = number or f"+86139{next(_numbers):08d}"
        now = self.ground.clock.now()
        customer = await self.gateway.customers.create(
            self.director,
            CustomerInput(phone=number, name="张三丰", time_zone=(late_zone if late else daytime_zone)(now)),
            owner_id=staff.employee_id,
        )
        binding = await self.gateway.bindings.bind(
            self.director,
            BindRequest(staff.employee_id, customer.id, purpose, now + timedelta(days=7)),
        )
        return Bound(staff, customer.id, number, binding.id, binding.token, binding.line_number)

    @asynccontextmanager
    async def control(self) -> AsyncIterator[CallsClient]:
        """Give the control API of the calls process, as `web` uses it."""
        secret = self.ground.vault.secret(SECRET_NAME).reveal_text()
        async with CallsClient(self.system.settings.run_dir / SOCKET_NAME, secret) as client:
            yield client

    # --- books

    async def calls(self, *bindings: Bound) -> list[CallRow]:
        """All records of these bindings, of all bindings without one."""
        query = select(CallRow).order_by(CallRow.started_at)
        if bindings:
            query = query.where(CallRow.binding_id.in_([bound.binding_id for bound in bindings]))
        async with self.ground.database.read() as session:
            return list(await session.scalars(query))

    async def closed(self, *bindings: Bound, count: int = 1, timeout_s: float = 60) -> list[CallRow]:
        """Wait until `count` records of these bindings are closed, and give all there are."""
        rows: list[CallRow] = []

        async def look() -> bool:
            rows[:] = await self.calls(*bindings)
            return sum(row.ended_at is not None for row in rows) >= count

        await awaited(look, what=f"{count} closed records", timeout_s=timeout_s)
        return rows

    async def one_call(self, bound: Bound, cause: str) -> CallRow:
        """Require that this binding had exactly one call, told in every book once and alike."""
        rows = await self.closed(bound)
        assert len(rows) == 1, [row.cause for row in rows]
        assert rows[0].cause == cause, (rows[0].cause, rows[0].ended_by, rows[0].sip_status)
        await self.assert_books(rows[0])
        return rows[0]

    async def assert_books(self, row: CallRow) -> None:
        """Contact closed, one ledger entry that fits the record, one message in the outbox; recording."""
        assert row.ended_at is not None
        async with self.ground.database.read() as session:
            contact = await session.get(ContactRow, row.contact_id)
            entries = list(await session.scalars(
                select(EntryRow.record).where(EntryRow.kind == "call.ended", EntryRow.seq >= 0)
            ))  # fmt: skip
            messages = list(
                await session.scalars(
                    select(OutboxRow.payload).where(
                        OutboxRow.topic == "call.ended", OutboxRow.key == row.contact_id
                    )
                )
            )
        assert contact is not None
        assert contact.closed_at is not None
        assert contact.channel is Channel.CALL
        bodies = [json.loads(record)["body"] for record in entries]
        told = [body for body in bodies if body["call_id"] == row.id]
        assert len(told) == 1
        assert told[0]["cause"] == row.cause
        assert told[0]["cdr_sha256"] == hashlib.sha256(rfc8785.dumps(cdr_document(row))).hexdigest()
        assert messages == [{"call_id": row.id, "contact_id": row.contact_id}]
        if row.bridged_at is not None:
            assert row.relayed_packets > 0
            assert row.recorded_packets / row.relayed_packets >= 0.999
        if row.customer_answered_at is None or row.decision != "allow":
            assert row.recording_id is None
            assert row.recording_sha256 is None
        elif row.recording_id is not None:
            cut = row.cause == "interrupted"  # its writer died
            assert (await self.recording(row)).complete or cut

    async def totals(self) -> tuple[int, int, int, int]:
        """Count records, contacts by telephone, ended calls in the ledger and in the outbox."""
        async with self.ground.database.read() as session:
            queries = (
                select(func.count()).select_from(CallRow),
                select(func.count()).select_from(ContactRow).where(ContactRow.channel == Channel.CALL),
                select(func.count()).select_from(EntryRow).where(EntryRow.kind == "call.ended"),
                select(func.count()).select_from(OutboxRow).where(OutboxRow.topic == "call.ended"),
            )
            counts = [int(await session.scalar(query) or 0) for query in queries]
        return counts[0], counts[1], counts[2], counts[3]

    async def recording(self, row: CallRow) -> Recorded:
        """Read a recording back, and require that it is the one the books name."""
        assert row.recording_id is not None
        key = await self._recording_key(row)
        async with await RecordingReader.open(self.ground.blobs, row.recording_id, key) as reader:
            assert await reader.wav_sha256() == row.wav_sha256
            return await _read(reader, row)

    async def recording_so_far(self, row: CallRow) -> Recorded:
        """Read what the disk has of the recording of a live call: all that a crash would leave of it."""
        assert row.recording_id is not None
        (part,) = (self.system.settings.data_dir / "blobs").glob(f"??/{row.recording_id}.part")
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / part.parent.name
            place.mkdir()
            shutil.copy(part, place)
            copies, key = LocalBlobStore(Path(folder)), await self._recording_key(row)
            await recover_recording(copies, row.recording_id, key)
            async with await RecordingReader.open(copies, row.recording_id, key) as reader:
                return await _read(reader, row)

    async def _recording_key(self, row: CallRow) -> bytes:
        async with self.ground.database.read() as session:
            return await recording_key(session, self.ground.subject_keys, row.id, row.customer_id)

    async def idle(self) -> None:
        """Wait until the calls process drives no call any more."""
        async with self.control() as control:

            async def look() -> bool:
                facts = (await control.status()).facts
                return facts.get("live_calls") == 0 and facts.get("unfiled_calls") == 0

            await awaited(look, what="no live call")


async def _read(reader: RecordingReader, row: CallRow) -> Recorded:
    assert reader.call_id == row.id
    return Recorded(await reader.samples(), await reader.events(), reader.complete)


async def awaited(look: Callable[[], Awaitable[bool]], *, what: str, timeout_s: float = 60) -> None:
    """Wait for a state of another process that only a question tells."""
    try:
        async with asyncio.timeout(timeout_s):
            while not await look():  # noqa: ASYNC110 another process tells nothing by itself
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


@asynccontextmanager
async def desk_of(system: System) -> AsyncIterator[SystemDesk]:
    """Open the desk of a running system; on a failure its logs are printed."""
    async with system.ground() as ground:
        try:
            yield SystemDesk(system, ground)
        except BaseException:
            print(system.logs())  # noqa: T201 pytest shows it with the failure
            raise
