"""Detectors of accounts elsewhere: WeChat, QQ, e-mail."""

import re
from collections.abc import Iterator

from gateway.messages.screening.fold import Folded
from gateway.messages.screening.model import DataKind, Spot

# The spellings people use so that a filter misses the word (微信 as 薇信, 卫星, V信, 加V).
_WECHAT_WORD = (
    r"(?:微\s*信|薇\s*信|威信|维信|徽信|微心|卫星号|v\s*信|v\s*x|w\s*x|wechat|weixin|(?:加|\+|➕|➕)\s*v)"
)
_LINK_WORD = r"(?:号码|账号|帐号|号|id|同号|同步|[:：=是为\s,，、\-—>～~])"
_ID = r"[A-Za-z][A-Za-z0-9_\-]{4,19}"
_WECHAT = re.compile(
    rf"(?:{_WECHAT_WORD}){_LINK_WORD}{{0,6}}(?P<id>{_ID}|[1-9]\d{{5,10}})(?![A-Za-z0-9_])", re.IGNORECASE
)
_WXID = re.compile(r"(?<![A-Za-z0-9_])wxid_[A-Za-z0-9]{6,20}", re.IGNORECASE)
_QQ = re.compile(
    rf"(?:qq|扣扣|企鹅号|q\s*号|叩叩){_LINK_WORD}{{0,6}}(?P<id>[1-9]\d{{4,10}})(?!\d)", re.IGNORECASE
)
_EMAIL = re.compile(
    r"(?<![/A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]{1,64}\s?(?:@|\(at\)|\[at\]|艾特)\s?"
    r"[A-Za-z0-9\-]{1,63}(?:\s?(?:\.|点|\(dot\))\s?[A-Za-z0-9\-]{2,24}){1,3}",
    re.IGNORECASE,
)


def wechat_ids(folded: Folded) -> Iterator[Spot]:
    """Find a WeChat id named as one, and internal ids (wxid_...)."""
    for match in _WECHAT.finditer(folded.text):
        yield Spot(DataKind.WECHAT, *folded.span(*match.span("id")))
    for match in _WXID.finditer(folded.text):
        yield Spot(DataKind.WECHAT, *folded.span(*match.span()))


def qq_ids(folded: Folded) -> Iterator[Spot]:
    """Find a QQ number named as one."""
    for match in _QQ.finditer(folded.text):
        yield Spot(DataKind.QQ, *folded.span(*match.span("id")))


def emails(folded: Folded) -> Iterator[Spot]:
    """Find e-mail addresses, also with (at) and (dot)."""
    for match in _EMAIL.finditer(folded.text):
        yield Spot(DataKind.EMAIL, *folded.span(*match.span()))
