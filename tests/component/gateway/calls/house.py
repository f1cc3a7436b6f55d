"""The calls process over a real database, with the twins of switch and media: what a call test plays with."""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr
from sqlalchemy import select

from core.access.model import Principal, Role
from core.access.permissions import PermissionRegistry
from core.blobs import InMemoryBlobStore
from core.clock import ManualClock
from core.config import Settings, SipSettings
from core.db import Database
from core.ids import new_id
from core.ledger import Entry
from core.ledger.models import EntryRow
from core.ledger.record import read_entry
from core.outbox import Outbox, OutboxRow
from gateway.calls.accounts import FreshAccount, SipAccountService
from gateway.calls.digest import Ha1, response
from gateway.calls.gear import StepLimits
from gateway.calls.memory import InMemoryMedia, InMemoryMediaSession
from gateway.calls.models import CallRow
from gateway.calls.permissions import PERMISSIONS as CALL_PERMISSIONS
from gateway.calls.process import CallsParts, RunningCalls, running
from gateway.contact.models import ContactRow
from gateway.numbers.model import BindingView
from gateway.permissions import PERMISSIONS
from gateway.switch import protocol as sip
from gateway.switch.memory import InMemorySwitch
from tests.support.desk import Desk
from tests.support.media import sdp

C = TypeVar("C", bound=sip.SwitchCommand)
REGISTRY = PermissionRegistry(PERMISSIONS, CALL_PERMISSIONS)
CUSTOMER = "13800138000"
LINE = "01088886666"
STAFF_HOST, TRUNK_HOST = "192.0.2.10", "198.51.100.1"
PATIENCE_S = 30.0
STAFF_SDP, CUSTOMER_SDP = sdp(40000), sdp(41000)
HELD = sdp(40000, extra="a=sendonly\r\n")


@dataclass
class ManualTimers:
    """Timers that fire when the test says so."""

    alarms: list["ManualAlarm"] = field(default_factory=list)

    def call_later(self, delay: float, callback: Callable[[], None]) -> "ManualAlarm":
        alarm = ManualAlarm(delay, callback)
        self.alarms.append(alarm)
        return alarm

    def fire(self, delay: float) -> None:
        for alarm in self.alarms:
            if alarm.delay == delay and not alarm.cancelled:
                alarm.callback()
                return
        raise AssertionError(f"no alarm of {delay} s among {[alarm.delay for alarm in self.alarms]}")


@dataclass
class ManualAlarm:
    delay: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Meddled:
    """A service that breaks or waits where the test says so: an error once for each in `faults`."""

    def __init__(self, real: object) -> None:
        self._real = real
        self.faults: dict[str, list[Exception]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.reached: dict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._real, name)

        async def meddled(*args: object, **options: object) -> Any:
            self.reached[name].set()
            if name in self.gates:
                await self.gates[name].wait()
            if self.faults.get(name):
                raise self.faults[name].pop(0)
            return await method(*args, **options)

        return meddled


class House:
    """One data folder, one process. `crash` leaves everything as `kill -9` would."""

    def __init__(self, database: Database, clock: ManualClock, folder: Path) -> None:
        self.database = database
        self.clock = clock
        self.desk = Desk(database, clock)
        self.settings = Settings(
            data_dir=folder,
            sip=SipSettings(
                trunk_sources=(f"{TRUNK_HOST}/32",),
                trunk_host=TRUNK_HOST,
                digest_algorithms=("SHA-256", "MD5"),
            ),
        )
        self.blobs = InMemoryBlobStore()
        self.outbox = Outbox(clock)
        self.timers = ManualTimers()
        self.limits = StepLimits(
            identify_s=PATIENCE_S,
            judge_s=PATIENCE_S,
            media_s=PATIENCE_S,
            dial_s=PATIENCE_S,
            file_pauses_s=(0.01,),
            late_s=PATIENCE_S,
        )
        self.contacts = Meddled(self.desk.contacts)
        self.bindings = self.desk.bindings
        self.node = "calls"
        self._new_process()

    def _new_process(self) -> None:
        self.switch = InMemorySwitch()
        self.media = InMemoryMedia(self.blobs, self.clock)

    def parts(self) -> CallsParts:
        return CallsParts(
            settings=self.settings,
            database=self.database,
            clock=self.clock,
            vault=self.desk.vault,
            subject_keys=self.desk.keys,
            ledger=self.desk.ledger,
            outbox=self.outbox,
            blobs=self.blobs,
            contacts=self.contacts,
            bindings=self.bindings,
            media=self.media,
            link=self.switch,
            node=self.node,
            timers=self.timers,
            limits=self.limits,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Scene"]:
        """Run the process with a switch connected."""
        async with running(self.parts()) as calls:
            self.switch.connect()
            yield Scene(self, calls)
        self._new_process()

    @asynccontextmanager
    async def killed(self) -> AsyncIterator["Scene"]:
        """Run the process; at the end of the block it is gone without a word."""
        async with running(self.parts()) as calls:
            self.switch.connect()
            yield Scene(self, calls)
            for drive in list(calls.live._drives.values()):
                drive.cancel()
            await asyncio.wait(list(calls.live._drives.values()) or [asyncio.ensure_future(asyncio.sleep(0))])
        self.blobs.lose_writers()
        self._new_process()

    # --- people and what they have ------------------------------------------------------------

    async def principal(self, role: Role) -> Principal:
        base = await self.desk.employee(role)
        return replace(base, grants=REGISTRY.grants_for({role}))

    async def bound(self, agent: Principal, phone: str = CUSTOMER, line: str | None = LINE) -> BindingView:
        admin = await self.principal(Role.ADMINISTRATOR)
        if line is not None:
            await self.desk.line(admin, line)
        customer = await self.desk.customer(admin, phone)
        return await self.desk.bind(admin, customer.id, employee_id=agent.employee_id)

    def accounts(self) -> SipAccountService:
        return SipAccountService(
            self.database, self.clock, vault=self.desk.vault, ledger=self.desk.ledger, realm="maskline"
        )

    async def phone_of(self, agent: Principal) -> "Phone":
        admin = await self.principal(Role.ADMINISTRATOR)
        return Phone(await self.accounts().create(admin, agent.employee_id))

    # --- the books ----------------------------------------------------------------------------

    async def rows(self) -> list[CallRow]:
        async with self.database.read() as session:
            return list(await session.scalars(select(CallRow).order_by(CallRow.id)))

    async def row(self) -> CallRow:
        (row,) = await self.rows()
        return row

    async def contact_rows(self) -> list[ContactRow]:
        async with self.database.read() as session:
            return list(await session.scalars(select(ContactRow).order_by(ContactRow.id)))

    async def messages(self) -> list[OutboxRow]:
        async with self.database.read() as session:
            return list(await session.scalars(select(OutboxRow).where(OutboxRow.topic == "call.ended")))

    async def entries(self, kind: str) -> list[Entry]:
        async with self.database.read() as session:
            records = await session.scalars(
                select(EntryRow.record).where(EntryRow.kind == kind).order_by(EntryRow.seq)
            )
            return [read_entry(record) for record in records]


@dataclass
class Phone:
    """A staff phone that knows its password."""

    account: FreshAccount
    count: int = 0

    def credentials(
        self, challenge: sip.Challenge, method: str, uri: str, *, password: str | None = None
    ) -> sip.DigestCredentials:
        self.count += 1
        blank = sip.DigestCredentials(
            method=method,  # type: ignore[arg-type]
            username=self.account.username,
            realm=challenge.realm,
            nonce=challenge.nonce,
            uri=uri,
            response="",
            algorithm="SHA-256",
            qop="auth",
            nc=f"{self.count:08x}",
            cnonce="c0ffee",
        )
        ha1 = Ha1.of(self.account.username, self.account.realm, password or self.account.password)
        return blank.model_copy(update={"response": response(blank, "SHA-256", ha1)})


class Scene:
    """A running process and what the world does to it."""

    def __init__(self, house: House, calls: RunningCalls) -> None:
        self.house = house
        self.calls = calls
        self.switch = house.switch

    def patience(self) -> asyncio.Timeout:
        return asyncio.timeout(PATIENCE_S)

    async def next(self, kind: type[C]) -> C:
        async with self.patience():
            return await self.switch.next(kind)

    def invite(
        self,
        target: str,
        *,
        source: str = STAFF_HOST,
        credentials: sip.DigestCredentials | None = None,
        from_user: str = "anybody",
        offer: str = STAFF_SDP,
    ) -> str:
        leg = new_id()
        self.switch.emit(
            sip.Incoming(
                leg=leg,
                from_user=SecretStr(from_user),
                to_user=SecretStr(target),
                source_host=source,
                source_port=5080 if source == TRUNK_HOST else 5062,
                sdp=offer,
                authorization=credentials,
            )
        )
        return leg

    async def dial(self, phone: Phone, target: str, *, offer: str = STAFF_SDP) -> str:
        """Dial as a phone does: be challenged, answer; give the leg of the second INVITE."""
        self.invite(target)
        challenge = await self.next(sip.Challenge)
        proof = phone.credentials(challenge, "INVITE", f"sip:{target}@gw")
        phone.count = 0
        return self.invite(target, credentials=proof, offer=offer)

    async def register(self, phone: Phone, *, expires: int = 600, contact: str | None = "auto") -> int:
        """Register a phone; give the seconds that were granted."""
        self.register_once(phone, None, expires=expires, contact=contact)
        challenge = await self.next(sip.Challenge)
        proof = phone.credentials(challenge, "REGISTER", "sip:maskline")
        phone.count = 0
        self.register_once(phone, proof, expires=expires, contact=contact)
        return (await self.next(sip.Registered)).expires

    def register_once(
        self,
        phone: Phone,
        proof: sip.DigestCredentials | None,
        *,
        expires: int = 600,
        contact: str | None = "auto",
        user: str | None = None,
    ) -> None:
        name = user or phone.account.username
        self.switch.emit(
            sip.Register(
                request=new_id(),
                user=name,
                contact=f"sip:{phone.account.username}@{STAFF_HOST}:5062" if contact == "auto" else contact,
                expires=expires,
                source_host=STAFF_HOST,
                source_port=5062,
                authorization=proof,
            )
        )

    def answered(self, leg: str, text: str = CUSTOMER_SDP) -> None:
        self.switch.emit(sip.Answered(leg=leg, sdp=text))

    def ringing(self, leg: str) -> None:
        self.switch.emit(sip.Ringing(leg=leg))

    def failed(self, leg: str, status: int) -> None:
        self.switch.emit(sip.Failed(leg=leg, status=status))

    def ended(self, leg: str, by: str = "remote") -> None:
        self.switch.emit(sip.Ended(leg=leg, by=by))  # type: ignore[arg-type]

    def cancelled(self, leg: str) -> None:
        self.switch.emit(sip.Cancelled(leg=leg))

    @property
    def session(self) -> InMemoryMediaSession:
        """The media of the only call."""
        (session,) = self.house.media.sessions.values()
        return session

    async def connect(self, phone: Phone, target: str) -> tuple[str, str]:
        """Bring a staff call up to the conversation; give both legs."""
        staff = await self.dial(phone, target)
        originate = await self.next(sip.Originate)
        self.ringing(originate.leg)
        assert (await self.next(sip.Ring)).leg == staff
        self.answered(originate.leg)
        answer = await self.next(sip.Answer)
        assert answer.leg == staff
        return staff, originate.leg

    async def bridged(self) -> None:
        async with self.patience():
            await self.session.bridging.wait()

    def said(self, kind: type[C]) -> list[C]:
        """Everything of a kind that was sent to the switch so far."""
        return [command for command in self.switch.sent if isinstance(command, kind)]

    async def closed(self) -> CallRow:
        """Wait until every call is in the books; give the record if there is one."""
        async with asyncio.timeout(PATIENCE_S):
            for call_id in self.calls.live.ids:
                await self.calls.live.finished(call_id)
        rows = await self.house.rows()
        return rows[-1]


@asynccontextmanager
async def house_at(database: Database, clock: ManualClock) -> AsyncIterator[House]:
    """A house in a folder whose path is short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="mk"))
    try:
        yield House(database, clock, folder)
    finally:
        shutil.rmtree(folder)
