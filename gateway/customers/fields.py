"""Checks each field of a customer; used by the form and by the import alike."""

import re
import unicodedata
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import timezone as number_zones

from core.clock import Clock
from core.sheets.faults import Fault
from gateway.customers.errors import CustomerInvalid
from gateway.customers.guard import carries_number, identifier_carries_number
from gateway.customers.model import CustomerDraft, CustomerInput
from gateway.customers.phone import PhoneInvalid, PhoneNumber

MAX_NAME, MAX_TAG, MAX_TAGS, MAX_CITY, MAX_EXTERNAL_ID = 60, 40, 20, 50, 64
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DAMAGED = re.compile(r"\d(\.\d+)?[eE]\+?\d+")
_PRC_ID = re.compile(r"\d{17}[\dX]")
_OTHER_ID = re.compile(r"[A-Z0-9()\-]{5,30}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class FieldChecker:
    """Knows the deployment's region and zone; turns an input into a sound draft or a list of faults."""

    def __init__(self, *, region: str, time_zone: str, clock: Clock) -> None:
        self._region = region
        self._time_zone = time_zone
        self._clock = clock

    def check(self, given: CustomerInput) -> CustomerDraft:
        """Give the draft, or raise `CustomerInvalid` with every fault of the input."""
        faults: list[Fault] = []
        phone = self.phone(given.phone, faults)
        name = self.name(given.name, faults, phone)
        id_number = self.id_number(given.id_number, faults)
        tags = self.tags(given.tags, faults, phone)
        external_id = self.external_id(given.external_id, faults, phone)
        city = self.city(given.city, faults, phone)
        zone = self.zone(given.time_zone, faults, phone)
        if faults or phone is None:
            raise CustomerInvalid(*faults)
        return CustomerDraft(phone, name, id_number, tags, external_id, zone, city)

    def phone(self, text: str, faults: list[Fault]) -> PhoneNumber | None:
        text = unicodedata.normalize("NFKC", text).strip()
        if not text:
            faults.append(Fault("phone", "missing", "缺少电话号码。", "The phone number is missing."))
        elif _DAMAGED.fullmatch(text):
            zh = "号码已被表格软件改成科学计数法，末位已丢失，请以文本格式重新导出。"
            en = (
                "A spreadsheet turned the number into scientific notation and lost digits; export it as text."
            )
            faults.append(Fault("phone", "number-damaged", zh, en))
        else:
            try:
                return PhoneNumber.parse(text, self._region)
            except PhoneInvalid as error:
                faults.append(Fault("phone", error.code, error.title("zh"), error.title("en")))
        return None

    def name(self, text: str, faults: list[Fault], phone: PhoneNumber | None = None) -> str:
        name = " ".join(unicodedata.normalize("NFKC", text).split())
        if not name:
            faults.append(Fault("name", "missing", "缺少姓名。", "The name is missing."))
        elif _plain("name", name, MAX_NAME, faults):
            _no_number("name", name, faults, phone)
        return name

    def id_number(self, text: str, faults: list[Fault]) -> str | None:
        """PRC identity numbers are checked by their check character (GB 11643-1999)."""
        value = unicodedata.normalize("NFKC", text).strip().upper().replace(" ", "")
        if not value:
            return None
        sound = _prc_id_sound(value) if len(value) == 18 else bool(_OTHER_ID.fullmatch(value))
        if not sound:
            faults.append(
                Fault("id_number", "id-invalid", "证件号码不正确。", "The identity number is not valid.")
            )
        return value

    def tags(
        self, given: tuple[str, ...], faults: list[Fault], phone: PhoneNumber | None = None
    ) -> tuple[str, ...]:
        tags = tuple(dict.fromkeys(tag for tag in (_squeeze(text) for text in given) if tag))
        if len(tags) > MAX_TAGS:
            faults.append(Fault("tags", "too-many", f"标签最多 {MAX_TAGS} 个。", f"At most {MAX_TAGS} tags."))
        for tag in tags:
            if not _plain("tags", tag, MAX_TAG, faults) or not _no_number("tags", tag, faults, phone):
                break
        return tags

    def external_id(self, text: str, faults: list[Fault], phone: PhoneNumber | None = None) -> str | None:
        value = _squeeze(text)
        if not value:
            return None
        if _plain("external_id", value, MAX_EXTERNAL_ID, faults) and identifier_carries_number(
            value, self._region, phone
        ):
            faults.append(_number_fault("external_id"))
        return value

    def city(self, text: str, faults: list[Fault], phone: PhoneNumber | None = None) -> str | None:
        value = _squeeze(text)
        if not value:
            return None
        if _plain("city", value, MAX_CITY, faults):
            _no_number("city", value, faults, phone)
        return value

    def zone(self, text: str, faults: list[Fault], phone: PhoneNumber | None = None) -> str:
        """Give the stated zone, else the number's own, else the deployment's."""
        value = text.strip()
        if value:
            if value not in _zones():
                zh, en = "时区不存在。", "There is no such time zone."
                faults.append(Fault("time_zone", "zone-unknown", zh, en))
            return value
        if phone is None:
            return self._time_zone
        zones = _zones_of(phone)
        if self._time_zone in zones or not zones:
            return self._time_zone
        if not self._agree(zones):
            zh = "该号码可能属于多个时区，请填写客户时区。"
            en = "This number may be in several time zones; state the customer's."
            faults.append(Fault("time_zone", "zone-ambiguous", zh, en))
        return zones[0]

    def _agree(self, zones: tuple[str, ...]) -> bool:
        now = self._clock.now()
        moments = (now.replace(month=1, day=15), now.replace(month=7, day=15))
        return all(
            len({moment.astimezone(ZoneInfo(zone)).utcoffset() for zone in zones}) == 1 for moment in moments
        )


def _zones_of(phone: PhoneNumber) -> tuple[str, ...]:
    parsed = phonenumbers.parse(phone.e164, None)
    return tuple(zone for zone in number_zones.time_zones_for_number(parsed) if zone in _zones())


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _squeeze(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _plain(column: str, text: str, limit: int, faults: list[Fault]) -> bool:
    """Refuse what is too long, has control characters, or would run as a formula in a spreadsheet."""
    if len(text) > limit:
        faults.append(Fault(column, "too-long", f"最多 {limit} 个字符。", f"At most {limit} characters."))
    elif text.startswith(_FORMULA):
        zh, en = "不得以 = + - @ 开头。", "Must not begin with = + - or @."
        faults.append(Fault(column, "formula", zh, en))
    elif any(unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn"} for character in text):
        faults.append(Fault(column, "control-character", "含有控制字符。", "It has control characters."))
    else:
        return True
    return False


def _no_number(column: str, text: str, faults: list[Fault], phone: PhoneNumber | None) -> bool:
    if carries_number(text, phone):
        faults.append(_number_fault(column))
        return False
    return True


def _number_fault(column: str) -> Fault:
    zh, en = "不得含有电话号码。", "Must not hold a phone number."
    return Fault(column, "number-in-text", zh, en)


def _prc_id_sound(value: str) -> bool:
    if not _PRC_ID.fullmatch(value):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(value, _WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == value[17]
