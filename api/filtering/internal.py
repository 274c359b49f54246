"""Who may see how the service fares without a key: peers of `service.internal`, and whoever asks at the admin port.

The peer of the connection decides, and a request that says it was passed on comes from elsewhere: whatever a proxy on
this machine passes on is a stranger's, and what headers say of its sender is not believed here.
"""

from typing import Final

from api.filtering.addresses import address_of, parsed_network
from api.http.asgi import Scope
from ranking.settings.service import ServiceSettings

LOOPBACK: Final = "127.0.0.1"
PASSED_ON: Final = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"via", b"cf-connecting-ip", b"true-client-ip")


class InternalPeers:
    """Tells those peers. Raises ValueError for what is no address or CIDR."""

    def __init__(self, service: ServiceSettings) -> None:
        self._networks = [parsed_network(each, "local network") for each in service.internal]
        self._admin_port = service.admin_port

    def is_internal(self, scope: Scope) -> bool:
        """Whether a request comes from one of them."""
        server, peer = scope.get("server"), scope.get("client")
        if self._admin_port is not None and server and server[1] == self._admin_port:
            return True
        if any(name.startswith(PASSED_ON) for name, _ in scope["headers"]):
            return False
        address = address_of(peer[0] if peer else LOOPBACK)  # a unix socket is this machine's
        return address is not None and any(address in network for network in self._networks)
