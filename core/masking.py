"""Masks for what people may see of a number or a name: 138****8000, 张**, last four."""

import unicodedata

STARS = "****"


def last_four(number: str) -> str:
    """Give the last four digits; nothing of a number so short that they would tell it all."""
    digits = _digits(number)
    return digits[-4:] if len(digits) >= 7 else ""


def mask_number(number: str) -> str:
    """Mask a phone number: `+8613800138000` as 138****8000, any other as stars and its last four."""
    digits = _digits(number)
    if digits.startswith("86") and len(digits) == 13:
        digits = digits[2:]
    elif unicodedata.normalize("NFKC", number).lstrip().startswith("+"):
        return STARS + last_four(number)  # another country's
    if len(digits) == 11 and digits[0] == "1" and digits[1] in "3456789":
        return f"{digits[:3]}{STARS}{digits[-4:]}"
    return STARS + last_four(number)


def mask_name(name: str) -> str:
    """Mask a person's name: 张三 as 张*, 张三丰 as 张**; at most three stars, so length says little."""
    name = unicodedata.normalize("NFKC", name).strip()
    if len(name) < 2:
        return "*" * len(name)
    if name.isascii():
        return name[0] + "***"
    return name[0] + "*" * min(len(name) - 1, 3)


def _digits(number: str) -> str:
    """Keep the digits, full-width ones folded; an extension does not count."""
    text = unicodedata.normalize("NFKC", number)
    return "".join(character for character in text if character in "0123456789")
