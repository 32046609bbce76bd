"""Which address of ours a peer can reach: what Via, Contact and SDP name."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable

SOMEWHERE = "192.0.2.1"  # nobody's (RFC 5737): the way there is the default route
WILDCARDS = frozenset(("0.0.0.0", "::", ""))

_KEPT_FOR = 60.0  # seconds: then the route is looked up again
_KEPT = 4096


class OwnAddress:
    """`external` is what the world outside sees in place of our address, when a NAT stands before us. Peers in one of
    `local_networks` stand on our side of it."""

    def __init__(self, external: str = "", local_networks: Iterable[str] = ()) -> None:
        self._external = external
        self._local = tuple(ipaddress.ip_network(network) for network in local_networks)
        self._known: dict[tuple[str, str], str] = {}
        self._since = 0.0

    def for_peer(self, peer: str, bound: str) -> str:
        """The address for a peer, over a socket that is bound to `bound`; of a wildcard that may be any of ours."""
        if not self._external and bound not in WILDCARDS:
            return bound
        now = time.monotonic()
        if now - self._since > _KEPT_FOR or len(self._known) >= _KEPT:
            self._known.clear()
            self._since = now
        found = self._known.get((peer, bound))
        if found is None:
            found = self._known[peer, bound] = self._choose(peer, bound)
        return found

    def is_local(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False  # a name: whose address it is, is not asked here
        return any(address in network for network in self._local)

    def _choose(self, peer: str, bound: str) -> str:
        same_family = (":" in self._external) == (":" in peer)
        if self._external and same_family and not self.is_local(peer):
            return self._external
        if bound not in WILDCARDS:
            return bound
        ipv4_only = bound == "0.0.0.0" and ":" in peer
        return _routed(SOMEWHERE if ipv4_only else peer) or _routed(SOMEWHERE) or "127.0.0.1"


def _routed(peer: str) -> str:
    """The address that this machine would speak to the peer from. Nothing is sent; "" when there is no way there."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0]).partition("%")[0]
        except OSError:
            return ""
