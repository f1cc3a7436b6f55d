"""Reasons and notes: checked, and what could reach or identify a person in them is covered."""

import unicodedata
from collections.abc import Collection

from gateway.customers.approvals.errors import ReasonInvalid
from gateway.messages.screening.detect import detect, mask

MAX_TEXT = 300


def cleaned(text: str, own: Collection[str] = (), *, needed: bool) -> str:
    """Give a text with contact data covered; `own` are numbers never to be seen. Raises `ReasonInvalid`."""
    text = "\n".join(text.splitlines()).strip()
    if not text and needed:
        raise ReasonInvalid("Say why.", detail_zh="请写明理由。")
    if len(text) > MAX_TEXT:
        raise ReasonInvalid(f"At most {MAX_TEXT} characters.", detail_zh=f"最多 {MAX_TEXT} 字。")
    if any(unicodedata.category(sign) == "Cc" and sign not in "\n\t" for sign in text):
        raise ReasonInvalid("It holds control characters.", detail_zh="含控制字符。")
    return mask(text, detect(text, own=tuple(own)))


def mask_document(number: str | None) -> str:
    """Mask an identity document: its first and last character, and nothing of its length."""
    if not number:
        return ""
    return f"{number[0]}******{number[-1]}" if len(number) >= 5 else "******"
