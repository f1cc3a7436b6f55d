"""`maskline demo --json`: what it must show, with its proofs checked by nothing of ours."""

import base64
import hashlib
import json

import pytest

from tests.acceptance.command import run_command
from tests.support.running import whisper_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
EXPECTED = {
    "clean-sales": set(),
    "abusive-collection": {"threat", "disclosure", "insult"},
    "private-deal": {"over_promise", "private_deal"},
}


def root_from(record: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Fold an audit path as RFC 9162 section 2.1.3.2 says it for RFC 6962 trees."""
    node, last = index, size - 1
    value = hashlib.sha256(b"\0" + record).digest()
    for step in path:
        assert last > 0
        if node % 2 or node == last:
            value = hashlib.sha256(b"\1" + step + value).digest()
            while not node % 2 and node:
                node, last = node >> 1, last >> 1
        else:
            value = hashlib.sha256(b"\1" + value + step).digest()
        node, last = node >> 1, last >> 1
    assert last == 0
    return value


def assert_included(proof: dict) -> None:
    entry, inclusion = proof["entry"], proof["inclusion"]
    path = [base64.b64decode(value) for value in inclusion["hashes"]]
    root = root_from(entry["record"].encode(), entry["seq"], inclusion["size"], path)
    _, size, signed_root, *_ = proof["checkpoint"].split("\n")
    assert (int(size), base64.b64decode(signed_root)) == (inclusion["size"], root)
    changed = entry["record"].replace("a", "b", 1).encode()
    assert root_from(changed, entry["seq"], inclusion["size"], path) != root


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> dict:
    whisper = {"MASKLINE_SPEECH__WHISPER_MODEL_PATH": str(whisper_model())}
    said = run_command(tmp_path_factory.mktemp("demo"), "demo", "--json", variables=whisper, within_s=840)
    assert said.code == 0, said.err[-3000:]
    for phone in (*(f"1380013800{number}" for number in range(1, 9)), "13712345678"):
        assert phone not in said.out + said.err
    return json.loads(said.out)


def test_it_passed(shown):
    assert shown["passed"] is True
    assert shown["faults"] == []
    assert shown["evidence_verified_offline"] is True
    assert [call["id"] for call in shown["calls"]] == [*EXPECTED, "refused"]


@pytest.mark.parametrize("name", EXPECTED)
def test_each_call_is_judged_recorded_and_inspected(shown, name):
    (call,) = (one for one in shown["calls"] if one["id"] == name)
    assert call["sip_status"] == 200
    assert call["dry_run"]["decision"] == call["contact"]["decision"] == "allow"
    assert call["contact"]["outcome"] == "connected"
    media = call["call"]["media"]
    assert len(media["recording_sha256"]) == 64
    assert media["notice_ms"] > 0
    assert media["relayed_packets"] > 0
    assert media["recorded_packets"] / media["relayed_packets"] >= 0.999
    inspection = call["inspection"]
    transcript = inspection["transcript"]
    assert {sentence["role"] for sentence in transcript} == {"staff", "customer"}
    assert all(sentence["begin_ms"] < sentence["end_ms"] and sentence["text"] for sentence in transcript)
    found = {finding["category"] for finding in inspection["findings"]}
    assert found >= EXPECTED[name]
    assert bool(found) == bool(EXPECTED[name])
    score = inspection["summary"]["score"]
    assert score == 100 if not EXPECTED[name] else 0 <= score < 100
    assert bool(call["alerts"]) == bool(EXPECTED[name])


def test_the_call_at_night_is_refused(shown):
    call = shown["calls"][-1]
    assert call["sip_status"] == 403
    contact = call["contact"]
    assert contact["decision"] == "deny"
    assert contact["rule_id"].startswith("hours")
    assert contact["rule_version"]
    assert contact["reason_zh"]
    assert contact["reason_en"]
    assert contact["next_allowed_at"]


def test_messages_are_delivered_masked_blocked_held_and_refused(shown):
    ended = {one["id"]: one for one in shown["messages"]}
    states = {name: one["message"]["state"] for name, one in ended.items()}
    assert states == {
        "delivered": "delivered",
        "masked": "delivered",
        "blocked": "blocked",
        "held": "delivered",
        "opted-out": "blocked",
    }
    assert ended["masked"]["arrived"] == "有事直接打我手机 137****5678"
    assert ended["blocked"]["arrived"] is ended["opted-out"]["arrived"] is None
    assert ended["held"]["released_by"] == "周敏"
    assert ended["held"]["message"]["reviewed_by"] != ended["held"]["message"]["author_id"]
    assert ended["opted-out"]["customer_wrote"] == ["退订"]
    assert ended["opted-out"]["message"]["rule_id"] == "do-not-contact"
    assert len({one["message"]["contact_id"] for one in ended.values()}) == len(ended)


def test_a_phone_proves_each_setting_and_another_refuses_one(shown):
    obeys, refuses = shown["phones"]["phones"]
    for phone in (obeys, refuses):
        assert phone["dry_run_before"]["reason_code"] == "phone-not-enrolled"
        assert phone["signed_by_the_phone"] is True
        applied = [one for one in phone["settings"] if one["state"] == "APPLIED"]
        assert len(applied) > 40
        assert all(one["reported_sha256"] == one["wanted_sha256"] for one in applied)
    assert (obeys["device"]["compliance"], obeys["dry_run"]["decision"]) == ("COMPLIANT", "allow")
    assert refuses["device"]["compliance"] == "NOT_COMPLIANT"
    assert [one["reason"] for one in refuses["settings"] if one["state"] != "APPLIED"] == ["USER_ACTION"]
    assert refuses["sip_status"] == 403
    assert refuses["contact"]["reason_code"] == "phone-not-compliant"


def test_what_is_deleted_on_the_phone_stays_and_the_supervisor_is_alerted(shown):
    phones = shown["phones"]
    assert {one["kind"] for one in phones["events"]} == {"CONTACT_DELETED", "CHAT_DELETED"}
    assert {one["conduct"] for one in phones["alerts"]} == {"deleted_by_staff", "chat_deleted"}
    (record,) = phones["records"]
    assert record["deleted_at"]
    assert record["message_id"]


def test_a_leaver_is_unbound_by_one_click_and_the_phone_changes_hands(shown):
    leaving, rebinding = shown["phones"]["leaving"], shown["phones"]["rebinding"]
    assert {step["state"] for step in leaving["act"]["steps"]} == {"done"}
    assert leaving["sip_status"] == 403
    assert leaving["refused_s"] > 0
    assert leaving["locked_s"] > 0
    assert leaving["bundle_verified_offline"] is True
    assert rebinding["dry_run_before"]["reason_code"] == "phone-not-enrolled"
    assert rebinding["dry_run"]["decision"] == "allow"
    assert rebinding["device"]["compliance"] == "COMPLIANT"


def test_everything_is_in_the_ledger(shown):
    for call in shown["calls"]:
        kinds = {proof["of"] for proof in call["proofs"]}
        assert kinds >= {"verdict", "inspection"}
        assert ("call" in kinds) or call["id"] == "refused"
        for proof in call["proofs"]:
            assert_included(proof)
