"""The handshake of one leg, against OpenSSL as the client."""

from __future__ import annotations

import random
import time

import pytest
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from pbx.media.dtls import Association, Certificate, is_client_hello
from pbx.media.srtp_library import SUITES, Suite
from pbx.rtp.dtls_records import MTU, datagrams
from tests.pbx.media.dtls_phone import DtlsClient

CERTIFICATE = Certificate()


def shaken(client: DtlsClient, ours: Association) -> Association:
    """Let the two finish."""
    flight = client.step()
    for _ in range(10):
        answers = [answer for datagram in datagrams(flight) for answer in ours.received(datagram)]
        flight = client.step(answers)
    return ours


def test_both_ends_get_the_same_keys_and_gcm_is_preferred() -> None:
    client, ours = DtlsClient(), Association(CERTIFICATE)
    shaken(client, ours)
    assert client.is_done
    assert ours.keys == client.keys
    assert ours.keys is not None
    assert ours.keys.suite.name == "AEAD_AES_128_GCM"


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_a_peer_that_knows_one_suite_gets_it(suite: Suite) -> None:
    certificate = Certificate()
    certificate.context.set_tlsext_use_srtp(suite.dtls_name)
    client, ours = DtlsClient(certificate), Association(CERTIFICATE)
    shaken(client, ours)
    assert ours.keys is not None
    assert ours.keys.suite == suite
    assert ours.keys == client.keys


def test_rule_1_a_client_hello_in_several_datagrams_is_put_together() -> None:
    """As Chromium and Firefox send theirs, which hold a post-quantum key."""
    client, ours = DtlsClient(mtu=256), Association(CERTIFICATE)
    client.connection.set_tlsext_host_name(b"x" * 200)
    hello = list(datagrams(client.step(), mtu=1))
    assert len(hello) > 1
    assert is_client_hello(hello[0])
    flight = client.step([answer for datagram in reversed(hello) for answer in ours.received(datagram)])
    for _ in range(10):
        answers = [answer for datagram in datagrams(flight) for answer in ours.received(datagram)]
        flight = client.step(answers)
    assert ours.keys is not None


def test_rule_2_no_datagram_of_ours_is_longer_than_1200_octets() -> None:
    client, ours = DtlsClient(), Association(CERTIFICATE)
    answers = [answer for datagram in datagrams(client.step()) for answer in ours.received(datagram)]
    assert answers
    assert max(map(len, answers)) <= MTU
    assert len(answers) < 4  # packed, not one record each


def test_rule_4_we_are_the_server_always() -> None:
    ours = Association(CERTIFICATE)
    assert ours.overdue() == []  # it does not speak first
    server = DtlsClient()
    server.connection.set_accept_state()
    assert shaken(server, ours).keys is None


def test_a_peer_without_a_certificate_is_refused() -> None:
    ours = Association(CERTIFICATE)
    with pytest.raises(SSL.Error, match="handshake failure"):
        shaken(DtlsClient(anonymous=True), ours)
    assert ours.keys is None
    assert ours.failed


def test_the_certificate_is_told_by_its_fingerprint() -> None:
    client = DtlsClient()
    ours = shaken(client, Association(CERTIFICATE))
    assert ours.is_of((client.certificate.fingerprint,))
    assert ours.is_of(("sha-1 AA", client.certificate.fingerprint.lower()))
    assert not ours.is_of((Certificate().fingerprint,))
    assert not ours.is_of(())


def test_a_weak_hash_proves_nothing() -> None:
    client = DtlsClient()
    ours = shaken(client, Association(CERTIFICATE))
    peer = ours._peer
    assert peer is not None
    assert not ours.is_of((f"sha-1 {peer.fingerprint(hashes.SHA1()).hex(':')}",))


def test_each_process_has_a_certificate_of_its_own() -> None:
    assert Certificate().fingerprint != Certificate().fingerprint


def test_a_lost_flight_is_sent_again() -> None:
    client, ours = DtlsClient(), Association(CERTIFICATE)
    for datagram in datagrams(client.step()):
        ours.received(datagram)
    again: list[bytes] = []
    deadline = time.monotonic() + 20
    while not again and time.monotonic() < deadline:  # OpenSSL's first wait is one second
        time.sleep(0.05)
        again = ours.overdue()
    flight = client.step(again)
    for _ in range(5):
        flight = client.step([answer for datagram in datagrams(flight) for answer in ours.received(datagram)])
    assert ours.keys is not None


def test_garbage_before_between_and_after_does_not_break_a_handshake() -> None:
    dice = random.Random(3)
    client, ours = DtlsClient(), Association(CERTIFICATE)
    flight = client.step()
    for _ in range(8):
        answers: list[bytes] = []
        for datagram in datagrams(flight):
            ours.received(dice.randbytes(dice.randrange(1, 200)))
            ours.received(b"\x17\xfe\xfd" + dice.randbytes(dice.randrange(1, 200)))
            answers += ours.received(datagram)
        flight = client.step(answers)
    assert ours.keys == client.keys


def test_random_and_mutated_datagrams_only_ever_fail() -> None:
    dice = random.Random(5)
    for _ in range(150):
        client, ours = DtlsClient(CERTIFICATE), Association(CERTIFICATE)
        flight = client.step()
        for _ in range(3):
            answers: list[bytes] = []
            for datagram in datagrams(flight):
                data = bytearray(datagram)
                for _ in range(dice.randrange(3)):
                    data[dice.randrange(len(data))] = dice.randrange(256)
                answers += ours.received(bytes(data))
            try:
                flight = client.step(answers)
            except SSL.Error:
                break
        ours.overdue()
