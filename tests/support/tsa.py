"""A timestamp authority on 127.0.0.1: RFC 3161 by `openssl ts`, with a root and a signer of its own."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Without `certs`: openssl then embeds the signer alone. rfc3161-client refuses a set out of DER's order.
CONFIG = """
[tsa]
dir = .
serial = ./serial
signer_cert = ./signer.pem
signer_key = ./signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class TimestampAuthority:
    """What it says next can be bent: `status`, `reply` (bytes instead of its own), `redirect`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.roots = folder / "roots.pem"
        self.url = ""
        self.status = 200
        self.reply: bytes | None = None
        self.asked = 0
        root_key, signer_key = (
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        root = _certificate("root", "root", root_key, root_key, authority=True)
        signer = _certificate("signer", "root", signer_key, root_key, authority=False)
        self.roots.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        (folder / "signer.pem").write_bytes(signer.public_bytes(serialization.Encoding.PEM))
        (folder / "signer.key").write_bytes(
            signer_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (folder / "tsa.cnf").write_text(CONFIG)
        (folder / "serial").write_text("01\n")

    def stamp(self, query: bytes) -> bytes:
        """Answer a TimeStampReq."""
        (self._folder / "query").write_bytes(query)
        arguments = ["-queryfile", "query", "-config", "tsa.cnf", "-section", "tsa", "-out", "answer"]
        subprocess.run(
            ["openssl", "ts", "-reply", *arguments], cwd=self._folder, check=True, capture_output=True
        )
        return (self._folder / "answer").read_bytes()

    async def take(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.status != 200:
            return web.Response(status=self.status, headers={"Location": self.url})
        assert request.content_type == "application/timestamp-query"
        reply = self.stamp(await request.read()) if self.reply is None else self.reply
        return web.Response(body=reply, content_type="application/timestamp-reply")


@asynccontextmanager
async def timestamp_authority(folder: Path) -> AsyncIterator[TimestampAuthority]:
    """Serve one."""
    authority = TimestampAuthority(folder)
    app = web.Application()
    app.router.add_post("/tsr", authority.take)
    async with TestServer(app) as server:
        authority.url = str(server.make_url("/tsr"))
        yield authority


def _certificate(
    subject: str,
    issuer: str,
    key: ec.EllipticCurvePrivateKey,
    signed_by: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), critical=False
        )
    )
    if not authority:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
        )
    return builder.sign(signed_by, hashes.SHA256())
