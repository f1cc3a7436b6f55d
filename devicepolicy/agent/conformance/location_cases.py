"""What an agent must do with where its phone is: consent of its own, hours, honesty, check-ins by hand."""

import hashlib
from collections.abc import Mapping

from ..signing import JSON, sha256_of
from .cases import Case, report_of, require
from .stage import Stage

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
ALWAYS: list[JSON] = [{"day": day, "startMinutes": 0, "endMinutes": 1440} for day in DAYS]
MOVE = {"do": "move", "lat": 31.2397, "lon": 121.4998, "accuracy_m": 12.0, "provider": "gps", "mock": False}
AGREE, WITHDRAW = {"do": "agree_location"}, {"do": "withdraw_location"}


async def _ask_for(stage: Stage, version: int, mode: str, hours: list[JSON], **own: JSON) -> None:
    location = {"mode": mode, "intervalMinutes": 5, "hours": hours}
    names = {f"maskline.location.{name}": value for name, value in location.items()}
    names |= {f"maskline.{name}": value for name, value in own.items()}
    stage.want(version, {"maskline": {"location": location, **own}}, names)
    await report_of(stage, version)


async def _looks(stage: Stage) -> None:
    looks = stage.fetched
    await stage.until("two more looks", lambda: stage.fetched >= looks + 2)


def _hashed(item: Mapping[str, JSON]) -> bool:
    told = {name: value for name, value in item.items() if name != "sha256"}
    return sha256_of(told) == item["sha256"] and len(item["salt"]) >= 22


async def consent(stage: Stage) -> None:
    await _ask_for(stage, 1, "LOCATION_TRACK", ALWAYS)
    stage.happen(MOVE)
    await _looks(stage)
    require("/location/fixes" not in stage.seen, "it told where it is before anybody agreed to that")
    stage.happen(AGREE)
    await stage.until("a fix after the agreement", lambda: bool(stage.fixes))
    stage.happen(WITHDRAW, MOVE)
    await stage.until("the withdrawal", lambda: not stage.location_agreed)
    await _looks(stage)


async def hours(stage: Stage) -> None:
    stage.happen(AGREE, MOVE)
    await _ask_for(stage, 1, "LOCATION_TRACK", [])
    await stage.until("the agreement", lambda: stage.location_agreed)
    await _looks(stage)
    await _ask_for(stage, 2, "LOCATION_TRACK", ALWAYS, permittedHours=[])
    await _looks(stage)
    require(not stage.fixes, "it collected outside of the hours")
    await _ask_for(stage, 3, "LOCATION_TRACK", ALWAYS)
    await stage.until("a fix within the hours", lambda: bool(stage.fixes))


async def honest(stage: Stage) -> None:
    stage.happen(AGREE, {**MOVE, "mock": True})
    await _ask_for(stage, 1, "LOCATION_TRACK", ALWAYS)
    await stage.until("a fix", lambda: bool(stage.fixes))
    await _looks(stage)
    require(len(stage.fixes) == 1, "fixes are closer than the interval")
    (fix,) = stage.fixes
    require(fix["mock"] is True, "it hides that the location is a mock one")
    require((fix["lat"], fix["lon"]) == (MOVE["lat"], MOVE["lon"]), "these are not the WGS-84 coordinates")
    require(_hashed(fix), "its hash or salt is wrong")


async def check_in(stage: Stage) -> None:
    stage.happen(AGREE, MOVE)
    await _ask_for(stage, 1, "LOCATION_CHECK_IN_ONLY", ALWAYS)
    await stage.until("the agreement", lambda: stage.location_agreed)
    await _looks(stage)
    require(not stage.visits and not stage.fixes, "it told where it is and nobody checked in")
    stage.happen({"do": "check_in", "purpose": "sales-visit", "photo_bytes": 5000})
    await stage.until("the picture of a check-in", lambda: bool(stage.photos))
    ((name, visit),) = stage.visits.items()
    require(hashlib.sha256(stage.photos[name]).hexdigest() == visit["photo_sha256"], "another picture")
    require(_hashed(visit) and visit["purpose"] == "sales-visit", "the check-in is not what was done")
    require(not stage.fixes, "a check-in is no track")


LOCATION_CASES = (
    Case(
        "location-consent",
        "位置须另行同意，撤回即停",
        "no location without a consent of its own",
        consent,
        deeds=True,
    ),
    Case("location-hours", "时段之外不采集位置", "no location outside the hours", hours, deeds=True),
    Case("location-honest", "如实报告虚假定位与坐标", "tells mock locations, WGS-84", honest, deeds=True),
    Case(
        "check-in",
        "打卡由员工发起，照片与哈希相符",
        "checks in by hand, with its picture",
        check_in,
        deeds=True,
    ),
)
