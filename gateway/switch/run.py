"""Run the switch as a process: sippy's loop in the main thread, the socket beside it, a clean end."""

import ctypes
import os
import signal
import sys
import threading
from typing import NoReturn

from core.config import Settings
from core.errors import Invalid
from core.logging import get_logger
from gateway.switch.options import SwitchOptions, options_from

_log = get_logger(__name__)
_PR_SET_NAME = 15
_GOODBYE_S = 2.0
_GOODBYE_STEP_S = 0.02


def run_switch(settings: Settings, *, node: str = "switch") -> NoReturn:
    """Serve until SIGTERM or SIGINT, then leave the process with code 0. Call it in the main thread.

    Raises `SipPortInUse`, `SwitchSocketPathInvalid` or `Invalid` before anything is started.
    """
    serve(options_from(settings, node=node))


def serve(options: SwitchOptions) -> NoReturn:
    """Serve with these options; see `run_switch`."""
    if threading.current_thread() is not threading.main_thread():
        raise Invalid("the switch runs in the main thread only")
    if options.host in {"0.0.0.0", "::"} and options.advertised_host is None:  # noqa: S104 compared, not bound
        raise Invalid("sip.host is a wildcard: set sip.advertised_host to the address that phones can reach")
    _set_process_name("maskline-switch")
    # sippy takes the thread that imports it for the thread of its loop: import here, loop here.
    from sippy.Core.EventDispatcher import ED2
    from sippy.Signal import Signal

    from gateway.switch.protocol import Hello
    from gateway.switch.sippy_patches import apply_patches
    from gateway.switch.sippy_switch import Switch
    from gateway.switch.upstream import Handlers, Upstream

    apply_patches()
    hello = Hello(node=options.node, sip_host=options.public_host, sip_port=options.port)
    upstream = Upstream(options.socket_path, hello, ED2.callFromThread, silence_s=options.silence_s)
    switch = Switch(options, upstream.send)
    goodbye = _Goodbye(switch, upstream)
    for number in (signal.SIGTERM, signal.SIGINT):
        Signal(number, goodbye.begin)
    upstream.start(Handlers(switch.on_up, switch.on_line, switch.on_down))
    _log.info("switch.started", host=options.host, port=options.port, node=options.node)
    ED2.loop()
    raise SystemExit("sippy's loop ended by itself")


class _Goodbye:
    """Hang up, wait until the remotes have confirmed or two seconds have passed, and leave."""

    def __init__(self, switch: "Switch", upstream: "Upstream") -> None:  # type: ignore[name-defined]  # noqa: F821
        self._switch = switch
        self._upstream = upstream
        self._left_s = _GOODBYE_S
        self._begun = False

    def begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        self._switch.stop()
        self._step()

    def _step(self) -> None:
        from sippy.Time.Timeout import Timeout

        if self._switch.open_transactions and self._left_s > 0:
            self._left_s -= _GOODBYE_STEP_S
            Timeout(self._step, _GOODBYE_STEP_S, 1)
            return
        self._upstream.flush(0.5)
        _log.info("switch.stopped")
        sys.stderr.flush()
        # Breaking sippy's loop and joining its threads ends in a segmentation fault (seen with 2.5.0);
        # everything is on the wire and flushed, so the process simply leaves.
        os._exit(0)


def _set_process_name(name: str) -> None:
    """Show `name` in ps and top (prctl(2): at most 15 bytes)."""
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
