"""SIP MESSAGE through the running calls and switch processes: sent, answered by the customer, opted out."""

from dataclasses import replace

from gateway.messages.model import ChannelKind, MessageState
from gateway.messages.models import MessageRow
from gateway.messages.queries import ThreadFilter
from gateway.messages.service import SendRequest
from maskline.wiring.messages import build_message_services
from tests.support.system import running
from tests.support.system_desk import Bound, SystemDesk, awaited, desk_of
from tests.telephony.raw_phone import RawPhone, status_of


def message_from(phone: RawPhone, bound: Bound, text: str, cseq: int) -> None:
    """Write as the customer, through the trunk."""
    body = text.encode()
    head = "\r\n".join(
        [
            f"MESSAGE sip:{bound.line}@127.0.0.1:{phone.switch[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{phone.port};branch=z9hG4bKm{cseq};rport",
            f"From: <sip:{bound.number}@127.0.0.1>;tag=m{cseq}",
            f"To: <sip:{bound.line}@127.0.0.1:{phone.switch[1]}>",
            f"Call-ID: message-{cseq}-{phone.port}",
            f"CSeq: {cseq} MESSAGE",
            "Max-Forwards: 70",
            "Content-Type: text/plain;charset=UTF-8",
            f"Content-Length: {len(body)}",
        ]
    )
    phone.throw(head.encode() + b"\r\n\r\n" + body)


async def state_of(desk: SystemDesk, message_id: str) -> MessageState:
    async with desk.ground.database.read() as session:
        row = await session.get(MessageRow, message_id)
        assert row is not None
        return row.state


async def test_both_ways_beside_the_calls() -> None:
    with running(sip={"texts": True}, chat={"enabled": False}, log_level="INFO") as system:
        async with desk_of(system) as desk, RawPhone(system.sip[1], port=system.trunk_port) as trunk:
            await desk.lines()
            bound = await desk.bind(await desk.hire())
            agent = replace(desk.director, employee_id=bound.staff.employee_id)
            messages = build_message_services(desk.ground, desk.gateway)
            request = SendRequest(bound.binding_id, ChannelKind.SIP, "您好，请于明天还款😀")
            sent = await messages.service.send(agent, request)
            said = await trunk.next_request("MESSAGE")
            assert said.partition("\r\n\r\n")[2] == "您好，请于明天还款😀"
            trunk.reply(said, "200 OK")

            async def is_sent() -> bool:
                return await state_of(desk, sent) is MessageState.SENT

            await awaited(is_sent, what="the message is sent")
            message_from(trunk, bound, "好的，我的新号码是13800138000", 1)
            assert status_of(await trunk.final(1, "MESSAGE")) == 200
            ((thread,), _) = await messages.queries.threads(desk.director, ThreadFilter())
            page, _ = await messages.queries.messages(desk.director, thread.row.id)
            assert page[0].text == "好的，我的新号码是138****8000"
            message_from(trunk, bound, "退订", 2)
            assert status_of(await trunk.final(2, "MESSAGE")) == 200
            refused = await messages.service.send(agent, request)
            assert await state_of(desk, refused) is MessageState.BLOCKED
            system.assert_alive()
