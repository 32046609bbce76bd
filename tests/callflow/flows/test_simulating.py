"""The simulator presses every key, and tells what a caller hears, where they come to, and how long it takes."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow import saying
from callflow.flows.checking import check
from callflow.flows.simulating import MOST_PATHS, Path, Simulation, simulate, simulate_function
from callflow.flows.visit import Visit
from callflow.saying import Currency, Language
from tests.callflow.flows.office import AROUND, flow_of, keys, office, read

BYE = {"verb": "hangup"}


def ends(simulation: Simulation) -> list[tuple[str, str]]:
    return sorted((path.end, path.where) for path in simulation.paths)


def chosen(path: Path) -> list[str]:
    return [step.chosen for step in path.steps if step.chosen]


def path_by(simulation: Simulation, *choices: str) -> Path:
    (path,) = [path for path in simulation.paths if chosen(path) == list(choices)]
    return path


def test_every_branch_of_every_node_is_taken_once() -> None:
    tried = simulate(office(), AROUND)
    assert tried.findings == ()
    taken = {(step.node, step.chosen) for path in tried.paths for step in path.steps if step.chosen}
    assert taken == {
        ("hours", "open"), ("hours", "closed"), ("hours", "holiday"),
        ("menu", "1"), ("menu", "2"), ("menu", "timeout"), ("menu", "wrong"),
        ("line", "answered"), ("line", "unanswered"),
        ("boss", "answered"), ("boss", "unanswered"), ("boss", "busy"),
    }  # fmt: skip


def test_a_path_tells_what_is_heard_when_and_where_it_ends() -> None:
    tried = simulate(office(), AROUND)
    path = path_by(tried, "open", "1", "answered")
    assert [(step.at, step.heard) for step in path.steps if step.heard] == [(0.0, ("welcome",)), (2.0, ("menu",))]
    assert (path.end, path.where, path.seconds) == ("line", "700", 6.5)
    silent = path_by(tried, "open", "timeout")
    assert (silent.end, silent.where, silent.seconds) == ("joins", "line", 2.0 + 2 * (4.0 + 5.0))
    closed = path_by(tried, "closed")
    assert (closed.end, closed.seconds) == ("hangup", 3.0 + 1.0 + 60.0)


def test_paths_that_come_together_are_walked_once() -> None:
    """Thirty menus with ten keys each are not 10 ** 30 paths."""
    menus = {
        f"m{index}": {"verb": "menu", "prompts": ["menu"], "keys": {str(key): f"p{index}" for key in range(10)},
                      "timeout": f"p{index}"}
        for index in range(30)
    }  # fmt: skip
    plays = {f"p{index}": {"verb": "play", "prompts": ["welcome"], "next": f"m{index + 1}"} for index in range(30)}
    tried = simulate(flow_of("m0", **menus, **plays, m30=BYE), AROUND)
    assert "too_many_paths" not in keys(tried.findings)
    assert ("hangup", "") in ends(tried)


def test_an_if_on_what_only_the_world_knows_goes_both_ways() -> None:
    flow = flow_of(
        a={"verb": "webhook", "url": "https://a/", "into": {"debt": "sum"}, "next": "b", "failed": "end"},
        b={"verb": "set", "variable": "said", "value": "{debt}", "next": "c"},
        c={"verb": "if", "variable": "said", "test": "more", "value": "100", "then": "d", "else": "end"},
        d={"verb": "say", "what": "amount", "value": "{debt}", "next": "end"},
        end=BYE,
    )
    tried = simulate(flow, AROUND)
    assert tried.findings == ()
    assert {tuple(chosen(path)) for path in tried.paths} == {("answers", "then"), ("answers", "else"), ("fails",)}
    path = path_by(tried, "answers", "then")
    assert path.steps[-2].heard == tuple(saying.amount(1250, Currency.UAH, Language.UK))


def test_an_exit_that_nothing_takes_is_told_and_does_not_hinder() -> None:
    flow = read(
        {
            "start": "a",
            "variables": {"vip": "no"},
            "nodes": {"a": {"verb": "if", "variable": "vip", "value": "yes", "then": "end", "else": "end"}, "end": BYE},
        }
    )
    (finding,) = simulate(flow, AROUND).findings
    assert (finding.key, finding.node, finding.parameters["exit"], finding.hinders) == (
        "never_taken",
        "a",
        "then",
        False,
    )


def test_a_dead_end_is_found() -> None:
    tried = simulate(flow_of(a={"verb": "play", "prompts": ["welcome"]}), AROUND)
    assert keys(tried.findings) == ["dead_end"]


def test_more_paths_than_can_be_tried_are_told() -> None:
    """Each key leaves other variables behind, so no two of 12 ** 4 paths are alike."""
    nodes: dict[str, dict[str, object]] = {}
    said = {"verb": "say", "what": "digits", "value": "{v0}{v1}{v2}{v3}", "next": "end"}
    for place in range(4):
        nodes[f"m{place}"] = {
            "verb": "menu", "prompts": ["menu"], "timeout": f"s{place}",
            "keys": dict.fromkeys("1234567890*#", f"s{place}"),
        }  # fmt: skip
        nodes[f"s{place}"] = {"verb": "set", "variable": f"v{place}", "value": "{key}", "next": f"m{place + 1}"}
    tried = simulate(flow_of("m0", **nodes, m4=said, end=BYE), AROUND)
    assert len(tried.paths) == MOST_PATHS
    assert keys(tried.findings) == ["too_many_paths"]


def test_a_variable_that_grows_in_a_circle_comes_to_an_end() -> None:
    flow = read(
        {
            "start": "a",
            "variables": {"x": ""},
            "nodes": {
                "a": {"verb": "set", "variable": "x", "value": "{x}1", "next": "b"},
                "b": {"verb": "enqueue", "line": "700", "unanswered": "a"},
            },
        }
    )
    assert keys(simulate(flow, AROUND).findings) == ["too_long"]


async def night(visit: Visit) -> None:
    await visit.play("welcome")
    if await visit.menu(["menu"], "12") == "1":
        await visit.enqueue("700")
    elif visit.variables["caller"] == "":
        raise RuntimeError("nobody calls")


def test_a_flow_in_python_is_tried_with_the_same_verbs() -> None:
    tried = simulate_function(night, AROUND, Language.EN)
    assert tried.findings == ()
    assert ends(tried) == [("hangup", ""), ("hangup", ""), ("hangup", ""), ("hangup", ""), ("line", "700")]


async def broken(visit: Visit) -> None:
    if await visit.menu(["menu"], "1") == "1":
        raise LookupError("no such client")
    await asyncio.sleep(1)


def test_what_goes_wrong_in_a_flow_in_python_is_told() -> None:
    tried = simulate_function(broken, AROUND, Language.EN)
    reasons = {each.parameters["reason"] for each in tried.findings}
    assert "LookupError: no such client" in reasons


def test_an_exception_clause_of_a_flow_does_not_hold_up_the_end_of_a_visit() -> None:
    async def stubborn(visit: Visit) -> None:
        try:
            await visit.hangup()
        except Exception:
            await visit.play("welcome")

    assert [len(path.steps) for path in simulate_function(stubborn, AROUND, Language.EN).paths] == [1]


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])


@st.composite
def nodes(draw: st.DrawFn) -> dict[str, object]:
    verb = draw(st.sampled_from(["play", "menu", "enqueue", "set", "if", "hangup", "hours", "dial", "gather"]))
    to = [draw(NAMES) for _ in range(3)]
    verbs: dict[str, dict[str, object]] = {
        "play": {"prompts": ["welcome"], "next": to[0]},
        "menu": {"prompts": ["menu"], "keys": {"1": to[0], "2": to[1]}, "timeout": to[2]},
        "enqueue": {"line": "700", "unanswered": to[0]},
        "set": {"variable": "x", "value": draw(st.sampled_from(["1", "2", "{x}"])), "next": to[0]},
        "if": {"variable": "x", "value": "1", "then": to[0], "else": to[1]},
        "hangup": {},
        "hours": {"calendar": {"week": {"mon": ["09:00-10:00"]}}, "open": to[0], "closed": to[1]},
        "dial": {"number": "101", "unanswered": to[0], "busy": to[1]},
        "gather": {"prompts": ["pin"], "into": "x", "next": to[0], "timeout": to[1]},
    }
    return verbs[verb] | {"verb": verb}


@given(st.fixed_dictionaries({name: nodes() for name in "abcde"}))
def test_a_flow_in_which_the_check_finds_nothing_comes_to_no_dead_end(drawn: dict[str, dict[str, object]]) -> None:
    flow = read({"start": "a", "variables": {"x": ""}, "nodes": drawn})
    hinders = [each for each in check(flow, AROUND) if each.key != "unreachable"]
    tried = simulate(flow, AROUND)
    if not hinders:
        assert {path.end for path in tried.paths} <= {"hangup", "line", "answered", "joins", "too_long"}


@pytest.mark.parametrize("attempts", [1, 3])
def test_patience_is_counted_in_virtual_time(attempts: int) -> None:
    flow = flow_of(
        a={"verb": "gather", "prompts": ["pin"], "into": "pin", "seconds": 10, "attempts": attempts, "next": "b",
           "timeout": "b"},
        b=BYE,
    )  # fmt: skip
    assert path_by(simulate(flow, AROUND), "timeout").seconds == attempts * 12.0
