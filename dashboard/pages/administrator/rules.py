"""Rules: what is in force, since when, from which source, how often it refused, and what it would say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from core.access.model import Principal
from core.web.context import RequestContext
from core.web.endpoint import Endpoint, endpoint
from core.web.replies import Html
from core.web.schema import ApiModel, IdStr
from dashboard.asked import Asked
from dashboard.call_filters import CallsQuery, Slug
from dashboard.forms import DoneQuery
from dashboard.pages.kit import DeskQuery, Kit
from dashboard.pages.preferences import Seen
from gateway.calls.figures import CallFigures
from gateway.calls.permissions import CALL_READ
from gateway.contact.errors import RuleUnknown
from gateway.contact.model import Channel, Direction, Purpose, Verdict
from gateway.contact.queries import DryRun
from gateway.contact.rulebook import CapParameters, HoursParameters, Rule
from gateway.messages.rulefile import RuleFile, optout_words, screening_policy, wording
from gateway.numbers.errors import BindingUnknown
from gateway.numbers.model import BindingFilter, BindingView
from gateway.permissions import BINDING_READ, CONTACT_DRY_RUN, CONTACT_READ, CUSTOMER_READ, RULE_READ

SPANS = (7, 30)
CHOICES = 50


class RulePath(ApiModel):
    rule_id: Slug


class TryQuery(DeskQuery):
    """What to try: a binding, a channel, and a time (now if none is given)."""

    binding: IdStr | None = None
    channel: Channel = Channel.CALL
    purpose: Purpose | None = None
    day: date | None = None
    hour: time | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """How often a rule refused in the last days: calls (with the list of them) and messages."""

    days: int
    calls: int
    messages: int
    address: str


@dataclass(frozen=True, slots=True)
class ShownRule:
    """A rule in force, its versions and its refusals by span."""

    rule: Rule
    refused: tuple[Refused, ...]
    versions: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """The answer of a dry run, rule by rule."""

    verdict: Verdict
    at: datetime
    reasons: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    chain: Sequence[Rule] = ()


class RulePages:
    """What the pages of rules share."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._parts = kit.parts
        self._figures = CallFigures(kit.parts.database)

    async def show(
        self,
        asked: Asked,
        query: DoneQuery,
        *,
        rule_id: str | None = None,
        trying: TryQuery | None = None,
    ) -> Html:
        """Render the rules in force, with one of them or a trial beside them."""
        principal, book = asked.principal, self._parts.rules
        in_force = self._parts.contacts.rules(principal)
        spans = await self._refusals(principal)
        shown = [ShownRule(rule, spans.get(rule.id, ())) for rule in in_force]
        versions = tuple(
            sorted((rule for rule in book.rules if rule.id == rule_id), key=lambda rule: rule.effective_from)
        )
        if rule_id is not None and not versions:
            raise RuleUnknown
        today = self._parts.calendar.today(self._parts.clock.now())
        current = next((rule for rule in reversed(versions) if rule.in_force(today)), None)
        chosen = current or (versions[-1] if versions else None)
        return self._kit.show(
            "rules.html",
            asked,
            back=_address(rule_id, trying),
            query=query,
            rules=shown,
            every=(tuple(Purpose), tuple(Channel), tuple(Direction)),
            spans=SPANS,
            counts=spans.get(rule_id or "", ()),
            chosen=chosen,
            reasons=reasons(chosen, asked.context.language),
            versions=versions[::-1],
            today=today,
            digest=book.digest,
            message_rules=_message_rules(),
            may_try=principal.allows(CONTACT_DRY_RUN) and principal.allows(BINDING_READ),
            trying=trying,
            trial=await self._trial(principal, trying) if trying else None,
        )

    async def _refusals(self, principal: Principal) -> dict[str, tuple[Refused, ...]]:
        """Count refusals of each rule for each span; nothing for readers without the right to."""
        now, calendar = self._parts.clock.now(), self._parts.calendar
        today = calendar.today(now)
        counts: dict[int, dict[str, list[int]]] = {}
        for days in SPANS:
            since = calendar.begin(today - timedelta(days=days - 1))
            found = counts.setdefault(days, {})
            if principal.allows(CALL_READ):
                seen = await self._figures.count(principal, since, calendar.end(today))
                for one in seen.refused_by:
                    found.setdefault(one.rule_id, [0, 0])[0] = one.count
            if principal.allows(CONTACT_READ):
                for other in await self._parts.contacts.refusals(principal, since, calendar.end(today)):
                    if other.channel is Channel.MESSAGE:
                        found.setdefault(other.rule_id, [0, 0])[1] = other.count
        ids = {rule.id for rule in self._parts.rules.rules}

        def refused(rule_id: str, days: int) -> Refused:
            calls, messages = counts[days].get(rule_id, (0, 0))
            first = today - timedelta(days=days - 1)
            address = CallsQuery(since=first, until=today, rule=rule_id).address()
            return Refused(days, calls, messages, address)

        return {rule_id: tuple(refused(rule_id, days) for days in SPANS) for rule_id in ids}

    async def _trial(self, principal: Principal, query: TryQuery) -> dict[str, object]:
        """Give what the form offers, and the answer if a binding was chosen."""
        page = await self._parts.bindings.find(principal, BindingFilter(), limit=CHOICES)
        bindings: list[BindingView] = list(page.items)
        if query.binding and query.binding not in {one.id for one in bindings}:
            bindings.insert(0, await self._parts.bindings.get(principal, query.binding))
        wanted = {one.customer_id for one in bindings}
        seen = principal.allows(CUSTOMER_READ)
        customers = await self._parts.customers.many(principal, wanted) if seen else {}
        directory = await self._parts.people.directory(principal)
        names = {person.id: person.display_name for person in directory.employees}
        names.setdefault(principal.employee_id, principal.display_name)
        chosen = next((one for one in bindings if one.id == query.binding), None)
        return {
            "bindings": bindings,
            "customers": customers,
            "names": names,
            "tried": await self._try(principal, chosen, query) if chosen else None,
        }

    async def _try(self, principal: Principal, binding: BindingView, query: TryQuery) -> Tried:
        now, zone = self._parts.clock.now(), self._parts.calendar.zone
        at = now
        if query.day is not None or query.hour is not None:
            day = query.day or self._parts.calendar.today(now)
            at = max(now, datetime.combine(day, query.hour or time(12), zone))
        asked = DryRun(binding.id, query.channel, Direction.OUTBOUND, query.purpose, at)
        verdict = await self._parts.contacts.dry_run(principal, asked)
        reasons = {other.rule_id: (other.zh, other.en) for other in verdict.others}
        if verdict.rule_id is not None:
            reasons[verdict.rule_id] = (verdict.reason_zh, verdict.reason_en)
        purpose = query.purpose or binding.purpose
        chain = self._parts.rules.chain(
            self._parts.calendar.today(at), purpose, query.channel, Direction.OUTBOUND
        )
        return Tried(verdict, at, reasons, chain)


def reasons(rule: Rule | None, language: str) -> list[str]:
    """Give what staff are told, with the rule's own figures where they are known beforehand."""
    if rule is None:
        return []
    has = rule.parameters
    figures: dict[str, object] = {"local_time": "…", "zone": "…", "until": "…", "count": "…", "limit": "…"}
    if isinstance(has, HoursParameters):
        figures["windows"] = ", ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in has.windows)
    if isinstance(has, CapParameters):
        figures |= {"count": has.limit, "limit": has.limit}
    texts = (reason.zh if language == "zh" else reason.en for reason in rule.reasons.values())
    return [text.format_map(figures) for text in texts]


def _address(rule_id: str | None, trying: TryQuery | None) -> str:
    if trying is None:
        return f"/rules/{rule_id}" if rule_id else "/rules"
    given = trying.model_dump(mode="json", exclude_none=True, exclude={"done", "failed", "undo"})
    return f"/rules/try?{urlencode(given)}"


def _message_rules() -> list[RuleFile]:
    """Give the versioned files that messages are held to besides these rules."""
    return [screening_policy(), wording(), optout_words()]


def endpoints(kit: Kit) -> list[Endpoint]:
    """Give the pages. The trial's address comes before the one of a rule."""
    pages = RulePages(kit)

    @endpoint(
        "GET",
        "/rules",
        permission=RULE_READ,
        summary_zh="规则页",
        summary_en="Page of the rules in force",
        kind="page",
    )
    async def listing(
        *, principal: Principal, query: DeskQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query)

    @endpoint(
        "GET",
        "/rules/try",
        permission=CONTACT_DRY_RUN,
        summary_zh="试判页：现有规则会怎么说",
        summary_en="Page to try what the rules would say",
        errors=(BindingUnknown,),
        kind="page",
    )
    async def trial(*, principal: Principal, query: TryQuery, context: RequestContext, headers: Seen) -> Html:
        return await pages.show(Asked(principal, context, headers), query, trying=query)

    @endpoint(
        "GET",
        "/rules/{rule_id}",
        permission=RULE_READ,
        summary_zh="单条规则页",
        summary_en="Page of one rule",
        errors=(RuleUnknown,),
        kind="page",
    )
    async def one(
        *, principal: Principal, path: RulePath, query: DeskQuery, context: RequestContext, headers: Seen
    ) -> Html:
        return await pages.show(Asked(principal, context, headers), query, rule_id=path.rule_id)

    return [listing, trial, one]
