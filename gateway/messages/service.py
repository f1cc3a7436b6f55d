"""Sends messages: verdict first, then screening, then the queue, all in one transaction."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.model import Principal
from core.access.scope import scope_clause
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger.record import JSON
from core.logging import get_logger
from core.masking import mask_name
from core.sealed import Field
from core.vault import Cipher, SubjectKeys
from gateway.contact.errors import BindingUnknown
from gateway.contact.gather import lock_customer
from gateway.contact.model import Channel, ContactRequest, Direction, Purpose, Verdict
from gateway.customers.models import CustomerRow
from gateway.customers.sealing import CustomerSealing
from gateway.messages import machine, permissions, sealing
from gateway.messages.attachments import Attachments, Kept
from gateway.messages.books import MessageBooks, Said, write_refusal
from gateway.messages.errors import (
    ChannelMissing,
    MessageInvalid,
    MessageKeyMismatch,
    ScreeningUnavailable,
    TemplateRequired,
)
from gateway.messages.model import BodyKind, ChannelKind, MessageRole, Traits
from gateway.messages.models import MessageRow
from gateway.messages.ports import Contacts, Screener
from gateway.messages.rulefile import DeliveryPolicy, ScreeningPolicy, Wording
from gateway.messages.screening.decide import attachment_finding, decide
from gateway.messages.screening.detect import Allowed, digits_of
from gateway.messages.screening.model import Action, Finding, Screened
from gateway.messages.templates import TemplateService
from gateway.messages.threads import Calendar, count_message, open_thread
from gateway.numbers.models import BindingRow, LineRow

CHAT_LINK = "[chat-link]"
"""Stands in a text until it leaves. Typed by hand it stays what it is."""
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SendRequest:
    """What an employee wants to say: a text, or a template with its values, and perhaps a file."""

    binding_id: str
    channel: ChannelKind
    text: str = field(default="", repr=False)
    template_version_id: str | None = None
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    file: bytes | None = field(default=None, repr=False)
    file_name: str = field(default="", repr=False)
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class House:
    """What the institution is called, its sites, its language."""

    institution: str
    hosts: frozenset[str]
    language: str = "zh"


@dataclass(frozen=True, slots=True)
class Parties:
    """Binding, line and customer of a message, read in its transaction."""

    binding: BindingRow
    line_number: str
    customer_name: str = field(repr=False)
    own_number: str = field(repr=False)
    cipher: Cipher


class MessageService:
    """The one way by which staff write to customers."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        contacts: Contacts,
        subject_keys: SubjectKeys,
        customers: CustomerSealing,
        books: MessageBooks,
        templates: TemplateService,
        attachments: Attachments,
        screener: Screener,
        policy: ScreeningPolicy,
        delivery: DeliveryPolicy,
        wording: Wording,
        calendar: Calendar,
        house: House,
        channels: Mapping[ChannelKind, Traits],
    ) -> None:
        self._db = database
        self._clock = clock
        self._contacts = contacts
        self._keys = subject_keys
        self._customers = customers
        self._books = books
        self._templates = templates
        self._attachments = attachments
        self._screener = screener
        self._policy = policy
        self._delivery = delivery
        self._wording = wording
        self._calendar = calendar
        self._house = house
        self._channels = channels

    @property
    def channels(self) -> Mapping[ChannelKind, Traits]:
        """Give the channels by which staff can write, and what each can do."""
        return {kind: traits for kind, traits in self._channels.items() if traits.can_send}

    def needs_template(self, purpose: Purpose, channel: ChannelKind) -> bool:
        """Tell whether a purpose may use no free text over a channel."""
        return any(
            rule.purpose is purpose and rule.channel is channel for rule in self._policy.templates_only
        )

    async def send(self, principal: Principal, request: SendRequest) -> str:
        """Judge, screen and queue a message; give its id. What was decided and why is in the message.

        The same idempotency key gives the same message again. Raises BindingUnknown, ChannelMissing,
        MessageInvalid, MessageKeyMismatch, TemplateRequired, Template*, AttachmentRefused,
        VerdictUnavailable, ScreeningUnavailable: then nothing was written.
        """
        self._check(request)
        request = replace(request, idempotency_key=self._customers.request_key(request.idempotency_key))
        kept = await self._keep_file(principal, request)
        async with self._db.begin() as session:
            parties = await self._parties(session, principal, request)
            if request.idempotency_key is not None:
                # The same key twice at the same moment: the second waits here and finds the first.
                await lock_customer(session, parties.binding.id)
            mac = sealing.mac(parties.cipher, "request", _canonical(request))
            known = await self._known(session, principal, request, mac)
            if known is not None:
                return known
            self._check_template(request, parties.binding.purpose)
            text, version_id = await self._text(session, request, parties)
            contact = ContactRequest(
                employee_id=principal.employee_id,
                binding_id=parties.binding.id,
                channel=Channel.MESSAGE,
                direction=Direction.OUTBOUND,
                purpose=parties.binding.purpose,
            )
            verdict = await self._contacts.judge(session, contact)
            screened = self._screen(text, parties, kept)
            row = await self._row(session, principal, request, parties, verdict)
            row.request_mac, row.template_version_id = mac, version_id
            self._write_screening(row, screened, verdict)
            sealing.put_body(row, parties.cipher, text, screened.text)
            if kept is not None:
                row.kind = kept.type.kind
            first = machine.begin(screened.action, allowed=verdict.allowed)
            said = Said("accepted", row.reason_code or screened.action.value, principal.employee_id)
            await self._books.open(session, row, first, said)
            if kept is not None:
                await self._books.attach(session, self._attachments.row(kept, row, parties.cipher))
            await self._ledger(session, row, screened)
            return row.id

    def _check(self, request: SendRequest) -> None:
        traits = self._channels.get(request.channel)
        if traits is None or not traits.can_send:
            raise ChannelMissing(channel=request.channel.value)
        text = request.text
        if request.template_version_id is None:
            limit = min(self._delivery.max_text, traits.max_text)
            if not text.strip() and request.file is None:
                raise MessageInvalid("It is empty.", detail_zh="内容为空。")
            if len(text) > limit:
                raise MessageInvalid(f"At most {limit} characters.", detail_zh=f"最多 {limit} 字。")
            if any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in text):
                raise MessageInvalid("It holds control characters.", detail_zh="含控制字符。")
        elif text or request.file is not None:
            raise MessageInvalid("A template goes alone.", detail_zh="模板消息不能附加文字或文件。")
        if request.file is not None and not traits.media:
            raise MessageInvalid("This channel takes no files.", detail_zh="该通道不支持文件。")

    def _check_template(self, request: SendRequest, purpose: Purpose) -> None:
        if request.template_version_id is None and self.needs_template(purpose, request.channel):
            raise TemplateRequired

    async def _keep_file(self, principal: Principal, request: SendRequest) -> Kept | None:
        if request.file is None:
            return None
        async with self._db.read() as session:
            binding = await self._binding(session, principal, request)
        return await self._attachments.keep(binding.customer_id, request.file, request.file_name)

    async def _binding(self, session: AsyncSession, principal: Principal, request: SendRequest) -> BindingRow:
        binding = await session.scalar(
            select(BindingRow).where(BindingRow.id == request.binding_id, _may_send(principal))
        )
        if binding is None:
            raise BindingUnknown
        return binding

    async def _parties(self, session: AsyncSession, principal: Principal, request: SendRequest) -> Parties:
        query = (
            select(BindingRow, LineRow.number, CustomerRow)
            .join(LineRow, LineRow.id == BindingRow.line_id)
            .join(CustomerRow, CustomerRow.id == BindingRow.customer_id)
            .where(BindingRow.id == request.binding_id, _may_send(principal))
        )
        found = (await session.execute(query)).one_or_none()
        if found is None:
            raise BindingUnknown
        binding, number, customer = found
        cipher = await self._keys.cipher(session, binding.customer_id)
        phone = self._customers.phone_of(customer, cipher)
        name = ""
        if customer.name is not None:
            name = mask_name(cipher.open_text(Field("gw_customers", "name", customer.id), customer.name))
        return Parties(binding, number, name, phone.national if phone else "", cipher)

    async def _known(
        self, session: AsyncSession, principal: Principal, request: SendRequest, mac: str
    ) -> str | None:
        if request.idempotency_key is None:
            return None
        query = select(MessageRow.id, MessageRow.request_mac).where(
            MessageRow.author_id == principal.employee_id,
            MessageRow.idempotency_key == request.idempotency_key,
        )
        found = (await session.execute(query)).one_or_none()
        if found is None:
            return None
        if found.request_mac != mac:
            raise MessageKeyMismatch
        known: str = found.id
        return known

    async def _text(
        self, session: AsyncSession, request: SendRequest, parties: Parties
    ) -> tuple[str, str | None]:
        if request.template_version_id is None:
            return request.text, None
        note = self._wording.opt_out_note
        house = {
            "institution": self._house.institution,
            "opt_out": note.zh if self._house.language == "zh" else note.en,
            "customer_name": parties.customer_name,
            "line_number": parties.line_number,
            "chat_link": CHAT_LINK,
        }
        rendered = await self._templates.render(
            session,
            request.template_version_id,
            parties.binding.purpose,
            request.values,
            house,
            self._allowed(parties),
        )
        if CHAT_LINK in rendered.text and ChannelKind.WEBCHAT not in self._channels:
            raise ChannelMissing(channel=ChannelKind.WEBCHAT.value)
        return rendered.text, rendered.version_id

    def _screen(self, text: str, parties: Parties, kept: Kept | None) -> Screened:
        try:
            hits = self._screener.find(text, parties.binding.purpose)
        except Exception as error:
            _log.error("message.screening_unavailable", error_type=type(error).__name__)
            raise ScreeningUnavailable from error
        own = (parties.own_number,) if parties.own_number else ()
        screened = decide(text, hits, self._policy, self._allowed(parties), own=own)
        if kept is None or (kept.read_text is not None and not kept.read_text.strip()):
            return screened
        findings = [*screened.findings, *self._file_findings(kept, parties, own)]
        action = max((finding.action for finding in findings), key=lambda found: found.rank)
        return Screened(action, screened.text, tuple(findings), screened.policy_version)

    def _file_findings(self, kept: Kept, parties: Parties, own: tuple[str, ...]) -> list[Finding]:
        """Of a picture that could be read its words count; nobody can mask them, so contact data holds it."""
        unread = attachment_finding(kept.type.kind, self._policy)
        if kept.read_text is None:
            return [unread]
        hits = self._screener.find(kept.read_text, parties.binding.purpose)
        found = decide(kept.read_text, hits, self._policy, self._allowed(parties), own=own)
        return [*found.findings, unread] if found.findings else []

    def _allowed(self, parties: Parties) -> Allowed:
        digits = digits_of(parties.line_number)
        forms = {digits, digits.removeprefix("86"), "0" + digits.removeprefix("86")}
        return Allowed(frozenset(forms), self._house.hosts)

    async def _row(
        self,
        session: AsyncSession,
        principal: Principal,
        request: SendRequest,
        parties: Parties,
        verdict: Verdict,
    ) -> MessageRow:
        if verdict.contact_id is None:
            raise ScreeningUnavailable  # a verdict without a contact is no verdict
        now = self._clock.now()
        thread = await open_thread(session, parties.binding, request.channel, now)
        day = await count_message(session, thread, self._calendar, now)
        message_id = new_id()
        return MessageRow(
            id=message_id,
            thread_id=thread.id,
            thread_day_id=day.id,
            contact_id=verdict.contact_id,
            employee_id=thread.employee_id,
            department_id=thread.department_id,
            customer_id=thread.customer_id,
            channel=request.channel,
            direction=Direction.OUTBOUND,
            role=MessageRole.STAFF,
            kind=BodyKind.TEXT,
            author_id=principal.employee_id,
            idempotency_key=request.idempotency_key,
            reference=new_id(),
            created_at=now,
        )

    def _write_screening(self, row: MessageRow, screened: Screened, verdict: Verdict) -> None:
        row.action, row.policy_version = screened.action, screened.policy_version
        row.findings = [_stored(finding) for finding in screened.findings]
        row.reason_zh = row.reason_en = ""
        if not verdict.allowed:
            write_refusal(row, verdict)
        elif screened.action in {Action.BLOCK, Action.HOLD}:
            worst = max(screened.findings, key=lambda finding: finding.action.rank)
            row.reason_code = f"screening-{screened.action.value}"
            row.reason_zh, row.reason_en = worst.zh, worst.en

    async def _ledger(self, session: AsyncSession, row: MessageRow, screened: Screened) -> None:
        rules: list[JSON] = [*sorted({finding.rule_id for finding in screened.findings})]
        await self._books.note(
            session,
            "message.accepted",
            {
                "message": row.id,
                "contact": row.contact_id,
                "thread": row.thread_id,
                "by": row.author_id,
                "state": row.state.value,
                "action": screened.action.value,
                "policy": screened.policy_version,
                "words": self._screener.version,
                "rules": rules,
                "template": row.template_version_id,
                "body_hmac": row.body_mac,
            },
        )


def _may_send(principal: Principal) -> ColumnElement[bool]:
    return scope_clause(
        principal,
        permissions.MESSAGE_SEND,
        owner=BindingRow.employee_id,
        department=BindingRow.department_id,
    )


def _stored(finding: Finding) -> dict[str, object]:
    return {
        "category": finding.category,
        "action": finding.action.value,
        "rule_id": finding.rule_id,
        "count": finding.count,
        "zh": finding.zh,
        "en": finding.en,
        "begin": finding.begin,
        "end": finding.end,
    }


def _canonical(request: SendRequest) -> str:
    values = "\x1f".join(f"{name}={value}" for name, value in sorted(request.values.items()))
    size = len(request.file) if request.file is not None else -1
    parts = (request.binding_id, request.channel, request.text, request.template_version_id, values, size)
    return "\x1e".join(str(part) for part in parts)
