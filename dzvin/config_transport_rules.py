"""What the ways in for SIP and the panel may be: addresses, origins, certificates, and what phones are told of them."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

from dzvin.config_shape import Address, Config
from dzvin.config_table import Breach, parses

ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?", re.ASCII)
HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


def transport_breaches(config: Config) -> Iterator[Breach]:
    sip = config.sip
    for key in ("tls", "ws", "wss"):
        if text := getattr(sip, key):
            yield from parses(("sip", key), Address.parse, text)
    for origin in sip.origins:
        if not ORIGIN.fullmatch(origin):
            yield ("sip", "origins"), f'expected "https://host" in small letters and without a path, got "{origin}"'
    for key in ("server", "proxy", "stun"):
        if (text := getattr(sip, key)) and not HOST.fullmatch(text):
            yield ("sip", key), f'expected a name or an address such as "sip.example.com:5060", got "{text}"'
    yield from _certificate(config)
    if config.tls.authorities:
        yield from _authorities(Path(config.tls.authorities))


def _certificate(config: Config) -> Iterator[Breach]:
    given = config.tls
    if bool(given.certificate) != bool(given.key):
        missing = "key" if given.certificate else "certificate"
        yield ("tls", missing), "expected both certificate and key, or neither"
        return
    if not given.certificate:
        return  # the data folder's own: looked at when it is known which folder that is
    unreadable = False
    for key, file in (("certificate", given.certificate), ("key", given.key)):
        for breach in _readable(key, Path(file)):
            unreadable = True
            yield breach
    if not unreadable:
        yield from _pair(Path(given.certificate), Path(given.key))


def _readable(key: str, file: Path) -> Iterator[Breach]:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        yield ("tls", key), f'"{file}" cannot be read: {error.strerror}'


def _pair(certificate: Path, key: Path) -> Iterator[Breach]:
    from pbx.net.tls import Certificate

    try:
        Certificate(certificate, key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield ("tls", "key"), f'"{key}" is not the key of the certificate'
        elif _holds_certificate(certificate):
            yield ("tls", "key"), f'expected a key in PEM, without a passphrase, in "{key}"'
        else:
            yield ("tls", "certificate"), f'expected a certificate in PEM in "{certificate}"'
    except (OSError, ValueError) as error:
        yield ("tls", "key"), f'"{key}": {error}'


def _holds_certificate(file: Path) -> bool:
    try:
        ssl.create_default_context().load_verify_locations(cafile=file)
    except (ssl.SSLError, OSError):
        return False
    return True


def _authorities(file: Path) -> Iterator[Breach]:
    unreadable = list(_readable("authorities", file))
    yield from unreadable
    if not unreadable and not _holds_certificate(file):
        yield ("tls", "authorities"), f'expected certificates of authorities in PEM in "{file}"'
