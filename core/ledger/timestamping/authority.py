"""A timestamp authority over HTTP (RFC 3161 §3.4): one question, one answer, verified before it is kept."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from core.errors import Unavailable

QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
MAX_REPLY_BYTES = 64 * 1024
TIMEOUT_S = 20.0


class TimestampRefused(Unavailable):
    """The timestamp authority gave no token that its roots vouch for; it is asked again later."""

    code = "timestamp-refused"
    zh = "时间戳机构没有给出可用其根证书验证的时间戳，稍后重试。"


@dataclass(frozen=True, slots=True)
class Answer:
    """A verified TimeStampResp (DER) and the authority's time in it."""

    reply: bytes
    at: datetime


class Authority:
    """One authority: where it is asked, and the roots that its certificate must lead to."""

    def __init__(self, url: str, roots: Path) -> None:
        self._url = url
        self._roots = roots
        self.name = urlsplit(url).hostname or url

    async def stamp(self, message: bytes) -> Answer:
        """Have `message` stamped by its SHA-256; the message itself does not leave the house.

        Raises:
            TimestampRefused: no answer, or one that does not hold.
        """
        try:
            # Read at each question: a root that was renewed counts without a restart.
            roots = load_pem_x509_certificates(await asyncio.to_thread(self._roots.read_bytes))
            request = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
            reply = await self._ask(request.as_bytes())
            response = decode_timestamp_response(reply)
            _verify(response, request, roots, message)
            return Answer(reply, response.tst_info.gen_time)
        except (OSError, TimeoutError, aiohttp.ClientError, VerificationError, ValueError) as error:
            # ValueError: bytes that are no TimeStampResp, or a file that holds no certificate.
            raise TimestampRefused(f"{self.name}: {error}", detail_zh=f"{self.name}：{error}") from None

    async def _ask(self, query: bytes) -> bytes:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        headers = {"Content-Type": QUERY, "Accept": REPLY}
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.post(self._url, data=query, headers=headers, allow_redirects=False) as answer,
        ):
            if answer.status != 200 or answer.content_type != REPLY:
                raise VerificationError(f"status {answer.status}, {answer.content_type}")
            reply = bytearray()
            async for piece in answer.content.iter_chunked(MAX_REPLY_BYTES):
                reply += piece
                if len(reply) > MAX_REPLY_BYTES:
                    raise VerificationError(f"more than {MAX_REPLY_BYTES} bytes")
            return bytes(reply)


def _verify(
    response: TimeStampResponse, request: TimeStampRequest, roots: list[Certificate], message: bytes
) -> None:
    """Check status, nonce, certificate and chain at the token's time, and that it is of this message."""
    builder = VerifierBuilder.from_request(request)
    for root in roots:
        builder = builder.add_root_certificate(root)
    builder.build().verify_message(response, message)
