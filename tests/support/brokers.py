"""A RabbitMQ or Redis of the system's packages for the tests, on free ports of 127.0.0.1."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kombu import Connection

from tests.support.ports import free_port

READY_WITHIN_S = 120


class BrokerMissing(Exception):
    """The server's package is not installed."""


def _answers(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a client can connect."""
    for _ in range(READY_WITHIN_S * 5):
        if process.poll() is not None:
            raise BrokerMissing(f"the server ended with {process.returncode}")
        try:
            with Connection(url, connect_timeout=1) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0.1)
                return
        except Exception:  # noqa: BLE001 - each transport has errors of its own
            try:
                process.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                continue
    raise BrokerMissing(f"the server did not answer within {READY_WITHIN_S} s")


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a start script and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        for _ in range(100):
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)


@contextmanager
def rabbitmq() -> Iterator[str]:
    """Give the URL of a RabbitMQ of our own; its database, name daemon and cookie are in a folder of its own."""
    server = shutil.which("rabbitmq-server")
    if server is None:
        raise BrokerMissing("apt-get install rabbitmq-server")
    folder = Path(tempfile.mkdtemp(prefix="maskline-mq-"))
    port, distribution, names = free_port(), free_port(), free_port()
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = maskline\ndefault_pass = test\n"
        "loopback_users.guest = true\nlog.console.level = error\ndisk_free_limit.absolute = 1MB\n"
    )
    (folder / "enabled_plugins").write_text("[].\n")
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
        "RABBITMQ_NODENAME": f"maskline{port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port), "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(names), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_MNESIA_BASE": str(folder / "db"),
        "RABBITMQ_LOG_BASE": str(folder / "log"), "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"), "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
    }  # fmt: skip
    who: dict[str, object] = {}
    if os.geteuid() == 0:  # its start script wants to be its own user
        user = pwd.getpwnam("rabbitmq")
        who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)
    process = subprocess.Popen(
        [server], env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, **who,  # type: ignore[call-overload]
    )  # fmt: skip
    url = f"amqp://maskline:test@127.0.0.1:{port}//"
    try:
        _answers(url, process)
        yield url
    finally:
        _end_group(process)
        subprocess.run(["epmd", "-port", str(names), "-kill"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """Give the URL of a Redis of our own."""
    server = shutil.which("redis-server")
    if server is None:
        raise BrokerMissing("apt-get install redis-server")
    folder = Path(tempfile.mkdtemp(prefix="maskline-redis-"))
    port = free_port()
    process = subprocess.Popen(
        [server, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "",
         "--daemonize", "no"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    url = f"redis://127.0.0.1:{port}/0"
    try:
        _answers(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


BROKERS = {"rabbitmq": rabbitmq, "redis": redis}
