"""What an agent must do. Each case scripts a stage and says what must, and what must never, happen."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ..signing import JSON, setting_sha256
from .stage import OTHER, Queued, Stage

CAMERA = {"cameraAccess": "CAMERA_ACCESS_DISABLED"}
SCREEN = {"screenCaptureDisabled": True}
Check: TypeAlias = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to check."""

    name: str
    zh: str
    en: str
    check: Check
    clock_s: float = 0.0
    deeds: bool = False
    """Whether something has to happen on the phone: only with an agent that reads a file of deeds."""


async def report_of(stage: Stage, version: int) -> Mapping[str, JSON]:
    def there() -> bool:
        return any(report["applied_version"] == version for report in stage.reports)

    await stage.until(f"a report of version {version}", there)
    return next(report for report in reversed(stage.reports) if report["applied_version"] == version)


async def _done(stage: Stage, *queued: Queued) -> list[Mapping[str, JSON]]:
    await stage.until("results of all commands", lambda: all(stage.result(one) for one in queued))
    return [stage.result(one) or {} for one in queued]


def require(truth: object, why: str) -> None:
    if not truth:
        raise AssertionError(why)


async def terms_first(stage: Stage) -> None:
    await stage.until("enrolment", lambda: stage.phone is not None)
    require(stage.seen.index("/terms") < stage.seen.index("/enrol"), "the terms were not shown first")


async def applied_with_proof(stage: Stage) -> None:
    stage.want(1, {**CAMERA, **SCREEN}, {**CAMERA, **SCREEN})
    report = await report_of(stage, 1)
    for name, value in {**CAMERA, **SCREEN}.items():
        said = report["settings"].get(name, {})
        right = said.get("sha256") == setting_sha256(name, value)
        require(right or "reason" in said, f"{name} has neither the right hash nor a reason")
    require(stage.desired is not None, "")
    if stage.desired is not None:
        require(report["applied_sha256"] == stage.desired()[1], "the document's hash is wrong")


async def asks_with_its_tag(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    await report_of(stage, 1)
    await stage.until("If-None-Match with the tag that it has", lambda: stage.held_tags > 0)


async def unknown_setting(stage: Stage) -> None:
    strange = {"noSuchSettingAnywhere": True}
    stage.want(1, {**CAMERA, **strange}, {**CAMERA, **strange})
    said = (await report_of(stage, 1))["settings"].get("noSuchSettingAnywhere", {})
    require("sha256" not in said or said["sha256"] is None, "it says to have what it does not know")
    require(said.get("reason"), "it does not say why a setting is missing")


async def _bad_desired(stage: Stage, spoil: Callable[[], None]) -> None:
    stage.want(2, CAMERA, CAMERA)
    await report_of(stage, 2)
    spoil()
    before = stage.fetched
    await stage.until("two more looks", lambda: stage.fetched >= before + 2)
    require(all(report["state"] == "ACTIVE" for report in stage.reports), "it entered a state it must not")
    stage.want(9, SCREEN, SCREEN)
    await report_of(stage, 9)
    versions = {report["applied_version"] for report in stage.reports} - {None, 2, 9}
    require(not versions, f"it applied version {versions}")


async def tampered_desired(stage: Stage) -> None:
    def spoil() -> None:
        stage.want(3, SCREEN, SCREEN)
        stage.tamper()

    await _bad_desired(stage, spoil)


async def desired_of_another(stage: Stage) -> None:
    await _bad_desired(stage, lambda: stage.want(3, SCREEN, SCREEN, audience=OTHER))


async def desired_of_old(stage: Stage) -> None:
    await _bad_desired(stage, lambda: stage.want(1, SCREEN, SCREEN))


async def desired_expired(stage: Stage) -> None:
    await _bad_desired(stage, lambda: stage.want(3, SCREEN, SCREEN, age_s=7200))


async def desired_of_another_key(stage: Stage) -> None:
    await _bad_desired(stage, lambda: stage.want(3, SCREEN, SCREEN, key=Ed25519PrivateKey.generate()))


async def command_once(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    first, second = stage.order(1, "START_LOST_MODE"), stage.order(2, "STOP_LOST_MODE")
    told = await _done(stage, first, second)
    if any(one["state"] != "SUCCEEDED" for one in told):
        return  # a phone without lost mode says so, and nothing can be doubled
    first.again = True
    offered = first.offered
    await stage.until("two more looks", lambda: first.offered >= offered + 2)
    third = stage.order(3, "START_LOST_MODE")
    (result,) = await _done(stage, third)
    status = result.get("status", {}).get("startLostModeStatus", {}).get("status")
    require(status == "SUCCESS", "a command that came twice was carried out twice")


async def in_order(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    kinds = ["START_LOST_MODE", "STOP_LOST_MODE"] * 2 + ["LOCK"]
    queued = [stage.order(number, kind) for number, kind in enumerate(kinds, start=1)]
    told = await _done(stage, *queued)
    order = [one["command_id"] for one in stage.results]
    require(order == sorted(order), "results came in another order than the commands")
    for one in told:
        words = [part.get("status") for part in one.get("status", {}).values()]
        require(all(word == "SUCCESS" for word in words), "commands were carried out in another order")


async def _bad_command(stage: Stage, **how: JSON) -> None:
    stage.want(1, CAMERA, CAMERA)
    bad = stage.order(1, "START_LOST_MODE", bad=True, **how)
    await stage.until("two looks", lambda: bad.offered >= 2 or bad.acked)
    require(not bad.acked, "it acknowledged a command that it must not take")
    good = stage.order(2, "STOP_LOST_MODE")
    (told,) = await _done(stage, good)
    word = told.get("status", {}).get("stopLostModeStatus", {}).get("status", "NOT_IN_LOST_MODE")
    require(word == "NOT_IN_LOST_MODE", "it carried out a command that it must not")
    result = stage.result(bad)
    require(result is None or result["state"] != "SUCCEEDED", "it says to have done what it must not do")


async def command_of_another(stage: Stage) -> None:
    await _bad_command(stage, audience=OTHER)


async def command_forged(stage: Stage) -> None:
    await _bad_command(stage, key=Ed25519PrivateKey.generate())


async def command_expired(stage: Stage) -> None:
    await _bad_command(stage, age_s=7200)


async def command_withheld(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    held = stage.order(1, "START_LOST_MODE", begin=False)
    await stage.until("its acknowledgement", lambda: held.acked)
    (told,) = await _done(stage, stage.order(2, "STOP_LOST_MODE"))
    word = told.get("status", {}).get("stopLostModeStatus", {}).get("status", "NOT_IN_LOST_MODE")
    require(word == "NOT_IN_LOST_MODE", "it began a command without leave to begin")


async def result_of_unknown(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    stage.results_wanted.append("f" * 32)
    asked = Queued("f" * 32, 0, "")
    (told,) = await _done(stage, asked)
    require((told["state"], told.get("error_code")) == ("FAILED", "UNKNOWN"), "it made up a result")


async def unknown_command(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    (told,) = await _done(stage, stage.order(1, "NO_SUCH_COMMAND"))
    require(told["state"] in {"REJECTED", "FAILED"}, "it says to have done what it does not know")


async def clock_corrected(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    await report_of(stage, 1)
    require(stage.skewed <= 3, "it keeps signing with its own wrong clock")


async def released(stage: Stage) -> None:
    stage.want(1, CAMERA, CAMERA)
    await report_of(stage, 1)
    stage.ended = True
    before = len(stage.reports)
    asked = len(stage.seen)
    await stage.until("one more request", lambda: len(stage.seen) > asked or bool(stage.faults), 20)
    require(len(stage.reports) == before, "it reports after it was released")


CASES = (
    Case("terms-first", "先告知同意，后登记", "terms first, then enrolment", terms_first),
    Case("applied", "按版本与逐项哈希上报", "reports version and hash of each setting", applied_with_proof),
    Case("etag", "用 ETag 询问", "asks with its entity tag", asks_with_its_tag),
    Case("unknown-setting", "未知设置如实上报", "reports a setting that it does not know", unknown_setting),
    Case("desired-tampered", "拒绝被篡改的策略", "refuses a changed desired state", tampered_desired),
    Case("desired-audience", "拒绝发给他机的策略", "refuses one for another phone", desired_of_another),
    Case("desired-old", "拒绝旧版本策略", "refuses an older one", desired_of_old),
    Case("desired-expired", "拒绝过期策略", "refuses an expired one", desired_expired),
    Case("desired-key", "拒绝他人密钥签发的策略", "refuses one of another key", desired_of_another_key),
    Case("command-once", "重复指令只执行一次", "a command that comes twice is done once", command_once),
    Case("command-order", "按序执行", "commands in order", in_order),
    Case("command-audience", "拒绝发给他机的指令", "refuses a command for another phone", command_of_another),
    Case("command-forged", "拒绝伪造指令", "refuses a forged command", command_forged),
    Case("command-expired", "拒绝过期指令", "refuses an expired command", command_expired),
    Case("command-withheld", "未获准不得开始", "does not begin without leave", command_withheld),
    Case("command-unknown", "不认识的指令如实回报", "says that it does not know a command", unknown_command),
    Case("result-unknown", "不编造结果", "does not make up a result", result_of_unknown),
    Case("clock", "按服务器时间校正时钟", "corrects its clock by the server's", clock_corrected, 5400.0),
    Case("released", "解除后不再上报", "falls silent once released", released),
)
