"""Wires how alerts for words are told: the rules' choices, the day's digest, the other system's webhook."""

from zoneinfo import ZoneInfo

from core.webhook import Webhook
from maskline.ground import Ground
from qa.alert_digests import AlertDigests
from qa.alert_notices import AlertNotices
from qa.alert_rules import AlertRules
from qa.inspection.rulebook import own_rulebook


def alert_notices(ground: Ground) -> AlertNotices:
    """Give the notices of this process, hearing of its alerts."""
    webhook = ground.settings.alerts.webhook
    notices = AlertNotices(
        database=ground.database,
        outbox=ground.outbox,
        rulebook=own_rulebook(),
        site=ground.settings.web.url,
        notifier=None if webhook is None else Webhook(*webhook, ground.clock),
    )
    notices.listen(ground.bus)
    return notices


def alert_digests(ground: Ground) -> AlertDigests:
    """Give what tells the day's digest, for the relay; its notices go out with it."""
    alert_notices(ground)
    return AlertDigests(
        database=ground.database,
        clock=ground.clock,
        ledger=ground.ledger,
        bus=ground.bus,
        hour=ground.settings.alerts.digest_hour,
        zone=ZoneInfo(ground.settings.timezone),
    )


def alert_rules(ground: Ground) -> AlertRules:
    """Give the choices, for the pages."""
    return AlertRules(
        database=ground.database, clock=ground.clock, ledger=ground.ledger, rulebook=own_rulebook()
    )
