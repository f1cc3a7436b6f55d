"""Digest answers, nonces and replay."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from gateway.calls.digest import MAX_USES, Ha1, Nonces, NonceState, answers, response, uri_user
from gateway.switch.protocol import DigestCredentials

HA1 = Ha1.of("Mufasa", "http-auth@example.org", "Circle of Life")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 21, 2, 0, tzinfo=UTC))


def mufasa(algorithm: str, answer: str) -> DigestCredentials:
    """The example of RFC 7616 section 3.9.1, whose method is GET."""
    return DigestCredentials(
        method="INVITE",
        username="Mufasa",
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        uri="/dir/index.html",
        response=answer,
        algorithm=algorithm,
        qop="auth",
        nc="00000001",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    ).model_copy(update={"method": "GET"})


MD5 = "8ca523f5e9506fed4657c9700eebdbec"
SHA_256 = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"


@pytest.mark.parametrize(("algorithm", "answer"), [("MD5", MD5), ("SHA-256", SHA_256), ("sha-256", SHA_256)])
def test_the_examples_of_rfc_7616(algorithm, answer):
    assert answers(mufasa(algorithm, answer), HA1)
    assert answers(mufasa(algorithm, answer.upper()), HA1)


@pytest.mark.parametrize(
    "change",
    [
        {"response": MD5[:-1] + "0"},
        {"response": ""},
        {"response": "数"},
        {"algorithm": "SHA-256"},
        {"algorithm": "MD5-sess"},
        {"qop": None},
        {"qop": "auth-int"},
        {"nc": None},
        {"cnonce": None},
        {"method": "REGISTER"},
        {"uri": "/dir/other.html"},
        {"nonce": "another"},
    ],
)
def test_anything_else_is_wrong(change):
    assert not answers(mufasa("MD5", MD5).model_copy(update=change), HA1)


def test_hashes_are_in_no_repr():
    assert HA1.md5 not in repr(HA1)
    assert HA1.sha256 not in repr(HA1)


def test_a_count_is_good_once(clock):
    nonces = Nonces(clock)
    nonce = nonces.issue()
    assert nonces.use(nonce, "00000001") is NonceState.FRESH
    assert nonces.use(nonce, "00000001") is NonceState.REPLAYED
    assert nonces.use(nonce, "00000003") is NonceState.FRESH
    assert nonces.use(nonce, "00000002") is NonceState.FRESH  # overtaken on the way
    assert nonces.use(nonce, "00000002") is NonceState.REPLAYED
    assert nonces.use(nonce, "0") is NonceState.REPLAYED
    assert nonces.use(nonce, "xyz") is NonceState.REPLAYED
    assert nonces.use(nonce, f"{MAX_USES + 1:08x}") is NonceState.STALE


def test_a_nonce_runs_out_and_is_forgotten(clock):
    nonces = Nonces(clock, ttl_s=300)
    nonce = nonces.issue()
    assert nonces.use(nonce, "1") is NonceState.FRESH
    clock.advance(timedelta(seconds=301))
    assert nonces.use(nonce, "2") is NonceState.STALE
    assert nonces.use(nonces.issue(), "1") is NonceState.FRESH
    assert len(nonces._used) == 1


def test_a_nonce_of_another_process_is_stale_and_a_forged_one_too(clock):
    assert Nonces(clock).use(Nonces(clock).issue(), "1") is NonceState.STALE
    nonces = Nonces(clock)
    nonce = nonces.issue()
    forged = ("A" if nonce[0] != "A" else "B") + nonce[1:]
    assert nonces.use(forged, "1") is NonceState.STALE


def test_setting_the_wall_clock_does_not_make_nonces_old(clock):
    nonces = Nonces(clock)
    nonce = nonces.issue()
    clock.set(clock.now() + timedelta(days=1))
    assert nonces.use(nonce, "1") is NonceState.FRESH


@given(st.text(), st.text())
def test_whatever_is_sent_as_a_nonce_is_not_fresh(nonce, count):
    clock = ManualClock(datetime(2026, 11, 21, tzinfo=UTC))
    assert Nonces(clock).use(nonce, count) is not NonceState.FRESH


@given(st.text(max_size=200), st.text(max_size=64), st.text(max_size=64))
def test_no_credentials_make_it_raise(uri, answer, nonce):
    given_ = mufasa("SHA-256", answer).model_copy(update={"uri": uri, "nonce": nonce})
    assert not answers(given_, HA1)
    assert len(response(given_, "SHA-256", HA1)) == 64


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:t123@gw", "t123"),
        ("SIPS:t123@gw:5061", "t123"),
        ("sip:%74123@gw", "t123"),
        ("sip:t123;x=1@gw", "t123"),
        ("sip:t123:secret@gw", "t123"),
        ("sip:127.0.0.1:5060", ""),
        ("tel:+8610", ""),
        ("rubbish", ""),
    ],
)
def test_the_user_of_a_uri(uri, user):
    assert uri_user(uri) == user
