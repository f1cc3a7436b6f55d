"""Accounts at Mosquitto: its dynamic security plugin makes and ends them while the broker runs.

A phone's account may subscribe to its own topics and those for all, by name and not by pattern, and publish
nothing at all. The publisher's may publish below our prefix and read nothing.
Source: https://mosquitto.org/documentation/dynamic-security/ (Mosquitto 2.0 or newer).
"""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import aiomqtt

from core.ids import new_id
from core.phone_settings import MqttSettings
from core.sealed import Secret
from core.vault import Vault
from devicepolicy.wake.client import connect
from devicepolicy.wake.errors import BrokerRefused
from devicepolicy.wake.ports import BrokerAccount
from devicepolicy.wake.topics import Topics, password_of

CONTROL = "$CONTROL/dynamic-security/v1"
ANSWER_S = 10.0
_THERE = "already exists"
_GONE = "not found"

Command = dict[str, Any]


class MosquittoDoor:
    """A `BrokerDoor`. Each call opens one connection of the plugin's administrator and closes it."""

    def __init__(self, settings: MqttSettings, vault: Vault) -> None:
        self._settings = settings
        self._vault = vault
        self._topics = Topics(settings.topic)
        self._turn = asyncio.Lock()

    @property
    def publisher(self) -> tuple[str, Secret]:
        """The name and password of who wakes phones."""
        name = f"{self._settings.topic}-wake"
        return name, password_of(self._vault, name)

    async def prepare(self) -> None:
        """See to it that nobody reads or writes anything but what is granted, and that the publisher exists.

        Raises:
            BrokerRefused
        """
        name, password = self.publisher
        shut = [
            {"acltype": kind, "allow": False}
            for kind in ("publishClientSend", "publishClientReceive", "subscribe")
        ]
        await self._ask(
            {"command": "setDefaultACLAccess", "acls": shut},
            _role(name, ("publishClientSend", [self._topics.everything])),
            _client(name, password),
        )

    async def admit(self, device_id: str) -> BrokerAccount:
        """Let a phone in, or let it in again with the same password.

        Raises:
            BrokerRefused
        """
        password, topics = password_of(self._vault, device_id), self._topics.of(device_id)
        await self._ask(
            _role(device_id, ("subscribeLiteral", topics), ("publishClientReceive", topics)),
            _client(device_id, password, client_id=device_id),
        )
        settings = self._settings
        return BrokerAccount(
            host=settings.public_host or settings.host,
            port=settings.public_port or settings.port,
            tls=settings.tls,
            username=device_id,
            password=password,
            topics=topics,
        )

    async def dismiss(self, device_id: str) -> None:
        """Shut a phone out; the broker cuts its connection at once.

        Raises:
            BrokerRefused
        """
        await self._ask(
            {"command": "deleteClient", "username": device_id},
            {"command": "deleteRole", "rolename": _role_name(device_id)},
        )

    async def _ask(self, *commands: Command) -> None:
        """Ask the plugin, and take what is already so for done."""
        try:
            async with self._turn, asyncio.timeout(ANSWER_S):
                answers = await self._talk(commands)
        except (aiomqtt.MqttError, TimeoutError, ValueError) as error:
            raise BrokerRefused(error_type=type(error).__name__) from None
        for command, answer in zip(commands, answers, strict=True):
            wrong = str(answer.get("error", ""))
            deleting = str(command["command"]).startswith("delete")
            if wrong and (_GONE if deleting else _THERE) not in wrong:
                raise BrokerRefused(command=command["command"])

    async def _talk(self, commands: Sequence[Command]) -> list[dict[str, Any]]:
        password = self._settings.password
        if password is None:
            raise BrokerRefused
        mark = new_id()
        marked = [{**command, "correlationData": mark} for command in commands]
        admin = connect(
            self._settings,
            self._settings.username,
            password.get_secret_value(),
            f"maskline-admin-{mark[-8:]}",
        )
        async with admin as client:
            await client.subscribe(f"{CONTROL}/response", qos=1)
            await client.publish(CONTROL, json.dumps({"commands": marked}), qos=1)
            found: list[dict[str, Any]] = []
            async for message in client.messages:
                answers = json.loads(bytes(message.payload))["responses"]
                found += [answer for answer in answers if answer.get("correlationData") == mark]
                if len(found) >= len(commands):
                    break
            return found


def _role_name(name: str) -> str:
    return f"role-{name}"


def _role(name: str, *grants: tuple[str, Sequence[str]]) -> Command:
    acls = [{"acltype": kind, "topic": topic, "allow": True} for kind, topics in grants for topic in topics]
    return {"command": "createRole", "rolename": _role_name(name), "acls": acls}


def _client(name: str, password: Secret, client_id: str | None = None) -> Command:
    made: Command = {
        "command": "createClient",
        "username": name,
        "password": password.reveal_text(),
        "roles": [{"rolename": _role_name(name)}],
    }
    return made if client_id is None else {**made, "clientid": client_id}
