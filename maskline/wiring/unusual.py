"""Wires unusual access: the access log is judged, and quality assurance's alerts tell of it."""

from zoneinfo import ZoneInfo

from core.audit.unusual import Rulebook, UnusualReader, UnusualWatch, load_rules
from core.config import Settings
from maskline.ground import Ground
from maskline.wiring.quality import alert_service
from qa.conduct.unusual import AccessAlerts


def access_rules(settings: Settings) -> Rulebook:
    """Give the rules with the institution's own limits; raise `SettingsInvalid` if its file is none."""
    return load_rules(settings.unusual.rules_file)


def unusual_watch(ground: Ground) -> UnusualWatch:
    """Build the chore that judges."""
    return UnusualWatch(
        ground.database,
        ground.clock,
        rulebook=access_rules(ground.settings),
        zone=ZoneInfo(ground.settings.timezone),
        audit=ground.audit,
        ledger=ground.ledger,
        alerts=AccessAlerts(clock=ground.clock, alerts=alert_service(ground)),
    )


def unusual_reader(ground: Ground) -> UnusualReader:
    """Build the reading side."""
    return UnusualReader(
        ground.database, rulebook=access_rules(ground.settings), zone=ZoneInfo(ground.settings.timezone)
    )
