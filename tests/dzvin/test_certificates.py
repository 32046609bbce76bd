"""A certificate while the server runs: where it comes from, when it is read again, what is said of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing

from dzvin import certificates, local_ca
from dzvin.certificates import KeptCertificate
from dzvin.clock import SystemClock
from dzvin.config import Config, ConfigError, load
from pbx.net.tls import Certificate

NOW = SystemClock().now()


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def files(tmp_path: Path) -> local_ca.Paths:
    files = local_ca.paths(tmp_path)
    local_ca.init(files, ["calls.lan"], NOW)
    return files


def configured(tmp_path: Path, text: str) -> tuple[Config, Path]:
    file = tmp_path / "dzvin.toml"
    file.write_text(text)
    return load(file, {}), file


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ('[sip]\ntls = "127.0.0.1:0"', 2, "sip.tls"),
        ('[sip]\nwss = "127.0.0.1:0"', 2, "sip.wss"),
        ("[http]\ntls = true", 2, "http.tls"),
    ],
)
def test_what_needs_a_certificate_is_refused_without_one_and_told_what_to_do(
    tmp_path: Path, text: str, line: int, key: str
) -> None:
    config, file = configured(tmp_path, text)
    with pytest.raises(ConfigError, match="dzvin tls init") as refused:
        certificates.demand(config, tmp_path, file)
    assert [(problem.line, problem.key) for problem in refused.value.problems] == [(line, key)]
    local_ca.init(local_ca.paths(tmp_path), ["calls.lan"], NOW)
    certificates.demand(config, tmp_path, file)
    assert certificates.kept(config, tmp_path) is not None


def test_nothing_is_asked_for_when_nothing_needs_it(tmp_path: Path) -> None:
    config, file = configured(tmp_path, "")
    certificates.demand(config, tmp_path, file)
    assert certificates.kept(config, tmp_path) is None


def test_named_files_go_before_our_own(tmp_path: Path, files: local_ca.Paths) -> None:
    text = '[sip]\ntls = "127.0.0.1:0"\n[tls]\ncertificate = "tls/cert.pem"\nkey = "tls/key.pem"'
    config, _ = configured(tmp_path, text)
    kept = certificates.kept(config, tmp_path / "elsewhere")
    assert kept is not None
    assert (kept.file, kept.ours) == (files.certificate, None)


def kept(files: local_ca.Paths, clock: Clock) -> KeptCertificate:
    return KeptCertificate(Certificate(files.certificate, files.key), files.certificate, files, clock)


async def test_files_that_change_are_read_and_others_are_not(files: local_ca.Paths) -> None:
    one = kept(files, Clock())
    with structlog.testing.capture_logs() as said:
        await one.look()
        assert said == []
        local_ca.init(files, ["calls.lan"], NOW)
        await one.look()
        await one.look()
    assert [line["event"] for line in said] == ["the certificate was read"]


async def test_half_written_files_are_told_once_and_read_when_they_are_whole(files: local_ca.Paths) -> None:
    one = KeptCertificate(Certificate(files.certificate, files.key), files.certificate, None)
    whole = files.certificate.read_bytes()
    with structlog.testing.capture_logs() as said:
        files.certificate.write_bytes(whole[:100])
        await one.look()
        await one.look()
        files.certificate.write_bytes(whole)
        await one.look()
    assert [(line["log_level"], line["event"]) for line in said] == [
        ("error", "the certificate could not be read"),
        ("info", "the certificate was read"),
    ]


async def test_our_own_is_renewed_and_read_in_one_look(files: local_ca.Paths) -> None:
    clock = Clock()
    one = kept(files, clock)
    clock.at += timedelta(days=370)
    with structlog.testing.capture_logs() as said:
        await one.look()
    assert [line["event"] for line in said] == ["the certificate was renewed", "the certificate was read"]


async def test_a_certificate_of_others_that_ends_soon_is_told_once_a_day(files: local_ca.Paths) -> None:
    clock = Clock()
    one = KeptCertificate(Certificate(files.certificate, files.key), files.certificate, None, clock)
    clock.at += timedelta(days=385)
    with structlog.testing.capture_logs() as said:
        for _ in range(3):
            await one.look()
        clock.at += timedelta(days=1)
        await one.look()
    assert [line["event"] for line in said] == ["the certificate ends soon"] * 2
