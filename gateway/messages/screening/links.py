"""Detector of links: addresses with a scheme, bare hosts, IPv4 addresses; the institution's own pass."""

import re
from collections.abc import Collection, Iterator

from gateway.messages.screening.fold import Folded
from gateway.messages.screening.model import DataKind, Spot

_TOP = (
    "com|cn|net|org|top|vip|xyz|cc|shop|site|info|io|me|co|link|club|app|dev|ltd|wang|ren|tv|pro|biz|"
    "online|store|work|icu|fun|live|ink|red|gov|edu|hk|tw|asia|mobi|im|ly|gg|us|uk|jp|ru"
)
_DOT = r"\s?(?:\.|。|点|\(dot\)|\[dot\])\s?"
_SCHEME = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+]{1,15})\s?:\s?/\s?/\s?(?P<rest>[^\s\u3400-\u9fff，。；！？]+)", re.IGNORECASE
)
_WRITTEN_DOT = re.compile(r"\s|\(dot\)|\[dot\]|。|点", re.IGNORECASE)
_BARE = re.compile(
    rf"(?<![A-Za-z0-9@\-])(?P<host>[A-Za-z0-9\-]{{1,63}}(?:{_DOT}[A-Za-z0-9\-]{{1,63}}){{0,4}}{_DOT}(?:{_TOP}))"
    r"(?![A-Za-z0-9\-])(?P<rest>(?::\d{2,5})?(?:/[^\s\u3400-\u9fff，。；！？]*)?)",
    re.IGNORECASE,
)
_IPV4 = re.compile(
    r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?::\d{2,5})?(?![\d.])(?:/\S*)?"
)
_HOST = re.compile(r"^(?:[^/@\s]*@)?(\[[^\]]+\]|[^/:?#\s]+)")


def links(folded: Folded, allowed_hosts: Collection[str] = ()) -> Iterator[Spot]:
    """Find links but those to `allowed_hosts` (lower case; a host also stands for the hosts below it)."""
    text = folded.text
    for match in _SCHEME.finditer(text):
        plain = match.group("scheme").lower() in {"http", "https"}
        if not (plain and "@" not in match.group("rest") and allowed(match.group("rest"), allowed_hosts)):
            yield Spot(DataKind.LINK, *folded.span(*match.span()))
    for match in _BARE.finditer(text):
        host = _WRITTEN_DOT.sub(lambda dot: "" if dot.group().isspace() else ".", match.group("host"))
        behind_scheme = text[: match.start()].endswith(("//", "@"))
        if not behind_scheme and not allowed(host, allowed_hosts):
            yield Spot(DataKind.LINK, *folded.span(*match.span()))
    for match in _IPV4.finditer(text):
        yield Spot(DataKind.LINK, *folded.span(*match.span()))


def allowed(address: str, hosts: Collection[str]) -> bool:
    """Tell whether the host of `address` (without scheme) is one of `hosts` or below one."""
    found = _HOST.match(address)
    if found is None:
        return False
    host = found.group(1).lower().rstrip(".")
    return any(host == own or host.endswith(f".{own}") for own in hosts)
