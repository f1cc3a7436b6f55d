"""Repairs of sippy 2.5.0 at run time: transport names, quiet errors, ordered sending, no lost transactions.

Each repair has a test in tests/telephony/switch_patches_test.py that fails without it. They were
written against one version and refuse any other.
"""

import importlib.metadata
import pkgutil
import re
import socket
import sys
from ipaddress import ip_address
from typing import Any

import sippy
import sippy.Core.Exceptions
from sippy.SipTransactionManager import SipTransactionManager
from sippy.SipURL import SipURL
from sippy.Udp_server import Udp_server, Udp_server_opts

from core.logging import get_logger
from gateway.switch.errors import SippyVersionUnsupported
from gateway.switch.options import SOFTWARE

SIPPY_VERSION = "2.5.0"
_LENGTH = re.compile(rb"(?im)^(content-length|l)[ \t]*:[ \t]*([0-9]{1,5})[ \t]*\r?$")
_log = get_logger(__name__)


class FaultCount:
    """How many messages could not be handled. Logs the 1st, 10th, 100th ...: a flood must not fill a disk."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, where: str) -> None:
        self.total += 1
        if str(self.total).strip("0") == "1":
            kind = sys.exc_info()[0]
            _log.warning(
                "sip.unusable", count=self.total, where=where, error_type=kind.__name__ if kind else None
            )


FAULTS = FaultCount()


def apply_patches() -> None:
    """Repair sippy in this process; harmless when called twice. Raises `SippyVersionUnsupported`."""
    version = importlib.metadata.version("sippy")
    if version != SIPPY_VERSION:
        raise SippyVersionUnsupported(f"{version}, not {SIPPY_VERSION}")
    SipURL.getTAddr = _udp_target
    _silence()


def _udp_target(self: Any) -> tuple[tuple[str, int], str]:
    """We speak UDP only, whatever a Contact asks for.

    sippy raises on `;transport=UDP` in upper case (SIPp's own Contact) and on tcp when it later sends
    the BYE, which then never leaves: the call would stay open.
    """
    return self.getAddr(), "udp"


def _silence() -> None:
    """Take the text out of sippy's complaints: it prints whole messages, numbers and all."""
    originals = {sippy.Core.Exceptions.dump_exception}
    for info in pkgutil.iter_modules(sippy.__path__):
        module = sys.modules.get(f"sippy.{info.name}")
        if module is None:
            continue
        vars(module)["print"] = _no_print
        if vars(module).get("dump_exception") in originals:
            vars(module)["dump_exception"] = _count_exception
    dispatcher = sys.modules["sippy.Core.EventDispatcher"]
    vars(dispatcher)["print"] = _no_print
    vars(dispatcher)["dump_exception"] = _count_exception


def _no_print(*_args: object, **_named: object) -> None:
    return


def _count_exception(_message: str, _file: object = None, extra: object = None) -> None:
    del extra
    FAULTS.add("sippy")


class SilentLogger:
    """In place of sippy's message trace (as SIPLOG_BEND=none): its lines carry numbers."""

    def write(self, *_args: object, **_named: object) -> None:
        return


class OwnPortOpts(Udp_server_opts):  # type: ignore[misc]
    """One receiver, so that an ACK cannot overtake its INVITE, and a port of our own.

    sippy means to refuse a port that another process has, but loses that option when it copies them.
    """

    flags = 0
    nworkers = 1


class OrderedUdpServer(Udp_server):  # type: ignore[misc]
    """sippy's UDP server with one receiver, and sending from the loop itself.

    sippy queues to several sender threads, so a 180 can overtake its 200; and a sender thread dies of
    a port that is out of range. Only a name that must be looked up still goes to the (one) thread.
    """

    _advertised: str | None

    def __init__(self, global_config: dict[str, Any], uopts: Udp_server_opts) -> None:
        self._advertised = global_config.get("_advertised_host")
        super().__init__(global_config, uopts)

    def getSIPaddr(self) -> tuple[tuple[str, int], str]:  # noqa: N802
        (host, port), transport = super().getSIPaddr()
        return (host if self._advertised is None else self._advertised, port), transport

    def send_to(self, data: bytes | str, address: tuple[str, Any], delayed: bool = False) -> None:
        host, port = address
        if not isinstance(port, int) or not 1 <= port <= 65535:
            FAULTS.add("port")
            return
        payload = data if isinstance(data, bytes) else data.encode("utf-8", "replace")
        if not _is_numeric(host):
            super().send_to(payload, address, delayed)
            return
        try:
            self.skt.sendto(payload, socket.MSG_DONTWAIT, (host.strip("[]"), port))
        except BlockingIOError:
            super().send_to(payload, address, delayed)
        except OSError:
            FAULTS.add("send")  # unreachable; the transaction's own timer will tell


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


class GuardedTransactionManager(SipTransactionManager):  # type: ignore[misc]
    """sippy's transaction layer that forgets a transaction whose handling raised, and says 400.

    sippy leaves it in its tables: a request without Contact, or a 200 with a broken one, leaks.
    """

    model_udp_server = (OrderedUdpServer, OwnPortOpts)
    nat_traversal = True  # a phone behind NAT is reached where it sends from

    def handleIncoming(self, data_in: Any, ra: Any, server: Any, rtime: Any) -> None:  # noqa: N802
        """Let a MESSAGE in UTF-8 through: sippy counts characters where Content-Length counts bytes."""
        if isinstance(data_in, bytes) and data_in.startswith(b"MESSAGE "):
            try:
                data_in = _count_characters(data_in)
            except UnicodeDecodeError:
                FAULTS.add("text")
                return
        super().handleIncoming(data_in, ra, server, rtime)

    def incomingRequest(self, msg: Any, checksum: bytes, tids: Any, server: Any) -> None:  # noqa: N802
        try:
            super().incomingRequest(msg, checksum, tids, server)
        except Exception:  # noqa: BLE001 a remote can cause any; nothing of it may stop the process
            FAULTS.add("request")
            _forget(self.tserver, msg.getTId(wBRN=True))
            if msg.getMethod() != "ACK":
                response = msg.genResponse(400, "Bad Request", server=SOFTWARE)
                self.transmitMsg(server, response, response.getHFBody("via").getTAddr(), checksum)

    def incomingResponse(self, msg: Any, t: Any, checksum: bytes) -> None:  # noqa: N802
        if msg.getSCode()[0] >= 300:
            # The ACK of a refusal goes where the INVITE went (RFC 3261 section 17.1.1.3). sippy sends it
            # where Contact or Record-Route point: a redirect would carry both numbers to a third place.
            for name in ("contact", "record-route"):
                msg.delHFs(name)
        try:
            super().incomingResponse(msg, t, checksum)
        except Exception:  # noqa: BLE001 see above
            FAULTS.add("response")
            _forget(self.tclient, t.tid)


def _count_characters(data: bytes) -> str:
    """Give a request as text whose Content-Length fits the characters of its body."""
    head, gap, body = data.partition(b"\r\n\r\n")
    found = _LENGTH.search(head)
    if found is None or int(found[2]) > len(body):
        return data.decode()
    text = body[: int(found[2])].decode()
    fixed = head[: found.start(2)] + str(len(text)).encode() + head[found.end(2) :]
    return (fixed + gap).decode() + text


def _forget(table: dict[Any, Any], tid: Any) -> None:
    transaction = table.pop(tid, None)
    if transaction is None:
        return
    for name in ("teA", "teB", "teC", "teD", "teE", "teF", "teG"):
        timer = getattr(transaction, name, None)
        if timer is not None:
            timer.cancel()
    transaction.cleanup()
