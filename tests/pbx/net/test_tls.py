"""SIP over TLS: what a peer must believe, what we must, and certificates that change meanwhile."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from dzvin import local_ca
from dzvin.clock import SystemClock
from pbx.net.connections import ConnectionLimits
from pbx.net.tls import Certificate, client_context
from tests.pbx.net.network import OPTIONS, Net, closed, listening


@pytest.fixture
def files(tmp_path: Path) -> local_ca.Paths:
    return made(tmp_path / "ours", "sip.example.com")


@pytest.fixture
def certificate(files: local_ca.Paths) -> Certificate:
    return Certificate(files.certificate, files.key)


def made(folder: Path, name: str) -> local_ca.Paths:
    files = local_ca.Paths(folder)
    local_ca.init(files, [name], SystemClock().now())
    return files


async def dial(
    net: Net, believes: Path, name: str = "sip.example.com"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = client_context(believes)
    return await asyncio.open_connection("127.0.0.1", net.port, ssl=context, server_hostname=name)


def serial(writer: asyncio.StreamWriter) -> object:
    return writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]


async def test_a_message_comes_in_and_its_answer_goes_back(files: local_ca.Paths, certificate: Certificate) -> None:
    async with listening(certificate=certificate) as net:
        assert net.transports.addresses == {"tls": f"127.0.0.1:{net.port}"}
        reader, writer = await dial(net, files.ca)
        writer.write(OPTIONS)
        await net.hears(1)
        data, flow = net.heard[0]
        assert (data, flow.protocol) == (OPTIONS, "TLS")
        net.transports.senders["TLS"].send(b"SIP/2.0 200 OK\r\n\r\n", flow)
        assert await reader.readexactly(18) == b"SIP/2.0 200 OK\r\n\r\n"
        writer.close()
        await net.is_empty()


async def test_a_renewed_certificate_is_for_the_next_and_ends_nobodys_connection(
    files: local_ca.Paths, certificate: Certificate
) -> None:
    async with listening(certificate=certificate) as net:
        _, before = await dial(net, files.ca)
        assert not certificate.has_changed()
        local_ca.init(files, ["sip.example.com"], SystemClock().now())
        assert certificate.has_changed()
        certificate.reload()
        assert not certificate.has_changed()
        _, after = await dial(net, files.ca)
        assert serial(before) != serial(after)
        before.write(OPTIONS)
        await net.hears(1)
        before.close()
        after.close()


async def test_files_that_are_no_certificate_with_its_key_leave_the_old_one_in_use(
    files: local_ca.Paths, certificate: Certificate, tmp_path: Path
) -> None:
    async with listening(certificate=certificate) as net:
        for content in (b"no certificate", made(tmp_path / "others", "sip.example.com").certificate.read_bytes()):
            files.certificate.write_bytes(content)
            with pytest.raises(ssl.SSLError):
                certificate.reload()
            _, writer = await dial(net, files.ca)
            writer.close()


def test_a_key_with_a_passphrase_is_refused_and_not_asked_for(files: local_ca.Paths) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    with pytest.raises(ValueError, match="passphrase"):
        Certificate(files.certificate, files.key)


async def test_a_handshake_has_its_time(certificate: Certificate) -> None:
    async with listening(limits=ConnectionLimits(handshake_within=0.2), certificate=certificate) as net:
        reader, writer = await net.dial()
        assert await closed(reader)
        writer.close()
        await net.is_empty()
        assert net.heard == []


async def test_a_peer_that_speaks_no_tls_ends_its_own_connection_only(
    files: local_ca.Paths, certificate: Certificate
) -> None:
    async with listening(certificate=certificate) as net:
        reader, plain = await net.dial()
        plain.write(OPTIONS)
        assert await closed(reader)
        plain.close()
        _, writer = await dial(net, files.ca)
        writer.write(OPTIONS)
        await net.hears(1)
        writer.close()


async def test_a_peer_that_leaves_during_its_handshake_leaves_nothing(certificate: Certificate) -> None:
    async with listening(certificate=certificate) as net:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", net.port)) as sock:
                sock.sendall(b"\x16\x03\x01")
        await net.is_empty()


class TestAsClient:
    """We connect to a trunk."""

    async def test_a_server_that_proves_its_name_is_believed(
        self, files: local_ca.Paths, certificate: Certificate
    ) -> None:
        async with listening(certificate=certificate) as far, listening(authorities=files.ca) as near:
            flow = await near.transports.connect("TLS", "127.0.0.1", far.port, server_name="sip.example.com")
            near.transports.senders["TLS"].send(OPTIONS, flow)
            await far.hears(1)

    async def test_a_server_by_address_must_prove_the_address(
        self, files: local_ca.Paths, certificate: Certificate
    ) -> None:
        async with listening(certificate=certificate) as far, listening(authorities=files.ca) as near:
            assert near.transports.is_open(await near.transports.connect("TLS", "127.0.0.1", far.port))

    async def test_another_name_is_refused(self, files: local_ca.Paths, certificate: Certificate) -> None:
        async with listening(certificate=certificate) as far, listening(authorities=files.ca) as near:
            with pytest.raises(ssl.SSLCertVerificationError, match=r"sip\.example\.org"):
                await near.transports.connect("TLS", "127.0.0.1", far.port, server_name="sip.example.org")
            assert len(near.transports.connections) == 0

    async def test_an_authority_that_nobody_knows_is_refused(self, certificate: Certificate) -> None:
        async with listening(certificate=certificate) as far, listening() as near:
            with pytest.raises(ssl.SSLCertVerificationError):
                await near.transports.connect("TLS", "127.0.0.1", far.port, server_name="sip.example.com")
            assert len(near.transports.connections) == 0

    async def test_a_server_that_says_nothing_has_five_seconds(
        self, files: local_ca.Paths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pbx.net.transports.CONNECT_WITHIN", 0.2)
        async with listening() as silent, listening(authorities=files.ca) as near:
            with pytest.raises(TimeoutError):
                await near.transports.connect("TLS", "127.0.0.1", silent.port)
            assert len(near.transports.connections) == 0
