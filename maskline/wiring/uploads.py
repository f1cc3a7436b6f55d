"""Plugs the gateway's books into what phones hand in: who is a customer, the archive, conduct."""

import json
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from devicepolicy.uploads.build import UploadPorts
from devicepolicy.uploads.model import EventKind, Finding, RecordKind
from devicepolicy.uploads.ports import DeviceConduct, ForeignRecord, SimCall
from gateway.customers.models import CustomerRow
from gateway.customers.phone import PhoneInvalid, PhoneNumber
from gateway.customers.sealing import CustomerSealing
from gateway.messages import rulefile
from gateway.messages.build import build_messages
from gateway.messages.channels.wecom.archive import ArchiveParts, ArchiveReader
from gateway.messages.channels.wecom.members import ArchiveMembers, Parties, binding_between
from gateway.messages.channels.wecom.sources import RawRecord
from gateway.messages.conduct import Conduct, ConductBooks
from gateway.messages.events import ConductKind
from gateway.messages.model import ChannelKind
from gateway.messages.screening.detect import detect, mask
from gateway.numbers.models import BindingRow
from gateway.offboarding.former import former_binding
from gateway.offboarding.holds import Holds
from maskline.ground import Ground
from maskline.wiring.gateway import Gateway
from maskline.wiring.messages import archive_members, message_ground

SOURCE = "phone"
"""The archive's name for phones; an administrator links an app's `<app>/<name>` of a customer under it."""
_CONDUCT: Mapping[EventKind, ConductKind] = {
    EventKind.CONTACT_DELETED: ConductKind.CONTACT_DELETED_BY_STAFF,
    EventKind.CHAT_DELETED: ConductKind.CHAT_DELETED,
    EventKind.NAME_CARD_PUSHED: ConductKind.NAME_CARD,
    EventKind.PRIVATE_GROUP_CREATED: ConductKind.PRIVATE_GROUP,
    EventKind.LOCATION_SHARED: ConductKind.LOCATION,
    EventKind.RED_PACKET: ConductKind.RED_PACKET,
    EventKind.TRANSFER: ConductKind.TRANSFER,
    EventKind.CODE_SCANNED: ConductKind.CODE_SCANNED,
    EventKind.SCREENSHOT_TRIED: ConductKind.SCREENSHOT_TRIED,
    EventKind.BLOCKED_APP_OPENED: ConductKind.BLOCKED_APP,
    EventKind.SIM_CHANGED: ConductKind.SIM_CHANGED,
    EventKind.ROOT_FOUND: ConductKind.ROOT_FOUND,
    EventKind.DEVELOPER_MODE_ON: ConductKind.DEVELOPER_MODE,
    EventKind.SIM_CALL_OUTSIDE_GATEWAY: ConductKind.SIM_CALL,
    EventKind.CONTACT_BLOCKED: ConductKind.CONTACT_BLOCKED,
    EventKind.MESSAGE_EDITED: ConductKind.MESSAGE_EDITED,
    EventKind.CHAT_APP_NEW_LOGIN: ConductKind.CHAT_APP_NEW_LOGIN,
}
_FOUND: Mapping[Finding, ConductKind] = {
    Finding.UPLOAD_CONTRADICTS: ConductKind.UPLOAD_CONTRADICTS,
    Finding.RECORDING_MISSING: ConductKind.RECORDING_MISSING,
    Finding.UPLOAD_GAP: ConductKind.UPLOAD_GAP,
    Finding.MOCK_LOCATION: ConductKind.MOCK_LOCATION,
    Finding.IMPOSSIBLE_SPEED: ConductKind.IMPOSSIBLE_SPEED,
    Finding.OUTSIDE_PLACES: ConductKind.OUTSIDE_PLACES,
}
_NAMES = {"picture": "image", "red_packet": "redpacket"}
"""Kinds that the archive's format calls otherwise."""


class CustomersOfPhones:
    """`devicepolicy.uploads.ports.Counterparts` over the customers' blind index and the archive's links."""

    def __init__(self, ground: Ground, sealing: CustomerSealing, members: ArchiveMembers) -> None:
        self._region = ground.settings.default_region
        self._sealing = sealing
        self._members = members

    async def customer(self, session: AsyncSession, counterpart: str, app: str | None) -> str | None:
        try:
            index = self._sealing.phone_index(PhoneNumber.parse(counterpart, self._region))
        except PhoneInvalid:
            index = None
        if index is not None:
            found: str | None = await session.scalar(
                select(CustomerRow.id).where(CustomerRow.phone_index == index)
            )
            if found is not None:
                return found
        if app is None:
            return None
        return (await self._members.parties(session, SOURCE, f"{app}/{counterpart}", ())).customer_id


class ConductOfPhones:
    """`devicepolicy.uploads.ports.ConductSink` over the books of conduct: one behaviour, one alert."""

    def __init__(self, ground: Ground) -> None:
        self._books = ConductBooks(
            clock=ground.clock, ledger=ground.ledger, outbox=ground.outbox, bus=ground.bus
        )

    async def seen(self, session: AsyncSession, conduct: DeviceConduct) -> str | None:
        return await self._books.write(
            session,
            Conduct(
                _FOUND[kind] if isinstance(kind := conduct.kind, Finding) else _CONDUCT[kind],
                f"{SOURCE}/{conduct.subject}",
                conduct.at,
                conduct.employee_id,
                conduct.department_id,
                conduct.customer_id,
            ),
        )


class StatedMembers(ArchiveMembers):
    """Members whose ids say who they are: `employee:<id>`, `customer:<id>`."""

    async def parties(
        self, session: AsyncSession, source: str, sender: str, receivers: tuple[str, ...]
    ) -> Parties:
        del source
        stated = dict(one.split(":", 1) for one in (sender, *receivers))
        employee, customer = stated["employee"], stated["customer"]
        binding: BindingRow | None = await binding_between(session, employee, customer)
        binding = binding or await former_binding(session, employee, customer)
        return Parties(employee, customer, binding, sender.startswith("employee:"))


class OneFile:
    """`ArchiveSource` for a single record that was pushed to us, with its file."""

    def __init__(self, content: bytes | None = None) -> None:
        self._content = content

    async def fetch(self, after: int, limit: int) -> list[RawRecord]:
        del after, limit
        return []

    async def media(self, file_id: str) -> bytes | None:
        del file_id
        return self._content


class ArchiveOfPhones:
    """`ForeignRecords` and `SimCalls` over the archive's reader: threads, screening, files, inspection.

    A recording becomes a voice message of the conversation, is transcribed and inspected with it.
    """

    def __init__(self, parts: ArchiveParts) -> None:
        self._parts = parts

    async def message(self, record: ForeignRecord) -> str | None:
        kind, body = _body(record)
        told = {"msgtype": kind, kind: body, "roomid": "group" if record.in_group else ""}
        channel = ChannelKind.SMS if record.kind is RecordKind.SMS else ChannelKind.WECOM
        return await self._take(record, told, OneFile(), channel)

    async def recording(self, call: SimCall) -> str | None:
        content = b"".join([chunk async for chunk in call.open()])
        told = {"msgtype": "voice", "voice": {"sdkfileid": call.id, "play_length": call.duration_s}}
        return await self._take(call, told, OneFile(content), ChannelKind.SMS)

    async def _take(
        self, one: ForeignRecord | SimCall, told: Mapping[str, object], source: OneFile, channel: ChannelKind
    ) -> str | None:
        staff, customer = f"employee:{one.employee_id}", f"customer:{one.customer_id}"
        sender, receiver = (staff, customer) if one.outgoing else (customer, staff)
        payload = {
            "msgid": one.id,
            "from": sender,
            "tolist": [receiver],
            "msgtime": int(one.at.timestamp() * 1000),
            **told,
        }
        reader = ArchiveReader(SOURCE, source, self._parts, channel=channel)
        return await reader.take(RawRecord(0, one.id, json.dumps(payload, ensure_ascii=False).encode()))


class MessagesOfPhones:
    """`ForeignRecords`."""

    def __init__(self, archive: ArchiveOfPhones) -> None:
        self._archive = archive

    async def take(self, record: ForeignRecord) -> str | None:
        return await self._archive.message(record)


class CallsOfPhones:
    """`SimCalls`."""

    def __init__(self, archive: ArchiveOfPhones) -> None:
        self._archive = archive

    async def take(self, call: SimCall) -> str | None:
        return await self._archive.recording(call)


def covered(text: str) -> str:
    """Cover contact data in what somebody wrote."""
    return mask(text, detect(text))


def intake_ports(ground: Ground) -> UploadPorts:
    """Give the ports of the processes that take uploads in."""
    counterparts = CustomersOfPhones(ground, CustomerSealing(ground.vault), archive_members(ground))
    return UploadPorts(
        counterparts=counterparts, conduct=ConductOfPhones(ground), cover=covered, holds=Holds(ground.clock)
    )


def all_ports(ground: Ground, gateway: Gateway) -> UploadPorts:
    """Give the ports of the process that hands uploads on."""
    on = message_ground(ground, gateway)
    messages = build_messages(on)
    parts = ArchiveParts(
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        subject_keys=ground.subject_keys,
        inbox=messages.inbox,
        books=messages.books,
        conducts=ConductBooks(clock=ground.clock, ledger=ground.ledger, outbox=ground.outbox, bus=ground.bus),
        members=StatedMembers(
            database=ground.database, clock=ground.clock, vault=ground.vault, ledger=ground.ledger
        ),
        attachments=messages.attachments,
        screener=on.screener,
        policy=rulefile.screening_policy(),
        calendar=messages.calendar,
    )
    archive = ArchiveOfPhones(parts)
    return replace(intake_ports(ground), foreign=MessagesOfPhones(archive), sim_calls=CallsOfPhones(archive))


def _body(record: ForeignRecord) -> tuple[str, Mapping[str, object]]:
    """Give a message in the archive's format: what it says as text, else which kind it is."""
    if record.recalls is not None:
        return "revoke", {"pre_msgid": record.recalls}
    if record.text or record.body_kind == "text":
        return "text", {"content": record.text}
    return _NAMES.get(record.body_kind, record.body_kind), {}
