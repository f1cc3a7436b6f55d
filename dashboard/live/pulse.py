"""What goes on in every wing now, and the part of it that one person may know of."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select

from core.access.model import Principal
from core.access.models import Department
from core.access.scope import reaches
from core.clock import Clock
from core.db import Database
from core.pulse import Fact
from devicepolicy.commands.pulse import open_commands
from devicepolicy.devices.pulse import phones
from devicepolicy.permissions import COMMAND_READ, DEVICE_READ, UPLOAD_READ
from devicepolicy.uploads.pulse import conduct
from gateway.calls.permissions import CALL_READ
from gateway.calls.pulse import live_calls
from gateway.contact.pulse import refused_since
from gateway.messages.permissions import MESSAGE_REVIEW
from gateway.messages.pulse import held_messages
from gateway.permissions import CONTACT_READ
from qa.permissions import ALERT_READ
from qa.pulse import open_alerts

REFUSED_FOR = timedelta(hours=1)
"""How long a refused contact stays on the live page."""


class Part(StrEnum):
    """A part of a page that changes by itself."""

    CALLS = "calls"
    REFUSED = "refused"
    ALERTS = "alerts"
    HELD = "held"
    PHONES = "phones"
    COMMANDS = "commands"
    CONDUCT = "conduct"


PERMISSIONS: Mapping[Part, str] = {
    Part.CALLS: CALL_READ,
    Part.REFUSED: CONTACT_READ,
    Part.ALERTS: ALERT_READ,
    Part.HELD: MESSAGE_REVIEW,
    Part.PHONES: DEVICE_READ,
    Part.COMMANDS: COMMAND_READ,
    Part.CONDUCT: UPLOAD_READ,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody sees of one part: a version that changes when it does, and how much it is."""

    version: str
    count: int


Picture = Mapping[Part, Seen]
"""Every part that a person may see. It holds no id, no name, no text."""


@dataclass(frozen=True, slots=True)
class Beat:
    """All that goes on at one moment, and where the departments stand in the tree."""

    facts: Mapping[Part, tuple[Fact, ...]]
    paths: Mapping[str, str]


class Pulse:
    """Reads the books of all wings in one go."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self) -> Beat:
        """Read what goes on; a handful of indexed queries, whoever is watching."""
        since = self._clock.now() - REFUSED_FOR
        async with self._database.read() as session:
            facts = {
                Part.CALLS: await live_calls(session),
                Part.REFUSED: await refused_since(session, since),
                Part.ALERTS: await open_alerts(session),
                Part.HELD: await held_messages(session),
                Part.PHONES: await phones(session),
                Part.COMMANDS: await open_commands(session),
                Part.CONDUCT: await conduct(session),
            }
            paths = await session.execute(select(Department.id, Department.path))
            return Beat({part: tuple(found) for part, found in facts.items()}, dict(paths.all()))


def picture_of(beat: Beat, principal: Principal) -> Picture:
    """Give what a person may know of a moment: their permission and its scope, part by part."""
    return {
        part: _seen(beat, principal, part)
        for part, permission in PERMISSIONS.items()
        if principal.allows(permission)
    }


def _seen(beat: Beat, principal: Principal, part: Part) -> Seen:
    mine = [
        fact
        for fact in beat.facts[part]
        if reaches(
            principal,
            PERMISSIONS[part],
            owner=fact.employee_id,
            path=beat.paths.get(fact.department_id or ""),
        )
    ]
    digest = hashlib.sha256("\n".join(fact.mark for fact in mine).encode()).hexdigest()
    return Seen(digest[:16], sum(fact.count for fact in mine))
