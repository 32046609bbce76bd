"""Call control in the configuration: what is wrong is named with its key and line, what is right arrives."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow.facts import ForwardKind
from callflow.feature_codes import FeatureCodes
from callflow.wishes import Wishes
from crm_core.telephony import KeptWishes
from dzvin import config, switchboard
from dzvin.wishes import after

BASE = """[[extensions]]
number = "1001"
password = "x"

[[extensions]]
first = "u1"
last = "u3"
password = "{user}"

"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "dzvin.toml"


def loaded(file: Path, text: str) -> config.Config:
    file.write_text(BASE + text)
    return config.load(file, {})


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("[calls]\nlines = 6", "calls.lines", "<= 5"),
        ("[calls]\npark_timeout = 0", "calls.park_timeout", ">= 1"),
        ('[calls]\nfallback = "9"', "calls.fallback", '"9": no such number'),
        ('[calls]\npickup_groups = [["1001", "1009"]]', "calls.pickup_groups", 'no extension "1009"'),
        ('[calls]\npickup_groups = ["1001"]', "calls.pickup_groups", "array"),
        ('[codes]\npark = "p"', "codes.park", "0 to 9, * and #"),
        ('[codes]\npark = "*8"', "codes.park", "already given to pick_up"),
        ('[codes]\ndo_not_disturb_on = "*701"', "codes.do_not_disturb_on", "already given to park"),
        ('[codes]\npick_up = "1001"', "codes.pick_up", "already a number"),
        ('[codes]\npark = "*55100"', "codes.park", "also listens to 1001"),
        ('[codes]\nconference = "*1"', "codes.conference", "already given to record"),
        ('[codes]\npark = "*8100"', "codes.park", "also picks up what rings at 1001"),
        ('[codes]\nforward_busy = "21"', "codes.forward_busy", "already given to forward_always"),
        ('[codes]\nforward_busy = "002"', "codes.forward_busy", "the end of all forwarding"),
        ('[codes]\nforward_busy = "*67"', "codes.forward_busy", "2 or 3 digits"),
        ("[codes]\norbits = 0", "codes.orbits", ">= 1"),
        ('[codes]\nfoward_busy = "67"', "codes.foward_busy", 'did you mean "forward_busy"'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(file: Path, text: str, key: str, expected: str) -> None:
    file.write_text(BASE + text)
    (problem, *_) = config.check(file)
    assert (problem.key, problem.line) == (key, 11)
    assert expected in problem.message


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('forward_always = "1002"', "forward_always", None),  # a telephone number, as far as anybody can say
        ('forward_always = "1001"', "forward_always", None),
        ('forward_busy = "nobody"', "forward_busy", "a number of ours or a telephone number"),
        ('forward_no_answer = "1004"', "forward_no_answer", "another number than the extension's own"),
        ("lines = 6", "lines", "<= 5"),
        ("ring_seconds = 4", "ring_seconds", ">= 5"),
        ('auto_answer = "yes"', "auto_answer", "bool"),
    ],
)
def test_wishes_of_an_extension(file: Path, text: str, key: str, expected: str | None) -> None:
    file.write_text(f'{BASE}[[extensions]]\nnumber = "1004"\npassword = "x"\n{text}\n')
    found = [(problem.key, problem.line) for problem in config.check(file)]
    assert found == ([] if expected is None else [(f"extensions[2].{key}", 13)])
    assert all(expected in problem.message for problem in config.check(file) if expected)


def test_the_rules_arrive(file: Path) -> None:
    rules = switchboard.call_rules(
        loaded(
            file,
            "[calls]\nredirects = false\ntransfer_returns = false\ntransfer_timeout = 7\nrecall_timeout = 8\n"
            'fallback = "1001"\npark_timeout = 9\npickup_groups = [["1001", "u1"], ["1001", "u2"]]\n',
        )
    )
    assert (rules.redirects, rules.transfer_returns, rules.fallback) == (False, False, "1001")
    assert (rules.transfer_timeout, rules.recall_timeout, rules.park_timeout) == (7.0, 8.0, 9.0)
    assert rules.may_pick_up("u1", "1001")
    assert rules.may_pick_up("1001", "u2")
    assert not rules.may_pick_up("u1", "u2")


def test_without_groups_everybody_picks_up_for_everybody(file: Path) -> None:
    assert switchboard.call_rules(loaded(file, "")).may_pick_up("u1", "1001")


def test_codes_arrive_and_an_empty_one_is_off(file: Path) -> None:
    settings = loaded(file, '[codes]\npick_up = ""\npark = "*5"\norbits = 3\n')
    codes = switchboard.dial_plan(settings, switchboard.ConfiguredAccounts(settings)).codes
    assert codes == FeatureCodes(pick_up="", park="*5", orbits=3)
    assert codes.read("*8", {"1001"}) is None


@pytest.mark.req("R-PHONE-60", "R-PHONE-61")
def test_everybody_has_five_lines_unless_the_file_says_otherwise(file: Path) -> None:
    assert switchboard.ordinary_wishes(loaded(file, "")).lines == 5
    assert switchboard.ordinary_wishes(loaded(file, "[calls]\nlines = 0\n")).lines is None
    own = loaded(file, '[[extensions]]\nnumber = "1004"\npassword = "x"\nlines = 2\n')
    assert {number: each.lines for number, each in switchboard.wishes(own).items()} == {"1004": 2}


def test_a_range_shares_its_wishes(file: Path) -> None:
    settings = loaded(file, '[[extensions]]\nfirst = "v1"\nlast = "v2"\npassword = "{user}"\nforward_busy = "1001"\n')
    wished = Wishes(forwards={ForwardKind.BUSY: "1001"})
    assert switchboard.wishes(settings) == {"v1": wished, "v2": wished}


def test_acceptance_forwards_nothing_disturbs_everybody_and_limits_no_lines() -> None:
    settings = config.load(Path(__file__).parents[2] / "examples" / "acceptance.toml", {})
    assert switchboard.wishes(settings) == {}
    assert switchboard.ordinary_wishes(settings) == Wishes(lines=None)


def test_what_a_person_changed_goes_over_what_the_file_says() -> None:
    seeded = Wishes(forwards={ForwardKind.BUSY: "1003", ForwardKind.ALWAYS: "1004"}, do_not_disturb=True, lines=1)
    kept = KeptWishes(do_not_disturb=False, ring_seconds=9, forwards={ForwardKind.BUSY: "", ForwardKind.ALWAYS: "1005"})
    assert after(seeded, kept) == Wishes(
        forwards={ForwardKind.ALWAYS: "1005"}, do_not_disturb=False, lines=1, ring_seconds=9
    )
