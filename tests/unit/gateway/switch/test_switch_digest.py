"""Digest headers: read as RFC 7616 writes them, and as nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.switch.digest import challenge_values, read_credentials
from gateway.switch.protocol import Challenge

RFC_7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
    'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


def read(*values: str, realm: str = "maskline"):
    return read_credentials(values, method="INVITE", realm=realm)


def test_the_example_of_rfc_7616_section_3_9_1():
    found = read(RFC_7616)
    assert found.username == "Mufasa"
    assert (found.algorithm, found.qop, found.nc) == ("SHA-256", "auth", "00000001")
    assert found.response.startswith("753927fa")
    assert found.opaque.endswith("5tdS")


def test_commas_and_escapes_within_quotes():
    found = read(r'digest username="a,\"b\\", realm="r", nonce="n", uri="sip:x,y@h", response="0"')
    assert found.username == 'a,"b\\'
    assert found.uri == "sip:x,y@h"
    assert found.algorithm == "MD5"


def test_the_credentials_of_our_realm_are_picked():
    one = 'Digest username="1", realm="other", nonce="n", uri="u", response="r"'
    two = 'Digest username="2", realm="maskline", nonce="n", uri="u", response="r"'
    assert read(one, two).username == "2"
    assert read(one).username == "1"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic abc",
        "NoOneKnowsThisScheme opaque-data=here",
        'Digest username="1"',
        'Digest username="1", username="2", realm="r", nonce="n", uri="u", response="r"',
        'Digest username="1, realm="r", nonce="n", uri="u", response="r"',
        'Digest username="1", realm="r", nonce="n", uri="u", response="r" garbage',
        'Digest username="1", realm="r", nonce="n", uri="u", response="' + "r" * 600 + '"',
        'Digest method="REGISTER", username="1", realm="r", nonce="n", uri="u", response="r"',
    ],
)
def test_what_cannot_be_read_is_nothing(value):
    assert read(value) is None


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text):
    read("Digest " + text)


def test_a_challenge_quotes_qop_and_lists_algorithms_in_order():
    values = challenge_values(
        Challenge(leg="a", realm="maskline", nonce="n1", stale=True, algorithms=("SHA-256", "MD5"))
    )
    assert values == [
        'Digest realm="maskline", nonce="n1", qop="auth", algorithm=SHA-256, stale=true',
        'Digest realm="maskline", nonce="n1", qop="auth", algorithm=MD5, stale=true',
    ]
