"""A real Mosquitto with its dynamic security plugin, on 127.0.0.1 and for one test alone."""

import getpass
import shutil
import socket
import subprocess
import time
from pathlib import Path

from pydantic import SecretStr

from core.phone_settings import MqttSettings
from tests.support.ports import free_port

ADMIN, PASSWORD = "maskline", "an-administrators-password"
PLUGIN = "mosquitto_dynamic_security.so"
FOLDERS = ("/usr/lib", "/usr/local/lib", "/opt/homebrew/lib")
HOW = "no Mosquitto with its dynamic security plugin; install it with: apt-get install mosquitto"


class MosquittoMissing(Exception):
    """There is none; the text says how to get it."""


class Mosquitto:
    """Starts, stops and starts again with what it had."""

    def __init__(self, folder: Path) -> None:
        self._binary = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
        control = shutil.which("mosquitto_ctrl")
        plugin = next((found for where in FOLDERS for found in Path(where).rglob(PLUGIN)), None)
        if self._binary is None or control is None or plugin is None:
            raise MosquittoMissing(HOW)
        self._folder = folder
        accounts = folder / "dynsec.json"
        subprocess.run(
            [control, "dynsec", "init", str(accounts), ADMIN, PASSWORD], check=True, capture_output=True
        )
        self.port = free_port()
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\nuser {getpass.getuser()}\n"
            f"plugin {plugin}\nplugin_opt_config_file {accounts}\n"
            f"persistence true\npersistence_location {folder}/\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> MqttSettings:
        return MqttSettings(
            enabled=True, port=self.port, username=ADMIN, password=SecretStr(PASSWORD), topic="maskline"
        )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), "-c", str(self._folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        until = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise AssertionError((self._folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None
