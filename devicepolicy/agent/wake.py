"""Ways to be woken: WebSocket, where that does not work long poll, and MQTT if it is wanted.

A wake says only where to look; whatever it says, the agent asks, signed. So a forged wake does no harm.
"""

import asyncio
from typing import Literal, TypeAlias

import aiohttp

from .agent import Agent
from .client import Problem
from .faults import NetworkLost

Way: TypeAlias = Literal["websocket", "poll", "mqtt"]
PAUSES_S = (0.2, 1.0, 5.0, 15.0, 30.0)
HEARTBEAT_S = 60.0
POLL_S = 90.0
"""Longer than the server holds a poll open."""
NO_WEBSOCKET = 3
"""Handshakes that may fail before long poll is taken for a while."""


async def stay_awake(agent: Agent, rung: asyncio.Event, way: Way = "websocket") -> None:
    """Ring whenever the server wants something, until cancelled. Connections that break come back."""
    failures = 0
    while True:
        polling = way == "poll" or (way == "websocket" and failures >= NO_WEBSOCKET)
        try:
            if way == "mqtt":
                await _by_mqtt(agent, rung)
            elif polling:
                await _by_poll(agent, rung)
            else:
                await _by_websocket(agent, rung)
            failures = 0
        except Problem:
            failures += 1
            rung.set()  # perhaps we were let go: the round asks, and learns why
        except (NetworkLost, aiohttp.ClientError, TimeoutError, OSError):
            failures += 1
        if failures:
            await asyncio.sleep(PAUSES_S[min(failures, len(PAUSES_S)) - 1])


async def _by_websocket(agent: Agent, rung: asyncio.Event) -> None:
    """Stay connected once. The server says at once what was there before we came."""
    url, headers = agent.client.signed("GET", "/wake")
    async with agent.client.http.ws_connect(url, headers=headers, heartbeat=HEARTBEAT_S) as socket:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                rung.set()
    rung.set()  # the end may mean that we were let go: ask


async def _by_poll(agent: Agent, rung: asyncio.Event) -> None:
    memory = agent.memory
    seen = f"/wake/poll?commands={memory.acked}&policy={memory.version}"
    answer = await agent.client.ask("GET", seen, timeout_s=POLL_S)
    if answer.body["looks"]:
        rung.set()
        await asyncio.sleep(PAUSES_S[0])  # let the round fetch it before we ask again


async def _by_mqtt(agent: Agent, rung: asyncio.Event) -> None:
    """Subscribe once to what is said to us. Needs the extra `mqtt`."""
    import aiomqtt

    account = (await agent.client.ask("POST", "/wake/mqtt")).body
    try:
        async with aiomqtt.Client(
            account["host"],
            account["port"],
            username=account["username"],
            password=account["password"],
            identifier=account["client_id"],
            tls_params=aiomqtt.TLSParameters() if account["tls"] else None,
        ) as broker:
            for topic in account["topics"]:
                await broker.subscribe(topic, qos=1)
            rung.set()
            async for _ in broker.messages:
                rung.set()
    except aiomqtt.MqttError:
        raise NetworkLost from None
