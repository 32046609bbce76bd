"""STUN as RFC 8489 writes it, held against aioice, which others wrote."""

from __future__ import annotations

import random

import pytest
from aioice import stun as theirs

from pbx.rtp import stun
from pbx.rtp.errors import BadPacket

KEY = b"a password of ours"


def a_request(*, use_candidate: bool = False, username: str = "ours:theirs", key: bytes = KEY) -> bytes:
    request = theirs.Message(
        message_method=theirs.Method.BINDING, message_class=theirs.Class.REQUEST, transaction_id=b"t" * 12
    )
    request.attributes["USERNAME"] = username
    request.attributes["PRIORITY"] = 1845501695
    request.attributes["ICE-CONTROLLING"] = 932
    if use_candidate:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(key)
    return bytes(request)


def _trusted(data: bytes) -> theirs.Message:
    message = theirs.parse_message(data)
    assert message.check_message_integrity(KEY)
    return message


def test_reads_what_another_library_writes() -> None:
    request = stun.parse(a_request(use_candidate=True))
    assert request.kind == stun.BINDING_REQUEST
    assert request.attributes[stun.USERNAME] == b"ours:theirs"
    assert stun.USE_CANDIDATE in request.attributes
    assert request.has_fingerprint
    assert request.not_understood == ()


def test_message_integrity_proves_the_password_and_no_other() -> None:
    request = stun.parse(a_request())
    assert request.is_proven_by(KEY)
    assert not request.is_proven_by(b"another password")


def test_another_library_reads_and_trusts_our_answer() -> None:
    data = stun.success(stun.parse(a_request()), "192.0.2.7", 40123, KEY)
    answer = _trusted(data)
    assert (answer.message_class, answer.transaction_id) == (theirs.Class.RESPONSE, b"t" * 12)
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.7", 40123)
    assert "FINGERPRINT" in answer.attributes


def test_an_attribute_that_must_be_understood_and_is_not_is_told_in_a_420() -> None:
    plain = theirs.Message(
        message_method=theirs.Method.BINDING, message_class=theirs.Class.REQUEST, transaction_id=b"t" * 12
    )
    plain.attributes["CHANGE-REQUEST"] = 6
    plain.add_message_integrity(KEY)
    request = stun.parse(bytes(plain))
    assert request.not_understood == (3,)
    answer = _trusted(stun.unknown_attributes(request, KEY))
    assert answer.attributes["ERROR-CODE"] == (420, "Unknown Attribute")


def test_what_follows_message_integrity_is_ignored() -> None:
    bare = theirs.Message(
        message_method=theirs.Method.BINDING, message_class=theirs.Class.REQUEST, transaction_id=b"t" * 12
    )
    bare.attributes["MESSAGE-INTEGRITY"] = bytes(20)
    bare.attributes["USE-CANDIDATE"] = None
    assert stun.USE_CANDIDATE not in stun.parse(bytes(bare)).attributes


def test_a_wrong_fingerprint_is_no_message() -> None:
    data = bytearray(a_request())
    data[-1] ^= 1
    with pytest.raises(BadPacket):
        stun.parse(bytes(data))


def test_random_and_mutated_octets_only_ever_raise_bad_packet() -> None:
    dice = random.Random(1)
    good = a_request()
    for _ in range(20000):
        data = bytearray(good if dice.random() < 0.8 else dice.randbytes(dice.randrange(80)))
        for _ in range(dice.randrange(1, 4)):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        try:
            stun.parse(bytes(data[: dice.randrange(len(data) + 1)])).is_proven_by(KEY)
        except BadPacket:
            pass
