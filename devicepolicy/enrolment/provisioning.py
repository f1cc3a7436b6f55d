"""The QR code that sets up a new phone: Android's provisioning extras as JSON, and the code itself. Pure.

Names and forms: `android.app.admin.DevicePolicyManager.EXTRA_PROVISIONING_*`. The JSON is made by a JSON
writer and nothing is escaped by hand: quotes, backslashes and newlines in a Wi-Fi password survive
(Headwind 5.35.1 lost them). Checksums are URL-safe base64 of 32 bytes without padding.
"""

import base64
import binascii
import io
import json
from dataclasses import dataclass, field

import segno

_ANDROID = "android.app.extra.PROVISIONING_"
LARGEST = 2953
"""Bytes that a QR code of version 40 and level L holds (ISO/IEC 18004, table 7)."""


class ChecksumInvalid(ValueError):
    """It is not URL-safe base64 of a SHA-256."""


@dataclass(frozen=True, slots=True)
class AgentPackage:
    """Where a factory-new phone gets the agent, and how it knows that it is the right one."""

    component: str
    url: str
    signature_checksum: str | None = None
    package_checksum: str | None = None


@dataclass(frozen=True, slots=True)
class Wifi:
    """A network for the set-up. `security` is NONE, WPA, WEP or EAP."""

    ssid: str
    password: str | None = field(default=None, repr=False)
    security: str = "WPA"
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the agent needs to know first: where the server is and what lets it in."""

    server_url: str
    token: str = field(repr=False)
    server_key: str
    """The server's signing key (base64url): the agent believes nothing else from the first word on."""


@dataclass(frozen=True, slots=True)
class SetUp:
    """Choices for the set-up of a factory-new phone."""

    package: AgentPackage | None = None
    wifi: Wifi | None = None
    locale: str | None = None
    time_zone: str | None = None
    leave_system_apps: bool = False
    skip_encryption: bool = False
    use_mobile_data: bool = False


def checksum(text: str) -> str:
    """Give a SHA-256 in Android's spelling; takes base64 of either alphabet, padded or not, or hexadecimal.

    Raises:
        ChecksumInvalid: it is not 32 bytes.
    """
    bare = text.strip().replace(":", "")
    try:
        if len(bare) == 64:
            raw = bytes.fromhex(bare)
        else:
            bare = bare.rstrip("=").replace("+", "-").replace("/", "_")
            raw = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise ChecksumInvalid from None
    if len(raw) != 32:
        raise ChecksumInvalid
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def provisioning_text(invitation: Invitation, set_up: SetUp) -> str:
    """Give the JSON that stands in the QR code. The bundle for the agent holds strings only."""
    package, wifi = set_up.package, set_up.wifi
    extras: dict[str, object] = {
        "LOCALE": set_up.locale,
        "TIME_ZONE": set_up.time_zone,
        "USE_MOBILE_DATA": set_up.use_mobile_data,
        "LEAVE_ALL_SYSTEM_APPS_ENABLED": set_up.leave_system_apps,
        "SKIP_ENCRYPTION": set_up.skip_encryption,
        "ADMIN_EXTRAS_BUNDLE": {
            "maskline.server": invitation.server_url,
            "maskline.token": invitation.token,
            "maskline.key": invitation.server_key,
        },
    }
    if package is not None:
        extras |= {
            "DEVICE_ADMIN_COMPONENT_NAME": package.component,
            "DEVICE_ADMIN_PACKAGE_DOWNLOAD_LOCATION": package.url,
            "DEVICE_ADMIN_SIGNATURE_CHECKSUM": _checksum(package.signature_checksum),
            "DEVICE_ADMIN_PACKAGE_CHECKSUM": _checksum(package.package_checksum),
        }
    if wifi is not None:
        extras |= {
            "WIFI_SSID": wifi.ssid,
            "WIFI_SECURITY_TYPE": wifi.security,
            "WIFI_PASSWORD": wifi.password,
            "WIFI_HIDDEN": wifi.hidden,
        }
    told = {
        _ANDROID + name: value for name, value in extras.items() if value is not None and value is not False
    }
    return json.dumps(told, separators=(",", ":"))  # ASCII: no scanner has to guess an encoding


def _checksum(text: str | None) -> str | None:
    return None if text is None else checksum(text)


def qr_svg(text: str) -> str:
    """Draw the code as SVG, black on white with its quiet zone."""
    out = io.BytesIO()
    _code(text).save(out, kind="svg", scale=4, border=4, light="white", xmldecl=False)
    return out.getvalue().decode()


def qr_png(text: str) -> bytes:
    """Draw the code as PNG."""
    out = io.BytesIO()
    _code(text).save(out, kind="png", scale=6, border=4)
    return out.getvalue()


def _code(text: str) -> segno.QRCode:
    # Bytes and not text: segno would else pick an encoding by what the text looks like.
    return segno.make(text.encode(), error="l", boost_error=True, micro=False, mode="byte")
