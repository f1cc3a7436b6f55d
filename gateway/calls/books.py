"""The books of calls: opened with the verdict, noted on the way, closed with contact, ledger and outbox."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, cast

import rfc8785
from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.db import Database
from core.ledger import Ledger
from core.outbox import Outbox
from core.vault import SubjectKeys
from gateway.calls.causes import Cause, EndedBy, outcome_of
from gateway.calls.commands import CallRecord
from gateway.calls.errors import AlreadyPlaced
from gateway.calls.flow import Flow, Mark
from gateway.calls.models import CallRow, document_of
from gateway.calls.ports import Bindings, Contacts
from gateway.calls.ticket import CallTicket, OpenedCall
from gateway.contact.model import Channel, ContactRequest, Decision, Verdict
from gateway.customers.phone import PhoneNumber
from gateway.media.model import MediaReport
from gateway.numbers.model import BindingView
from gateway.numbers.models import BindingRow

CALL_ENDED = "call.ended"
"""Kind in the ledger and topic in the outbox."""
_IN_LEDGER = (
    "recording_sha256", "wav_sha256", "recorded_packets", "relayed_packets", "duration_ms", "notice_ms",
    "ended_by", "cause",
)  # fmt: skip
_NO_RECORDING = {"ended_by": EndedBy.SYSTEM.value, "cause": Cause.RECORDER_FAILED.value}
"""A conversation without its recording is a failure of ours, however it ended."""


# Every call goes through these: made once, and without the ORM.
_TABLE = cast("Table", CallRow.__table__)
_THIS = _TABLE.c.id == bindparam("call")
_READ = select(_TABLE).where(_THIS).with_for_update()
_ADD = insert(_TABLE)
_CHANGE = update(_TABLE).where(_THIS)
_CHANGE_OPEN = _CHANGE.where(_TABLE.c.ended_at.is_(None))


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict of a call. `call` is None if nothing was written: then there was no contact either.

    `recording_key` is there if the call is allowed; it dies with the customer's key.
    """

    verdict: Verdict
    call: OpenedCall | None
    recording_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Dialling:
    """The second look. `number` is there only if it allowed; it lives no longer than the originate step."""

    verdict: Verdict
    number: PhoneNumber | None = field(repr=False)


class Books:
    """Every method is one transaction of its own and may be repeated."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        contacts: Contacts,
        bindings: Bindings,
        subject_keys: SubjectKeys,
        ledger: Ledger,
        outbox: Outbox,
        node: str,
    ) -> None:
        self._database = database
        self._clock = clock
        self._contacts = contacts
        self._bindings = bindings
        self._subject_keys = subject_keys
        self._ledger = ledger
        self._outbox = outbox
        self.node = node

    async def judge(self, ticket: CallTicket) -> Judgement | None:
        """Find the binding, ask for the verdict and open the record; None if there is no binding.

        Raises `AlreadyPlaced` if the employee's idempotency key was used before.
        """
        async with self._database.begin() as session:
            if ticket.idempotency_key is not None and ticket.employee_id is not None:
                earlier = await self._by_key(session, ticket.employee_id, ticket.idempotency_key)
                if earlier is not None:
                    raise AlreadyPlaced
            binding = await self._binding(session, ticket)
            if binding is None:
                return None
            request = ContactRequest(
                employee_id=ticket.employee_id or binding.employee_id,
                binding_id=binding.id,
                channel=Channel.CALL,
                direction=ticket.direction,
                purpose=binding.purpose,
                node=self.node,
            )
            verdict = await self._contacts.judge(session, request)
            if verdict.contact_id is None:
                return Judgement(verdict, None)
            await _add_once(session, self._values(ticket, binding, request, verdict))
            call = OpenedCall(
                ticket.call_id,
                verdict.contact_id,
                request.employee_id,
                binding.customer_id,
                binding.token,
                binding.line_number,
            )
            if not verdict.allowed:
                return Judgement(verdict, call)
            key = await recording_key(session, self._subject_keys, call.call_id, call.customer_id)
            return Judgement(verdict, call, key)

    async def find(self, employee_id: str, idempotency_key: str) -> CallRow | None:
        """Find the call that was asked for under this key."""
        async with self._database.read() as session:
            return await self._by_key(session, employee_id, idempotency_key)

    async def _by_key(self, session: AsyncSession, employee_id: str, key: str) -> CallRow | None:
        kept = self._subject_keys.vault.request_key(key)
        row: CallRow | None = await session.scalar(
            select(CallRow).where(CallRow.employee_id == employee_id, CallRow.idempotency_key == kept)
        )
        return row

    async def note_recording(self, call: OpenedCall, recording_id: str) -> None:
        """Write down which blob is being recorded, so that a crash can find it."""
        moment = self._clock.now()
        changes = {"call": call.call_id, "recording_id": recording_id, "media_open_at": moment}
        await self._database.run(_CHANGE_OPEN, changes)

    async def dial(self, call: OpenedCall) -> Dialling:
        """Look a second time; if it is still allowed let the number out and note that it was dialled."""
        async with self._database.begin() as session:
            verdict = await self._contacts.recheck(session, call.contact_id)
            changes = {"customer_dialled_at": self._clock.now()} if verdict.allowed else _reasons(verdict)
            connection = await session.connection()
            await connection.execute(_CHANGE, {"call": call.call_id, **changes})
            if not verdict.allowed:
                return Dialling(verdict, None)
            return Dialling(verdict, await self._contacts.reveal_for_dialling(session, call.contact_id))

    async def note(self, call: OpenedCall, mark: Mark, at: datetime) -> None:
        """Write a moment that matters if this process dies now."""
        await self._database.run(_CHANGE_OPEN, {"call": call.call_id, f"{mark.value}_at": at})

    async def close(self, call_id: str, record: CallRecord, report: MediaReport | None) -> bool:
        """Close record and contact, append to the ledger, tell the outbox: all or nothing, once.

        Gives False if there is no open record of this id.
        """
        async with self._database.begin() as session:
            connection = await session.connection()
            found = (await connection.execute(_READ, {"call": call_id})).mappings().one_or_none()
            if found is None or found["ended_at"] is not None:
                return False
            changes = _of_record(record) | _of_report(report)
            row = {**found, **changes}
            if row["bridged_at"] is not None and row["recording_sha256"] is None:
                changes |= _NO_RECORDING
            changes |= await self._file(session, {**found, **changes})
            await connection.execute(_CHANGE, {"call": call_id, **changes})
            return True

    async def _file(self, session: AsyncSession, row: Mapping[str, Any]) -> dict[str, Any]:
        """Close the contact and write ledger and outbox; gives what the record keeps of it."""
        outcome = outcome_of(
            Cause(row["cause"] or Cause.SYSTEM),
            customer_dialled=row["customer_dialled_at"] is not None or row["flow"] == Flow.INBOUND,
            customer_answered=row["customer_answered_at"] is not None,
        )
        contact_id: str = row["contact_id"]
        await self._contacts.close(session, contact_id, outcome, answered_at=row["customer_answered_at"])
        told = {"call_id": row["id"], "contact_id": contact_id}
        await self._outbox.put(session, CALL_ENDED, told, key=contact_id)
        cdr_sha256 = hashlib.sha256(rfc8785.dumps(document_of(row))).hexdigest()
        body = told | {"cdr_sha256": cdr_sha256} | {name: row[name] for name in _IN_LEDGER}
        entry = await self._ledger.append(session, CALL_ENDED, body)
        return {"cdr_sha256": cdr_sha256, "ledger_seq": entry.seq}

    async def _binding(self, session: AsyncSession, ticket: CallTicket) -> BindingView | None:
        if ticket.flow is Flow.INBOUND:
            if ticket.caller is None:
                return None
            return await self._bindings.resolve_inbound(session, ticket.target, ticket.caller)
        if ticket.employee_id is None:
            return None
        target: str | None = ticket.target
        if ticket.binding_id is not None:
            own = BindingRow.employee_id == ticket.employee_id
            target = await session.scalar(
                select(BindingRow.token).where(BindingRow.id == ticket.binding_id, own)
            )
        return await self._bindings.resolve_dial(session, ticket.employee_id, target) if target else None

    def _values(
        self, ticket: CallTicket, binding: BindingView, request: ContactRequest, verdict: Verdict
    ) -> dict[str, Any]:
        """Give the row of a call that begins."""
        now = self._clock.now()
        return {
            "id": ticket.call_id,
            "contact_id": verdict.contact_id,
            "node": self.node,
            "flow": ticket.flow.value,
            "direction": request.direction.value,
            "purpose": request.purpose.value,
            "employee_id": request.employee_id,
            "department_id": binding.department_id,
            "customer_id": binding.customer_id,
            "binding_id": binding.id,
            "line_id": binding.line_id,
            "idempotency_key": self._subject_keys.vault.request_key(ticket.idempotency_key),
            "started_at": now,
            "judged_at": now,
            "recorded_packets": 0,
            "relayed_packets": 0,
            "duration_ms": 0,
            **_reasons(verdict),
        }


async def recording_key(
    session: AsyncSession, subject_keys: SubjectKeys, call_id: str, customer_id: str
) -> bytes:
    """Derive the 32-byte key of a call's recording from the customer's key.

    Raises `SubjectErased` if the customer's key was destroyed.
    """
    cipher = await subject_keys.cipher(session, customer_id)
    return cipher.derive_key(f"recording/{call_id}")


def verdict_of(row: CallRow) -> Verdict:
    """Read the verdict back from the record."""
    return Verdict(
        decision=Decision(row.decision),
        rule_id=row.rule_id,
        rule_version=row.rule_version,
        reason_code=row.reason_code,
        reason_zh=row.reason_zh or "",
        reason_en=row.reason_en or "",
        next_allowed_at=row.next_allowed_at,
        contact_id=row.contact_id,
    )


async def _add_once(session: AsyncSession, values: Mapping[str, Any]) -> None:
    """Write the record. Two requests with one key at the same moment: the later one loses."""
    try:
        await (await session.connection()).execute(_ADD, values)
    except IntegrityError:
        raise AlreadyPlaced from None


def _reasons(verdict: Verdict) -> dict[str, Any]:
    return {
        "decision": verdict.decision.value,
        "rule_id": verdict.rule_id,
        "rule_version": verdict.rule_version,
        "reason_code": verdict.reason_code,
        "reason_zh": verdict.reason_zh or None,
        "reason_en": verdict.reason_en or None,
        "next_allowed_at": verdict.next_allowed_at,
    }


def _of_record(record: CallRecord) -> dict[str, Any]:
    values: dict[str, Any] = {f"{mark.value}_at": at for mark, at in record.marks.items()}
    values |= {
        "ended_by": record.ended_by.value,
        "cause": record.cause.value,
        "sip_status": record.sip_status,
    }
    if record.notice is not None:
        values |= {"notice_ms": record.notice.ms, "notice_sha256": record.notice.prompt_sha256}
    return values


def _of_report(report: MediaReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    values = {
        "staff_packets": asdict(report.staff),
        "customer_packets": asdict(report.customer),
        "recorded_packets": report.recorded_packets,
        "relayed_packets": report.relayed_packets,
        "duration_ms": report.duration_ms,
        "wav_sha256": report.wav_sha256,
        "media_failure": None if report.failure is None else report.failure.value,
        "recording_id": None,
    }
    if report.recording is not None:
        values |= {
            "recording_id": report.recording.blob_id,
            "recording_size": report.recording.size,
            "recording_sha256": report.recording.sha256,
        }
    return values
