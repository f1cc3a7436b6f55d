"""What a phone signs (RFC 9421, 9530) and what the server signs (RFC 7515, 8037): vectors, and nothing else passes."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from http_message_signatures import MappingKeyResolver, algorithms
from http_message_signatures.digests import ContentDigest
from hypothesis import given, settings
from hypothesis import strategies as st

import devicepolicy.identity
from core.errors import MasklineError
from core.web.wire import WireRequest
from devicepolicy.identity.documents import DocumentKind, DocumentRefused, sign_document, verify_document
from devicepolicy.identity.errors import SignatureForged, SignatureMalformed, SignatureMissing
from devicepolicy.identity.keys import KeyMalformed, key_id_of, key_text, read_key
from devicepolicy.identity.requests import _Message, _Verifier, read_claim, sign_request, verify_request

VECTORS = json.loads(
    (Path(devicepolicy.identity.__file__).parent / "data" / "vectors.json").read_text("utf-8")
)
NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
DEVICE = VECTORS["phone"]["device_id"]
NONCE = "AAECAwQFBgcICQoLDA0ODw"


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def signed(
    method: str = "POST", target: str = "/api/v1/agent/report?a=1", body: bytes = b"{}"
) -> WireRequest:
    headers = sign_request(KEY, DEVICE, method=method, target=target, created=NOW, nonce=NONCE, body=body)
    return WireRequest(method, target, tuple(headers.items()), body)


def with_header(request: WireRequest, name: str, change) -> WireRequest:
    lines = tuple((key, change(value) if key == name else value) for key, value in request.headers)
    return replace(request, headers=lines)


def check(request: WireRequest) -> None:
    verify_request(request, read_claim(request), KEY.public_key())


def test_rfc_9421_b_2_6_verifies() -> None:
    """Appendix B.2.6 with the key of B.1.4, through the verifier that phones go through."""
    public = load_pem_public_key(
        b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----"
    )
    headers = {
        "Host": "example.com",
        "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "Content-Type": "application/json",
        "Content-Length": "18",
        "Signature-Input": 'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
        "Signature": "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    }
    verifier = _Verifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={"test-key-ed25519": public}, private_keys={}),
    )
    message = _Message("POST", "https://example.com/foo?param=Value&Pet=dog", headers)
    (result,) = verifier.verify(message, max_age=None)
    base = "\n".join(f"{name}: {value}" for name, value in result.covered_components.items())
    private = load_pem_private_key(
        b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----",
        None,
    )
    assert base64.b64encode(private.sign(base.encode())).decode() in headers["Signature"]


def test_rfc_9530_digests() -> None:
    """The examples of RFC 9530 (appendix B.1) and RFC 9421 (B.2)."""
    assert (
        ContentDigest.create(b'{"hello": "world"}\n')
        == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    )
    ContentDigest.verify(
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
        b'{"hello": "world"}',
    )


def test_rfc_8037_thumbprint_and_jws() -> None:
    """Appendices A.3 (thumbprint) and A.4 (signature of `header.payload`)."""
    key = Ed25519PrivateKey.from_private_bytes(raw("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    assert key_text(key.public_key()) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert key_id_of(key.public_key()) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    signature = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
    assert signature == raw(
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["target"])
def test_requests_give_the_golden_bytes(vector) -> None:
    body = vector["body"].encode()
    created = datetime.fromtimestamp(vector["created"], UTC)
    headers = sign_request(
        KEY,
        DEVICE,
        method=vector["method"],
        target=vector["target"],
        created=created,
        nonce=vector["nonce"],
        body=body,
    )
    assert headers == vector["headers"]
    request = WireRequest(vector["method"], vector["target"], tuple(headers.items()), body)
    proof = verify_request(request, read_claim(request), KEY.public_key())
    assert proof.base == vector["signature_base"]
    KEY.public_key().verify(proof.signature, proof.base.encode())


def test_a_request_without_a_signature_is_told_so() -> None:
    with pytest.raises(SignatureMissing):
        check(replace(signed(), headers=()))
    only_input = tuple(line for line in signed().headers if line[0] != "Signature")
    with pytest.raises(SignatureMissing):
        check(replace(signed(), headers=only_input))


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"target": "/api/v1/agent/report?a=2"},
        {"target": "/api/v1/agent/desired?a=1"},
        {"target": "/api/v1/agent/report"},
        {"body": b"{ }"},
        {"body": b""},
    ],
)
def test_a_request_changed_on_its_way_is_forged(change) -> None:
    check(signed())
    with pytest.raises(SignatureForged):
        check(replace(signed(), **change))


def test_a_signature_by_another_key_is_forged() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    request = signed()
    with pytest.raises(SignatureForged):
        verify_request(request, read_claim(request), other.public_key())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"@method" ', ""),
        (' "content-digest"', ""),
        ('"@query"', '"@query" "@authority"'),
        ('"@query"', '"@query" "@query"'),
        ('"@query"', '"@query-param";name="a"'),
        (";nonce=", ";old="),
        (f'"{NONCE}"', '"short"'),
        (";created=1795226400", ";created=-1"),
        (";created=1795226400", ";created=1795226400.5"),
        (";created=1795226400", ""),
        ('"ed25519"', '"hmac-sha256"'),
        ('"maskline-agent"', '"elsewhere"'),
        (DEVICE, "../../etc"),
        ("phone=", "phone"),
        ("phone=", "phone=1, other="),
    ],
)
def test_parameters_and_coverage_are_as_agreed_or_the_request_is_refused(old, new) -> None:
    request = signed()
    text = dict(request.headers)["Signature-Input"]
    assert old in text
    with pytest.raises((SignatureMalformed, SignatureMissing)):
        check(with_header(request, "Signature-Input", lambda value: value.replace(old, new)))


def test_two_signatures_are_refused() -> None:
    request = signed()
    twice = with_header(
        with_header(request, "Signature-Input", lambda value: f"{value}, second={value.partition('=')[2]}"),
        "Signature",
        lambda value: f"{value}, second={value.partition('=')[2]}",
    )
    with pytest.raises(SignatureMalformed):
        check(twice)


@settings(max_examples=200)
@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=50), st.binary(max_size=50))
def test_garbage_in_the_headers_breaks_nothing(first, second, target, body) -> None:
    request = WireRequest("POST", f"/{target}", (("Signature-Input", first), ("Signature", second)), body)
    with pytest.raises(MasklineError):
        check(request)


@settings(max_examples=200)
@given(st.data())
def test_no_single_changed_character_passes(data) -> None:
    request = signed()
    name = data.draw(st.sampled_from(["Signature-Input", "Signature", "Content-Digest"]))
    text = dict(request.headers)[name]
    place = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters(min_codepoint=33, max_codepoint=126))
    changed = text[:place] + character + text[place + 1 :]
    if changed == text or text[place] == " ":
        return
    try:
        request = with_header(request, name, lambda _: changed)
        proof = verify_request(request, read_claim(request), KEY.public_key())
    except MasklineError:
        return
    # The label is not signed, and the last character before padding has bits that mean nothing (RFC 4648 §3.5).
    KEY.public_key().verify(proof.signature, proof.base.encode())
    assert read_claim(request) == read_claim(signed())


def test_public_keys_have_one_spelling() -> None:
    text = VECTORS["phone"]["public_key"]
    assert key_text(read_key(text)) == text
    for bad in ("", text + "=", text[:-1], text + "A", "!" * 43, text[:-1] + "9", "é" * 43):
        with pytest.raises(KeyMalformed):
            read_key(bad)


DOCUMENTS = VECTORS["documents"]
SERVER = {DOCUMENTS["kid"]: KEY.public_key()}


def open_document(token: str, **more):
    wanted = {"keys": SERVER, "device_id": DEVICE, "now": NOW, "not_behind": DOCUMENTS["not_behind"], **more}
    return verify_document(token, DocumentKind.DESIRED, **wanted)


@pytest.mark.parametrize("case", DOCUMENTS["cases"], ids=lambda case: case["name"])
def test_documents_of_the_vectors(case) -> None:
    if case["reason"] is None:
        found = open_document(case["token"])
        assert (found.document, found.sequence) == (DOCUMENTS["doc"], DOCUMENTS["sequence"])
        return
    with pytest.raises(DocumentRefused) as refused:
        open_document(case["token"])
    assert refused.value.facts == {"reason": case["reason"]}


def test_signing_gives_the_golden_token() -> None:
    made = sign_document(
        KEY,
        DocumentKind.DESIRED,
        DOCUMENTS["doc"],
        device_id=DEVICE,
        sequence=DOCUMENTS["sequence"],
        issued_at=datetime.fromtimestamp(DOCUMENTS["issued"], UTC),
        expires_at=datetime.fromtimestamp(DOCUMENTS["expires"], UTC),
    )
    assert made.token == DOCUMENTS["cases"][0]["token"]
    assert made.key_id == DOCUMENTS["kid"]


def test_a_document_is_good_until_its_last_second_by_the_servers_clock() -> None:
    token = DOCUMENTS["cases"][0]["token"]
    end = datetime.fromtimestamp(DOCUMENTS["expires"], UTC)
    assert open_document(token, now=end - timedelta(seconds=1)).expires_at == end
    for moment in (end, end + timedelta(days=400), NOW - timedelta(seconds=1)):
        with pytest.raises(DocumentRefused):
            open_document(token, now=moment)


@settings(max_examples=300)
@given(
    st.text(alphabet=st.characters(max_codepoint=0x250), max_size=120)
    | st.binary(max_size=90).map(
        lambda data: ".".join([base64.urlsafe_b64encode(data).rstrip(b"=").decode()] * 3)
    )
)
def test_garbage_is_no_document(text) -> None:
    with pytest.raises(DocumentRefused):
        open_document(text)
