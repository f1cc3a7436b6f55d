"""Each repair of sippy, proved in a process of its own: with it the thing works, without it it does not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def said_by(code: str) -> str:
    """Run code in a fresh interpreter (sippy's loop is a singleton) and give all that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", "import json\n" + code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def in_sippy(code: str) -> object:
    """Give the last line that such code prints, as JSON."""
    return json.loads(said_by(code).strip().splitlines()[-1])


TARGET = """
from sippy.SipURL import SipURL
{patch}
print(json.dumps(SipURL("sip:a@127.0.0.1:5080;transport={transport}").getTAddr()[1]))
"""
PATCH = "from gateway.switch.sippy_patches import apply_patches; apply_patches()"


@pytest.mark.parametrize("transport", ["UDP", "udp", "TCP", "tls", "nonsense"])
def test_every_transport_becomes_udp(transport):
    assert in_sippy(TARGET.format(patch=PATCH, transport=transport)) == "udp"


def test_sippy_itself_still_needs_the_transport_patch():
    assert in_sippy(TARGET.format(patch="", transport="UDP")) == "UDP"


PORT = """
import errno, os, socket, sys
from sippy.SipTransactionManager import SipTransactionManager
from gateway.switch.sippy_patches import *
probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
probe.bind(("127.0.0.1", 0))
config = dict(_sip_address="127.0.0.1", _sip_port=probe.getsockname()[1], _sip_logger=SilentLogger())
try:
    {manager}(config, None)
    result = "bound"
except OSError as error:
    result = errno.errorcode[error.errno]
print(json.dumps(result), flush=True)
os._exit(0)
"""


def test_a_port_that_another_process_has_is_refused():
    assert in_sippy(PORT.format(manager="GuardedTransactionManager")) == "EADDRINUSE"


def test_sippy_itself_still_takes_a_port_that_another_has():
    assert in_sippy(PORT.format(manager="SipTransactionManager")) == "bound"


SEND = """
import os, socket
from gateway.switch.sippy_patches import *
apply_patches()
there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); there.bind(("127.0.0.1", 0)); there.settimeout(30)
server = OrderedUdpServer({}, OwnPortOpts(("127.0.0.1", 0), None))
server.send_to("never", ("127.0.0.1", 99999))
server.send_to("never", ("127.0.0.1", 0))
server.send_to("never", ("127.0.0.1", "5060"))
for number in range(200):
    server.send_to(str(number), there.getsockname())
print(json.dumps([[int(there.recv(100)) for _ in range(200)], FAULTS.total]), flush=True)
os._exit(0)
"""


def test_what_is_sent_first_arrives_first():
    order, faults = in_sippy(SEND)
    assert order == list(range(200))
    assert faults == 3


NOISE = """
import os
import sippy.Udp_server
from sippy.SipURL import SipURL
{patch}
SipURL("sip:13800138000@127.0.0.1:")
try:
    raise ValueError("13800138000")
except ValueError:
    sippy.Udp_server.dump_exception("13800138000", extra="INVITE sip:13800138000")
print(json.dumps("end"), flush=True)
os._exit(0)
"""


def test_complaints_do_not_quote_messages():
    assert "13800138000" not in said_by(NOISE.format(patch=PATCH))


def test_sippy_itself_still_quotes_messages():
    assert said_by(NOISE.format(patch="")).count("13800138000") >= 4


def test_another_version_of_sippy_is_refused():
    code = """
import gateway.switch.sippy_patches as patches
from gateway.switch.errors import SippyVersionUnsupported
patches.SIPPY_VERSION = "2.4.9"
try:
    patches.apply_patches()
    print(json.dumps("taken"))
except SippyVersionUnsupported as error:
    print(json.dumps(error.code))
"""
    assert in_sippy(code) == "sippy-version"
