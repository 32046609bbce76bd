"""The authority of an installation: whom it may sign for, what is never overwritten, and renewal in time."""

from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from dzvin import local_ca
from dzvin.local_ca import NotMade, Paths

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTS = ("calls.lan", "192.168.1.10")


@pytest.fixture
def files(tmp_path: Path) -> Paths:
    files = Paths(tmp_path / "tls")
    assert local_ca.init(files, HOSTS, NOW)
    return files


def read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def names(file: Path) -> set[str]:
    found = read(file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def contents(files: Paths) -> list[bytes]:
    return [file.read_bytes() for file in (files.ca, files.ca_key, files.certificate, files.key)]


def test_the_certificate_is_for_what_was_asked_and_for_this_machine(files: Paths) -> None:
    assert names(files.certificate) == {*HOSTS, "localhost", "127.0.0.1", "::1"}
    leaf, authority = read(files.certificate), read(files.ca)
    leaf.verify_directly_issued_by(authority)
    assert leaf.not_valid_after_utc - NOW == timedelta(days=397)  # what browsers take at most
    assert authority.not_valid_after_utc - NOW > timedelta(days=3650)


def test_files_are_for_their_owner_only(files: Paths) -> None:
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in files.folder.iterdir()} == {0o600}


def test_the_authority_that_people_believe_is_kept(files: Paths) -> None:
    before = contents(files)
    assert not local_ca.init(files, ["calls.lan"], NOW)
    after = contents(files)
    assert before[:2] == after[:2]
    assert before[2:] != after[2:]


def test_it_is_replaced_when_that_is_wanted(files: Paths) -> None:
    before = files.ca.read_bytes()
    assert local_ca.init(files, ["other.lan"], NOW, new_ca=True)
    assert files.ca.read_bytes() != before
    read(files.certificate).verify_directly_issued_by(read(files.ca))


@pytest.mark.parametrize("host", ["other.lan", "192.168.1.11", "alls.lan", "lan"])
def test_a_name_that_the_authority_was_not_made_for_is_refused_and_nothing_changes(files: Paths, host: str) -> None:
    before = contents(files)
    with pytest.raises(NotMade, match="--new-ca"):
        local_ca.init(files, [host], NOW)
    assert contents(files) == before


def test_names_below_its_own_are_the_authoritys_too(files: Paths) -> None:
    local_ca.init(files, ["sip.calls.lan"], NOW)
    assert "sip.calls.lan" in names(files.certificate)


@pytest.mark.parametrize("host", ["", "two words", "https://calls.lan", "calls.lan:5061", "*.lan", "x" * 300])
def test_what_is_no_name_is_refused(tmp_path: Path, host: str) -> None:
    with pytest.raises(NotMade, match="expected a name"):
        local_ca.init(Paths(tmp_path), [host], NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_key_without_its_authority_is_not_overwritten(files: Paths) -> None:
    files.ca.unlink()
    with pytest.raises(NotMade):
        local_ca.init(files, HOSTS, NOW)


def test_a_thief_of_the_key_cannot_sign_for_others(files: Paths, tmp_path: Path) -> None:
    """OpenSSL obeys the constraints: what the authority signs for another name is not believed."""
    stolen = local_ca._authority(files)
    leaf, key = local_ca._leaf(stolen, [x509.DNSName("bank.example")], local_ca_now())
    (tmp_path / "c.pem").write_bytes(leaf)
    (tmp_path / "k.pem").write_bytes(key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree"):
        handshake(server, ssl.create_default_context(cafile=files.ca), "bank.example")


def test_a_client_that_believes_the_authority_believes_the_server(tmp_path: Path) -> None:
    files = Paths(tmp_path)
    local_ca.init(files, HOSTS, local_ca_now())
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    for name in (*HOSTS, "localhost", "::1"):
        handshake(server, ssl.create_default_context(cafile=files.ca), name)


def test_for_old_phones_the_authority_goes_without_name_constraints(tmp_path: Path) -> None:
    files = Paths(tmp_path)
    assert local_ca.init(files, HOSTS, NOW, any_name=True)
    with pytest.raises(x509.ExtensionNotFound):
        read(files.ca).extensions.get_extension_for_class(x509.NameConstraints)
    assert not local_ca.init(files, ["other.lan"], NOW)  # it may sign for any name
    assert "other.lan" in names(files.certificate)
    assert local_ca.renew(files, NOW + timedelta(days=390))


def test_an_authority_with_name_constraints_does_not_pass_for_one_without(files: Paths) -> None:
    before = contents(files)
    with pytest.raises(NotMade, match="--new-ca"):
        local_ca.init(files, HOSTS, NOW, any_name=True)
    assert contents(files) == before
    assert local_ca.init(files, HOSTS, NOW, any_name=True, new_ca=True)


def test_it_is_renewed_a_month_before_its_end_for_the_same_names(files: Paths) -> None:
    before = contents(files)
    assert not local_ca.renew(files, NOW + timedelta(days=366))
    assert contents(files) == before
    later = NOW + timedelta(days=368)
    assert local_ca.renew(files, later)
    assert contents(files)[:2] == before[:2]
    assert local_ca.ends_at(files.certificate) == later + timedelta(days=397)
    assert names(files.certificate) == {*HOSTS, "localhost", "127.0.0.1", "::1"}


def test_a_certificate_never_outlives_its_authority(files: Paths) -> None:
    late = NOW + timedelta(days=3600)
    assert local_ca.renew(files, late)
    assert local_ca.ends_at(files.certificate) == local_ca.ends_at(files.ca)


def test_a_certificate_that_somebody_else_put_there_is_left_alone(files: Paths, tmp_path: Path) -> None:
    others = Paths(tmp_path / "others")
    local_ca.init(others, HOSTS, NOW)
    files.certificate.write_bytes(others.certificate.read_bytes())
    assert not local_ca.renew(files, NOW + timedelta(days=390))
    assert files.certificate.read_bytes() == others.certificate.read_bytes()


def test_without_an_authority_nothing_is_renewed(tmp_path: Path) -> None:
    assert not local_ca.renew(Paths(tmp_path), NOW)


def local_ca_now() -> datetime:
    from dzvin.clock import SystemClock

    return SystemClock().now()


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Both ends in memory. Raises what the client says."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=name)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (near, far):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
