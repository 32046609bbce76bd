"""Secure legs in the engine (RFC 3711): what is opened, what is dropped, and that it never speaks in clear."""

from __future__ import annotations

import random
import secrets
from dataclasses import replace

import pytest

from pbx.media import engine_numbers as numbers
from pbx.media.engine_control import Aside
from pbx.media.loading import is_compiled
from pbx.media.srtp_library import SUITES, BadKeys, Keys, Suite
from pbx.rtp.g711 import Law
from tests.pbx.media.rig import KINDS, Phone, Rig, rig
from tests.pbx.media.secure_phone import AES_CM, GCM, SecurePhone, join_secure, keys_of

BOTH = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)


def call(engine: Rig, suite: Suite = GCM, *, ice: bool = False) -> tuple[SecurePhone, Phone]:
    """A secure phone and a plain one that hear each other."""
    alice = join_secure(engine, 0, keys_of(suite), ice=ice)
    bob = engine.join(1)
    engine.control.bridge(0, 1)
    engine.advance()
    return alice, bob


def drops(engine: Rig, cause: int) -> int:
    return engine.control.figures(0).drops[cause]


@BOTH
def test_a_secure_leg_and_a_plain_one_hear_each_other(engine: Rig, suite: Suite) -> None:
    alice, bob = call(engine, suite)
    for number in range(20):
        alice.send(bytes([number]) * 160)
        bob.send(bytes([100 + number]) * 160)
        engine.advance()
    assert [packet.payload[0] for packet in bob.listen()] == list(range(20))
    assert [packet.payload[0] for packet in alice.listen()] == list(range(100, 120))
    assert alice.refused == 0


def test_two_secure_legs_hear_each_other_each_with_its_own_keys(engine: Rig) -> None:
    alice, carol = join_secure(engine, 0, keys_of(GCM)), join_secure(engine, 1, keys_of(AES_CM))
    engine.control.bridge(0, 1)
    engine.advance()
    alice.send(b"a" * 160)
    carol.send(b"c" * 160)
    engine.advance()
    assert [packet.payload for packet in carol.listen()] == [b"a" * 160]
    assert [packet.payload for packet in alice.listen()] == [b"c" * 160]


def test_what_is_played_to_a_secure_leg_is_sealed(engine: Rig) -> None:
    alice, _ = call(engine)
    engine.control.store_prompt(0, b"p" * 480)
    engine.control.play(0, 1, [(0, 480)], loop=False, law=Law.ULAW)
    engine.control.send_digit(0, "5", 40)
    engine.advance(400)
    heard = alice.listen()
    assert [packet.payload for packet in heard if packet.payload_type == 0] == [b"p" * 160] * 3
    assert any(packet.payload_type == 101 for packet in heard)
    assert alice.refused == 0


def test_plain_rtp_on_a_secure_leg_is_dropped_and_counted_and_the_call_goes_on(engine: Rig) -> None:
    alice, bob = call(engine)
    for _ in range(5):
        alice.phone.send(b"x" * 160)
    engine.advance()
    assert bob.listen() == []
    assert drops(engine, numbers.UNAUTHENTICATED) == 5
    alice.send(b"a" * 160)
    engine.advance()
    assert [packet.payload for packet in bob.listen()] == [b"a" * 160]


def test_a_packet_that_comes_twice_is_dropped_and_counted(engine: Rig) -> None:
    alice, bob = call(engine)
    data = alice.send(b"a" * 160)
    alice.phone.throw(data)
    engine.advance()
    assert len(bob.listen()) == 1
    assert drops(engine, numbers.REPLAYED) == 1


def test_a_damaged_packet_is_dropped_and_counted(engine: Rig) -> None:
    alice, bob = call(engine)
    data = bytearray(alice.sealed(b"a" * 160))
    data[40] ^= 1
    alice.phone.throw(bytes(data))
    engine.advance()
    assert bob.listen() == []
    assert drops(engine, numbers.UNAUTHENTICATED) == 1


def test_a_secure_leg_without_keys_neither_hears_nor_speaks(engine: Rig) -> None:
    alice, bob = call(engine)
    engine.control.secure(0, None, ice=False)
    engine.advance()
    alice.send(b"a" * 160)
    alice.phone.send(b"x" * 160)
    bob.send(b"b" * 160)
    engine.advance()
    assert bob.listen() == alice.listen() == []
    assert alice.refused == 0
    assert drops(engine, numbers.UNKEYED) == 2
    assert engine.control.figures(0).send_failed == 1


def test_with_new_keys_the_old_ones_open_nothing(engine: Rig) -> None:
    alice, bob = call(engine)
    keys = keys_of(AES_CM)
    engine.control.secure(0, keys, ice=False)
    engine.advance()
    alice.send(b"a" * 160)
    engine.advance()
    assert bob.listen() == []
    alice.take(keys)
    alice.send(b"b" * 160)
    bob.send(b"c" * 160)
    engine.advance()
    assert [packet.payload for packet in bob.listen()] == [b"b" * 160]
    assert [packet.payload for packet in alice.listen()] == [b"c" * 160]


def test_keys_of_another_length_are_refused(engine: Rig) -> None:
    with pytest.raises(BadKeys):
        engine.control.secure(0, Keys(GCM, bytes(30), bytes(30)), ice=False)


def test_keys_are_in_no_log() -> None:
    keys = Keys(GCM, b"s" * 28, b"t" * 28)
    assert "ss" not in repr(keys)


def test_the_rollover_of_the_sequence_number_is_followed(engine: Rig) -> None:
    alice, bob = call(engine)
    alice.phone.sequence = 65530
    for number in range(12):
        alice.send(bytes([number]) * 160)
        engine.advance()
    assert [packet.payload[0] for packet in bob.listen()] == list(range(12))


def test_csrcs_and_padding_inside_the_seal_are_taken_away(engine: Rig) -> None:
    alice, bob = call(engine)
    packet = replace(alice.phone.packet(b"a" * 160), csrc=(1, 2), padding=8)
    alice.phone.throw(alice.outgoing.protect(packet.serialise()))
    engine.advance()
    assert [heard.payload for heard in bob.listen()] == [b"a" * 160]


def test_a_peer_with_endless_sources_costs_no_endless_memory(engine: Rig) -> None:
    alice, bob = call(engine)
    for ssrc in range(1100):
        alice.phone.ssrc = ssrc
        alice.send(b"a" * 160)
        engine.advance()
        bob.listen()
    assert drops(engine, numbers.UNAUTHENTICATED) >= 90
    alice.phone.ssrc = 1000
    alice.send(b"z" * 160)
    engine.advance()
    assert bob.listen()[-1].payload == b"z" * 160


# ---- what is no RTP ------------------------------------------------------------------------------------------------


def test_stun_dtls_and_rtcp_are_handed_up_and_sound_is_not(engine: Rig) -> None:
    alice, _ = call(engine)
    throws = [b"\x00\x01stun", b"\x16\xfe\xfddtls", b"\x80\xc8rtcp"]
    for data in throws:
        alice.phone.throw(data)
    alice.send(b"a" * 160)
    asides = [event for event in engine.advance() if isinstance(event, Aside)]
    assert [aside.data for aside in asides] == throws
    assert {(aside.leg, aside.host, aside.port) for aside in asides} == {(0, "127.0.0.1", alice.phone.port)}


def test_a_plain_leg_hands_nothing_up(engine: Rig) -> None:
    bob = engine.join(0)
    bob.throw(b"\x00\x01stun")
    assert not [event for event in engine.advance() if isinstance(event, Aside)]
    assert drops(engine, numbers.MALFORMED) == 1


def test_a_flood_is_handed_up_no_further_than_its_share(engine: Rig) -> None:
    alice, bob = call(engine)
    for _ in range(200):
        alice.phone.throw(b"\x00\x01stun")
        engine.advance()
    alice.send(b"a" * 160)
    engine.advance()
    assert len([event for event in engine.events if isinstance(event, Aside)]) <= 16
    assert drops(engine, numbers.UNASKED) >= 184
    assert len(bob.listen()) == 1
    engine.advance(200)
    alice.phone.throw(b"\x00\x01stun")
    assert [event for event in engine.advance() if isinstance(event, Aside)]


def test_a_flood_on_one_leg_leaves_the_next_leg_its_share(engine: Rig) -> None:
    alice, _ = call(engine)
    carol = join_secure(engine, 2, keys_of(GCM))
    for _ in range(300):
        alice.phone.throw(b"\x00\x01stun")
    carol.phone.throw(b"\x00\x01carol")
    engine.advance()
    assert any(isinstance(event, Aside) and event.leg == 2 for event in engine.events)


# ---- where sound goes ----------------------------------------------------------------------------------------------


def test_without_ice_the_keys_alone_do_not_move_the_sound(engine: Rig) -> None:
    alice, bob = call(engine)
    alice.send(b"a" * 160)
    engine.advance()
    elsewhere = engine.phone()
    elsewhere.target = alice.phone.target
    elsewhere.throw(alice.sealed(b"b" * 160))
    bob.send(b"c" * 160)
    engine.advance()
    assert len(bob.listen()) == 1
    assert len(alice.listen()) == 1
    assert drops(engine, numbers.STRANGER) == 1


def test_with_ice_who_has_the_keys_may_speak_from_anywhere(engine: Rig) -> None:
    alice, bob = call(engine, ice=True)
    alice.send(b"a" * 160)
    engine.advance()
    elsewhere = engine.phone()
    elsewhere.target = alice.phone.target
    elsewhere.throw(alice.sealed(b"b" * 160))
    bob.send(b"c" * 160)
    engine.advance()
    assert [packet.payload for packet in bob.listen()] == [b"a" * 160, b"b" * 160]
    assert [packet.payload for packet in alice.listen()] == [b"c" * 160]  # where it was nominated


def test_rule_9_sound_goes_to_the_last_nominated_address_that_also_passed_srtp_authentication(engine: Rig) -> None:
    alice, bob = call(engine, ice=True)
    alice.send(b"a" * 160)
    moved = engine.phone()
    moved.target = alice.phone.target
    engine.control.nominate(0, "127.0.0.1", moved.port)
    engine.advance()
    moved.throw(b"\x80\x00" + bytes(170))  # proves nothing
    bob.send(b"b" * 160)
    engine.advance()
    assert [packet.payload for packet in alice.listen()] == [b"b" * 160]
    moved.throw(alice.sealed(b"c" * 160))
    engine.advance()
    bob.send(b"d" * 160)
    engine.advance()
    alice.phone.sock, moved.sock = moved.sock, alice.phone.sock
    assert [packet.payload for packet in alice.listen()] == [b"d" * 160]


# ---- hostile and equal ---------------------------------------------------------------------------------------------


def test_random_and_mutated_datagrams_neither_end_the_engine_nor_the_call(engine: Rig) -> None:
    dice = random.Random(4)
    alice, bob = call(engine, ice=True)
    for _ in range(3000):
        data = bytearray(alice.sealed(b"a" * 160) if dice.random() < 0.5 else dice.randbytes(dice.randrange(0, 2100)))
        for _ in range(dice.randrange(1, 4)):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        alice.phone.throw(bytes(data[: dice.randrange(len(data) + 1)]))
        engine.advance()
    bob.listen()
    engine.advance(200)
    alice.send(b"z" * 160)
    bob.send(b"y" * 160)
    engine.advance()
    assert [packet.payload for packet in bob.listen()] == [b"z" * 160]
    assert alice.listen()[-1].payload == b"y" * 160
    assert engine.control.engine.faults() == 0


@pytest.mark.skipif(not is_compiled(), reason="the engine is not compiled here")
@BOTH
def test_both_engines_seal_the_same_packets(suite: Suite) -> None:
    def heard(kind: str) -> list[bytes]:
        dice = random.Random(7)
        with pytest.MonkeyPatch.context() as patch, rig(kind) as engine:
            patch.setattr(secrets, "randbits", dice.getrandbits)
            keys = Keys(suite, dice.randbytes(suite.length), dice.randbytes(suite.length))
            alice, bob = join_secure(engine, 0, keys), engine.join(1)
            engine.control.bridge(0, 1)
            engine.advance()
            for _ in range(50):
                bob.send(dice.randbytes(160))
                engine.advance(5)
            packets: list[bytes] = []
            while len(packets) < 50:
                packets.append(alice.phone.sock.recv(4096))
            return packets

    interpreted, compiled = map(heard, KINDS)
    assert interpreted == compiled
