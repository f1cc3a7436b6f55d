"""What must be true before anything starts, each with one clear line when it is not."""

import os
import socket
from pathlib import Path

from core.audit.unusual import load_rules
from core.config import Settings
from core.errors import Unavailable
from maskline.texts import text

LONGEST_SOCKET_PATH = 107  # sockaddr_un.sun_path of unix(7), less its closing zero


class CannotStart(Unavailable):
    """Maskline cannot start."""

    code = "cannot-start"
    zh = "无法启动。"


def make_folders(settings: Settings) -> None:
    """Make the data folder and those below it, for us alone; raise `CannotStart` where that is refused.

    What is wrong with a file of the institution's own is said here too: `SettingsInvalid`.
    """
    load_rules(settings.unusual.rules_file)
    for folder in ("", "keys", "blobs", "broker", "run", "ledger", "models", "logs"):
        path = settings.data_dir / folder
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            raise _no_permission(path) from None
        if not os.access(path, os.W_OK | os.X_OK):
            raise _no_permission(path)
    longest = settings.run_dir / "switch.sock"
    if len(os.fsencode(longest)) > LONGEST_SOCKET_PATH:
        raise CannotStart(text("socket-path", path=longest), detail_zh=text("socket-path", path=longest))


def check_ports(settings: Settings) -> None:
    """Raise `CannotStart` when somebody else holds a port of ours."""
    web, sip, media, chat = settings.web, settings.sip, settings.media, settings.chat
    _check(socket.SOCK_STREAM, web.host, web.port, "HTTP", "MASKLINE_WEB__PORT")
    if chat.enabled:
        _check(socket.SOCK_STREAM, chat.host, chat.port, text("web-chat"), "MASKLINE_CHAT__PORT")
    _check(socket.SOCK_DGRAM, sip.host, sip.port, "SIP", "MASKLINE_SIP__PORT")
    _check(socket.SOCK_DGRAM, media.host, media.port_low, "RTP", "MASKLINE_MEDIA__PORT_LOW / __PORT_HIGH")


def _check(kind: socket.SocketKind, host: str, port: int, what: str, setting: str) -> None:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            line = text("port-busy", what=what, host=host, port=port, setting=setting)
            raise CannotStart(line, detail_zh=line) from None


def _no_permission(path: Path) -> CannotStart:
    line = text("no-permission", path=path)
    return CannotStart(line, detail_zh=line)
