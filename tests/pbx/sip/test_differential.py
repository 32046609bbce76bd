"""For every message that both accept, we and sipmessage agree on what it says.

sipmessage (BSD-2) is another author's reading of RFC 3261, used as an oracle here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.lexical import TOKEN
from pbx.sip.message import Request, Response, Via, parse
from pbx.sip.uri import NameAddr, SipUri
from tests.pbx.sip.test_any_bytes import REAL, mutated

sipmessage = pytest.importorskip("sipmessage", reason="the oracle is not installed: pip install 'dzvin[interop]'")

Meaning = dict[str, object]


def ours(message: Request | Response) -> Meaning:
    start: object = (
        (message.method, str(message.request_uri)) if isinstance(message, Request) else (message.status, message.reason)
    )
    return {
        "start": start,
        "call_id": message.sip_call_id,
        "cseq": tuple(message.cseq),
        "via": [our_via(via) for via in message.vias],
        "from": our_address(message.from_),
        "to": our_address(message.to),
        "contact": [our_address(address) for address in message.contacts],
        "route": [our_address(address) for address in message.routes],
        "record_route": [our_address(address) for address in message.record_routes],
        "max_forwards": message.max_forwards,
        "expires": message.expires,
        "body": message.body,
    }


def our_via(via: Via) -> object:
    return via.transport, via.sent_by_host, via.sent_by_port, plain(via.parameters)


def our_address(address: NameAddr) -> object:
    return address.display_name, our_uri(address.uri), plain(address.parameters)


def our_uri(uri: SipUri) -> object:
    return uri.scheme, uri.user, uri.password, uri.host, uri.port, plain(uri.parameters)


def theirs(data: bytes) -> Meaning:
    message = sipmessage.Message.parse(data)
    start: object = (
        (message.method, str(SipUri.parse(str(message.uri))))
        if isinstance(message, sipmessage.Request)
        else (message.code, message.phrase)
    )
    return {
        "start": start,
        "call_id": message.call_id,
        "cseq": (message.cseq.sequence, message.cseq.method),
        "via": [(via.transport, unbracketed(via.host), via.port, plain(via.parameters)) for via in message.via],
        "from": their_address(message.from_address),
        "to": their_address(message.to_address),
        "contact": [their_address(address) for address in message.contact],
        "route": [their_address(address) for address in message.route],
        "record_route": [their_address(address) for address in message.record_route],
        "max_forwards": message.max_forwards,
        "expires": message.expires,
        "body": message.body,
    }


def their_address(address: object) -> object:
    uri = address.uri  # type: ignore[attr-defined]
    parts = uri.scheme, uri.user, uri.password, unbracketed(uri.host), uri.port, plain(uri.parameters)
    return address.name, parts, plain(address.parameters)  # type: ignore[attr-defined]


def plain(parameters: Mapping[str, str | None]) -> dict[str, str | None]:
    return {name.lower(): value for name, value in parameters.items()}


def unbracketed(host: str) -> str:
    return host.strip("[]")


def is_beyond_the_oracle(message: Request | Response) -> bool:
    """It keeps the quotes of a quoted parameter, splits it at a semicolon inside, and unescapes (version 0.7.1)."""
    addresses = (message.from_, message.to, *message.contacts, *message.routes, *message.record_routes)
    parameters = [address.parameters for address in addresses] + [via.parameters for via in message.vias]
    words = [word for mapping in parameters for pair in mapping.items() for word in pair if word is not None]
    return any("%" in word or not TOKEN.fullmatch(word) for word in words)


def accepted(read: Callable[[], Meaning]) -> Meaning | None:
    try:
        return read()
    except (RemoteProtocolError, ValueError, KeyError, AttributeError):
        return None


def compare(data: bytes) -> bool:
    """Whether both accepted it, and so agreed."""
    try:
        message = parse(data)
    except RemoteProtocolError:
        return False
    # In our own writing: the oracle knows neither folding nor what follows the body.
    mine, other = accepted(lambda: ours(message)), accepted(lambda: theirs(message.serialise()))
    if mine is None or other is None or is_beyond_the_oracle(message):
        return False
    assert mine == other
    return True


def test_real_messages() -> None:
    agreed = sum(compare(data) for data in REAL)
    assert agreed > 190


@given(mutated())
@settings(deadline=None, max_examples=500)
def test_real_messages_spoiled(data: bytes) -> None:
    compare(data)
