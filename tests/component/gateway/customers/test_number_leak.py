import io
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import pytest
import structlog
from openpyxl import Workbook
from sqlalchemy import text

from core import logging as house_logging
from core.access.model import Principal, Role
from core.clock import ManualClock
from core.db import Base, Database
from core.errors import MasklineError
from gateway.contact.model import Channel, ContactRequest, Direction, Outcome, Purpose
from gateway.customers.approvals.model import ExportWish, SheetFormat
from gateway.customers.approvals.reading import RequestFilter
from gateway.customers.consent import BlockAsked, ConsentGiven
from gateway.customers.importing.report import ImportMode
from gateway.customers.model import (
    BlockReason,
    ConsentSource,
    CustomerChange,
    CustomerDraft,
    CustomerFilter,
    CustomerInput,
)
from tests.support.approving import ApprovalDesk
from tests.support.desk import Desk

CANARY = "13911112222"
FORMS = tuple(
    form
    for digits in (CANARY, "139-1111-2222", "139 1111 2222")
    for form in (digits, digits.encode().hex(), digits.encode("utf-16-le").hex())
)
FIELDS = ["手机号", "姓名", "证件号", "标签", "外部编号", "时区", "城市", "负责人"]


@pytest.fixture
async def desk(database: Database, clock: ManualClock) -> Desk:
    return Desk(database, clock)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that our own logging set-up writes, at the lowest level."""
    root = logging.getLogger()
    former, level = root.handlers[:], root.level
    house_logging.configure("test", level="DEBUG")
    stream = io.StringIO()
    (handler,) = root.handlers
    handler.setStream(stream)  # type: ignore[attr-defined]
    house_logging.get_logger("test").info("leak.test_begins", number=CANARY)
    logging.getLogger("elsewhere").warning("calling %s", CANARY)
    assert "leak.test_begins" in stream.getvalue()
    assert "elsewhere.warning" in stream.getvalue()
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = former
    root.setLevel(level)


def leaks(*things: object) -> list[str]:
    shown = "\n".join(f"{thing!s}\n{thing!r}" for thing in things)
    return [form for form in FORMS if form in shown]


def told(error: BaseException) -> list[object]:
    """All that an error can tell: itself, its facts, both languages and its causes."""
    seen: list[object] = [error, error.args]
    if isinstance(error, MasklineError):
        seen += [error.facts, error.message("zh"), error.message("en"), error.detail, error.detail_zh]
    if error.__cause__ is not None:
        seen += told(error.__cause__)
    return seen


async def stored(database: Database) -> bytes:
    """Everything in the database as bytes, in the clear and with blobs as hexadecimal."""
    content = b""
    async with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in await session.execute(text(f'SELECT * FROM "{table.name}"')):  # noqa: S608 - our own tables
                cells = [cell.hex() if isinstance(cell, bytes) else str(cell) for cell in row]
                content += "\n".join(cells).encode()
    if database.is_sqlite:
        main = Path(database.url.database or "")
        for path in main.parent.glob(f"{main.name}*"):
            content += path.read_bytes()
    return content


def leaks_in(content: bytes) -> list[str]:
    return [form for form in FORMS if form.encode() in content]


def sheet(rows: list[list[str]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def files() -> list[bytes]:
    """A canary in every field of a file, in its headings, and in what makes it unreadable."""
    good = ["13800138000", "张三", "", "", "", "", "", ""]
    tables = [[FIELDS, [*good[:place], CANARY, *good[place + 1 :]]] for place in range(len(FIELDS))]
    tables += [[FIELDS, [CANARY, "张三", CANARY, CANARY, CANARY, CANARY, CANARY, CANARY]]]
    tables += [[[*FIELDS, CANARY], [*good, CANARY]]]
    tables += [[[CANARY, CANARY], [CANARY, CANARY]], [["手机号", "手机", CANARY], [CANARY, CANARY, CANARY]]]
    tables += [
        [FIELDS, [f"={CANARY}", "张三"], [f"{CANARY}x", f"@{CANARY}"], [CANARY, "张三"], [CANARY, "李四"]]
    ]
    csv_files = ["\n".join(",".join(row) for row in table).encode() for table in tables]
    broken = [f'"{CANARY}'.encode() + b"x" * 200_000, sheet(tables[0])[:-100], CANARY.encode() + b"\xff\xff"]
    return [*csv_files, *(sheet(table) for table in tables), *broken]


async def test_no_import_tells_or_stores_a_number(desk: Desk, log: io.StringIO) -> None:
    admin = await desk.employee(Role.ADMINISTRATOR)
    taken = 0
    refused: list[MasklineError] = []
    for content in files():
        for mode in ImportMode:
            try:
                report = await desk.importer.run(admin, content, mode=mode)
            except MasklineError as error:
                refused.append(error)
            else:
                assert leaks(report, json.dumps(asdict(report), ensure_ascii=False)) == []
                taken += report.written
    assert len(refused) >= 5
    assert leaks(*(thing for error in refused for thing in told(error))) == []
    page = await desk.customers.find(admin, CustomerFilter(last_four="2222"))
    assert taken >= 2
    assert [view.phone_masked for view in page.items] == ["139****2222"]
    assert leaks(*(asdict(view) for view in page.items)) == []
    assert leaks(log.getvalue()) == []
    assert leaks_in(await stored(desk.database)) == []


async def walk(desk: Desk, admin: Principal) -> list[object]:
    """Use everything once with a canary customer; give all that came out."""
    await desk.line(admin, "01088886666")
    view = await desk.customer(admin, CANARY, name="张三", id_number="11010519491231002X")
    seen: list[object] = [view]
    seen.append(await desk.customers.find(admin, CustomerFilter(last_four="2222", name="张")))
    evidence = ConsentGiven(Purpose.SALES, ConsentSource.APP, desk.clock.now(), f"打 {CANARY} 时同意")
    block = BlockAsked(BlockReason.OTHER, purpose=Purpose.SERVICE, note=f"别打 {CANARY}")
    seen += [evidence, await desk.consents.give(admin, view.id, evidence)]
    seen += [block, await desk.consents.block(admin, view.id, block)]
    binding = await desk.bind(admin, view.id)
    seen.append(binding)
    request = ContactRequest(
        admin.employee_id, binding.id, Channel.CALL, Direction.OUTBOUND, Purpose.COLLECTION
    )
    async with desk.database.begin() as session:
        verdict = await desk.contacts.judge(session, request)
        contact_id = verdict.contact_id or ""
        seen += [verdict, await desk.contacts.recheck(session, contact_id)]
        number = await desk.contacts.reveal_for_dialling(session, contact_id)
        assert number.e164 == f"+86{CANARY}"
        inbound = await desk.bindings.resolve_inbound(session, binding.line_number, number)
        assert inbound == binding
        seen += [number, f"{number}", [number], {number}, vars(Carrier(number))]
        await desk.contacts.close(session, contact_id, Outcome.CONNECTED)
    change = CustomerChange(tags=("甲",), phone=CANARY)
    seen += [change, await desk.customers.update(admin, view.id, change)]
    return seen


class Carrier:
    def __init__(self, number: object) -> None:
        self.number = number


async def test_no_use_tells_or_stores_a_number(desk: Desk, log: io.StringIO) -> None:
    admin = await desk.employee(Role.ADMINISTRATOR)
    seen = await walk(desk, admin)
    for item in seen:
        assert leaks(item) == []
    for wrong in (
        desk.customer(admin, CANARY),
        desk.customer(admin, f"{CANARY}9"),
        desk.customer(admin, "13800138000", name=CANARY, external_id=CANARY, city=CANARY),
        desk.line(admin, f"x{CANARY}"),
        desk.customers.find(admin, CustomerFilter(last_four=CANARY)),
    ):
        with pytest.raises(MasklineError) as caught:
            await wrong
        assert leaks(*told(caught.value)) == []
    assert leaks(log.getvalue()) == []
    content = await stored(desk.database)
    assert leaks_in(content) == []
    assert b"contact.reveal-for-dialling" in content  # the ledger was looked at
    (customer,) = (await desk.customers.find(admin, CustomerFilter())).items
    await desk.customers.erase(admin, customer.id)
    assert leaks_in(await stored(desk.database)) == []


async def test_no_request_tells_or_stores_a_number(
    database: Database, clock: ManualClock, log: io.StringIO
) -> None:
    """Asked, seen, refused, decided, exported: before and after, in reasons and notes, in the file itself."""
    house = await ApprovalDesk(database, clock).set_up()
    owner, admin, other = house.agent, house.admin, house.other_admin
    customer = await house.desk.customer(owner, CANARY, name="张三")
    spaced = " ".join(CANARY)
    wish = CustomerChange(phone="13800138000", external_id="A-1")
    asked = await house.ask.change(owner, customer.id, wish, f"原号 {CANARY}，即 {spaced}")
    seen: list[object] = [wish, await house.see(admin, asked)]
    await house.decider.reject(admin, asked, f"请先拨打 {spaced} 核对")
    seen.append(await house.see(owner, asked))
    listed = await house.ask.export(house.chief, ExportWish(SheetFormat.CSV), f"{CANARY} 等客户")
    await house.decider.approve(admin, listed, f"给 {CANARY}")
    file = await house.parts.exports.take(house.chief, listed)
    seen += [await house.see(house.chief, listed), file, file.name, file.content.decode()]
    assert "139****2222" in file.content.decode()
    free = await house.desk.customer(owner, "13700137000")
    for wrong in (
        house.ask.change(owner, free.id, CustomerChange(phone=CANARY), "重号"),
        house.ask.change(owner, free.id, CustomerChange(name=CANARY, external_id=CANARY), "更正"),
        house.ask.change(owner, free.id, CustomerChange(phone=f"{CANARY}9"), "更正"),
        house.ask.change(owner, free.id, CustomerChange(name="李四"), f"{CANARY}\x00"),
        house.ask.export(house.chief, ExportWish(tag=CANARY), "核对"),
        house.desk.customers.update(owner, free.id, CustomerChange(phone="13900000000")),
    ):
        with pytest.raises(MasklineError) as caught:
            await wrong
        seen += told(caught.value)
    away = await house.ask.change(owner, customer.id, CustomerChange(phone="13900000000"), "换号")
    await house.decider.approve(admin, away)
    back = await house.ask.change(owner, customer.id, CustomerChange(phone=CANARY), "换回")
    assert leaks_in(await stored(database)) == []
    seen += [await house.see(other, back), (await house.parts.reader.find(admin, RequestFilter()))[0]]
    await house.decider.approve(other, back)
    seen += [await house.see(other, back), asdict(await house.see(other, back))]
    assert leaks(*seen, log.getvalue()) == []
    assert leaks_in(await stored(database)) == []


def test_carriers_of_a_number_do_not_print_it() -> None:
    for kind in (CustomerInput, CustomerDraft, CustomerChange):
        values = {part.name: CANARY for part in fields(kind)}
        thing = kind(**values)  # type: ignore[arg-type]
        assert is_dataclass(thing)
        assert leaks(thing) == []


async def test_the_canary_is_found_when_it_is_there(desk: Desk) -> None:
    """The search itself works: a number in the clear and one in a blob are both seen."""
    admin = await desk.employee(Role.ADMINISTRATOR)
    await desk.line(admin, CANARY)  # a line's number is no secret and stands in the clear
    assert CANARY in leaks_in(await stored(desk.database))
    with suppress(MasklineError):
        await desk.line(admin, CANARY)
