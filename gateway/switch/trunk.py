"""Which packets come from the trunk: by network, and by port where staff phones share the address."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from core.config import SipSettings


class TrunkSources:
    """Tells whether an address is the trunk's."""

    def __init__(self, networks: Sequence[str], ports: Sequence[int]) -> None:
        """`ports`: empty for any."""
        self._networks = [ip_network(network, strict=False) for network in networks]
        self._ports = frozenset(ports)

    @classmethod
    def of(cls, settings: SipSettings) -> "TrunkSources":
        return cls(settings.trunk_sources, settings.trunk_source_ports)

    def includes(self, host: str, port: int) -> bool:
        """Tell whether what comes from there comes from the trunk; a host that is no address does not."""
        if self._ports and port not in self._ports:
            return False
        try:
            address = ip_address(host.strip("[]"))
        except ValueError:
            return False
        return any(address in network for network in self._networks)
