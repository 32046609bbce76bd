"""Which Contacts a phone may register: addresses that could be a phone's.

Requests to a phone go by the flow that it registered on, so a Contact steers no packet of ours; but it is shown, passed
on in 302s, and taken as a Request-URI by proxies on the way. Pure.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from ipaddress import ip_address

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import bracket
from pbx.sip.uri import SipUri

DEFAULT_PORTS = {"tls": 5061, "ws": 80, "wss": 443}  # RFC 3261 §19.1.2, RFC 7118 §5.2; of all others:
SIP_PORT = 5060


def check_contact(uri: SipUri, ours: Mapping[str, Container[str]]) -> None:
    """Raises RemoteProtocolError (403) for nobody's address, everybody's, and our own. `ours`: "host:port" by transport
    in lower case; another transport's port of that number may be a phone's, on a machine that we share with it."""
    if not uri.is_sip:
        return  # the registrar says what it takes
    if uri.port == 0:
        raise RemoteProtocolError("a contact at port 0", 403)
    transport = uri.transport or ("tls" if uri.scheme == "sips" else "udp")
    port = uri.port or DEFAULT_PORTS.get(transport, SIP_PORT)
    if f"{bracket(uri.host)}:{port}" in ours.get(transport, ()):
        raise RemoteProtocolError("a contact that is ourselves", 403)
    try:
        address = ip_address(uri.host)
    except ValueError:
        return  # a name, such as the .invalid ones of browsers: nobody resolves it
    # Of IPv6 the whole block of ::1 and of NAT64 (RFC 6052) counts as reserved, and phones are there.
    is_reserved = address.version == 4 and address.is_reserved
    if address.is_multicast or address.is_unspecified or is_reserved or str(address) == "255.255.255.255":
        raise RemoteProtocolError("a contact that is no phone's address", 403)
