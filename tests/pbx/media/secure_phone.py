"""A phone of `rig` that speaks SRTP."""

from __future__ import annotations

import secrets

from pylibsrtp import Error, Session

from pbx.media.srtp_library import SUITES, Keys, Suite, policy
from pbx.rtp.packet import Packet, parse
from tests.pbx.media.rig import Phone, Rig

GCM, AES_CM = SUITES


def keys_of(suite: Suite) -> Keys:
    """Seen from our side."""
    return Keys(suite, secrets.token_bytes(suite.length), secrets.token_bytes(suite.length))


class SecurePhone:
    """Seals what `phone` says and opens what it hears; `keys` are the other side's view."""

    def __init__(self, phone: Phone, keys: Keys) -> None:
        self.phone = phone
        self.refused = 0
        self.take(keys)

    def take(self, keys: Keys) -> None:
        self.outgoing = Session(policy(keys.suite, keys.theirs, inbound=False))
        self.incoming = Session(policy(keys.suite, keys.ours, inbound=True))

    def sealed(self, payload: bytes) -> bytes:
        """One packet of sound; the numbers go on."""
        phone = self.phone
        data: bytes = self.outgoing.protect(phone.packet(payload).serialise())
        phone.sequence = (phone.sequence + 1) & 0xFFFF
        phone.timestamp = (phone.timestamp + len(payload)) & 0xFFFFFFFF
        return data

    def send(self, payload: bytes) -> bytes:
        data = self.sealed(payload)
        self.phone.throw(data)
        return data

    def listen(self) -> list[Packet]:
        """What came since the last call and could be opened."""
        opened: list[Packet] = []
        while True:
            try:
                data = self.phone.sock.recv(4096)
            except BlockingIOError:
                return opened
            try:
                opened.append(parse(self.incoming.unprotect(data)))
            except Error:
                self.refused += 1


def join_secure(engine: Rig, leg: int, keys: Keys, *, ice: bool = False) -> SecurePhone:
    """A secure leg and its phone, ready to talk."""
    phone = engine.phone()
    phone.target = ("127.0.0.1", engine.open(leg))
    engine.control.secure(leg, keys, ice=ice)
    if ice:
        engine.update(leg, phone, address="0.0.0.0", port=0, sources=())
        engine.control.nominate(leg, "127.0.0.1", phone.port)
    else:
        engine.update(leg, phone)
    engine.advance()
    return SecurePhone(phone, keys)
