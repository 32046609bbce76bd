"""DTLS-SRTP (RFC 5763, RFC 5764): one certificate of this process, and the handshake of one leg.

We are always the server: `setup:passive` in our answers, `actpass` in our offers. Who the other end is, its certificate
does not say; the fingerprint in its SDP does, and whoever uses an `Association` compares it.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from pbx.media.srtp_library import SUITES, Keys
from pbx.rtp.dtls_records import MTU, datagrams

DTLS_1_2 = 0xFEFD  # as it is on the wire; pyOpenSSL has no name for it
LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764 §4.2
VALID_FOR = timedelta(days=365)
READ = 65536
FLIGHT_BOUND = 64 * 1024  # octets that one datagram may make us answer

# RFC 8122 §5: what a fingerprint may be made with; MD5 and SHA-1 are no proof any more.
_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}


class Certificate:
    """Self-signed, P-256, new with each process: nobody but the peers of its calls ever trusts it."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        # RFC 8827 §6.5: the name says nothing of us, nor of our other calls.
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, secrets.token_hex(8))])
        now = datetime.fromtimestamp(time.time(), UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + VALID_FOR)
            .sign(key, hashes.SHA256())
        )
        self.fingerprint = f"sha-256 {certificate.fingerprint(hashes.SHA256()).hex(':').upper()}"
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
        # RFC 8827 §6.5: "All implementations MUST support DTLS 1.2", with perfect forward secrecy preferred.
        context.set_min_proto_version(DTLS_1_2)
        context.set_cipher_list(b"ECDHE+AESGCM:ECDHE+CHACHA20")
        # RFC 5763 §5: "The certificate presented during the DTLS handshake MUST match the fingerprint": so there must
        # be one, and no authority is asked.
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_tlsext_use_srtp(b":".join(suite.dtls_name for suite in SUITES))
        self.context = context


class Association:
    """One handshake. Give it what comes, send what it returns; call `overdue` now and then until `keys` are there."""

    def __init__(self, certificate: Certificate) -> None:
        self._connection = SSL.Connection(certificate.context, None)
        self._connection.set_accept_state()
        self._connection.set_ciphertext_mtu(MTU)
        self._peer: x509.Certificate | None = None
        self.keys: Keys | None = None
        self.failed = False

    def received(self, datagram: bytes) -> list[bytes]:
        """What to answer. A broken record is silently dropped; a broken handshake sets `failed`."""
        if self.failed:
            return []
        with suppress(SSL.Error):
            self._connection.bio_write(datagram)
        if self.keys is None:
            self._shake()
        else:
            # Retransmissions of the peer's last flight, alerts: signalling, not DTLS, ends a call.
            with suppress(SSL.Error):
                self._connection.recv(READ)
        return list(self._flight())

    def overdue(self) -> list[bytes]:
        """The last flight again, when its time has come."""
        if self.failed or self.keys is not None or self._connection.DTLSv1_get_timeout() != 0:
            return []
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error:
            self.failed = True
        return list(self._flight())

    def is_of(self, fingerprints: tuple[str, ...]) -> bool:
        """Whether the peer has the certificate that its SDP named: "sha-256 AB:CD:…", one of them."""
        return self._peer is not None and any(_matches(self._peer, text) for text in fingerprints)

    def _shake(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error:
            self.failed = True
            return
        self._peer = self._connection.get_peer_certificate(as_cryptography=True)
        self.keys = self._exported()
        self.failed = self.keys is None

    def _exported(self) -> Keys | None:
        """RFC 5764 §4.2: client key, server key, client salt, server salt. We are the server."""
        name = self._connection.get_selected_srtp_profile()
        suite = next((suite for suite in SUITES if suite.dtls_name == name), None)
        if suite is None:
            return None
        key, salt = suite.key, suite.salt
        material = self._connection.export_keying_material(LABEL, 2 * suite.length)
        salts = material[2 * key :]
        return Keys(suite, material[key : 2 * key] + salts[salt:], material[:key] + salts[:salt])

    def _flight(self) -> Iterator[bytes]:
        """Drained wholly: the memory that OpenSSL writes into knows no datagrams."""
        flight = b""
        with suppress(SSL.Error):
            while len(flight) < FLIGHT_BOUND:
                flight += self._connection.bio_read(READ)
        return datagrams(flight)


def is_client_hello(datagram: bytes) -> bool:
    """A handshake record of epoch 0 that begins a ClientHello (RFC 6347 §4.1, §4.2.2)."""
    return len(datagram) > 13 and datagram[0] == 22 and datagram[3:5] == b"\0\0" and datagram[13] == 1


def _matches(certificate: x509.Certificate, text: str) -> bool:
    name, _, value = text.partition(" ")
    algorithm = _HASHES.get(name.lower())
    if algorithm is None:
        return False
    return secrets.compare_digest(certificate.fingerprint(algorithm).hex(), value.replace(":", "").strip().lower())
