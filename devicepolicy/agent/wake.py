"""Ways to be woken: WebSocket, where that does not work long poll, and MQTT if it is wanted.

A wake says only where to look; whatever it says, the agent asks, signed. So a forged wake does no harm.
"""

import asyncio
from typing import Literal, TypeAlias

import aiohttp

from .agent import Agent
from .backoff import Backoff
from .client import Problem
from .faults import NetworkLost

Way: TypeAlias = Literal["websocket", "poll", "mqtt"]
HEARTBEAT_S = 60.0
POLL_S = 90.0
"""Longer than the server holds a poll open."""
NO_WEBSOCKET = 3
"""Handshakes that may fail in a row before long poll is taken for a while."""
POLLS = 10
BREATH_S = 0.2
NOT_OURS = frozenset({401, 403})
LET_GO = aiohttp.WSCloseCode.OK


async def stay_awake(
    agent: Agent, rung: asyncio.Event, way: Way = "websocket", backoff: Backoff | None = None
) -> None:
    """Ring whenever the server wants something, until cancelled. Connections that break come back."""
    pause = backoff or Backoff()
    failed, polls = 0, 0
    while True:
        try:
            if way == "mqtt":
                await _by_mqtt(agent, rung, pause)
            elif way == "poll" or polls:
                polls = max(0, polls - 1)
                await _by_poll(agent, rung)
                pause.worked()
                continue
            else:
                failed += 1
                await _by_websocket(agent, rung, pause)
                failed = 0
        except Problem:
            rung.set()  # perhaps we were let go: the round asks, and learns why
        except (NetworkLost, aiohttp.ClientError, TimeoutError, OSError):
            if failed >= NO_WEBSOCKET:
                failed, polls = 0, POLLS
        await asyncio.sleep(pause.next_s())


async def _by_websocket(agent: Agent, rung: asyncio.Event, pause: Backoff) -> None:
    """Stay connected once. The server says at once what was there before we came."""
    url, headers = agent.client.signed("GET", "/wake")
    try:
        async with agent.client.http.ws_connect(url, headers=headers, heartbeat=HEARTBEAT_S) as socket:
            pause.worked()
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    rung.set()
            if socket.close_code == LET_GO:
                rung.set()  # another connection took its place, or we are managed no more: ask
    except aiohttp.WSServerHandshakeError as refused:
        if refused.status in NOT_OURS:
            rung.set()
        raise


async def _by_poll(agent: Agent, rung: asyncio.Event) -> None:
    memory = agent.memory
    seen = f"/wake/poll?commands={memory.acked}&policy={memory.version}"
    answer = await agent.client.ask("GET", seen, timeout_s=POLL_S)
    if answer.body["looks"]:
        rung.set()
        await asyncio.sleep(BREATH_S)  # let the round fetch it before we ask again


async def _by_mqtt(agent: Agent, rung: asyncio.Event, pause: Backoff) -> None:
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
            pause.worked()
            rung.set()
            async for _ in broker.messages:
                rung.set()
    except aiomqtt.MqttError:
        raise NetworkLost from None
