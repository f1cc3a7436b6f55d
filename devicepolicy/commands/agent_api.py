"""Commands over HTTP, for phones."""

from core.clock import Clock
from core.web.endpoint import Endpoint, endpoint
from devicepolicy.commands.agent_schemas import (
    AckBody,
    AckOut,
    CommandsOut,
    KnownResult,
    PullQuery,
    ResultsBody,
    ResultsOut,
)
from devicepolicy.commands.errors import AckAhead
from devicepolicy.commands.queue import CommandQueue
from devicepolicy.identity.gate import Admitted, DeviceGate, phone_endpoint


def endpoints(queue: CommandQueue, clock: Clock, gate: DeviceGate) -> list[Endpoint]:
    """Give the endpoints of fetching, acknowledging and reporting. The gate admits trusted phones only."""

    @endpoint(
        "GET",
        "/agent/commands",
        summary_zh="手机取指令",
        summary_en="A phone fetches its commands",
        **phone_endpoint(gate),
    )
    async def pull(*, caller: Admitted, query: PullQuery) -> CommandsOut:
        pulled = await queue.pull(caller.phone.device_id, query.after)
        return CommandsOut(
            commands=list(pulled.tokens),
            results_wanted=list(pulled.results_wanted),
            last_seq=pulled.last_seq,
            more=pulled.more,
            server_time=clock.now(),
        )

    @endpoint(
        "POST",
        "/agent/commands/acks",
        summary_zh="手机确认已收妥指令",
        summary_en="A phone acknowledges its commands",
        **phone_endpoint(gate, AckAhead),
    )
    async def acknowledge(*, caller: Admitted, body: AckBody) -> AckOut:
        begin = await queue.acknowledge(caller.phone.device_id, body.up_to)
        return AckOut(begin=list(begin), server_time=clock.now())

    @endpoint(
        "POST",
        "/agent/commands/results",
        summary_zh="手机报告指令结果",
        summary_en="A phone reports how its commands went",
        **phone_endpoint(gate),
    )
    async def report(*, caller: Admitted, body: ResultsBody) -> ResultsOut:
        known = await queue.report(caller.phone.device_id, [result.told() for result in body.results])
        results = [KnownResult(command_id=command_id, state=state) for command_id, state in known.items()]
        return ResultsOut(results=results, server_time=clock.now())

    return [pull, acknowledge, report]
