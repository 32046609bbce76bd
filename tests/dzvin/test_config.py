"""The configuration: what is accepted, and that every error names its key, its line and what is expected."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dzvin import config
from dzvin.config import ConfigError, Problem
from dzvin.config_shape import Media

EXAMPLES = Path(__file__).parents[2] / "examples"
PHONES = """
[[extensions]]
number = "1001"
password = "pw1"

[[extensions]]
first = "u00000"
last = "u00009"
password = "pw-{user}"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "dzvin.toml"


def problems(file: Path, text: str) -> list[Problem]:
    file.write_text(text, encoding="utf-8")
    return config.check(file)


def the_problem(file: Path, text: str) -> Problem:
    (problem,) = problems(file, text)
    return problem


@pytest.mark.parametrize("name", ["acceptance.toml", "demo.toml"])
def test_the_examples_can_be_used(name: str) -> None:
    assert config.check(EXAMPLES / name) == []


def test_acceptance_holds_its_promises() -> None:
    loaded = config.load(EXAMPLES / "acceptance.toml", {})
    passwords = {account.number: account.password for account in loaded.accounts()}
    assert [passwords[number] for number in ("1001", "1002", "1003", "u01999")] == ["pw1", "pw2", "pw3", "pw-u01999"]
    assert loaded.sip.digest[0] == "MD5"
    assert loaded.security.trusted == ("127.0.0.1",)
    assert [line.agents for line in loaded.lines if line.number == "7000"] == [("1003",)]
    assert [menu.keys["1"] for menu in loaded.menus if menu.number == "8000"] == ["1002"]
    assert {trunk.number: (trunk.address, trunk.record) for trunk in loaded.trunks if trunk.number} == {
        "uas": ("127.0.0.1:5070", False),
        "rec": ("127.0.0.1:5070", True),
    }
    assert loaded.unchallenged[0].to == ("uas", "rec", "conf", "conf1", "confa")
    assert [(did.number, did.to) for did in loaded.dids] == [("+380441234567", "7000")]


def test_nothing_given_is_a_configuration() -> None:
    loaded = config.load(None, {})
    assert (loaded.language, loaded.sip.udp, loaded.http.port) == ("uk", "127.0.0.1:5060", 8080)


def test_two_thousand_extensions_load_at_once(file: Path) -> None:
    file.write_text(PHONES.replace("u00009", "u01999"))
    before = time.process_time()
    loaded = config.load(file, {})
    assert time.process_time() - before < 0.5  # CPU time of this process, not the clock on the wall
    accounts = {account.number: account for account in loaded.accounts()}
    assert len(accounts) == 2001
    assert accounts["u01999"].password == "pw-u01999"


def test_a_number_is_looked_up_in_a_range_without_expanding_it(file: Path) -> None:
    file.write_text(PHONES)
    loaded = config.load(file, {})
    found = loaded.account("u00007")
    assert found is not None
    assert found.password == "pw-u00007"
    for stranger in ("u00010", "u0007", "u٠٠٠٠١", "u", ""):
        assert loaded.account(stranger) is None


@pytest.mark.parametrize(
    ("text", "key", "line", "expected"),
    [
        ("[http]\nport = 'x'\n", "http.port", 2, "Expected `int`"),
        ("[http]\nport = 70000\n", "http.port", 2, "65535"),
        ("[http]\n\nprot = 80\n", "http.prot", 3, 'did you mean "port"'),
        ("[htpp]\nport = 80\n", "htpp", 1, 'did you mean "http"'),
        ('language = "de"\n', "language", 1, "expected one of uk, en, ru"),
        ('timezone = "Kyiv"\n', "timezone", 1, "Europe/Kyiv"),
        ('[sip]\nudp = "5060"\n', "sip.udp", 2, "host:port"),
        ('sip.udp = "127.0.0.1:99999"\n', "sip.udp", 1, "0 to 65535"),
        ('[sip]\ndigest = ["MD4"]\n', "sip.digest", 2, "MD5, SHA-256"),
        ("[sip]\nmin_session = 60\n", "sip.min_session", 2, "90"),
        ("[sip]\nmin_session = 600\nsession_timer = 300\n", "sip.session_timer", 3, "no less than min_session"),
        ('[media]\nports = "65000-64000"\n', "media.ports", 2, "first-last"),
        ('[security]\ntrusted = [\n  "127.0.0.1",\n  "home",\n]\n', "security.trusted", 2, "network"),
        ('[database]\nurl = "mysql://x"\n', "database.url", 2, "postgresql://"),
        ('[follow_up]\nhours = "9-18"\n', "follow_up.hours", 2, "mon-fri 09:00-18:00"),
        ('[telephony_server]\nsource = "mysql://x"\n', "telephony_server.source", 2, "postgresql://host"),
        ('[telephony_server]\ntable = "cdr; drop"\n', "telephony_server.table", 2, "public.cdr"),
        ('[follow_up]\nassign = ["me"]\n', "follow_up.assign", 2, "user:LOGIN"),
        ("[[lines]]\n", "lines[0].name", 1, "missing required field `name`"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_its_line_and_what_is_expected(
    file: Path, text: str, key: str, line: int, expected: str
) -> None:
    problem = problems(file, text)[0]
    assert (problem.key, problem.line) == (key, line)
    assert expected in problem.message


@pytest.mark.parametrize(
    ("text", "key", "line", "expected"),
    [
        ('[[extensions]]\nnumber = "1001"\npassword = "x"', "extensions[2].number", 12, "given to extensions[0]"),
        ('[[lines]]\nname = "L"\nnumber = "u00003"', "extensions[1].first", 7, "already given to lines[0]"),
        ('[[extensions]]\nfirst = "u00009"\nlast = "u00010"\npassword = "{user}"', "extensions[2].first", 12, "over"),
        ('[[extensions]]\nfirst = "v1"\nlast = "v3"\npassword = "x"', "extensions[2].password", 14, "{user}"),
        ('[[extensions]]\nfirst = "v3"\nlast = "v1"\npassword = "{user}"', "extensions[2].first", 12, "two ends"),
        ('[[extensions]]\npassword = "x"', "extensions[2]", 11, "either number, or first and last"),
        ('[[lines]]\nnumber = "7"\nname = "L"\nagents = ["1009"]', "lines[0].agents", 14, 'no extension "1009"'),
        ('[[lines]]\nnumber = "7"\nname = "L"\noverflow = "9"', "lines[0].overflow", 14, "no such number"),
        ('[[lines]]\nnumber = "7"\nname = "L"\nexit_keys.1 = "9"', "lines[0].exit_keys.1", 14, "no such number"),
        ('[[lines]]\nnumber = "7"\nname = "L"\nstrategy = "rrmemory"', "lines[0].strategy", 14, "rrmemory"),
        ('[[menus]]\nnumber = "8"\nname = "M"\nkeys = { "1" = "9" }', "menus[0].keys.1", 14, "no such number"),
        ('[[menus]]\nnumber = "8"\nname = "M"\nkeys.A = "1001"', "menus[0].keys.A", 14, "key of 0 to 9"),
        ('[[conferences]]\nnumber = "1001"\nname = "C"', "conferences[0].number", 12, "given to extensions[0]"),
        ('[[conferences]]\nnumber = "9"\nname = "C"\npin = "12a4"', "conferences[0].pin", 14, "4 to 12 digits"),
        ('[[conferences]]\nnumber = "9"\nname = "C"\nmoderators = ["7"]', "conferences[0].moderators", 14, "no ext"),
        ('[[conferences]]\nnumber = "9"\nname = "C"\nmembers = 129', "conferences[0].members", 14, "<= 128"),
        ('[[dids]]\nnumber = "+380"\nto = "9"', "dids[0].to", 13, "no such number"),
        ('[[dids]]\nnumber = "+380"\nto = "1001"\ntrunk = "t"', "dids[0].trunk", 14, "no inbound trunk"),
        ('[[trunks]]\nname = "t"\naddress = "not there"', "trunks[0].address", 13, "host:port"),
        ('[[users]]\nlogin = "a"\nfull_name = "A"\nextension = "7"', "users[0].extension", 14, 'no extension "7"'),
        ('[[users]]\nlogin = "a"\nfull_name = "A"\nrole = "boss"', "users[0].role", 14, "admin, supervisor"),
        ('[[services]]\ncode = "s"\nname.uk = "С"\nprefix = "A"\nagents = ["a"]', "services[0].agents", 15, "no"),
        ('[[unchallenged]]\naddresses = ["x"]\nto = ["1001"]', "unchallenged[0].addresses", 12, "host:port"),
    ],
)  # fmt: skip
def test_names_must_exist_and_numbers_are_given_once(file: Path, text: str, key: str, line: int, expected: str) -> None:
    problem = the_problem(file, PHONES + "\n" + text)
    assert (problem.key, problem.line) == (key, line)
    assert expected in problem.message


def test_two_inbound_trunks_of_one_address_cannot_be_told_apart(file: Path) -> None:
    trunk = '[[trunks]]\nname = "{}"\naddress = "127.0.0.1:5070"\n'
    assert the_problem(file, trunk.format("a") + trunk.format("b")).key == "trunks[1].address"


TRUNK = '[[trunks]]\nname = "t"\naddress = "127.0.0.1:5070"\n'


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("register = true", "trunks[0].register", "username"),
        ('transport = "smoke"', "trunks[0].transport", "udp, tcp, tls, auto"),
        ('sources = ["home"]', "trunks[0].sources", "network"),
        ("fail_over = [487]", "trunks[0].fail_over", "hanging up"),
        ("fail_over = [200]", "trunks[0].fail_over", ">= 400"),
        ('default = "9"', "trunks[0].default", "no such number"),
        ('called_out = [{ match = "a." }]', "trunks[0].called_out", "expected digits"),
        ('called_out = [{ mach = "0." }]', "trunks[0].called_out", "mach"),
        ('caller_in = [{ match = "0.", prepend = "x" }]', "trunks[0].caller_in", "to prepend"),
        ('from_user = "acc"', "trunks[0].from_user", "p-asserted-identity"),
        ('caller_id = "Olena"', "trunks[0].caller_id", "telephone number"),
        ("patience = 0.1", "trunks[0].patience", ">= 0.5"),
    ],
)
def test_what_is_wrong_with_a_trunk_is_told_where_it_stands(file: Path, text: str, key: str, expected: str) -> None:
    problem = the_problem(file, TRUNK + text)
    assert (problem.key, problem.line) == (key, 4)
    assert expected in problem.message


@pytest.mark.parametrize(
    "address", ["sip.provider.example", "192.0.2.1", "[2001:db8::1]:5080", "[2001:db8::1]", "pbx:5070"]
)
def test_a_trunk_is_known_by_name_or_address_with_or_without_port(file: Path, address: str) -> None:
    assert problems(file, f'[[trunks]]\nname = "t"\naddress = "{address}"\n') == []


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('to = "1001"', "dids[0]", "either number, or first and last"),
        ('number = "+38x"\nto = "1001"', "dids[0].number", "X for any digit"),
        ('number = "+38044123XXXX"\nto = "9"', "dids[0].to", "no such number"),
        ('first = "+380441"\nlast = "+3804419"\nto = "1001"', "dids[0].first", "equal length"),
        ('first = "abc"\nlast = "abd"\nto = "1001"', "dids[0].first", "two numbers"),
    ],
)
def test_what_is_wrong_with_a_did_is_told(file: Path, text: str, key: str, expected: str) -> None:
    problem = the_problem(file, PHONES + "[[dids]]\n" + text)
    assert problem.key == key
    assert expected in problem.message


def test_patterns_ranges_and_templates_of_dids_are_accepted(file: Path) -> None:
    dids = (
        '[[dids]]\nnumber = "+38044123XXXX"\nto = "1XXX"\n[[dids]]\nfirst = "+380440"\nlast = "+380449"\nto = "1001"\n'
    )
    assert problems(file, PHONES + dids) == []


@pytest.mark.parametrize(("text", "fine"), [("192.0.2.53", True), ("192.0.2.53:5353", True), ("dns.example", False)])
def test_name_servers_are_addresses(file: Path, text: str, fine: bool) -> None:
    found = [problem.key for problem in problems(file, f'[sip]\nnameservers = ["{text}"]\n')]
    assert found == ([] if fine else ["sip.nameservers"])


def test_all_errors_are_told_at_once_in_the_order_of_the_file(file: Path) -> None:
    found = problems(file, '[http]\nport = "x"\n\n[sip]\nrealmm = "x"\n\n[media]\nworkers = 65\n')
    assert [(problem.key, problem.line) for problem in found] == [
        ("http.port", 2), ("sip.realmm", 5), ("media.workers", 8),
    ]  # fmt: skip


def test_broken_toml_names_the_line(file: Path) -> None:
    problem = the_problem(file, "[http]\nport = \n")
    assert problem.line == 2
    assert "not valid TOML" in problem.message


def test_lines_are_found_behind_strings_that_look_like_keys(file: Path) -> None:
    text = 'region = """\n[http]\nport = 1\n"""\n[sip]\nrealm = "a # b"\nudp = """x"""\n[http] # [sip]\nport = -1\n'
    found = problems(file, text)
    assert [(problem.key, problem.line) for problem in found] == [("http.port", 9)]


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "absent.toml", {})


def test_the_message_names_file_line_and_key(file: Path) -> None:
    file.write_text("[http]\nport = 'x'\n")
    with pytest.raises(ConfigError) as refused:
        config.load(file, {})
    assert str(refused.value) == f"{file}: line 2: http.port: Expected `int`, got `str`"


def test_the_environment_goes_over_the_file(file: Path) -> None:
    file.write_text("[http]\nport = 8080\n")
    loaded = config.load(
        file,
        {
            "DZVIN_HTTP__PORT": "0",
            "DZVIN_SIP__UDP": "0.0.0.0:5061",
            "DZVIN_SECURITY__TRUSTED": "127.0.0.1, 10.0.0.0/8",
            "DZVIN_SECURITY__INTERNATIONAL": "true",
            "DZVIN_LANGUAGE": "en",
            "DZVIN_INTERNAL_DATABASE_URL": "postgresql://passed/between/our/own/processes",
            "PATH": "/bin",
        },
    )
    assert (loaded.http.port, str(loaded.sip.udp_address), loaded.language) == (0, "0.0.0.0:5061", "en")
    assert loaded.security.trusted == ("127.0.0.1", "10.0.0.0/8")
    assert loaded.security.international is True


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("DZVIN_HTTP__PORT", "many", "Expected `int`"),
        ("DZVIN_HTTP__PROT", "1", "unknown key"),
        ("DZVIN_HTPP__PORT", "1", "unknown key"),
        ("DZVIN_LANGUAGE", "de", "uk, en, ru"),
    ],
)
def test_a_wrong_override_names_its_variable(variable: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as refused:
        config.load(None, {variable: value})
    assert variable.removeprefix("DZVIN_").split("__")[-1].lower() in str(refused.value).lower()


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (4, 3), (64, 8)])
def test_there_is_a_media_worker_for_each_core_but_one(
    monkeypatch: pytest.MonkeyPatch, cores: int, workers: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert Media().processes == workers
    assert Media(workers=5).processes == 5
