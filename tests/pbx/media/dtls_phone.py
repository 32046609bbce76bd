"""The other end of a DTLS handshake, by hand: a client that OpenSSL plays, and the checks before it by aioice."""

from __future__ import annotations

from collections.abc import Iterable

from aioice import stun
from OpenSSL import SSL

from pbx.media.dtls import LABEL, Certificate
from pbx.media.srtp_library import SUITES, Keys


class DtlsClient:
    """Whatever it says is in `flight` after each step: the records as OpenSSL wrote them."""

    def __init__(self, certificate: Certificate | None = None, *, mtu: int = 1200, anonymous: bool = False) -> None:
        self.certificate = certificate or Certificate()
        context = self.certificate.context
        if anonymous:
            context = SSL.Context(SSL.DTLS_METHOD)
            context.set_verify(SSL.VERIFY_NONE)
            context.set_options(SSL.OP_NO_QUERY_MTU)
            context.set_tlsext_use_srtp(SUITES[0].dtls_name)
        self.connection = SSL.Connection(context, None)
        self.connection.set_connect_state()
        self.connection.set_ciphertext_mtu(mtu)
        self.is_done = False

    def step(self, datagrams: Iterable[bytes] = ()) -> bytes:
        for datagram in datagrams:
            self.connection.bio_write(datagram)
        try:
            self.connection.do_handshake()
            self.is_done = True
        except SSL.WantReadError:
            pass
        try:
            return self.connection.bio_read(65536)
        except SSL.WantReadError:
            return b""

    @property
    def keys(self) -> Keys:
        """Seen from the server's side, as its own are."""
        name = self.connection.get_selected_srtp_profile()
        suite = next(suite for suite in SUITES if suite.dtls_name == name)
        key, salt = suite.key, suite.salt
        material = self.connection.export_keying_material(LABEL, 2 * suite.length)
        salts = material[2 * key :]
        return Keys(suite, material[key : 2 * key] + salts[salt:], material[:key] + salts[:salt])


def check(local_ufrag: str, password: str, *, remote_ufrag: str = "theirs", use_candidate: bool = True) -> bytes:
    """A connectivity check against these credentials of ours."""
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{local_ufrag}:{remote_ufrag}"
    request.attributes["PRIORITY"] = 1845501695
    request.attributes["ICE-CONTROLLING"] = 1
    if use_candidate:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return bytes(request)
