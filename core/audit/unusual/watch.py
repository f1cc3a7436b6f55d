"""Judges new lines of the access log by every rule, and tells who must know. A chore of the relay.

What has been judged is a mark in the database that moves after the findings are kept: after a crash the same
lines are judged again, with the same answer. Lines may be committed a little out of order, so the last
two minutes are looked at again; this process remembers which of them it has judged.
"""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.access.addresses import judged_now, new_addresses
from core.access.models import Employee
from core.audit.service import AuditService
from core.audit.unusual.findings import Findings, Found
from core.audit.unusual.hours import first_day, night_of
from core.audit.unusual.judging import limit_with, many, roundabout, streak, within
from core.audit.unusual.model import Line, Seen
from core.audit.unusual.models import JudgedRow
from core.audit.unusual.ports import UnusualAlerts
from core.audit.unusual.reading import fresh_lines, persons_lines, read_lines, usual_of
from core.audit.unusual.rulebook import Judge, Rule, Rulebook
from core.clock import Clock
from core.db import Database
from core.ids import new_id
from core.ledger import Ledger

BATCH = 500
OVERLAP_MS = 120_000
NAME = "access-log"


class UnusualWatch:
    """One pass judges everything that is new."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        rulebook: Rulebook,
        zone: ZoneInfo,
        audit: AuditService,
        ledger: Ledger,
        alerts: UnusualAlerts,
    ) -> None:
        self._database = database
        self._clock = clock
        self._rules = rulebook
        self._zone = zone
        self._audit = audit
        self._findings = Findings(clock, rulebook=rulebook, ledger=ledger, alerts=alerts)
        self._done: set[str] = set()
        """Lines of the last two minutes that this process has judged."""

    async def __call__(self) -> None:
        """Judge what is new, in the order in which it came."""
        await self._audit.catch_up()
        mark = await self._mark()
        place = floor = _a_little_before(min(mark.line_id, new_id()))
        while True:
            async with self._database.read() as session:
                lines = await read_lines(session, fresh_lines(place, BATCH))
                fresh = [line for line in lines if line.id not in self._done and line.at >= mark.began_at]
                found = await self._judge(session, fresh)
            if lines:
                place = lines[-1].id
                await self._keep(found, place)
                self._done.update(line.id for line in lines)
            if len(lines) < BATCH:
                break
        await self._judge_addresses()
        self._done = {one for one in self._done if one > floor}

    async def _mark(self) -> JudgedRow:
        """Give how far the log has been judged; what was there before the first pass is no news."""
        async with self._database.read() as session:
            mark = await session.get(JudgedRow, NAME)
        if mark is not None:
            return mark
        async with self._database.begin() as session:
            mark = JudgedRow(name=NAME, line_id=new_id(), began_at=self._clock.now())
            session.add(mark)
        return mark

    async def _keep(self, found: Sequence[Found], place: str) -> None:
        """Write the findings, then move the mark; each in a transaction whose last lock is the ledger's."""
        for one in found:
            async with self._database.begin() as session:
                await _lock(session)
                await self._findings.keep(session, one)
        async with self._database.begin() as session:
            mark = await _lock(session)
            mark.line_id = max(mark.line_id, place)

    async def _judge(self, session: AsyncSession, fresh: Sequence[Line]) -> list[Found]:
        found = []
        for rule in self._rules.enabled:
            if rule.judge is Judge.ROUNDABOUT:
                found += await self._grants(session, rule, fresh)
            elif rule.judge is not Judge.ADDRESS:
                of_rule = [line for line in fresh if line.is_of(rule.all_told)]
                for actor_id in dict.fromkeys(line.actor_id for line in of_rule):
                    if actor_id is not None:
                        new = [line for line in of_rule if line.actor_id == actor_id]
                        found += await self._of_person(session, rule, actor_id, new)
        return found

    async def _of_person(
        self, session: AsyncSession, rule: Rule, actor_id: str, new: Sequence[Line]
    ) -> list[Found]:
        """Judge what one person did by one rule."""
        if rule.begins is not None and rule.ends is not None:
            return await self._at_night(session, rule, (rule.begins, rule.ends), actor_id, new)
        since, until = min(line.at for line in new), max(line.at for line in new)
        last = await self._findings.told_until(session, rule, actor_id)
        begin = since - timedelta(seconds=rule.window_s)
        lines = await read_lines(session, persons_lines(actor_id, rule.all_told, begin, until))
        lines = [line for line in lines if last is None or line.at > last]
        judge = streak if rule.judge is Judge.STREAK else many
        seen = judge(rule, lines, since=since)
        if seen is None:
            return []
        usual = await usual_of(session, rule, actor_id, seen.since) if rule.usual else None
        limit = limit_with(rule, usual)
        return [Found(rule, actor_id, seen, limit, usual)] if seen.count > limit else []

    async def _at_night(
        self, session: AsyncSession, rule: Rule, hours: tuple[time, time], actor_id: str, new: Sequence[Line]
    ) -> list[Found]:
        """Judge each night that a new line is in, but those of duty."""
        nights = {night for line in new if (night := night_of(line.at, self._zone, *hours)) is not None}
        if not nights:
            return []
        username = await session.scalar(select(Employee.username).where(Employee.id == actor_id))
        last = await self._findings.told_until(session, rule, actor_id)
        found = []
        for night in sorted(nights):
            if self._on_call(username, night):
                continue
            lines = await read_lines(session, persons_lines(actor_id, rule.acts_told, *night))
            seen = within(
                rule, [one for one in lines if one.at < night[1] and (last is None or one.at > last)]
            )
            if seen is not None:
                found.append(Found(rule, actor_id, seen, rule.limit, None))
        return found

    def _on_call(self, username: str | None, night: tuple[datetime, datetime]) -> bool:
        day = first_day(night, self._zone)
        return any(one.username == username and one.since <= day <= one.until for one in self._rules.on_call)

    async def _grants(self, session: AsyncSession, rule: Rule, fresh: Sequence[Line]) -> list[Found]:
        """Judge each new grant: did whoever got it prepare the account that gave it?"""
        found = []
        for grant in fresh:
            if not grant.is_of(rule.then_told) or grant.target_id is None or grant.actor_id is None:
                continue
            last = await self._findings.told_until(session, rule, grant.target_id)
            begin = grant.at - timedelta(seconds=rule.window_s)
            query = persons_lines(grant.target_id, rule.acts_told, begin, grant.at)
            seen = roundabout(rule, grant, await read_lines(session, query))
            if seen is not None and (last is None or seen.until > last):
                found.append(Found(rule, grant.target_id, seen, rule.limit, None, grant.actor_id))
        return found

    async def _judge_addresses(self) -> None:
        """Tell sign-ins from networks that a person had not used; each address is judged once."""
        for rule in self._rules.enabled:
            if rule.judge is not Judge.ADDRESS or rule.networks is None:
                continue
            async with self._database.read() as session:
                addresses = await new_addresses(session, v4=rule.networks.v4, v6=rule.networks.v6)
            for one in addresses:
                async with self._database.begin() as session:
                    await _lock(session)
                    if await judged_now(session, one) and one.is_news:
                        # The line of the log is written a moment before or after the address.
                        seen = Seen(one.at - _MOMENT, one.at + _MOMENT, 1)
                        found = Found(rule, one.employee_id, seen, rule.limit, None)
                        await self._findings.keep(session, found)


async def _lock(session: AsyncSession) -> JudgedRow:
    """Take the lock of the mark: two processes that judge the same find it once."""
    return await session.get_one(JudgedRow, NAME, with_for_update=True, populate_existing=True)


_MOMENT = timedelta(seconds=2)


def _a_little_before(line_id: str) -> str:
    """Give the id that a line of two minutes before would have had at least (RFC 9562 5.7)."""
    made_ms = max(0, (UUID(hex=line_id).int >> 80) - OVERLAP_MS)
    return f"{made_ms:012x}".ljust(32, "0")
