"""A small SMSC for tests, a process of its own: PDUs by smpplib, told what to do by JSON lines on stdin.

Commands: {"do": "throttle"|"refuse"|"drop_before"|"drop_after"|"mute", "times": n} for the next submissions,
{"do": "receipt", "id": ..., "stat": ...}, {"do": "mo", "from": ..., "to": ..., "payload": hex, "coding": n,
"esm": n}, {"do": "kick"}, {"do": "enquire"}. Events on stdout: port, bound, submit, resp, link, gone.
"""

import asyncio
import json
import sys
import warnings

warnings.simplefilter("ignore")
from smpplib import consts, smpp  # noqa: E402

STATUS = {"throttle": consts.SMPP_ESME_RTHROTTLED, "refuse": consts.SMPP_ESME_RINVDSTADR}


def say(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class Numbers:
    """Sequence numbers as smpplib wants them."""

    sequence = 0

    def next_sequence(self):
        self.sequence += 1
        return self.sequence


class Smsc:
    def __init__(self, *, dedupe):
        self.dedupe = dedupe
        self.numbers = Numbers()
        self.faults = []
        self.stored = {}
        self.writer = None
        self.count = 0
        self.waiting = set()

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readexactly(4)
                data = head + await reader.readexactly(int.from_bytes(head) - 4)
                self.take(
                    smpp.parse_pdu(data, client=self.numbers, allow_unknown_opt_params=True), writer, data
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            say(event="gone")
        finally:
            writer.close()

    def answer(self, writer, name, pdu, status=0, **more):
        made = smpp.make_pdu(name, client=self.numbers, **more)
        made.sequence, made.status = pdu.sequence, status
        writer.write(made.generate())

    def take(self, pdu, writer, data):
        if pdu.command == "bind_transceiver":
            good = pdu.password == b"secret"
            self.answer(
                writer,
                "bind_transceiver_resp",
                pdu,
                0 if good else consts.SMPP_ESME_RINVPASWD,
                system_id="smsc",
            )
            if good:
                self.writer = writer
            say(event="bound" if good else "refused")
        elif pdu.command == "enquire_link":
            if "mute" not in self.faults:
                self.answer(writer, "enquire_link_resp", pdu)
            say(event="link")
        elif pdu.command == "submit_sm":
            self.submit(pdu, writer)
        elif pdu.command == "deliver_sm_resp":
            say(event="resp", sequence=pdu.sequence, status=pdu.status)
        elif pdu.command == "unbind":
            self.answer(writer, "unbind_resp", pdu)

    def submit(self, pdu, writer):
        fault = self.faults.pop(0) if self.faults and self.faults[0] != "mute" else None
        if fault in STATUS:
            self.answer(writer, "submit_sm_resp", pdu, STATUS[fault])
            say(event=fault)
            return
        if fault == "drop_before":
            writer.transport.abort()
            return
        key = (pdu.destination_addr, pdu.user_message_reference)
        if self.dedupe and key in self.stored:
            message_id = self.stored[key]
        else:
            self.count += 1
            message_id = self.stored[key] = f"A{self.count:05d}"
            say(
                event="submit", id=message_id, source=pdu.source_addr.decode(), to=pdu.destination_addr.decode(),
                coding=pdu.data_coding, esm=pdu.esm_class, payload=pdu.short_message.hex(),
                registered=pdu.registered_delivery, open=len(self.waiting),
            )  # fmt: skip
        if fault == "drop_after":
            writer.transport.abort()
            return
        self.answer(writer, "submit_sm_resp", pdu, message_id=message_id)

    def deliver(self, **fields):
        made = smpp.make_pdu("deliver_sm", client=self.numbers, service_type="", **fields)
        self.writer.write(made.generate())

    def command(self, order):
        what = order["do"]
        if what == "receipt":
            stat = order["stat"]
            text = (
                f"id:{order['id']} sub:001 dlvrd:001 submit date:2611211000 done date:2611211001 "
                f"stat:{stat} err:000 text:xx"
            )
            self.deliver(
                source_addr="8613800138000",
                destination_addr="861087654321",
                esm_class=4,
                short_message=text.encode(),
            )
        elif what == "mo":
            self.deliver(
                source_addr_ton=1, source_addr=order["from"], destination_addr=order["to"],
                data_coding=order.get("coding", 0), esm_class=order.get("esm", 0),
                short_message=bytes.fromhex(order["payload"]),
            )  # fmt: skip
        elif what == "kick":
            self.writer.transport.abort()
        elif what == "enquire":
            self.writer.write(smpp.make_pdu("enquire_link", client=self.numbers).generate())
        else:
            self.faults += [what] * order.get("times", 1)


async def main():
    smsc = Smsc(dedupe="--dedupe" in sys.argv)
    port = int(sys.argv[1])
    server = await asyncio.start_server(smsc.serve, "127.0.0.1", port)
    say(event="port", port=server.sockets[0].getsockname()[1])
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while line := await orders.readline():
        smsc.command(json.loads(line))


if __name__ == "__main__":
    asyncio.run(main())
