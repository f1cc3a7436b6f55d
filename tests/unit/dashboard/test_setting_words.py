"""Values of settings in people's words: every word that a policy may use has some in both languages."""

from collections.abc import Iterator

import pytest

from dashboard.pages.phones.said import enum_words, said, value_words
from devicepolicy.capabilities.table import table
from devicepolicy.policies.schema import FieldSchema, schemas


def words_of(field: FieldSchema) -> Iterator[str]:
    if field.items is not None:
        yield from words_of(field.items)
    for value in field.values:
        if value not in field.deprecated_values and not value.endswith("_UNSPECIFIED"):
            yield value


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_word_of_a_policy_has_words_for_people(language: str) -> None:
    wanted = {value for row in table() for value in words_of(schemas().at(row.path))}
    assert len(wanted) > 200
    assert [value for value in sorted(wanted) if not enum_words(value, language)] == []


@pytest.mark.parametrize(
    ("name", "value", "zh"),
    [
        ("cameraAccess", "CAMERA_ACCESS_DISABLED", "禁用"),
        ("screenCaptureDisabled", True, "禁止"),
        ("screenCaptureDisabled", False, "允许"),
        ("maskline.uploads.sms", True, "是"),
        ("maskline.offlineLock.lockAfterHours", 72, "72 小时"),
        ("passwordPolicies[SCOPE_DEVICE].passwordExpirationTimeout", "7776000s", "90 天"),
        ("maximumTimeToLock", "60000", "60 秒"),
        ("maskline.conductEvents", ["RED_PACKET", "ROOT_FOUND"], "收发红包、手机已被 root"),
        ("maskline.permittedHours", [{"day": "MONDAY", "startMinutes": 540, "endMinutes": 1085}], "周一 9:00–18:05"),
        ("maskline.frozenMessage", {"defaultMessage": "已冻结"}, "已冻结"),
        ("permittedInputMethods.packageNames", [], "无"),
        ("openNetworkConfiguration", {"a": 1}, None),
    ],
)  # fmt: skip
def test_values_are_said_as_people_say_them(name: str, value: object, zh: str | None) -> None:
    assert value_words(name, value, "zh") == zh  # type: ignore[arg-type]


def test_a_setting_names_the_app_it_concerns() -> None:
    one = said("maskline.messagingApps[com.tencent.mm].images", "EGRESS_BLOCKED", "zh", table())
    assert (one.title, one.of, one.value, one.plain) == ("禁止发出图片", "微信", "禁止", True)
    absent = said("cameraAccess", None, "en", table())
    assert (absent.value, absent.raw) == ("not stated", "")
