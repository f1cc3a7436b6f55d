"""The peer of the calls benchmark: sippy alone, passing calls from one side to the other.

    .venv/bin/python -m bench.bare_sippy PORT TRUNK_PORT

After sippy's own b2bua_simple.py: two user agents a call, each event handed to the other one, SDP as it
came. It asks for a digest, as the scenario expects, and takes any. No rule, no media, no books. It has the
repairs of sippy that our switch has: without them SIPp's `;transport=UDP` raises, and a 180 may come after
its 200.
"""

import sys
from typing import Any

from sippy.CCEvents import CCEventDisconnect, CCEventTry
from sippy.Core.EventDispatcher import ED2
from sippy.SipAddress import SipAddress
from sippy.SipConf import SipConf
from sippy.SipContact import SipContact
from sippy.SipHeader import SipHeader
from sippy.SipURL import SipURL
from sippy.UA import UA

from gateway.switch.sippy_patches import GuardedTransactionManager, SilentLogger, apply_patches

HOST = "127.0.0.1"
CHALLENGE = 'Digest realm="maskline", nonce="4f1c2a9b7d3e", qop="auth", algorithm=MD5'


class Pair:
    """One call: what one user agent tells goes to the other."""

    def __init__(self, config: dict[str, Any], trunk: tuple[str, int]) -> None:
        self._config, self._trunk = config, trunk
        self.first = UA(config, self._on_event)
        # Without a name of ours sippy puts a display name there, which SIPp copies into its BYE.
        self.first.lContact = SipContact(address=SipAddress(url=SipURL(username="bare")))
        self._second: Any = None

    def _on_event(self, event: Any, agent: Any) -> None:
        if agent is not self.first:
            self.first.recvEvent(event)
            return
        if self._second is None:
            if not isinstance(event, CCEventTry):
                self.first.recvEvent(CCEventDisconnect())
                return
            self._second = UA(self._config, event_cb=self._on_event, nh_address=self._trunk)
        self._second.recvEvent(event)


def main(port: int, trunk_port: int) -> None:
    apply_patches()
    SipConf.my_uaname = "bare"
    config: dict[str, Any] = {"_sip_address": HOST, "_sip_port": port, "_sip_logger": SilentLogger()}

    def on_request(req: Any, sip_t: Any) -> Any:
        if req.getHFBody("to").getTag() is not None:
            return (req.genResponse(481, "Call Leg/Transaction Does Not Exist"), None, None)
        if req.getMethod() != "INVITE":
            return (req.genResponse(501, "Not Implemented"), None, None)
        if not req.getHFs("proxy-authorization"):
            refusal = req.genResponse(407, "Proxy Authentication Required")
            refusal.appendHeader(SipHeader(name="proxy-authenticate", bodys=CHALLENGE))
            return (refusal, None, None)
        req.delHFs("proxy-authorization")
        return Pair(config, (HOST, trunk_port)).first.recvRequest(req, sip_t)

    config["_sip_tm"] = GuardedTransactionManager(config, on_request)
    ED2.loop()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
