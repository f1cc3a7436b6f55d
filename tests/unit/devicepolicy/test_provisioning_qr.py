"""The QR code of an enrolment: JSON that Android takes, whatever stands in it, and a code that a scanner reads."""

import base64
import hashlib
import io
import json
import re
from datetime import date

import av
import pytest
import yaml
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st

from devicepolicy.enrolment.provisioning import (
    AgentPackage,
    ChecksumInvalid,
    Invitation,
    SetUp,
    Wifi,
    checksum,
    provisioning_text,
    qr_png,
    qr_svg,
)
from devicepolicy.enrolment.terms import DATA, TermsBook, load_terms

DIGEST = hashlib.sha256(b"agent.apk").digest()
INVITATION = Invitation("https://phones.bank.example", "t" * 43, "k" * 43)
PACKAGE = AgentPackage(
    "cn.maskline.agent/.AdminReceiver", "https://phones.bank.example/agent.apk", DIGEST.hex()
)
EXTRA = "android.app.extra.PROVISIONING_"


def told(set_up: SetUp) -> dict:
    found = json.loads(provisioning_text(INVITATION, set_up))
    assert all(name.startswith(EXTRA) for name in found)
    return {name.removeprefix(EXTRA): value for name, value in found.items()}


def scan(png: bytes) -> str:
    """Read a picture as a phone's camera would."""
    with av.open(io.BytesIO(png)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="gray")
    (code,) = zxingcpp.read_barcodes(picture)
    return code.text


def test_the_extras_are_those_that_android_knows() -> None:
    assert told(SetUp(PACKAGE, Wifi("Office", "secret", hidden=True), "zh_CN", "Asia/Shanghai", leave_system_apps=True)) == {
        "DEVICE_ADMIN_COMPONENT_NAME": "cn.maskline.agent/.AdminReceiver",
        "DEVICE_ADMIN_PACKAGE_DOWNLOAD_LOCATION": "https://phones.bank.example/agent.apk",
        "DEVICE_ADMIN_SIGNATURE_CHECKSUM": base64.urlsafe_b64encode(DIGEST).decode().rstrip("="),
        "WIFI_SSID": "Office",
        "WIFI_PASSWORD": "secret",
        "WIFI_SECURITY_TYPE": "WPA",
        "WIFI_HIDDEN": True,
        "LOCALE": "zh_CN",
        "TIME_ZONE": "Asia/Shanghai",
        "LEAVE_ALL_SYSTEM_APPS_ENABLED": True,
        "ADMIN_EXTRAS_BUNDLE": {
            "maskline.server": "https://phones.bank.example",
            "maskline.token": "t" * 43,
            "maskline.key": "k" * 43,
        },
    }  # fmt: skip


def test_a_phone_that_has_the_agent_needs_the_bundle_only() -> None:
    assert list(told(SetUp())) == ["ADMIN_EXTRAS_BUNDLE"]


def test_headwind_5_35_1_quotes_newlines_and_backslashes_in_a_wifi_password() -> None:
    password = 'a"b\\c\n\t\'d/"}\u2028中文😀'
    assert told(SetUp(wifi=Wifi('My "net"', password)))["WIFI_PASSWORD"] == password
    assert json.loads(scan(qr_png(provisioning_text(INVITATION, SetUp(wifi=Wifi("x", password))))))[
        EXTRA + "WIFI_PASSWORD"
    ] == password  # fmt: skip


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=63),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=32),
)
def test_any_network_survives(password, ssid) -> None:
    found = told(SetUp(PACKAGE, Wifi(ssid, password)))
    assert (found["WIFI_SSID"], found["WIFI_PASSWORD"]) == (ssid, password)


@settings(max_examples=15)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_scanner_reads_what_was_written(password) -> None:
    text = provisioning_text(INVITATION, SetUp(PACKAGE, Wifi("x", password)))
    assert scan(qr_png(text)) == text


@given(st.binary(min_size=32, max_size=32))
def test_checksums_are_url_safe_without_padding_whatever_spelling_came(digest) -> None:
    made = checksum(base64.b64encode(digest).decode())
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", made)
    assert base64.urlsafe_b64decode(made + "=") == digest
    colons = digest.hex(":").upper()
    for spelling in (base64.urlsafe_b64encode(digest).decode(), digest.hex(), colons, made):
        assert checksum(spelling) == made


@pytest.mark.parametrize("text", ["", "abc", "!" * 43, "A" * 42, "A" * 44, "é" * 43, "ab" * 20])
def test_what_is_no_sha_256_is_refused(text) -> None:
    with pytest.raises(ChecksumInvalid):
        checksum(text)


def test_the_svg_is_a_picture_and_nothing_else() -> None:
    svg = qr_svg(provisioning_text(INVITATION, SetUp(wifi=Wifi("<script>", "</svg>"))))
    assert svg.startswith("<svg ")
    assert "script" not in svg


def test_no_repr_shows_a_token_or_a_password() -> None:
    shown = repr((INVITATION, Wifi("x", "hunter2hunter2")))
    assert "t" * 43 not in shown
    assert "hunter2" not in shown


def test_terms_stand_in_both_languages_with_the_institution_and_their_law() -> None:
    terms = load_terms("示例银行").current(date(2026, 11, 22))
    for language in ("zh", "en"):
        text = terms.texts[language]
        whole = " ".join([text.title, *(section.title + section.text for section in text.sections)])
        assert "{" not in whole
        assert "示例银行" in whole
    assert len(terms.texts["zh"].sections) == len(terms.texts["en"].sections)
    assert terms.sha256["zh"] != terms.sha256["en"]
    law = " ".join(note.en for note in terms.legal)
    assert all(f"Article {number}" in law for number in (13, 14, 15, 17))


def test_another_text_has_another_hash_and_the_newest_in_effect_is_asked_for(tmp_path) -> None:
    (path,) = sorted(DATA.glob("*.yaml"))
    first = yaml.safe_load(path.read_text("utf-8"))
    second = {**first, "version": "2026-12-01", "effective_from": date(2026, 12, 1)}
    for number, told_terms in enumerate((first, second)):
        (tmp_path / f"{number}.yaml").write_text(yaml.safe_dump(told_terms, allow_unicode=True), "utf-8")
    book = load_terms("示例机构", tmp_path)
    before, after = book.current(date(2026, 11, 30)), book.current(date(2026, 12, 1))
    assert (before.version, after.version) == ("2026-11-01", "2026-12-01")
    assert before.sha256["zh"] != after.sha256["zh"], "the version is part of what is agreed to"
    assert load_terms("别的机构").current(date(2026, 12, 1)).sha256["zh"] != before.sha256["zh"]
    with pytest.raises(ValueError, match="its own name"):
        TermsBook([before, before])
