"""What the command line says, in Chinese and in English."""

import os
from typing import Final

TEXTS: Final[dict[str, tuple[str, str]]] = {
    "first-run": ("首次启动：准备数据目录 {path}", "First start: preparing the data folder {path}"),
    "keys-made": ("已生成密钥（权限 0600）：{path}", "Keys made (mode 0600): {path}"),
    "migrated": ("数据库已就绪", "Database ready"),
    "model": ("语音模型", "Speech model"),
    "model-ready": ("语音模型已就绪：{path}", "Speech model ready: {path}"),
    "starting": ("启动各进程……", "Starting the processes ..."),
    "waiting-for": (
        "启动各进程……已 {seconds:.0f} 秒，还在等：{names}",
        "Starting the processes ... {seconds:.0f} s, still waiting for: {names}",
    ),
    "running": ("已在运行（PID {pid}）：{url}", "Already running (PID {pid}): {url}"),
    "ready": ("全部进程就绪，用时 {seconds:.1f} 秒", "All processes ready after {seconds:.1f} s"),
    "dashboard": ("控制台", "Dashboard"),
    "administrator": ("管理员", "Administrator"),
    "password-once": ("口令只显示这一次，请妥善保存", "The password is shown this once; keep it safe"),
    "stop-hint": (
        "停止：make stop    日志：{logs}    再次启动：make run",
        "Stop: make stop    Logs: {logs}    Start again: make run",
    ),
    "stopped": ("已停止", "Stopped"),
    "not-running": ("没有在运行", "Not running"),
    "port-busy": (
        "{what} {host}:{port} 已被占用。请停止占用它的程序，或设置 {setting} 换一个端口。",
        "{what} {host}:{port} is in use. Stop the program that holds it, or set {setting} to another port.",
    ),
    "web-chat": ("网页会话", "The web chat"),
    "no-permission": (
        "没有权限写入 {path}。请更改目录权限，或设置 MASKLINE_DATA_DIR。",
        "No permission to write {path}. Change its mode or set MASKLINE_DATA_DIR.",
    ),
    "socket-path": (
        "数据目录的路径太长（Unix 套接字最多 107 字节）：{path}。请设置较短的 MASKLINE_DATA_DIR。",
        "The path is too long (a Unix socket takes 107 bytes): {path}. Set a shorter MASKLINE_DATA_DIR.",
    ),
    "process-failed": (
        "进程 {name} 启动失败，日志：{log}",
        "Process {name} failed to start; log: {log}",
    ),
    "ledger-holds": (
        "✓ 账本完整：{size} 条记录，全部检查点相符",
        "✓ The ledger holds: {size} entries, every checkpoint agrees",
    ),
    "evidence-written": (
        "证据包：{path}（{count} 条账本记录）\n公钥：{key_path}（请与证据包分开保存）",
        "Bundle: {path} ({count} ledger entries)\nPublic key: {key_path} (keep it apart from the bundle)",
    ),
    "demo-known": ("演示数据已存在，不再重复播放。", "The demo was played before; its data is still there."),
    "demo-logins": (
        "演示账号（口令只显示这一次）：",
        "Accounts of the demo (their passwords are shown this once):",
    ),
    "demo-totp": ("验证器密钥", "secret for the authenticator"),
    "demo-clean-sales": ("通话 1：合规的销售电话", "Call 1: a sales call as it should be"),
    "demo-abusive-collection": ("通话 2：违规的催收电话", "Call 2: an abusive collection call"),
    "demo-private-deal": ("通话 3：承诺下款、私下交易", "Call 3: a guarantee and a private deal"),
    "demo-refused": ("通话 4：深夜催收，应被拒绝", "Call 4: collection at night, to be refused"),
    "demo-messages": ("消息：送达、遮盖、拦截、审核、退订", "Messages: sent, masked, blocked, held, opt-out"),
    "demo-phones": ("工作手机：登记、策略、行为", "Work phones: enrolled, policy, conduct"),
    "demo-leaving": ("离职：一键解绑，扫码换绑", "A departure: unbound by one click, taken over by a scan"),
    "demo-inspection": ("转写与质检", "Transcription and inspection"),
    "secrets-made": (
        "已生成（权限 0600，请备份）：{path}  {names}",
        "Made (mode 0600; back them up): {path}  {names}",
    ),
    "secrets-kept": (
        "密钥文件已齐备，未作改动：{path}",
        "All secrets are there; nothing was changed: {path}",
    ),
    "secrets-owners": (
        "容器内的用户须能读取，请执行：\n{lines}",
        "Their readers in the containers are other users; run:\n{lines}",
    ),
    "secrets-unwritable": ("没有权限写入 {path}。", "No permission to write {path}."),
    "keys-rotated": (
        "已启用新密钥 {current}，{count} 个客户密钥已改用它。请备份密钥环。",
        "Key {current} is current; {count} customers' keys moved under it. Back up the keyring.",
    ),
    "order-key-rotated": (
        "给手机签名的新密钥 {current}（第 {count} 把）。请备份密钥环；手机下次取策略或指令时自动接受。",
        "Key {current} (number {count}) signs orders; phones follow by themselves. Back up the keyring.",
    ),
    "config-ok": ("配置有效", "The settings are valid"),
    "error": ("错误：{text}", "Error: {text}"),
    "no-keyring": (
        "没有密钥文件 {path}。首次使用请运行 make run 或 maskline init。",
        "There is no keyring {path}. Run `make run` or `maskline init` first.",
    ),
}


def language() -> str:
    """Give "zh", or "en" when MASKLINE_LANGUAGE says so."""
    return "en" if os.environ.get("MASKLINE_LANGUAGE", "zh").lower().startswith("en") else "zh"


def text(key: str, **values: object) -> str:
    """Give the sentence `key` in the language of this run."""
    zh, en = TEXTS[key]
    return (en if language() == "en" else zh).format(**values)
