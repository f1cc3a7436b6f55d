"""SIP messages as text for the tests' own phone: read, write, and answer a digest challenge (RFC 3261, 7616)."""

import hashlib
import re
import secrets
from dataclasses import dataclass

HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
COPIED = ("via", "from", "to", "call-id", "cseq")


@dataclass(frozen=True)
class Message:
    """One request or response; header names in lower case, in order."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        return self.start.split()[0] if self.is_request else self.get("cseq").split()[1]

    @property
    def status(self) -> int:
        return 0 if self.is_request else int(self.start.split()[1])

    @property
    def cseq(self) -> int:
        return int(self.get("cseq").split()[0])

    @property
    def branch(self) -> str:
        return parameter(self.get("via"), "branch")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")


def parse(data: bytes) -> Message:
    head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
    start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
    pairs = [line.partition(":") for line in lines if ":" in line]
    return Message(start, tuple((key.strip().lower(), value.strip()) for key, _, value in pairs), body)


def write(start: str, headers: list[tuple[str, str]], body: str = "") -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in headers)]
    lines.append(f"Content-Length: {len(body.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def parameter(value: str, name: str) -> str:
    found = re.search(rf';\s*{name}="?([^;,>"\s]+)', value)
    return found[1] if found else ""


def uri_of(value: str) -> str:
    """Give what stands between < and >, else the value without its parameters."""
    found = re.search(r"<([^>]*)>", value)
    return found[1] if found else value.partition(";")[0].strip()


def user_of(value: str) -> str:
    return uri_of(value).partition(":")[2].partition("@")[0]


def address_of(uri: str) -> tuple[str, int]:
    host, _, port = uri.partition("@")[2].partition(";")[0].partition(":")
    return host, int(port or 5060)


def authorization(message: Message, method: str, uri: str, user: str, password: str, algorithm: str) -> str:
    """Answer the challenge of that algorithm in a 401 or 407."""
    challenges = [dict(re.findall(r'(\w+)="?([^",]+)"?', value)) for value in _challenges(message)]
    given = next(c for c in challenges if c.get("algorithm", "MD5") == algorithm)

    def hashed(text: str) -> str:
        return HASHES[algorithm](text.encode()).hexdigest()

    cnonce, count = secrets.token_hex(8), "00000001"
    secret = hashed(f"{user}:{given['realm']}:{password}")
    asked = hashed(f"{method}:{uri}")
    answer = hashed(f"{secret}:{given['nonce']}:{count}:{cnonce}:auth:{asked}")
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'response="{answer}", algorithm={algorithm}, qop=auth, nc={count}, cnonce="{cnonce}"'
    )


def _challenges(message: Message) -> list[str]:
    return message.all("proxy-authenticate") + message.all("www-authenticate")
