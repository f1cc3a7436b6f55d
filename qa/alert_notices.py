"""Tells another system of alerts: rules, counts and a link; never a number, a name or a word said."""

from collections.abc import Mapping
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from core.db import Database
from core.events import EventBus
from core.ledger import JSON
from core.outbox import Message, Outbox
from qa.alert_rules import choices
from qa.inspection.events import AlertRaised, AlertsDigested
from qa.inspection.models import AlertDigestRow, AlertRow
from qa.inspection.rulebook import Rulebook
from qa.tasks import Handler

ALERT_NOTICE, DIGEST_NOTICE = "alert.notice", "alert.digest-notice"
"""Topics in the outbox; a payload holds the alert's or the digest's id."""
RAISED, DIGESTED = "alert.raised", "alert.digest"
"""What the other system reads as the notice's type."""


class Notifier(Protocol):
    async def send(self, message_id: str, kind: str, data: Mapping[str, JSON]) -> None:
        """Send one notice; raise `Unavailable` to be asked again. The same id is the same notice."""
        ...


class AlertNotices:
    """Writes notices with what they tell of, and sends them: at least once, with the same id."""

    def __init__(
        self, *, database: Database, outbox: Outbox, rulebook: Rulebook, site: str, notifier: Notifier | None
    ) -> None:
        """`site`: our own address, for links. Without `notifier` nobody is told."""
        self._database = database
        self._outbox = outbox
        self._rulebook = rulebook
        self._site = site.rstrip("/")
        self._notifier = notifier

    def listen(self, bus: EventBus) -> None:
        """Hear of alerts and digests in the transactions that make them."""
        if self._notifier is not None:
            bus.subscribe(AlertRaised, self._on_raised)
            bus.subscribe(AlertsDigested, self._on_digested)

    def handlers(self) -> Mapping[str, Handler]:
        """Give topic -> handler for the worker."""
        return {ALERT_NOTICE: self._send_alert, DIGEST_NOTICE: self._send_digest}

    async def _on_raised(self, session: AsyncSession, event: AlertRaised) -> None:
        row = await session.get(AlertRow, event.alert_id)
        if row is not None and await self._wanted(session, row.rules):
            await self._outbox.put(session, ALERT_NOTICE, {"alert_id": row.id}, key=row.id)

    async def _on_digested(self, session: AsyncSession, event: AlertsDigested) -> None:
        if await self._wanted(session, event.rules):
            payload = {"digest_id": event.digest_id}
            await self._outbox.put(session, DIGEST_NOTICE, payload, key=event.digest_id)

    async def _wanted(self, session: AsyncSession, rule_ids: tuple[str, ...] | list[str]) -> bool:
        chosen = await choices(session)
        return any(rule_id in chosen and chosen[rule_id].webhook for rule_id in rule_ids)

    async def _send_alert(self, message: Message) -> None:
        """Tell of one alert; payload: alert_id."""
        async with self._database.read() as session:
            row = await session.get(AlertRow, str(message.payload["alert_id"]))
        if row is not None:
            data: dict[str, JSON] = {
                "alert_id": row.id,
                "severity": row.severity,
                "suspected": row.suspected,
                "rules": self._names(dict.fromkeys(row.rules, 0), counted=False),
                "link": f"{self._site}/alerts?thread={row.thread_id}#alert-{row.id}"
                if row.thread_id
                else f"{self._site}/alerts#alert-{row.id}",
            }
            await self._send(row.id, RAISED, data)
        await self._done(message)

    async def _send_digest(self, message: Message) -> None:
        """Tell of a day's digest; payload: digest_id."""
        async with self._database.read() as session:
            row = await session.get(AlertDigestRow, str(message.payload["digest_id"]))
        if row is not None:
            data: dict[str, JSON] = {
                "digest_id": row.id,
                "day": row.day.isoformat(),
                "alerts": row.alerts,
                "rules": self._names(row.rules, counted=True),
                "link": f"{self._site}/alerts?digest={row.id}",
            }
            await self._send(row.id, DIGESTED, data)
        await self._done(message)

    def _names(self, hits: Mapping[str, int], *, counted: bool) -> list[JSON]:
        return [
            {"id": title.id, "zh": title.zh, "en": title.en} | ({"alerts": hits[title.id]} if counted else {})
            for title in self._rulebook.titles(hits)
        ]

    async def _send(self, message_id: str, kind: str, data: Mapping[str, JSON]) -> None:
        if self._notifier is not None:
            await self._notifier.send(message_id, kind, data)

    async def _done(self, message: Message) -> None:
        async with self._database.begin() as session:
            await self._outbox.ack(session, message.outbox_id)
