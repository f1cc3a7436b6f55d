"""The reference agent's own signatures, hashes and settings against the published vectors and the server's."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

import devicepolicy.identity
from devicepolicy.agent import signing
from devicepolicy.agent.settings import DATA, Facts, known
from devicepolicy.canonical import sha256_of
from devicepolicy.capabilities.expected import expected_gaps
from devicepolicy.capabilities.facts import Backend, DeviceFacts, Mode
from devicepolicy.capabilities.orders import Flag, Ladder
from devicepolicy.capabilities.table import table
from devicepolicy.commands.agent_schemas import AckBody, ResultsBody
from devicepolicy.commands.kinds import CommandKind
from devicepolicy.enrolment.schemas import AgreementIn, EnrolIn
from devicepolicy.identity.errors import REFUSALS
from devicepolicy.identity.requests import sign_request
from devicepolicy.policies.settings import flatten, setting_sha256
from devicepolicy.sync.schemas import ReportIn
from devicepolicy.uploads.catalogue import catalogue
from devicepolicy.uploads.errors import (
    OffsetWrong,
    PieceInvalid,
    RecordingBroken,
    RecordingNotWanted,
    RecordingUnknown,
)
from devicepolicy.uploads.model import Outcome, RecordKind
from devicepolicy.uploads.schemas import EventsIn, RecordingIn, RecordsIn
from devicepolicy.whereabouts.errors import (
    CheckInRefused,
    CheckInUnknown,
    LocationConsentRequired,
    PhotoRefused,
)
from devicepolicy.whereabouts.model import FixOutcome, Purpose
from devicepolicy.whereabouts.schemas import CheckInIn, FixesIn
from scripts.make_agent_settings import PAGE, page, text

PROTOCOL = PAGE.with_name("agent-protocol.md")
VECTORS = json.loads((DATA / "vectors.json").read_text("utf-8"))
SERVERS = Path(devicepolicy.identity.__file__).parent / "data" / "vectors.json"
KEY = Ed25519PrivateKey.from_private_bytes(signing.unb64u(VECTORS["phone"]["private_key"]))


def test_published_vectors_are_the_servers() -> None:
    told = json.loads(SERVERS.read_text("utf-8"))
    assert {name: VECTORS[name] for name in ("phone", "requests", "documents")} == {
        name: told[name] for name in ("phone", "requests", "documents")
    }


def test_settings_are_those_of_the_capability_table() -> None:
    shipped = (DATA / "settings.json").read_text("utf-8")
    assert shipped == text(), "run: python -m scripts.make_agent_settings"
    assert PAGE.read_text("utf-8") == page(), "the same"
    assert set(known().rows) == set(table().rows)


@pytest.mark.parametrize(
    "model",
    [
        EnrolIn,
        AgreementIn,
        ReportIn,
        AckBody,
        ResultsBody,
        RecordsIn,
        EventsIn,
        RecordingIn,
        FixesIn,
        CheckInIn,
    ],
)
def test_examples_of_the_document_are_what_the_server_takes(model) -> None:
    text = PROTOCOL.read_text("utf-8")
    found = re.findall(rf"<!-- {model.__name__} -->\n```json\n(.*?)```", text, re.DOTALL)
    assert found
    for example in found:
        model.model_validate_json(example)


def test_hashes_of_the_documents_fix_and_check_in() -> None:
    text = PROTOCOL.read_text("utf-8")
    for name, of in (
        ("FixesIn", lambda body: body["fixes"][0]),
        ("CheckInIn", lambda body: body["check_in"]),
    ):
        (example,) = re.findall(rf"<!-- {name} -->\n```json\n(.*?)```", text, re.DOTALL)
        item = of(json.loads(example))
        digest = item.pop("sha256")
        assert signing.sha256_of(item) == sha256_of(item) == digest


def test_the_document_names_every_refusal_and_every_command() -> None:
    text = PROTOCOL.read_text("utf-8")
    for refusal in REFUSALS:
        assert f"`{refusal.code}`" in text
    for kind in (*CommandKind, *Outcome, *FixOutcome, *Purpose):
        assert f"`{kind.value}`" in text
    for event, entry in catalogue().events.items():
        (line,) = re.findall(rf"^\| `{event.value}` \| (.*) \|$", text, re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", line)) == entry.evidence
    for error in (
        *(OffsetWrong, PieceInvalid, RecordingBroken, RecordingNotWanted, RecordingUnknown),
        *(LocationConsentRequired, CheckInRefused, CheckInUnknown, PhotoRefused),
    ):
        assert f"`{error.code}`" in text


@pytest.mark.parametrize("vector", VECTORS["uploads"], ids=lambda vector: vector["item"]["kind"])
def test_hashes_of_uploads(vector) -> None:
    assert signing.sha256_of(vector["item"]) == vector["sha256"] == sha256_of(vector["item"])
    record = vector["item"]["kind"] in {kind.value for kind in RecordKind}
    batch, name = (RecordsIn, "records") if record else (EventsIn, "events")
    sent = {**vector["item"], "sha256": vector["sha256"]}
    taken = batch.model_validate({"sent_at": sent["at"], name: [sent]}).taken([sent])
    assert sha256_of(taken[0].original) == vector["sha256"]


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["target"])
def test_requests_are_signed_byte_for_byte(vector) -> None:
    made = signing.sign_request(
        KEY,
        VECTORS["phone"]["device_id"],
        method=vector["method"],
        target=vector["target"],
        created=vector["created"],
        nonce=vector["nonce"],
        body=vector["body"].encode(),
    )
    assert made == vector["headers"]
    assert signing.key_text(KEY.public_key()) == VECTORS["phone"]["public_key"]
    assert signing.thumbprint(KEY.public_key()) == VECTORS["phone"]["thumbprint"]


@given(
    st.binary(max_size=60), st.sampled_from(["/a", "/a?", "/a?b=c&d", "/api/v1/agent/wake/poll?commands=1"])
)
def test_the_agents_signer_and_the_servers_agree(body: bytes, target: str) -> None:
    at = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    nonce = "AAECAwQFBgcICQoLDA0ODw"
    mine = signing.sign_request(
        KEY, "a" * 32, method="POST", target=target, created=int(at.timestamp()), nonce=nonce, body=body
    )
    theirs = sign_request(KEY, "a" * 32, method="POST", target=target, created=at, nonce=nonce, body=body)
    assert mine == theirs


@pytest.mark.parametrize("case", VECTORS["documents"]["cases"], ids=lambda case: case["name"])
def test_documents_are_believed_or_refused(case) -> None:
    told = VECTORS["documents"]

    def verify() -> signing.Document:
        return signing.verify(
            case["token"],
            told["typ"],
            keys={told["kid"]: VECTORS["phone"]["public_key"]},
            device_id=told["device_id"],
            now=told["now"],
            not_behind=told["not_behind"],
        )

    if case["reason"] is None:
        assert verify() == signing.Document(told["sequence"], told["issued"], told["expires"], told["doc"])
    else:
        with pytest.raises(signing.Refused) as refused:
            verify()
        assert refused.value.reason == case["reason"]


@pytest.mark.parametrize("vector", VECTORS["settings"], ids=lambda vector: vector["name"])
def test_hashes_of_settings(vector) -> None:
    assert signing.setting_sha256(vector["name"], vector["value"]) == vector["sha256"]
    assert setting_sha256(vector["name"], vector["value"]) == vector["sha256"]


def test_hash_of_a_desired_state() -> None:
    told = VECTORS["desired"]
    assert signing.document_sha256({"version": 3, "sha256": "x", **told["document"]}) == told["sha256"]
    assert sha256_of(told["document"]) == told["sha256"]
    settings = flatten(told["document"]["policy"], table())
    assert {name: setting_sha256(name, value) for name, value in settings.items()} == told["document"][
        "settings"
    ]
    for name, value in settings.items():
        assert known().value(told["document"]["policy"], name) == value


def sample(order) -> object:
    if isinstance(order, Ladder):
        return order.values[-1]
    return order.strict if isinstance(order, Flag) else 99


@given(
    st.integers(19, 40),
    st.sampled_from(Mode),
    st.frozensets(st.sampled_from(Backend), min_size=1),
)
def test_the_phone_and_the_server_agree_on_what_it_cannot_do(level: int, mode: Mode, backends) -> None:
    """Otherwise expected gaps would be failures, or failures would be expected."""
    values = {row.path: sample(row.order) for row in table()}
    gaps = expected_gaps(values, DeviceFacts(level, mode, backends), table())
    facts = Facts(level, mode.value, tuple(backend.value for backend in backends))
    mine = {name: row.gap(values[name], facts) for name, row in known().rows.items()}
    assert {name: gap for name, gap in mine.items() if gap} == {
        name: gap.reason.value for name, gap in gaps.items()
    }
