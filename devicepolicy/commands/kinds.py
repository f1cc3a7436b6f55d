"""What a phone can be ordered to do, with typed parameters, in the words of the Android Management API.

Source: `Command` of the AMAPI discovery document, revision 20261104. UNLOCK is ours: AMAPI has no such type.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

from core.ledger.record import JSON


class CommandKind(StrEnum):
    """The types of orders."""

    LOCK = "LOCK"
    UNLOCK = "UNLOCK"
    WIPE = "WIPE"
    RESET_PASSWORD = "RESET_PASSWORD"  # noqa: S105 - a name, not a password
    REBOOT = "REBOOT"
    START_LOST_MODE = "START_LOST_MODE"
    STOP_LOST_MODE = "STOP_LOST_MODE"
    CLEAR_APP_DATA = "CLEAR_APP_DATA"
    RELINQUISH_OWNERSHIP = "RELINQUISH_OWNERSHIP"
    REQUEST_DEVICE_INFO = "REQUEST_DEVICE_INFO"


LASTING = frozenset(
    {
        CommandKind.LOCK,
        CommandKind.UNLOCK,  # an unlock that expired before its lock would leave the phone locked
        CommandKind.WIPE,
        CommandKind.START_LOST_MODE,
        CommandKind.STOP_LOST_MODE,
        CommandKind.RELINQUISH_OWNERSHIP,
    }
)
"""Meant for a phone that may be away: these wait for it for long. The others expire after minutes."""
TWO_PERSONS = frozenset({CommandKind.WIPE})
"""A second person must approve these."""


class WipeFlag(StrEnum):
    """AMAPI `WipeParams.wipeDataFlags`."""

    PRESERVE_RESET_PROTECTION_DATA = "PRESERVE_RESET_PROTECTION_DATA"
    WIPE_EXTERNAL_STORAGE = "WIPE_EXTERNAL_STORAGE"
    WIPE_ESIMS = "WIPE_ESIMS"


class PasswordFlag(StrEnum):
    """AMAPI `Command.resetPasswordFlags`."""

    REQUIRE_ENTRY = "REQUIRE_ENTRY"
    DO_NOT_ASK_CREDENTIALS_ON_BOOT = "DO_NOT_ASK_CREDENTIALS_ON_BOOT"
    LOCK_NOW = "LOCK_NOW"


class DeviceInfo(StrEnum):
    """AMAPI `RequestDeviceInfoParams.deviceInfo`, and ours: a full status report at once."""

    EID = "EID"
    STATUS_REPORT = "STATUS_REPORT"


class ErrorCode(StrEnum):
    """Why a phone did not do it: AMAPI's `Command.errorCode`, and what our agents check before."""

    UNKNOWN = "UNKNOWN"
    API_LEVEL = "API_LEVEL"
    MANAGEMENT_MODE = "MANAGEMENT_MODE"
    INVALID_VALUE = "INVALID_VALUE"
    UNSUPPORTED = "UNSUPPORTED"
    TOO_LATE = "TOO_LATE"
    """The phone saw it only after it had expired."""
    NOT_AUTHENTIC = "NOT_AUTHENTIC"
    """The signature was not ours, or not for this phone."""


@dataclass(frozen=True, slots=True)
class Message:
    """AMAPI `UserFacingMessage`: a text by default and for locales such as `zh-CN`."""

    default: str
    localized: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, JSON]:
        return {"defaultMessage": self.default, "localizedMessages": dict(self.localized)}


@dataclass(frozen=True, slots=True)
class Plain:
    """An order without parameters: LOCK, UNLOCK, REBOOT, STOP_LOST_MODE, RELINQUISH_OWNERSHIP."""

    kind: CommandKind

    def __post_init__(self) -> None:
        if self.kind not in _PLAIN:
            raise ValueError(f"{self.kind} has parameters of its own")

    def document(self) -> dict[str, JSON]:
        return {"type": self.kind.value}


_PLAIN = frozenset(
    {
        CommandKind.LOCK,
        CommandKind.UNLOCK,
        CommandKind.REBOOT,
        CommandKind.STOP_LOST_MODE,
        CommandKind.RELINQUISH_OWNERSHIP,
    }
)


def _words(flags: Iterable[StrEnum]) -> list[JSON]:
    return [*sorted(flag.value for flag in flags)]


@dataclass(frozen=True, slots=True)
class Wipe:
    """Erase the phone. `reason` is shown on a personal device whose work profile goes."""

    kind: ClassVar = CommandKind.WIPE
    flags: frozenset[WipeFlag] = frozenset()
    reason: Message | None = None

    def document(self) -> dict[str, JSON]:
        params: dict[str, JSON] = {"wipeDataFlags": _words(self.flags)}
        if self.reason is not None:
            params["wipeReason"] = self.reason.document()
        return {"type": self.kind.value, "wipeParams": params}


@dataclass(frozen=True, slots=True)
class ResetPassword:
    """Set a new screen password; an empty one takes it away."""

    kind: ClassVar = CommandKind.RESET_PASSWORD
    new_password: str = field(repr=False)
    flags: frozenset[PasswordFlag] = frozenset()

    def document(self) -> dict[str, JSON]:
        return {
            "type": self.kind.value,
            "newPassword": self.new_password,
            "resetPasswordFlags": _words(self.flags),
        }


@dataclass(frozen=True, slots=True)
class StartLostMode:
    """Lock a lost phone and show its finder what to do. The texts are the institution's own contact data."""

    kind: ClassVar = CommandKind.START_LOST_MODE
    message: Message | None = None
    phone_number: Message | None = field(default=None, repr=False)
    email_address: str = ""
    street_address: Message | None = None
    organization: Message | None = None

    def document(self) -> dict[str, JSON]:
        params: dict[str, JSON] = {}
        for name, value in (
            ("lostMessage", self.message),
            ("lostPhoneNumber", self.phone_number),
            ("lostStreetAddress", self.street_address),
            ("lostOrganization", self.organization),
        ):
            if value is not None:
                params[name] = value.document()
        if self.email_address:
            params["lostEmailAddress"] = self.email_address
        return {"type": self.kind.value, "startLostModeParams": params}


@dataclass(frozen=True, slots=True)
class ClearAppData:
    """Throw away what these packages stored."""

    kind: ClassVar = CommandKind.CLEAR_APP_DATA
    packages: tuple[str, ...]

    def document(self) -> dict[str, JSON]:
        return {"type": self.kind.value, "clearAppsDataParams": {"packageNames": list(self.packages)}}


@dataclass(frozen=True, slots=True)
class RequestDeviceInfo:
    """Ask for something that the phone does not tell by itself."""

    kind: ClassVar = CommandKind.REQUEST_DEVICE_INFO
    info: DeviceInfo = DeviceInfo.STATUS_REPORT

    def document(self) -> dict[str, JSON]:
        return {"type": self.kind.value, "requestDeviceInfoParams": {"deviceInfo": self.info.value}}


Order: TypeAlias = Plain | Wipe | ResetPassword | StartLostMode | ClearAppData | RequestDeviceInfo

LOCK = Plain(CommandKind.LOCK)
UNLOCK = Plain(CommandKind.UNLOCK)
REBOOT = Plain(CommandKind.REBOOT)
STOP_LOST_MODE = Plain(CommandKind.STOP_LOST_MODE)
RELINQUISH_OWNERSHIP = Plain(CommandKind.RELINQUISH_OWNERSHIP)


def dump(order: Order) -> bytes:
    """Write an order's parameters for the vault. Every character survives, newlines and emoji too."""
    return json.dumps(order.document(), ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def load(stored: bytes) -> dict[str, JSON]:
    """Read back the AMAPI-shaped parameters that `dump` wrote."""
    found: dict[str, JSON] = json.loads(stored)
    return found
