"""A certificate authority of this installation, for networks where no public one can help: `dzvin tls init`.

DIR/tls/
  ca.pem ca.key       the authority, ten years; browsers and phones are told to believe ca.pem, and ca.key stays here
  cert.pem key.pem    what the server shows, 397 days; renewed by the core in time

The authority may sign only for the names and addresses that it was made for (RFC 5280 §4.2.1.10), so that whoever
steals its key cannot pass for anybody else. Old phones know no such constraints and refuse them; for these it can be
made without.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dzvin.data_folder import write_whole

CA_DAYS = 3653
LEAF_DAYS = 397  # what browsers take at most
RENEW_BEFORE = timedelta(days=30)
SLOW_CLOCKS = timedelta(hours=1)
ALWAYS = ("localhost", "127.0.0.1", "::1")

_NAME = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+", re.ASCII)


class NotMade(Exception):
    """Nothing was changed; the text says why."""


@dataclass(frozen=True, slots=True)
class Paths:
    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        return self.folder / "cert.pem"

    @property
    def key(self) -> Path:
        return self.folder / "key.pem"


@dataclass(frozen=True, slots=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def paths(data: Path) -> Paths:
    return Paths(data.resolve() / "tls")


def init(files: Paths, hosts: Sequence[str], now: datetime, *, new_ca: bool = False, any_name: bool = False) -> bool:
    """Make a certificate for these names and addresses, and for this machine itself. True: of a new authority, which
    nobody believes yet; an authority that is there is kept unless `new_ca`. `any_name`: of one without name
    constraints. Raises NotMade, or OSError."""
    names = _names([*hosts, *ALWAYS])
    files.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new = new_ca or not files.ca.exists()
    if is_new and not new_ca and files.ca_key.exists():
        raise NotMade(f"{files.ca_key} is there and {files.ca} is not; --new-ca makes both anew")
    authority = _new_authority(names, now, constrained=not any_name) if is_new else _authority(files)
    _may_sign(authority, names)
    if any_name and _constraints(authority) is not None:
        raise NotMade("the authority that is there has name constraints; --new-ca makes another")
    leaf, key = _leaf(authority, names, now)
    if is_new:
        write_whole(files.ca_key, _pem_key(authority.key))
        write_whole(files.ca, authority.certificate.public_bytes(serialization.Encoding.PEM))
    write_whole(files.key, key)
    write_whole(files.certificate, leaf)
    return is_new


def renew(files: Paths, now: datetime) -> bool:
    """Replace a certificate of ours that ends soon. Raises NotMade, or OSError."""
    if not files.ca_key.exists():
        return False
    current = _certificate(files.certificate)
    if current.not_valid_after_utc - now > RENEW_BEFORE:
        return False
    authority = _authority(files)
    try:
        current.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False  # somebody put another one there
    names = list(current.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    leaf, key = _leaf(authority, names, now)
    write_whole(files.key, key)
    write_whole(files.certificate, leaf)
    return True


def ends_at(certificate: Path) -> datetime:
    """When a certificate is not believed any more. Raises NotMade, or OSError."""
    return _certificate(certificate).not_valid_after_utc


# ---- making ---------------------------------------------------------------------------------------------------------


def _new_authority(names: Sequence[x509.GeneralName], now: datetime, *, constrained: bool) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _common_name(f"Dzvin CA of {names[0].value}")
    permitted = [
        x509.IPAddress(ipaddress.ip_network(each.value)) if isinstance(each, x509.IPAddress) else each for each in names
    ]
    usage = x509.KeyUsage(
        key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        _builder(name, name, key, now, timedelta(days=CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if constrained:
        constraints = x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None)
        builder = builder.add_extension(constraints, critical=True)
    return _Authority(builder.sign(key, hashes.SHA256()), key)


def _leaf(authority: _Authority, names: Sequence[x509.GeneralName], now: datetime) -> tuple[bytes, bytes]:
    """Certificate and key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    lifetime = min(timedelta(days=LEAF_DAYS), authority.certificate.not_valid_after_utc - now)
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    certificate = (
        _builder(_common_name(str(names[0].value)), authority.certificate.subject, key, now, lifetime)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _pem_key(key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLOW_CLOCKS)
        .not_valid_after(now + lifetime)
    )


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


# ---- reading --------------------------------------------------------------------------------------------------------


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """Raises NotMade."""
    found: dict[str, x509.GeneralName] = {}
    for host in hosts:
        text = host.strip("[]").lower().removesuffix(".")
        try:
            found[text] = x509.IPAddress(ipaddress.ip_address(text))
        except ValueError:
            if not _NAME.fullmatch(text) or len(text) > 253:
                raise NotMade(f'expected a name or an IP address, got "{host}"') from None
            found[text] = x509.DNSName(text)
    return list(found.values())


def _may_sign(authority: _Authority, names: Sequence[x509.GeneralName]) -> None:
    """Raises NotMade for a name that this authority was not made for."""
    constraints = _constraints(authority)
    if constraints is None:
        return
    permitted = {str(name.value) for name in constraints.permitted_subtrees or ()}
    for name in names:
        wanted = str(ipaddress.ip_network(name.value)) if isinstance(name, x509.IPAddress) else str(name.value)
        if wanted not in permitted and not any(wanted.endswith(f".{above}") for above in permitted):
            raise NotMade(
                f"the authority that is there was not made for {name.value}; --new-ca makes another, "
                "which browsers and phones must be told to believe again"
            )


def _constraints(authority: _Authority) -> x509.NameConstraints | None:
    try:
        return authority.certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return None


def _authority(files: Paths) -> _Authority:
    key = serialization.load_pem_private_key(files.ca_key.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise NotMade(f"{files.ca_key} is not a key that we made")
    return _Authority(_certificate(files.ca), key)


def _certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError as error:
        raise NotMade(f"{file} is no certificate") from error
