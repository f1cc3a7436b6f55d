"""What phones write: parsed strictly, without numbers that could be somebody's, and nothing breaks the parser."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from devicepolicy.enrolment.schemas import EnrolIn
from devicepolicy.sync.schemas import ReportIn
from devicepolicy.sync.standing import content_of, read_content
from devicepolicy.texts import PhoneText, ShortWord

TEXT = TypeAdapter(PhoneText)
GOOD = {
    "seq": 1,
    "applied_version": 1,
    "applied_sha256": "a" * 64,
    "settings": {"applications[com.tencent.mm].installType": {"sha256": "b" * 64}},
    "facts": {"api_level": 33},
    "os_version": "14",
    "agent_version": "1.0.0",
}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("text", ["Android 14", "HUAWEI Pura 80", "用户拒绝", "0x123456g", "12-34-56", ""])
def test_plain_words_pass(text: str) -> None:
    assert TEXT.validate_python(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "138 0013 8000",
        "+86-138-0013-8000",
        "(021) 6666.8888",
        "x1234567x",
        "a\nb",
        "a\x00",
        "\u2028",
    ],
)
def test_numbers_and_control_characters_do_not(text: str) -> None:
    with pytest.raises(ValidationError):
        TEXT.validate_python(text)


@given(st.text(st.sampled_from("0123456789 -().+a"), max_size=30))
def test_no_eleven_digits_pass_however_they_are_parted(text: str) -> None:
    try:
        TEXT.validate_python(text)
    except ValidationError:
        return
    runs = "".join(character for character in text if character not in " -().").replace("+", "a").split("a")
    assert max(map(len, runs), default=0) < 7


@pytest.mark.parametrize("version", ["14", "10.0.0.168(C00E4R1)", "5.10.136-android12", "UP1A.231005.007"])
def test_versions_of_systems_pass(version: str) -> None:
    assert TypeAdapter(ShortWord).validate_python(version) == version
    with pytest.raises(ValidationError):
        TypeAdapter(ShortWord).validate_python("13800138000")


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from([*GOOD, "state", "status", "more"]), ANY))
def test_any_body_is_a_report_or_refused(changes: dict[str, object]) -> None:
    body = json.dumps({**GOOD, **changes})
    try:
        told = ReportIn.model_validate_json(body, strict=True).report()
    except ValidationError:
        return
    assert read_content(json.loads(json.dumps(content_of(told.reported)))) == told.reported


@settings(max_examples=100)
@given(ANY)
def test_any_body_is_an_enrolment_or_refused(body: object) -> None:
    with pytest.raises(ValidationError):
        EnrolIn.model_validate_json(json.dumps(body), strict=True)


def test_secrets_do_not_show() -> None:
    told = EnrolIn.model_validate_json(
        json.dumps(
            {
                "token": "t" * 43,
                "public_key": "k" * 43,
                "hardware": "SN-0123456789",
                "manufacturer": "HUAWEI",
                "model": "P",
                "os_version": "14",
                "agent_version": "1",
                "facts": {"api_level": 33},
                "consent": {"version": "1", "sha256": "a" * 64, "language": "zh"},
            }
        ),
        strict=True,
    )
    for shown in (repr(told), repr(told.phone())):
        assert "t" * 43 not in shown
        assert "0123456789" not in shown
