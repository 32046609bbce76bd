"""STUN on the port of SIP (RFC 5389, RFC 5626 §4.4.2): vectors of RFC 5769, and octets that others found to hurt."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.net import stun
from pbx.net.own_address import OwnAddress
from pbx.net.stun import Message, NotStun
from pbx.net.transports import Transports
from pbx.timers import Timers
from tests.support.deadlines import until
from tests.support.network import UdpPort

DATA = Path(__file__).parents[2] / "data" / "stun"
TRANSACTION = b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"  # of RFC 5769
SOFTWARE, PRIORITY = 0x8022, 0x0024


def a_request(*attributes: tuple[int, bytes], kind: int = stun.BINDING_REQUEST, fingerprint: bool = False) -> bytes:
    return Message(kind, TRANSACTION, attributes).serialise(fingerprint=fingerprint)


def test_the_answer_says_as_whom_the_asker_is_seen() -> None:
    answer = Message.parse(stun.answer(a_request(), "192.0.2.1", 32853))
    # RFC 5769 §2.2: the XOR-MAPPED-ADDRESS of 192.0.2.1:32853 for this transaction.
    mapped = bytes.fromhex("0001 a147 e112a643")
    assert answer == Message(stun.BINDING_SUCCESS, TRANSACTION, ((stun.XOR_MAPPED_ADDRESS, mapped),))


def test_of_ipv6_the_whole_address_is_hidden_from_the_nats() -> None:
    published = Message.parse((DATA / "rfc5769-ipv6-response.bin").read_bytes())
    ours = Message.parse(stun.answer(a_request(), "2001:db8:1234:5678:11:2233:4455:6677", 32853))
    assert ours.attributes[0] in published.attributes


def test_published_messages_are_read_with_their_fingerprint() -> None:
    request = Message.parse((DATA / "rfc5769-request.bin").read_bytes())
    assert (request.kind, request.transaction) == (stun.BINDING_REQUEST, TRANSACTION)
    assert (SOFTWARE, b"STUN test client") in request.attributes


def test_a_fingerprint_is_answered_with_one_and_a_wrong_one_not_at_all() -> None:
    asked = a_request((SOFTWARE, b"phone"), fingerprint=True)
    answer = Message.parse(stun.answer(asked, "192.0.2.1", 5060))
    assert answer.attributes[-1][0] == stun.FINGERPRINT
    assert stun.answer(asked[:-1] + bytes((asked[-1] ^ 1,)), "192.0.2.1", 5060) == b""


def test_what_must_be_understood_and_is_not_is_named() -> None:
    """§7.3.1: 420, with the attributes."""
    answer = Message.parse(stun.answer(a_request((PRIORITY, bytes(4)), (0x7FFF, b"")), "192.0.2.1", 5060))
    assert answer.kind == stun.BINDING_ERROR
    assert dict(answer.attributes)[stun.UNKNOWN_ATTRIBUTES] == struct.pack("!HH", PRIORITY, 0x7FFF)
    assert dict(answer.attributes)[stun.ERROR_CODE][:4] == b"\x00\x00\x04\x14"


@pytest.mark.parametrize("kind", [0x0011, stun.BINDING_SUCCESS, stun.BINDING_ERROR, 0x0003])
def test_only_binding_requests_are_answered(kind: int) -> None:
    """An answer to an answer could go on for ever."""
    assert stun.answer(a_request(kind=kind), "192.0.2.1", 5060) == b""


@pytest.mark.parametrize(
    "attributes",
    [struct.pack("!HH", SOFTWARE, 8) + b"1234", struct.pack("!HH", SOFTWARE, 0) * 33, b"\x80\x22\x00"],
    ids=["longer than the message", "33 of them", "half a header"],
)
def test_attributes_that_do_not_fit_are_refused(attributes: bytes) -> None:
    with pytest.raises(NotStun):
        Message.parse(struct.pack("!HHI12s", 1, len(attributes), stun.MAGIC_COOKIE, TRANSACTION) + attributes)


@pytest.mark.parametrize("file", sorted(DATA.glob("*.bin")), ids=lambda file: file.stem)
def test_what_has_hurt_others_is_read_or_refused(file: Path) -> None:
    data = file.read_bytes()
    try:
        Message.parse(data)
    except NotStun:
        pass
    stun.answer(data, "192.0.2.1", 5060)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_any_octets_are_read_or_refused(data: bytes, length: int) -> None:
    header = struct.pack("!HHI12s", 1, length, stun.MAGIC_COOKIE, TRANSACTION)
    assert len(stun.answer(data, "192.0.2.1", 5060)) <= 100
    stun.answer(header + data, "192.0.2.1", 5060)


@pytest.mark.parametrize(
    "message", [b"OPTIONS sip:x SIP/2.0\r\n\r\n", b"\r\n\r\n", b"", b"\0", b"SIP/2.0 200 OK\r\n\r\n"]
)
def test_nothing_of_sip_is_taken_for_stun(message: bytes) -> None:
    assert not stun.is_stun(message)


class Asked:
    """A server, a phone that asks it, and what each heard."""

    def __init__(self) -> None:
        self.port = 0
        self.locked_out: set[str] = set()
        self.heard: list[bytes] = []
        self.answers: list[bytes] = []
        self.phone = UdpPort(lambda data, _: self.answers.append(data))
        self.timers = Timers(asyncio.get_running_loop())
        self.transports = Transports(self.timers, OwnAddress(), admits=lambda host: host not in self.locked_out)
        self.transports.on_message = lambda data, flow: self.heard.append(data)

    def ask(self, data: bytes) -> None:
        self.phone.send(data, ("127.0.0.1", self.port))


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    asked = Asked()
    asked.port = (await asked.transports.listen_udp("127.0.0.1", 0)).port
    yield asked
    asked.phone.close()
    asked.transports.close()
    asked.timers.close()


async def test_a_phone_may_ask_on_the_port_of_sip(asked: Asked) -> None:
    asked.ask(a_request())
    await until("an answer", lambda: bool(asked.answers))
    (attribute,) = Message.parse(asked.answers[0]).attributes
    assert attribute == (stun.XOR_MAPPED_ADDRESS, stun.xor_mapped(*asked.phone.address, TRANSACTION))
    asked.ask(b"OPTIONS")
    await until("SIP is heard beside it", lambda: asked.heard == [b"OPTIONS"])


async def test_who_is_locked_out_learns_nothing(asked: Asked) -> None:
    asked.locked_out.add("127.0.0.1")
    asked.ask(a_request())
    asked.ask(b"OPTIONS")
    await until("SIP is heard", lambda: asked.heard == [b"OPTIONS"])
    assert asked.answers == []
