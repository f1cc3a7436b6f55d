"""What the access log speaks of: things seen, groups of them, one line, a check."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class Seen(StrEnum):
    """Something sensitive was opened that leaves no entry of its own in the ledger."""

    TRANSCRIPT = "transcript.read"
    THREAD = "thread.read"
    CUSTOMER = "customer.opened"
    SEARCH = "customer.searched"
    KNOWN_NUMBER = "customer.number-known"
    ACCESS_LOG = "access-log.read"
    FILE_OPERATIONS = "file-operations.read"
    TRACK = "location.track-read"
    CHECK_INS = "location.check-ins-read"
    CHECK_IN_PHOTO = "location.check-in-photo-shown"


class AccessGroup(StrEnum):
    """What people filter for."""

    RECORDING = "recording"
    TRANSCRIPT = "transcript"
    MESSAGE = "message"
    CUSTOMER = "customer"
    REVEAL = "reveal"
    EVIDENCE = "evidence"
    LOGIN = "login"
    REFUSED = "refused"
    AUDIT = "audit"
    LOCATION = "location"
    ADMINISTRATION = "administration"


@dataclass(frozen=True, slots=True)
class Told:
    """Where a ledger entry of one kind keeps who did it and what it was about.

    `detail` names the word of ours that tells acts of one kind apart, `amount` how many things it took along.
    """

    group: AccessGroup
    actor: str = "by"
    target: str | None = None
    contact: str | None = None
    customer: str | None = None
    detail: str | None = None
    amount: str | None = None


_LOGIN = Told(AccessGroup.LOGIN, "employee_id")
_REFUSED = Told(AccessGroup.REFUSED, "employee_id")
_OF_EMPLOYEE = Told(AccessGroup.ADMINISTRATION, "by", "employee_id")
_REVEAL = Told(AccessGroup.REVEAL, "employee", "contact", "contact", "customer")

# Kinds of ledger entries that are accesses themselves: the log repeats them so that one list answers.
TOLD_BY_LEDGER: Mapping[str, Told] = MappingProxyType(
    {
        "recording.listened": Told(AccessGroup.RECORDING, "by", "call_id", "contact_id", "customer"),
        "message.attachment-shown": Told(AccessGroup.MESSAGE, "by", "attachment", None, "customer"),
        "contact.reveal-for-dialling": _REVEAL,
        "contact.reveal-for-message": _REVEAL,
        "evidence.exported": Told(AccessGroup.EVIDENCE, "by", "export", None, "customer", amount="contacts"),
        "evidence.taken": Told(AccessGroup.EVIDENCE, "by", "export", None, "customer"),
        "customers.export": Told(AccessGroup.EVIDENCE, "by", "request", amount="rows"),
        "offboarding.bundle-taken": Told(AccessGroup.EVIDENCE, "by", "offboarding"),
        "customer.erased": Told(AccessGroup.ADMINISTRATION, "by", "customer", None, "customer"),
        "command.issued": Told(AccessGroup.ADMINISTRATION, "by", "device_id", detail="kind"),
        "offboarding.begun": Told(AccessGroup.ADMINISTRATION, "by", "employee"),
        "employee.created": _OF_EMPLOYEE,
        "employee.roles-set": _OF_EMPLOYEE,
        "employee.password-reset": _OF_EMPLOYEE,
        "employee.second-factor-removed": _OF_EMPLOYEE,
        "login.password-accepted": _LOGIN,
        "login.second-factor-accepted": _LOGIN,
        "login.step-up": _LOGIN,
        "login.logged-out": _LOGIN,
        "account.recovery-code-used": _LOGIN,
        "login.refused": _REFUSED,
        "login.code-refused": _REFUSED,
    }
)
GROUP_OF: Mapping[str, AccessGroup] = MappingProxyType(
    {
        Seen.TRANSCRIPT: AccessGroup.TRANSCRIPT,
        Seen.THREAD: AccessGroup.MESSAGE,
        Seen.CUSTOMER: AccessGroup.CUSTOMER,
        Seen.SEARCH: AccessGroup.CUSTOMER,
        Seen.KNOWN_NUMBER: AccessGroup.CUSTOMER,
        Seen.ACCESS_LOG: AccessGroup.AUDIT,
        Seen.FILE_OPERATIONS: AccessGroup.AUDIT,
        Seen.TRACK: AccessGroup.LOCATION,
        Seen.CHECK_INS: AccessGroup.LOCATION,
        Seen.CHECK_IN_PHOTO: AccessGroup.LOCATION,
        **{kind: told.group for kind, told in TOLD_BY_LEDGER.items()},
    }
)


@dataclass(frozen=True, slots=True)
class Access:
    """One line. `proof_seq` is the ledger entry that proves it: its own, or the digest that covers it.

    `own_entry` tells which; None as `proof_seq` means that the next digest will cover it. `actor_id` is None
    where somebody tried an account that does not exist. `detail` is a word of ours, such as "locked".
    """

    id: str
    at: datetime
    kind: str
    actor_id: str | None
    target_id: str | None
    contact_id: str | None
    customer_id: str | None
    detail: str | None
    proof_seq: int | None
    own_entry: bool

    @property
    def group(self) -> AccessGroup:
        return GROUP_OF[self.kind]


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which lines are wanted; None means any. `until` is exclusive."""

    actor_id: str | None = None
    customer_id: str | None = None
    group: AccessGroup | None = None
    since: datetime | None = None
    until: datetime | None = None
    exactly: "ExactLines | None" = None


@dataclass(frozen=True, slots=True)
class ExactLines:
    """The very lines that a finding is about: whose, which acts (kind, detail or None for any), when.

    `spans` are half open. With `other_id`: what the two did to each other.
    """

    actor_id: str
    acts: tuple[tuple[str, str | None], ...]
    spans: tuple[tuple[datetime, datetime], ...]
    other_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogCheck:
    """The log held against the ledger: digests that do not fit their lines, entries that have no line."""

    digests: int
    lines: int
    waiting: int
    altered: tuple[int, ...]
    missing: int

    @property
    def ok(self) -> bool:
        return not self.altered and not self.missing
