"""Settings of alerts: when the day's digest is told, and which other system hears of alerts."""

import base64
import binascii

from pydantic import Field, SecretStr, model_validator

from core.setting_types import Part, problem

SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's mark of a secret
LEAST_SECRET, MOST_SECRET = 24, 64
"""Bytes of a secret, by Standard Webhooks 1.0.0."""


def secret_bytes(text: str) -> bytes | None:
    """Read a secret (`whsec_` and base64); None if it is none."""
    try:
        found = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if text.startswith(SECRET_PREFIX) and LEAST_SECRET <= len(found) <= MOST_SECRET else None


class AlertSettings(Part):
    """`webhook_url` and `webhook_secret` go together; plain HTTP is for this machine alone."""

    digest_hour: int = Field(default=8, ge=0, le=23)
    webhook_url: str | None = Field(
        default=None,
        pattern=r"^(https://[^\s/@#]+|http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?)(/[^\s#]*)?$",
    )
    webhook_secret: SecretStr | None = None

    @model_validator(mode="after")
    def _both(self) -> "AlertSettings":
        if (self.webhook_url is None) != (self.webhook_secret is None):
            raise problem(
                "webhook_url 与 webhook_secret 须同时设置。", "Set webhook_url and webhook_secret together."
            )
        secret = self.webhook_secret
        if secret is not None and secret_bytes(secret.get_secret_value()) is None:
            raise problem(
                "webhook_secret 须为 whsec_ 加 24 至 64 字节的 base64（Standard Webhooks）。",
                "webhook_secret is whsec_ and base64 of 24 to 64 bytes (Standard Webhooks).",
            )
        return self

    @property
    def webhook(self) -> tuple[str, bytes] | None:
        """The address and the secret's bytes, if there are any."""
        if self.webhook_url is None or self.webhook_secret is None:
            return None
        secret = secret_bytes(self.webhook_secret.get_secret_value())
        return None if secret is None else (self.webhook_url, secret)
