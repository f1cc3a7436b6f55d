"""Enrolment as the rest of the house sees it. A leaf: no I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from devicepolicy.capabilities.facts import DeviceFacts
from devicepolicy.devices.model import Trust
from devicepolicy.enrolment.provisioning import SetUp
from devicepolicy.enrolment.terms import Language


class TokenState(StrEnum):
    """What became of a token."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class NewToken:
    """What an invitation is bound to. Without an employee one is given to the phone later."""

    name: str
    employee_id: str | None = None
    department_id: str | None = None
    policy_id: str | None = None
    validity_s: int | None = None
    approves: bool = False
    set_up: SetUp = field(default_factory=SetUp)


@dataclass(frozen=True, slots=True)
class TokenView:
    """An invitation as its readers see it: never the token."""

    id: str
    name: str
    employee_id: str | None
    department_id: str | None
    policy_id: str | None
    approves: bool
    created_by: str
    created_at: datetime
    expires_at: datetime
    state: TokenState
    device_id: str | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A fresh invitation; token and code are shown once."""

    view: TokenView
    token: str = field(repr=False)
    text: str = field(repr=False)
    """What stands in the QR code."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """An employee's yes to the terms as they were shown."""

    version: str
    sha256: str
    language: Language


@dataclass(frozen=True, slots=True)
class NewPhone:
    """What a phone says of itself when it enrols."""

    token: str = field(repr=False)
    hardware: str = field(repr=False)
    manufacturer: str
    model: str
    os_version: str
    agent_version: str
    facts: DeviceFacts
    agreement: Agreement
    security_patch: str | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The phone's id here, and whether it still waits for approval."""

    device_id: str
    trust: Trust
