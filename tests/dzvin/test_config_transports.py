"""The ways in for SIP in a configuration: addresses, pages, certificates; every error names key and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from dzvin import config, local_ca
from dzvin.clock import SystemClock
from dzvin.config import Address, Config, Http, Sip
from dzvin.origins import Origins


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for folder in ("tls", "others"):
        local_ca.init(local_ca.Paths(tmp_path / folder), ["calls.lan"], SystemClock().now())
    (tmp_path / "text.pem").write_text("not a certificate")
    return tmp_path / "dzvin.toml"


def problems(file: Path, text: str) -> list[tuple[int | None, str, str]]:
    file.write_text(text)
    return [(problem.line, problem.key, problem.message) for problem in config.check(file)]


def test_every_way_in_has_an_address(file: Path) -> None:
    file.write_text('[sip]\ntls = "0.0.0.0:5061"\nws = "127.0.0.1:5066"\nwss = "[::]:5067"')
    sip = config.load(file, {}).sip
    assert (sip.tls_address, sip.ws_address) == (Address("0.0.0.0", 5061), Address("127.0.0.1", 5066))
    assert sip.wss_address == Address("::", 5067)
    assert Sip().tls_address is Sip().ws_address is Sip().wss_address is None


@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ('tls = "5061"', "tls", "host:port"),
        ('ws = "127.0.0.1"', "ws", "host:port"),
        ('wss = "127.0.0.1:99999"', "wss", "host:port"),
        ('origins = ["crm.example.com"]', "origins", "https://host"),
        ('origins = ["https://crm.example.com/"]', "origins", "without a path"),
        ('origins = ["https://CRM.example.com"]', "origins", "small letters"),
        ('origins = ["*"]', "origins", "https://host"),
        ('stun = "stun:stun.example.com"', "stun", "a name or an address"),
        ('server = "a b"', "server", "a name or an address"),
        ('proxy = "sip:proxy"', "proxy", "a name or an address"),
    ],
)
def test_a_wrong_way_in_is_named(file: Path, line: str, key: str, expected: str) -> None:
    ((at, name, message),) = problems(file, f"[sip]\n{line}\n")
    assert (at, name) == (2, f"sip.{key}")
    assert expected in message


def test_server_proxy_and_stun_are_settings_of_the_organisation(file: Path) -> None:
    file.write_text('[sip]\nserver = "sip.example.com"\nproxy = "192.0.2.1:5060"\nstun = "[2001:db8::1]:3478"')
    sip = config.load(file, {}).sip
    assert (sip.server, sip.proxy, sip.stun) == ("sip.example.com", "192.0.2.1:5060", "[2001:db8::1]:3478")


def test_files_are_found_beside_the_configuration_wherever_we_are_started(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('[tls]\ncertificate = "tls/cert.pem"\nkey = "tls/key.pem"\nauthorities = "tls/ca.pem"')
    monkeypatch.chdir("/")
    tls = config.load(file, {}).tls
    assert tls.certificate == str(file.parent / "tls" / "cert.pem")
    assert config.check(file) == []


@pytest.mark.parametrize(
    ("text", "line", "key", "expected"),
    [
        ('certificate = "tls/cert.pem"', 1, "tls", "expected both"),
        ('key = "tls/key.pem"', 1, "tls", "expected both"),
        ('certificate = "nowhere.pem"\nkey = "tls/key.pem"', 2, "tls.certificate", "cannot be read"),
        ('certificate = "tls/cert.pem"\nkey = "nowhere.pem"', 3, "tls.key", "cannot be read"),
        ('certificate = "text.pem"\nkey = "tls/key.pem"', 2, "tls.certificate", "expected a certificate"),
        ('certificate = "tls/cert.pem"\nkey = "text.pem"', 3, "tls.key", "expected a key"),
        ('certificate = "tls/cert.pem"\nkey = "others/key.pem"', 3, "tls.key", "not the key of the certificate"),
        ('authorities = "text.pem"', 2, "tls.authorities", "expected certificates"),
        ('authorities = "nowhere.pem"', 2, "tls.authorities", "cannot be read"),
    ],
)
def test_files_that_are_no_certificate_with_its_key_are_named(
    file: Path, text: str, line: int, key: str, expected: str
) -> None:
    ((at, name, message),) = problems(file, f"[tls]\n{text}\n")
    assert at == line
    assert name.startswith(key)
    assert expected in message


def test_the_panels_own_page_and_those_that_are_listed_may_open_a_socket() -> None:
    origins = Origins(
        Config(http=Http(public_url="https://Calls.example.com/panel"), sip=Sip(origins=("https://crm.example.com",)))
    )
    assert origins("https://calls.example.com")
    assert origins("https://crm.example.com")
    assert not origins("http://127.0.0.1:8080")
    origins.own.add("http://127.0.0.1:8080")
    assert origins("http://127.0.0.1:8080")
    for other in ("", "null", "http://crm.example.com", "https://crm.example.com:8443", "https://evil.example"):
        assert not origins(other)
