"""The command line, as a person meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from dzvin.cli import app
from dzvin.config import load
from dzvin.data_folder import DataFolder
from dzvin.launch import configuration_file, greeting
from dzvin.plan import Ready
from pbx.media.engine_numbers import GSM

EXAMPLES = Path(__file__).parents[2] / "examples"
cli = CliRunner()


def test_check_says_that_a_file_can_be_used() -> None:
    result = cli.invoke(app, ["check", "--config", str(EXAMPLES / "demo.toml")])
    assert result.exit_code == 0
    assert "can be used" in result.stdout


def test_check_names_key_and_line(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[http]\nprot = 1\n")
    result = cli.invoke(app, ["check", "--config", str(file)])
    assert result.exit_code == 1
    assert f"{file}: line 2: http.prot: unknown key" in result.stderr


def test_codecs_says_what_is_offered_what_is_not_and_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[media]\ncodecs = ["opus", "pcma", "gsm"]\n')
    missing = "libgsm.so.1: cannot open shared object file; on Debian: apt-get install libgsm1"
    monkeypatch.setattr("dzvin.codecs.why_not", lambda number: missing if number == GSM else None)
    result = cli.invoke(app, ["codecs", "--config", str(file)])
    assert result.exit_code == 0
    assert [line.split(maxsplit=2) for line in result.stdout.splitlines()[:3]] == [
        ["opus", "opus/48000/2", "offered"],
        ["pcma", "PCMA/8000", "offered"],
        ["gsm", "GSM/8000", f"not offered: {missing}"],
    ]
    assert "g722" in result.stdout
    assert result.stdout.count("not in [media] codecs") == 3


def test_run_refuses_a_wrong_configuration_before_it_makes_anything(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("[http]\nprot = 1\n")
    result = cli.invoke(app, ["run", "--data", str(tmp_path / "data"), "--config", str(file)])
    assert result.exit_code == 1
    assert "http.prot" in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_second_start_says_who_runs_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dzvin.logs.configure", lambda *_: None)  # the logging of this process is pytest's
    with DataFolder(tmp_path / "data").locked():
        result = cli.invoke(app, ["run", "--data", str(tmp_path / "data"), "--config", str(EXAMPLES / "demo.toml")])
    assert result.exit_code == 1
    assert "in use by process" in result.stderr


def test_the_folders_own_configuration_comes_before_the_demo(tmp_path: Path) -> None:
    assert configuration_file(tmp_path, None) == EXAMPLES / "demo.toml"
    (tmp_path / "dzvin.toml").touch()
    assert configuration_file(tmp_path, None) == tmp_path / "dzvin.toml"
    assert configuration_file(tmp_path, EXAMPLES / "acceptance.toml") == EXAMPLES / "acceptance.toml"


def test_the_greeting_says_where_to_look_and_with_which_sign_in() -> None:
    ready = Ready(http="http://127.0.0.1:8080", sip={"udp": "127.0.0.1:5060"}, pids={"core": 1})
    text = greeting(load(EXAMPLES / "demo.toml", {}), ready)
    for word in ("http://127.0.0.1:8080", "127.0.0.1:5060", "olena", "demo-olena", "1001", "Олена Коваль"):
        assert word in text


def test_tls_init_makes_a_certificate_and_says_what_to_do_next(tmp_path: Path) -> None:
    command = ["tls", "init", "--host", "calls.lan", "--host", "192.168.1.10", "--data", str(tmp_path / "data")]
    first = cli.invoke(app, command)
    assert first.exit_code == 0
    for word in ("A new authority", "ca.pem", "update-ca-certificates", "https://calls.lan", 'tls = "0.0.0.0:5061"'):
        assert word in first.stdout
    authority = tmp_path / "data" / "tls" / "ca.pem"
    before = authority.read_bytes()
    again = cli.invoke(app, command)
    assert "The authority is the one that was there" in again.stdout
    other = cli.invoke(app, [*command, "--host", "other.lan"])
    assert other.exit_code == 1
    assert "--new-ca" in other.stderr
    assert authority.read_bytes() == before
    assert cli.invoke(app, [*command, "--host", "other.lan", "--new-ca"]).exit_code == 0
    assert authority.read_bytes() != before


def test_run_says_that_a_certificate_is_missing_before_it_makes_anything(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[sip]\ntls = "127.0.0.1:0"\n')
    result = cli.invoke(app, ["run", "--data", str(tmp_path / "data"), "--config", str(file)])
    assert result.exit_code == 1
    assert f"{file}: line 2: sip.tls: needs a certificate" in result.stderr
    assert not (tmp_path / "data").exists()
