"""Who may speak on a leg, and who hears it: RTP Bleed in its three situations, NAT, and the limits of learning."""

from __future__ import annotations

import pytest

from pbx.media.engine_control import Settings
from pbx.media.engine_numbers import STRANGER
from pbx.media.messages import MediaStarted
from tests.pbx.media.rig import HOST, MILLISECOND, Phone, Rig, rig
from tests.pbx.media.tones import level, tone

SPRAY = 1000
NAT = "127.0.0.9"  # where the phone behind NAT comes from; its SDP names something else
PRIVATE = "192.168.1.20"


def spray(engine: Rig, stranger: Phone, ports: list[int], count: int = SPRAY) -> None:
    """A steady, well-formed stream to every port: what a patient intruder sends."""
    for number in range(count):
        for port in ports:
            stranger.target = (HOST, port)
            stranger.throw(stranger.packet(bytes(160)).serialise())
        stranger.sequence = (stranger.sequence + 1) & 0xFFFF
        stranger.timestamp += 160
        engine.advance() if number % 50 else engine.advance(20)


@pytest.mark.parametrize("host", [HOST, "127.0.0.77"])
def test_a_stranger_gets_nothing_while_a_call_talks(engine: Rig, host: str) -> None:
    alice, bob = engine.join(0), engine.join(1)
    stranger = engine.phone(host=host)
    engine.control.bridge(0, 1)
    for _ in range(20):
        engine.talk([(alice, tone(440, 0.1)), (bob, tone(1000, 0.1))])
        spray(engine, stranger, [alice.target[1], bob.target[1]], SPRAY // 20)
    assert stranger.listen() == []
    assert len(bob.listen()) == len(alice.listen()) == 100
    assert engine.control.figures(0).drops[STRANGER] == SPRAY


@pytest.mark.parametrize("host", [HOST, "127.0.0.77"])
def test_a_stranger_who_was_there_before_the_call_gets_nothing(engine: Rig, host: str) -> None:
    stranger = engine.phone(host=host)
    ports = [engine.open(0), engine.open(1)]
    spray(engine, stranger, ports, SPRAY // 2)
    alice, bob = engine.phone(), engine.phone()
    for leg, phone in enumerate((alice, bob)):
        engine.update(leg, phone)
        phone.target = (HOST, ports[leg])
    engine.control.bridge(0, 1)
    spray(engine, stranger, ports, SPRAY // 2)
    engine.talk([(alice, tone(440, 0.2)), (bob, tone(1000, 0.2))])
    assert stranger.listen() == []
    assert level(bob.sound(), 440) > 7000
    assert level(alice.sound(), 1000) > 7000


def test_a_stranger_gets_nothing_from_legs_whose_phones_are_gone(engine: Rig) -> None:
    alice, bob = engine.join(0), engine.join(1)
    engine.control.bridge(0, 1)
    engine.talk([(alice, tone(440, 0.1)), (bob, tone(1000, 0.1))])
    engine.advance(30_000, step=100)
    stranger = engine.phone()
    spray(engine, stranger, [alice.target[1], bob.target[1]])
    engine.talk([(alice, tone(440, 0.1))])
    assert stranger.listen() == []


def test_a_silent_leg_never_learns_again_whatever_is_said_of_it(engine: Rig) -> None:
    """Hold, resume, a new bridge: nothing but a new address in SDP lets another source in."""
    phone = engine.phone(host=NAT)
    phone.target = (HOST, engine.open(0))
    engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT))
    engine.advance()
    phone.send(bytes(160))
    engine.advance(20_000, step=100)
    stranger = engine.phone(host=NAT)
    for direction in ("inactive", "sendrecv"):
        engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT), direction=direction)
        spray(engine, stranger, [phone.target[1]], 10)
    engine.join(1)
    engine.control.bridge(0, 1)
    spray(engine, stranger, [phone.target[1]], 10)
    assert engine.control.figures(0).port == phone.port
    assert engine.control.figures(0).drops[STRANGER] == 30


def test_a_phone_behind_nat_is_learnt_from_the_address_that_signalling_vouches_for(engine: Rig) -> None:
    phone = engine.phone(host=NAT)
    other = engine.join(1)
    phone.target = (HOST, engine.open(0))
    engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT))
    engine.control.bridge(0, 1)
    engine.advance()
    engine.talk([(phone, tone(440, 0.2)), (other, tone(1000, 0.2))])
    assert level(other.sound(), 440) > 7000
    assert level(phone.sound(), 1000) > 6000
    figures = engine.control.figures(0)
    assert (figures.address, figures.port) == (NAT, phone.port)


def test_an_address_nobody_vouches_for_is_not_learnt(engine: Rig) -> None:
    phone, stranger = engine.phone(host=NAT), engine.phone(host="127.0.0.10")
    port = engine.open(0)
    engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT))
    engine.join(1)
    engine.control.bridge(0, 1)
    spray(engine, stranger, [port], 50)
    assert engine.control.figures(0).drops[STRANGER] == 50


def test_the_learning_window_closes_and_a_command_opens_it_for_a_leg_that_heard_nothing(engine: Rig) -> None:
    phone = engine.phone(host=NAT)
    phone.target = (HOST, engine.open(0))
    engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT))
    engine.advance(11_000, step=100)
    phone.send(bytes(160))
    engine.advance()
    assert engine.control.figures(0).received == 0
    engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT))  # the answer
    engine.advance()
    phone.send(bytes(160))
    engine.advance()
    assert engine.control.figures(0).received == 1


def test_the_address_that_sdp_names_needs_no_window(engine: Rig) -> None:
    phone = engine.join(0)
    engine.advance(60_000, step=100)
    phone.send(bytes(160))
    engine.advance()
    assert engine.control.figures(0).received == 1


def test_another_port_of_the_named_address_is_learnt_only_where_it_is_allowed(engine: Rig) -> None:
    phone = engine.phone()
    phone.target = (HOST, engine.open(0))
    engine.update(0, phone, port=9)
    engine.advance()
    phone.send(bytes(160))
    engine.advance()
    assert engine.control.figures(0).received == 0
    engine.update(0, phone, port=9, learn_port=True)
    engine.advance()
    phone.send(bytes(160))
    engine.advance()
    assert (engine.control.figures(0).received, engine.control.figures(0).port) == (1, phone.port)


def test_the_named_source_comes_before_a_learnt_one(engine: Rig) -> None:
    first, named = engine.phone(host=NAT), engine.phone()
    first.target = named.target = (HOST, engine.open(0))
    engine.update(0, named, sources=(HOST, NAT))
    engine.advance()
    first.send(bytes(160))
    engine.advance()
    named.send(bytes(160))
    engine.advance()
    figures = engine.control.figures(0)
    assert (figures.address, figures.port, figures.received) == (HOST, named.port, 2)


def test_a_new_address_in_sdp_is_followed_and_the_old_one_is_a_stranger(engine: Rig) -> None:
    old, new = engine.join(0), engine.phone()
    other = engine.join(1)
    engine.control.bridge(0, 1)
    engine.talk([(old, tone(440, 0.1))])
    engine.update(0, new)
    new.target = old.target
    engine.talk([(old, tone(440, 0.1)), (new, tone(600, 0.1)), (other, tone(1000, 0.1))])
    assert old.listen() == []
    assert len(new.listen()) == 5
    assert engine.control.figures(0).drops[STRANGER] == 5


def test_a_phone_that_moved_is_forgotten_with_its_old_network(engine: Rig) -> None:
    phone = engine.phone(host=NAT)
    phone.target = (HOST, engine.open(0))
    engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT))
    engine.advance()
    phone.send(bytes(160))
    engine.advance()
    moved = engine.phone(host="127.0.0.12")
    moved.target = phone.target
    engine.update(0, moved, address=PRIVATE, port=5004, sources=(PRIVATE, "127.0.0.12"))
    engine.advance()
    assert engine.control.figures(0).address == PRIVATE
    moved.send(bytes(160))
    engine.advance()
    assert engine.control.figures(0).address == "127.0.0.12"


def test_garbage_from_the_right_address_does_not_latch(engine: Rig) -> None:
    phone = engine.phone(host=NAT)
    phone.target = (HOST, engine.open(0))
    engine.update(0, phone, address=PRIVATE, port=5004, sources=(PRIVATE, NAT))
    engine.advance()
    for garbage in (b"", b"\x80", b"x" * 100, phone.packet(bytes(160), payload_type=77).serialise()):
        phone.throw(garbage)
        engine.advance()
    assert engine.control.figures(0).address == PRIVATE
    assert not any(isinstance(event, MediaStarted) for event in engine.events)


def test_the_window_is_as_long_as_it_is_set(kind: str) -> None:
    settings = Settings(legs=4, recordings=1, prompt_octets=1 << 16, learn_for=0.5)
    with rig(kind, settings) as engine:
        phone = engine.phone(host=NAT)
        phone.target = (HOST, engine.open(0))
        engine.update(0, phone, address=PRIVATE, port=5004, sources=(NAT,))
        engine.advance()
        engine.now += 499 * MILLISECOND
        phone.send(bytes(160))
        engine.advance()
        assert engine.control.figures(0).received == 1
