"""What the command line says, Chinese and English."""

import os
from collections.abc import Mapping

TEXTS: Mapping[str, tuple[str, str]] = {
    "about": ("Maskline 参考手机代理（模拟手机）", "Reference agent of Maskline, on a simulated phone"),
    "enrol": ("用二维码文本登记", "enrol by the text of the QR code"),
    "run": ("持续运行：取策略、执行指令、上报", "run: policies, commands, reports"),
    "consent": (
        "显示现行告知书并同意（先停下正在运行的代理）",
        "show the terms of now and agree (stop a running agent first)",
    ),
    "withdraw": ("撤回同意（先停下正在运行的代理）", "withdraw the agreement (stop a running agent first)"),
    "agreed": ("已同意告知书 {version}", "agreed to the terms {version}"),
    "location": ("指位置信息的单独告知书", "the separate terms on location"),
    "location-withdrawn": (
        "已撤回位置同意：不再上报位置，服务器删除轨迹",
        "withdrawn: no location any more, and the server deletes the tracks",
    ),
    "withdrawn": ("已撤回同意：不再上报和上传", "withdrawn: nothing is reported or handed in any more"),
    "status": ("显示本机状态", "show how the phone stands"),
    "conform": ("检验一个代理是否符合协议", "check an agent against the protocol"),
    "folder": ("手机的“磁盘”文件夹", "folder that is the phone's disk"),
    "qr": ("含二维码文本的文件，- 为标准输入", "file with the text of the QR code; - for standard input"),
    "agree": ("代员工同意告知书（仅用于测试）", "agree to the terms for the employee (for tests)"),
    "once": ("只做一轮", "one round only"),
    "wake": ("唤醒方式", "way to be woken"),
    "every": ("两轮之间最长的秒数", "longest pause between rounds, in seconds"),
    "api-level": ("Android API 级别", "Android API level"),
    "mode": ("管理模式", "management mode"),
    "hardware": ("硬件序列号", "serial number"),
    "refuse": ("拒绝的设置，如 cameraAccess=USER_ACTION", "setting to refuse, e.g. cameraAccess=USER_ACTION"),
    "late": (
        "延迟若干轮生效的设置，如 cameraAccess=2",
        "setting that takes effect rounds later, e.g. cameraAccess=2",
    ),
    "lie": ("谎称已生效的设置", "setting that is said to be carried out and is not"),
    "refuse-command": ("拒绝的指令，如 REBOOT=UNSUPPORTED", "command to refuse, e.g. REBOOT=UNSUPPORTED"),
    "deeds": (
        "手机上发生之事的文件，每行一条 JSON，可不断追加",
        "file of what happens on the phone, a line of JSON each; it may grow",
    ),
    "twice": ("每批上传发两遍", "send each batch of uploads twice"),
    "shuffled": ("乱序上传", "send uploads in any order"),
    "lie-hash": ("若干条上传谎报哈希", "send so many uploads with a wrong hash"),
    "change": ("若干条上传以同一编号换内容再发", "send so many again under their id with other content"),
    "power": ("在此处断电一次", "lose power here, once"),
    "clock": ("本机时钟偏差（秒）", "error of the phone's own clock, in seconds"),
    "loss": ("请求或应答丢失的比例", "share of requests or answers that get lost"),
    "agent-command": (
        "启动被检代理的命令，{server} {qr} {folder} {deeds} 会被替换；缺省检验参考代理",
        "command that starts the agent to check, with {server} {qr} {folder} {deeds}; our own without it",
    ),
    "only": ("只检验此项", "check this case only"),
    "ask-terms": ("是否同意以上告知书？[y/N] ", "Do you agree to the terms above? [y/N] "),
    "enrolled": ("已登记，编号 {id}，状态 {trust}", "enrolled as {id}, {trust}"),
    "not-enrolled": (
        "尚未登记：先运行 maskline-agent enrol，或加上 --qr。",
        "Not enrolled yet: run maskline-agent enrol first, or give --qr.",
    ),
    "not-agreed": ("未同意告知书，什么也没有上报。", "The terms were not agreed to; nothing was sent."),
    "bad-qr": ("这不是登记二维码的文本。", "This is not the text of an enrolment code."),
    "bad-server": ("服务器的密钥与二维码不符。", "The server's key is not the one in the code."),
    "refused": ("服务器拒绝：{code} {detail}", "The server refused: {code} {detail}"),
    "no-network": ("连不上服务器。", "The server cannot be reached."),
    "power-lost": ("断电；再次运行即从断点继续。", "Power lost; run again to go on."),
    "round-ok": ("完成一轮：{compliance}，版本 {version}", "round done: {compliance}, version {version}"),
    "round-waiting": ("等待管理员批准", "waiting for approval"),
    "round-offline": ("离线", "offline"),
    "round-consent": (
        "须先同意告知书，此前不上报",
        "the terms must be agreed to; nothing is reported before",
    ),
    "round-refused": ("有内容不可信或被拒绝", "something was not to be believed, or was refused"),
    "round-ended": ("已不再受管理：{ended}", "no longer managed: {ended}"),
    "case-passed": ("通过  {zh}", "passed  {en}"),
    "case-left": ("未检验  {zh}（命令里没有 {{deeds}}）", "left out  {en} (the command has no {{deeds}})"),
    "case-failed": ("未通过  {zh}：{why}", "FAILED  {en}: {why}"),
    "conform-sum": ("{passed} 项通过，{failed} 项未通过", "{passed} passed, {failed} failed"),
}


def say(name: str, **facts: object) -> str:
    """Give a text in the language of `MASKLINE_LANGUAGE` (zh, en; Chinese by default)."""
    zh, en = TEXTS[name]
    text = en if os.environ.get("MASKLINE_LANGUAGE", "zh").startswith("en") else zh
    return text.format(**facts) if facts else text
