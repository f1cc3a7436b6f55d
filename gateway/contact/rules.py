"""The rules: one small pure function each. It says why not, or nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gateway.contact.facts import Facts, PastContact
from gateway.contact.localtime import is_open, local_date, next_day, next_opening
from gateway.contact.rulebook import CapParameters, ConsentParameters, HoursParameters, Rule, RuleKind


@dataclass(frozen=True, slots=True)
class Hit:
    """A refusal: which reason, when this rule alone would allow (None: only an act helps), and figures."""

    code: str
    next_allowed_at: datetime | None = None
    figures: Mapping[str, object] = field(default_factory=dict)


RuleFunction = Callable[[Facts, Rule], Hit | None]


def employee(facts: Facts, rule: Rule) -> Hit | None:
    """Only an active employee with a phone in order reaches customers."""
    if not facts.employee_active:
        return Hit("employee-inactive")
    if facts.phone_refusal is not None:
        known = facts.phone_refusal in rule.reasons
        return Hit(facts.phone_refusal if known else "phone-not-compliant")
    return None


def binding(facts: Facts, _rule: Rule) -> Hit | None:
    """The binding is this employee's, alive, for this purpose, over a line in service."""
    tie = facts.binding
    checks = (
        ("customer-erased", facts.customer_erased),
        ("binding-foreign", tie.employee_id != facts.employee_id),
        ("binding-released", tie.released),
        ("binding-expired", tie.expires_at <= facts.now),
        ("purpose-mismatch", tie.purpose is not facts.purpose),
        ("line-inactive", not tie.line_active),
    )
    return next((Hit(code) for code, refused in checks if refused), None)


def do_not_contact(facts: Facts, _rule: Rule) -> Hit | None:
    """The customer, or somebody for them, said no to all of it or to this purpose or channel."""
    blocks = [
        block
        for block in facts.blocks
        if block.purpose in {None, facts.purpose}
        and block.channel in {None, facts.channel}
        and (block.until is None or block.until > facts.now)
    ]
    if not blocks:
        return None
    ends = [block.until for block in blocks if block.until is not None]
    until = max(ends) if len(ends) == len(blocks) else None
    return Hit("do-not-contact", until)


def consent(facts: Facts, rule: Rule) -> Hit | None:
    """A purpose that needs consent has one that is given and not withdrawn (PIPL Art. 13, 15)."""
    parameters = rule.parameters
    if not isinstance(parameters, ConsentParameters):
        raise TypeError(rule.id)
    if not parameters.required:
        return None
    held = any(
        given.purpose is facts.purpose
        and given.given_at <= facts.now
        and (given.withdrawn_at is None or given.withdrawn_at > facts.now)
        for given in facts.consents
    )
    return None if held else Hit("consent-missing")


def hours(facts: Facts, rule: Rule) -> Hit | None:
    """The customer's wall clock stands in an allowed window."""
    parameters = rule.parameters
    if not isinstance(parameters, HoursParameters):
        raise TypeError(rule.id)
    if is_open(facts.now, facts.zone, parameters.windows):
        return None
    figures = {
        "local_time": facts.now.astimezone(facts.zone).strftime("%H:%M:%S"),
        "windows": ", ".join(f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in parameters.windows),
        "zone": facts.zone.key,
    }
    return Hit("quiet-hours", next_opening(facts.now, facts.zone, parameters.windows), figures)


def cap(facts: Facts, rule: Rule) -> Hit | None:
    """The customer's local day has room for one more contact, whoever makes it. Open ones count."""
    parameters = rule.parameters
    if not isinstance(parameters, CapParameters):
        raise TypeError(rule.id)
    today = local_date(facts.now, facts.zone)

    def counts(past: PastContact) -> bool:
        return (
            past.outcome in parameters.counts
            and past.channel in rule.applies.channels
            and past.direction in rule.applies.directions
            and past.purpose in ({facts.purpose} if parameters.per_purpose else rule.applies.purposes)
            and local_date(past.requested_at, facts.zone) == today
        )

    count = sum(counts(past) for past in facts.history)
    if count < parameters.limit:
        return None
    again = next_day(facts.now, facts.zone) if parameters.limit else None
    return Hit("cap-reached", again, {"count": count, "limit": parameters.limit})


FUNCTIONS: Mapping[RuleKind, RuleFunction] = {
    RuleKind.EMPLOYEE: employee,
    RuleKind.BINDING: binding,
    RuleKind.DO_NOT_CONTACT: do_not_contact,
    RuleKind.CONSENT: consent,
    RuleKind.HOURS: hours,
    RuleKind.CAP: cap,
}
