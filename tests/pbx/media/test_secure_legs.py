"""Checks, handshakes and keys of secure legs, with the engine stepped by hand: rules of WebRTC's media, one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aioice import stun
from pylibsrtp import Session

from pbx.media import engine_numbers as numbers
from pbx.media.dtls import Certificate
from pbx.media.engine_control import Aside
from pbx.media.messages import MediaSilent, SdesKeys, Secure
from pbx.media.secure_legs import SecureLegs
from pbx.media.srtp_library import SUITES, BadKeys, policy
from pbx.rtp.dtls_records import datagrams, is_dtls
from tests.pbx.media.dtls_phone import DtlsClient, check
from tests.pbx.media.rig import Phone, Rig
from tests.pbx.media.secure_phone import SecurePhone

CERTIFICATE = Certificate()
PASSWORD = "a password of ours"


@dataclass(slots=True)
class Desk:
    """A worker's control side, driven by hand."""

    rig: Rig
    told: list[MediaSilent] = field(default_factory=list)
    now: float = 1000.0
    rtcp: list[bytes] = field(default_factory=list)
    legs: SecureLegs = field(init=False)

    def __post_init__(self) -> None:
        self.legs = SecureLegs(self.rig.control, CERTIFICATE, self.told.append, lambda: self.now)

    def work(self) -> None:
        """Everything that waits."""
        for event in self.rig.advance():
            if isinstance(event, Aside) and (opened := self.legs.take(event)) is not None:
                self.rtcp.append(opened)
        self.rig.advance()

    def secure(self, leg: int, **how: object) -> None:
        command = Secure(id=1, leg=leg, **how)  # type: ignore[arg-type]  # the fields of a Secure
        self.legs.secure(leg, self.rig.sockets[leg], command)
        self.rig.advance()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.legs.tick()
        self.work()


class Browser:
    """Checks, then the handshake, then sound."""

    def __init__(self, desk: Desk, phone: Phone, ufrag: str = "ours", password: str = PASSWORD) -> None:
        self.desk, self.phone, self.ufrag, self.password = desk, phone, ufrag, password
        self.client = DtlsClient()
        self.answers: list[bytes] = []

    @property
    def fingerprint(self) -> str:
        return self.client.certificate.fingerprint

    def check(self, **how: object) -> bool:
        """Whether it was answered."""
        self.phone.throw(check(self.ufrag, self.password, **how))  # type: ignore[arg-type]  # of a check
        self.desk.work()
        return any(data[:2] == b"\x01\x01" for data in self.hear())

    def shake(self) -> bool:
        """Whether the client has finished."""
        flight = self.client.step()
        for _ in range(6):
            for datagram in datagrams(flight):
                self.phone.throw(datagram)
            self.desk.work()
            flight = self.client.step(data for data in self.hear() if is_dtls(data))
            self.desk.rig.advance(100)  # its share is there again
        return self.client.is_done

    def hear(self) -> list[bytes]:
        heard = []
        while True:
            try:
                heard.append(self.phone.sock.recv(4096))
            except BlockingIOError:
                return heard

    def sound(self) -> SecurePhone:
        return SecurePhone(self.phone, self.client.keys)


@pytest.fixture
def desk(engine: Rig) -> Iterator[Desk]:
    yield Desk(engine)


def browser_at(desk: Desk, leg: int) -> Browser:
    phone = desk.rig.phone()
    phone.target = ("127.0.0.1", desk.rig.open(leg))
    desk.rig.advance()
    return Browser(desk, phone)


def described(desk: Desk, leg: int, browser: Browser, **how: object) -> None:
    """Offer and answer are known."""
    fields: dict[str, object] = {
        "fingerprints": (browser.fingerprint,), "ice_ufrag": "ours", "ice_password": PASSWORD, "remote_ufrag": "theirs",
    }  # fmt: skip
    desk.secure(leg, **fields | how)
    desk.rig.update(leg, browser.phone, address="0.0.0.0", port=0, sources=())
    desk.rig.advance()


def call(desk: Desk) -> tuple[Browser, SecurePhone, Phone]:
    """A browser that talks with a plain phone."""
    browser = browser_at(desk, 0)
    described(desk, 0, browser)
    bob = desk.rig.join(1)
    desk.rig.control.bridge(0, 1)
    assert browser.check()
    assert browser.shake()
    return browser, browser.sound(), bob


def drops(desk: Desk, cause: int) -> int:
    return desk.rig.control.figures(0).drops[cause]


def both_hear(desk: Desk, sound: SecurePhone, bob: Phone) -> bool:
    bob.listen()
    sound.listen()
    sound.send(b"a" * 160)
    bob.send(b"b" * 160)
    desk.work()
    return [p.payload for p in bob.listen()] == [b"a" * 160] and [p.payload for p in sound.listen()] == [b"b" * 160]


def test_a_browser_and_a_plain_phone_hear_each_other(desk: Desk) -> None:
    _, sound, bob = call(desk)
    assert both_hear(desk, sound, bob)
    assert sound.refused == 0


def test_rule_3_a_handshake_that_ends_before_the_answer_comes_is_kept_and_proven_by_it(desk: Desk) -> None:
    """We offered; the browser starts at once, and its 200 travels slower."""
    browser = browser_at(desk, 0)
    described(desk, 0, browser, fingerprints=(), remote_ufrag=None)
    bob = desk.rig.join(1)
    desk.rig.control.bridge(0, 1)
    assert browser.check()
    assert browser.shake()
    sound = browser.sound()
    sound.send(b"early" * 32)
    desk.work()
    assert bob.listen() == []
    assert drops(desk, numbers.UNKEYED) == 1
    described(desk, 0, browser)
    assert both_hear(desk, sound, bob)


def test_rule_3_media_stays_discarded_when_the_answer_names_another_certificate(desk: Desk) -> None:
    browser = browser_at(desk, 0)
    described(desk, 0, browser, fingerprints=(), remote_ufrag=None)
    bob = desk.rig.join(1)
    desk.rig.control.bridge(0, 1)
    browser.check()
    browser.shake()
    described(desk, 0, browser, fingerprints=(Certificate().fingerprint,))
    sound = browser.sound()
    sound.send(b"a" * 160)
    bob.send(b"b" * 160)
    desk.work()
    assert bob.listen() == sound.listen() == []
    assert desk.told == []


def test_rule_5_checks_handshake_rtcp_and_sound_share_one_port(desk: Desk) -> None:
    browser, sound, bob = call(desk)
    report = b"\x80\xc9\x00\x01" + bytes(4)
    browser.phone.throw(sound.outgoing.protect_rtcp(report))
    desk.work()
    assert desk.rtcp == [report]
    assert browser.check()
    assert both_hear(desk, sound, bob)


def test_rule_6_we_never_speak_first(desk: Desk) -> None:
    """So it does not matter that Firefox names its addresses `.local`."""
    browser = browser_at(desk, 0)
    described(desk, 0, browser)
    bob = desk.rig.join(1)
    desk.rig.control.bridge(0, 1)
    for _ in range(5):
        bob.send(b"b" * 160)
        desk.wait(1.0)
    assert browser.hear() == []


def test_rule_7_a_closed_tab_is_told_after_20_s_without_checks_and_sound(desk: Desk) -> None:
    browser, sound, _ = call(desk)
    desk.wait(15.0)
    assert browser.check()
    desk.wait(15.0)
    sound.send(b"a" * 160)
    desk.work()
    desk.wait(2.0)
    desk.wait(17.0)
    assert desk.told == []
    desk.wait(4.0)
    desk.wait(4.0)
    (silent,) = desk.told
    assert silent.lost
    assert silent.leg == 0


def test_rule_7_who_is_not_here_yet_is_not_gone(desk: Desk) -> None:
    described(desk, 0, browser_at(desk, 0))
    for _ in range(10):
        desk.wait(10.0)
    assert desk.told == []


def test_rule_8_after_an_ice_restart_the_keys_go_on(desk: Desk) -> None:
    browser, sound, bob = call(desk)
    described(desk, 0, browser, ice_ufrag="new", ice_password="a new password", remote_ufrag="theirs2")
    assert both_hear(desk, sound, bob)
    browser.ufrag, browser.password = "new", "a new password"
    assert browser.check(remote_ufrag="theirs2")
    assert both_hear(desk, sound, bob)


def test_rule_9_sound_follows_the_nomination_when_the_new_pair_has_proven_itself(desk: Desk) -> None:
    browser, sound, bob = call(desk)
    assert both_hear(desk, sound, bob)
    old, browser.phone = browser.phone, desk.rig.phone()
    browser.phone.target = old.target
    assert browser.check()
    bob.send(b"b" * 160)
    desk.work()
    assert len(sound.listen()) == 1  # still to the old one
    browser.phone.throw(sound.sealed(b"a" * 160))
    desk.work()
    bob.listen()
    bob.send(b"c" * 160)
    desk.work()
    assert sound.listen() == []
    assert [Session(policy(browser.client.keys.suite, browser.client.keys.ours, inbound=True)).unprotect(data)[12:]
            for data in browser.hear()] == [b"c" * 160]  # fmt: skip


def test_rule_12_a_stranger_gets_no_answer_and_no_handshake(desk: Desk) -> None:
    browser = browser_at(desk, 0)
    described(desk, 0, browser)
    stranger = Browser(desk, browser.phone, password="a guess")
    assert not stranger.check()
    assert not stranger.shake()
    assert stranger.hear() == []


def test_rule_12_no_datagram_ends_the_loop_or_the_call(desk: Desk) -> None:
    dice = random.Random(12)
    browser, sound, bob = call(desk)
    good = [check("ours", PASSWORD), b"\x16\xfe\xfd" + bytes(8) + b"\x00\x20" + bytes(32), sound.sealed(b"a" * 160)]
    for number in range(1500):
        data = bytearray(dice.choice(good) if dice.random() < 0.7 else dice.randbytes(dice.randrange(200)))
        for _ in range(dice.randrange(1, 4)):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        browser.phone.throw(bytes(data))
        desk.work()
        if number % 10 == 0:
            desk.rig.advance(100)
    desk.rig.advance(200)
    browser.hear()
    assert both_hear(desk, sound, bob)
    assert desk.told == []


def test_handshakes_that_never_end_are_begun_only_so_often(desk: Desk) -> None:
    browser = browser_at(desk, 0)
    described(desk, 0, browser)
    browser.check()
    for _ in range(40):
        browser.client = DtlsClient(anonymous=True)
        try:
            browser.shake()
        except Exception as error:  # OpenSSL's, at the client: it was refused
            assert "handshake failure" in str(error)
        desk.rig.advance(200)
    assert desk.legs._legs[0].handshakes <= 16


def test_a_new_fingerprint_is_a_new_association_and_the_old_keys_serve_until_it_is_made(desk: Desk) -> None:
    browser, sound, bob = call(desk)
    browser.client = DtlsClient()
    described(desk, 0, browser)
    assert both_hear(desk, sound, bob)
    assert browser.shake()
    anew = browser.sound()
    anew.phone.ssrc += 1
    assert both_hear(desk, anew, bob)
    refused = drops(desk, numbers.UNAUTHENTICATED)
    sound.send(b"old" * 50)
    desk.work()
    assert drops(desk, numbers.UNAUTHENTICATED) == refused + 1


def test_the_same_description_again_changes_nothing(desk: Desk) -> None:
    browser, sound, bob = call(desk)
    assert both_hear(desk, sound, bob)
    described(desk, 0, browser)
    assert both_hear(desk, sound, bob)


def test_without_ice_a_handshake_comes_from_vouched_hosts_only(desk: Desk) -> None:
    browser = browser_at(desk, 0)
    desk.secure(0, fingerprints=(browser.fingerprint,), sources=("192.0.2.1",))
    assert not browser.shake()
    desk.secure(0, fingerprints=(browser.fingerprint,), sources=("127.0.0.1",))
    desk.rig.update(0, browser.phone)
    browser.client = DtlsClient(browser.client.certificate)
    assert browser.shake()
    bob = desk.rig.join(1)
    desk.rig.control.bridge(0, 1)
    assert both_hear(desk, browser.sound(), bob)


def test_sdes_keys_that_did_not_change_go_on(desk: Desk) -> None:
    """A session anew would count from the start: two packets would be sealed with one keystream."""
    suite = SUITES[1]
    browser = browser_at(desk, 0)
    sdes = SdesKeys(suite=suite.name, ours=b"o" * 30, theirs=b"t" * 30)
    desk.secure(0, sdes=sdes)
    desk.rig.update(0, browser.phone)
    before = desk.rig.control._locked[0]
    desk.secure(0, sdes=sdes)
    assert desk.rig.control._locked[0] == before
    desk.secure(0, sdes=SdesKeys(suite=suite.name, ours=b"o" * 30, theirs=b"T" * 30))
    after = desk.rig.control._locked[0]
    assert after[2] == before[2]
    assert after[1] != before[1]


def test_sdes_keys_of_an_unknown_suite_or_length_are_refused(desk: Desk) -> None:
    browser_at(desk, 0)
    with pytest.raises(BadKeys):
        desk.secure(0, sdes=SdesKeys(suite="F8_128_HMAC_SHA1_80", ours=bytes(30), theirs=bytes(30)))
    with pytest.raises(BadKeys):
        desk.secure(0, sdes=SdesKeys(suite=SUITES[0].name, ours=bytes(30), theirs=bytes(30)))


def test_a_check_is_answered_to_where_it_came_from(desk: Desk) -> None:
    browser = browser_at(desk, 0)
    described(desk, 0, browser)
    browser.phone.throw(check("ours", PASSWORD))
    desk.work()
    (answer,) = browser.hear()
    assert stun.parse_message(answer).attributes["XOR-MAPPED-ADDRESS"] == ("127.0.0.1", browser.phone.port)
