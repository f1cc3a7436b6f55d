"""Prints what the demo's work phones showed, and gives the same as data."""

from typing import Any

from rich.console import Console
from rich.text import Text

from maskline.demo.fleet import PlayedPhone, PlayedPhones
from maskline.demo.leaving import PlayedLeaving
from maskline.demo.phone_checks import refused_setting, states
from maskline.texts import language

_WORDS = {
    "title": (
        "工作手机：参考代理扮演两台手机，每项设置由手机证明",
        "Work phones: reference agents play two phones; each setting is proved by the phone",
    ),
    "policy": (
        "策略“{name}”第 {number} 版已发布给外勤部（SHA-256 {sha}…）",
        "Policy “{name}” version {number} released to the field team (SHA-256 {sha}…)",
    ),
    "enrolled": (
        "{holder} 的手机：一次性码登记、同意告知书、管理员批准",
        "{holder}'s phone: one-time code, terms agreed to, approved by the administrator",
    ),
    "proved": (
        "✓ 合规：{applied} 项已生效，期望与手机所报哈希逐项相同；报告的 Ed25519 签名核对通过",
        "✓ compliant: {applied} settings applied, wanted and reported hashes equal; signature verified",
    ),
    "expected": ("，另 {count} 项本机做不到（事先已知）", ", {count} it cannot do (known beforehand)"),
    "opened": ("  外呼：登记前 {before}，现在 {now}", "  Calling: before {before}, now {now}"),
    "refused": (
        "✗ 不合规：手机拒绝 {setting}（{reason}），另 {applied} 项已生效；外呼被拒（{rule}，SIP {sip}）",
        "✗ not compliant: {setting} refused ({reason}), {applied} applied; call refused ({rule}, SIP {sip})",
    ),
    "conduct": (
        "行为：{titles}。聊天原文留在证据里并标明已删，主管收到 {alerts} 条预警",
        "Conduct: {titles}. The chat stays in the evidence, marked; alerts to the supervisor: {alerts}",
    ),
    "preview": ("{leaver} 离职，预览：{effects}", "{leaver} leaves; the preview: {effects}"),
    "unbound": (
        "✓ 一键解绑：{refused:.2f} 秒后去电被拒（SIP {sip}），{locked:.2f} 秒后手机已锁；{steps} 步全部完成",
        "✓ unbound: refused after {refused:.2f} s (SIP {sip}), locked after {locked:.2f} s; {steps} steps",
    ),
    "bundle": ("✓ 审计包由独立验证程序核对通过", "✓ the audit bundle verifies apart from us"),
    "rebound": (
        "✓ 扫码换绑：{newcomer} 接手同一台手机，重新同意、解锁、再次证明合规；外呼 {before} → {now}",
        "✓ one scan: {newcomer} takes it over, agrees, it unlocks and proves itself; {before} → {now}",
    ),
    "pages": ("页面", "Pages"),
    "allow": ("允许", "allowed"),
    "deny": ("拒绝", "refused"),
    "off": (
        "演示结束，两台模拟手机已关机，稍后会显示为失联并预警；重新开机：",
        "The two simulated phones are off now and will be shown as silent; to switch one on again:",
    ),
}  # fmt: skip


def word(key: str) -> str:
    """Give a line of the report in the language of this run."""
    return _WORDS[key][1 if language() == "en" else 0]


def print_phones(
    console: Console, played: PlayedPhones, leaving: PlayedLeaving, url: str, folder: str
) -> None:
    """Print a line for each thing that was proved, then where to look at it."""
    obeys, refuses = played.phones
    console.print()
    console.rule(word("title"))
    policy = played.policy
    _line(
        console,
        word("policy").format(name=policy["name"], number=policy["number"], sha=policy["sha256"][:12]),
    )
    _line(console, word("enrolled").format(holder=obeys.holder))
    stand = states(obeys)
    proved = word("proved").format(applied=stand["APPLIED"])
    if stand["EXPECTED"]:
        proved += word("expected").format(count=stand["EXPECTED"])
    _line(console, f"  {proved}", "green")
    _line(console, word("opened").format(before=_said(obeys.dry_run_before), now=_said(obeys.dry_run)))
    _line(console, word("enrolled").format(holder=refuses.holder))
    _line(console, f"  {_refusal(refuses)}", "red")
    english = language() == "en"
    titles = [event["title_en" if english else "title_zh"] for event in reversed(played.events)]
    joined = (", " if english else "、").join(titles)
    _line(console, word("conduct").format(titles=joined, alerts=len(played.alerts)))
    _print_leaving(console, obeys.holder, leaving)
    pages = ("/phones", f"/phones/{obeys.device_id}", f"/policies/{policy['id']}", "/conduct",
             f"/offboarding/{leaving.act['id']}")  # fmt: skip
    _line(console, f"{word('pages')}：" + "  ".join(url + page for page in pages), "dim")
    _line(console, word("off"), "dim")
    _line(console, f"  .venv/bin/python -m devicepolicy.agent run --folder {folder}/1", "dim")


def _print_leaving(console: Console, leaver: str, played: PlayedLeaving) -> None:
    english = language() == "en"
    effects = [one["en" if english else "zh"] for one in played.preview["effects"]]
    joined = ("; " if english else "；").join(effects)
    _line(console, word("preview").format(leaver=leaver, effects=joined))
    unbound = word("unbound").format(
        refused=played.refused_s,
        locked=played.locked_s,
        sip=played.sip_status,
        steps=len(played.act["steps"]),
    )
    _line(console, f"  {unbound}", "green")
    _line(console, f"  {word('bundle')}", "green")
    before, now = _said(played.dry_run_before), _said(played.dry_run)
    _line(console, f"  {word('rebound').format(newcomer=played.newcomer, before=before, now=now)}", "green")


def _line(console: Console, line: str, style: str = "") -> None:
    console.print(Text(line, style=style), soft_wrap=True)


def _said(dry_run: dict[str, Any]) -> str:
    if dry_run["decision"] == "allow":
        return word("allow")
    reason = dry_run["reason_en" if language() == "en" else "reason_zh"]
    return f"{word('deny')}（{reason}）"


def _refusal(phone: PlayedPhone) -> str:
    setting = refused_setting(phone)
    contact = phone.contact or {}
    return word("refused").format(
        setting=setting["name"], reason=setting["reason"], applied=states(phone)["APPLIED"],
        rule=contact.get("reason_code"), sip=phone.sip_status,
    )  # fmt: skip


def phones_as_data(played: PlayedPhones, leaving: PlayedLeaving) -> dict[str, Any]:
    """Give everything as JSON."""
    return {
        "policy": played.policy,
        "phones": [
            {
                "id": phone.key,
                "holder": phone.holder,
                "dry_run_before": phone.dry_run_before,
                "dry_run": phone.dry_run,
                "signed_by_the_phone": phone.proof_holds,
                "sip_status": phone.sip_status,
                "contact": phone.contact,
                **phone.detail,
            }
            for phone in played.phones
        ],
        "events": played.events,
        "records": played.records,
        "alerts": played.alerts,
        "leaving": {
            "preview": leaving.preview,
            "answered_s": round(leaving.answered_s, 3),
            "refused_s": round(leaving.refused_s, 3),
            "locked_s": round(leaving.locked_s, 3),
            "sip_status": leaving.sip_status,
            "act": leaving.act,
            "bundle_verified_offline": leaving.bundle_verified,
        },
        "rebinding": {
            "newcomer": leaving.newcomer,
            "dry_run_before": leaving.dry_run_before,
            "dry_run": leaving.dry_run,
            "device": leaving.device,
        },
    }
