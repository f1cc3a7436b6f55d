"""Tells another system by an HTTP POST that it can check: Standard Webhooks 1.0.0, symmetric signatures (v1).

The address is the settings' alone, no redirect is followed, and the answer's content is not read.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

import aiohttp

from core.clock import Clock
from core.errors import Unavailable
from core.ledger import JSON

TIMEOUT_S = 10.0


class WebhookRefused(Unavailable):
    """The other system did not take the notice; it is sent again."""

    code = "webhook-refused"
    zh = "对方系统没有接收通知，稍后重发。"


def signature(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Sign `id.timestamp.body` with HMAC-SHA256, as the header `webhook-signature` wants it."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


class Webhook:
    """One address and its secret. The same `message_id` is the same notice, however often it comes."""

    def __init__(self, url: str, secret: bytes, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def send(self, message_id: str, kind: str, data: Mapping[str, JSON]) -> None:
        """Send one notice; raise `WebhookRefused` unless the answer is 2xx."""
        now = self._clock.now()
        body = json.dumps(
            {"type": kind, "timestamp": now.isoformat(), "data": dict(data)}, ensure_ascii=False
        ).encode()
        timestamp = int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._secret, message_id, timestamp, body),
        }
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as http,
                http.post(self._url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                taken = 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise WebhookRefused from None
        if not taken:
            raise WebhookRefused
