"""What an agent must do with what happens on its phone. The stage lets it happen by a file of deeds."""

import hashlib
from collections.abc import Mapping

from ..signing import JSON, sha256_of
from .cases import Case, report_of, require
from .stage import Stage

NUMBER = "13900000001"
CALL = {"do": "call", "number": NUMBER, "outgoing": True, "duration_s": 40, "sound_bytes": 600_000}
SMS = {"do": "sms", "number": NUMBER, "outgoing": False, "text": "好的"}
CHAT = {"do": "chat", "app": "com.tencent.mm", "contact": "wxid_a", "outgoing": True, "text": "您好"}
ROOT = {"do": "event", "kind": "ROOT_FOUND"}
ALL = {
    "maskline.simCalls": "SIM_CALLS_RECORDED",
    "maskline.uploads.callLog": True,
    "maskline.uploads.sms": True,
}


async def _ask_for(stage: Stage, version: int, values: Mapping[str, JSON]) -> None:
    """Want these settings, and wait until the phone says that it has them."""
    policy: dict[str, JSON] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        place = policy
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    stage.want(version, policy, values)
    await report_of(stage, version)


async def hashed(stage: Stage) -> None:
    await _ask_for(stage, 1, ALL)
    stage.happen(CALL, SMS, SMS)
    await stage.until("three records", lambda: len(stage.items) >= 3)
    for item in stage.items:
        told = {name: value for name, value in item.items() if name != "sha256"}
        require(sha256_of(told) == item["sha256"], "a hash is not that of its item")
        require(len(item["salt"]) >= 22, "a salt is too short")
    numbers = sorted(item["seq"] for item in stage.items)
    require(numbers == list(range(1, len(numbers) + 1)), f"the numbers have holes: {numbers}")
    require(len({item["id"] for item in stage.items}) == len(numbers), "an id twice")


async def again(stage: Stage) -> None:
    await _ask_for(stage, 1, ALL)
    stage.failing = 3
    stage.happen(SMS, SMS)
    await stage.until("both records after three failures", lambda: len(stage.items) >= 2)
    first = {item["id"]: item for item in stage.tried}
    kept = {item["id"]: item for item in stage.items}
    require(first.items() <= kept.items(), "what was not answered did not come again as it was")


async def resumed(stage: Stage) -> None:
    await _ask_for(stage, 1, ALL)
    stage.lost_answers = 1
    stage.happen(CALL)
    await stage.until("a whole recording", lambda: any(one.whole for one in stage.sounds.values()))
    (found,) = stage.sounds.values()
    require(hashlib.sha256(found.data).hexdigest() == found.told["sha256"], "its bytes are others")
    require(found.sent < 2 * len(found.data), "it was sent from the beginning again")
    line = next((item["id"] for item in stage.items if item["kind"] == "CALL"), None)
    require(found.told.get("call") == line, "it does not name its line of the call log")


async def wanted_only(stage: Stage) -> None:
    await _ask_for(stage, 1, {"maskline.uploads.sms": True})
    stage.happen(CALL, CHAT, ROOT, SMS)
    await stage.until("the text message", lambda: bool(stage.items))
    kinds = {item["kind"] for item in stage.items}
    require(kinds == {"SMS"} and not stage.sounds, f"it handed in what nobody asked for: {kinds}")
    require(stage.items[0]["seq"] == 1, "what is not collected must have no number")


async def hours(stage: Stage) -> None:
    await _ask_for(stage, 1, {**ALL, "maskline.permittedHours": []})
    stage.happen(SMS, CALL)
    looks = stage.fetched
    await stage.until("two more looks", lambda: stage.fetched >= looks + 2)
    await _ask_for(stage, 2, ALL)
    stage.happen({**SMS, "text": "second"})
    await stage.until("the text message of now", lambda: bool(stage.items))
    texts = [item.get("text") for item in stage.items]
    require(texts == ["second"] and not stage.sounds, "it collected outside of the permitted hours")


async def consent(stage: Stage) -> None:
    await _ask_for(stage, 1, ALL)
    stage.consent_missing = True
    stage.happen(SMS)
    await stage.until("a refusal for want of consent", lambda: stage.refused > 0)
    refused, looks = stage.refused, stage.fetched
    await stage.until("two more looks", lambda: stage.fetched >= looks + 2)
    require(stage.refused == refused, "it goes on handing in without consent")


UPLOAD_CASES = (
    Case(
        "upload-hashed",
        "上传的哈希、盐与无洞序号",
        "hashes, salts, numbers without holes",
        hashed,
        deeds=True,
    ),
    Case(
        "upload-again",
        "没有应答就原样重发",
        "sends again what was not answered, as it was",
        again,
        deeds=True,
    ),
    Case(
        "upload-resumed", "录音从服务器的位置续传", "resumes a recording from the offset", resumed, deeds=True
    ),
    Case("upload-wanted", "没点名的不收", "collects only what is asked for", wanted_only, deeds=True),
    Case("upload-hours", "时段之外不收", "collects nothing outside the hours", hours, deeds=True),
    Case("upload-consent", "没有同意不再上传", "hands nothing in without consent", consent, deeds=True),
)
