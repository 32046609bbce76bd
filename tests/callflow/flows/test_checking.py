"""What is wrong with a flow is found, named and explained."""

from __future__ import annotations

from string import Formatter

import pytest

from callflow.flows import model
from callflow.flows.checking import check
from callflow.flows.findings import SENTENCES, found
from callflow.flows.model import BadFlow
from callflow.saying import Language
from tests.callflow.flows.office import AROUND, OFFICE, flow_of, office, read, wrong

BYE = {"verb": "hangup"}


def test_nothing_is_wrong_with_a_good_flow() -> None:
    assert check(office(), AROUND) == []


@pytest.mark.parametrize(
    ("nodes", "key", "node"),
    [
        ({"lost": BYE}, "unreachable", "lost"),
        ({"welcome": {"verb": "play", "prompts": ["welcome"]}}, "missing_exit", "welcome"),
        ({"welcome": {"verb": "play", "prompts": ["welcome"], "next": "mneu"}}, "unknown_node", "welcome"),
        ({"welcome": {"verb": "play", "prompts": ["hello"], "next": "menu"}}, "missing_prompt", "welcome"),
        ({"welcome": {"verb": "play", "prompts": [], "next": "menu"}}, "no_prompt", "welcome"),
        ({"menu": {"verb": "menu", "prompts": ["menu"], "keys": {"1": "line"}}}, "menu_without_timeout", "menu"),
        ({"menu": {"verb": "menu", "prompts": ["menu"], "keys": {}, "timeout": "line"}}, "menu_without_keys", "menu"),
        ({"line": {"verb": "enqueue", "line": "701", "unanswered": "bye"}}, "unknown_target", "line"),
        ({"line": {"verb": "callback", "prompts": ["welcome"], "line": "701", "accepted": "bye", "declined": "bye"}},
         "unknown_target", "line"),
        ({"boss": {"verb": "dial", "number": "700", "unanswered": "line"}}, "unknown_target", "boss"),
        ({"bye": {"verb": "flow", "flow": "700"}}, "unknown_target", "bye"),
        ({"bye": {"verb": "say", "what": "number", "value": "{age}", "next": "end"}, "end": BYE},
         "unknown_variable", "bye"),
        ({"bye": {"verb": "if", "variable": "age", "then": "end", "else": "end"}, "end": BYE},
         "unknown_variable", "bye"),
        ({"bye": {"verb": "webhook", "url": "http://a/", "send": ["age"], "next": "end", "failed": "end"}, "end": BYE},
         "unknown_variable", "bye"),
        ({"bye": {"verb": "say", "what": "time", "value": "25:00", "next": "end"}, "end": BYE}, "bad_value", "bye"),
        ({"bye": {"verb": "gather", "prompts": ["pin"], "into": "pin", "least": 4, "most": 3, "next": "end",
                  "timeout": "end"}, "end": BYE}, "bad_lengths", "bye"),
        ({"hours": {"verb": "hours", "calendar": {"week": {"mon": ["10:00-09:00"]}}, "open": "welcome",
                    "closed": "closed"}}, "bad_hours", "hours"),
        ({"hours": {"verb": "hours", "calendar": {}, "open": "welcome", "closed": "closed"}}, "never_open", "hours"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_at_its_node(nodes: dict[str, dict[str, object]], key: str, node: str) -> None:
    found_there = [each for each in wrong(office(**nodes)) if each[0] != "unreachable" or key == "unreachable"]
    assert found_there == [(key, node)]


def test_a_start_that_is_not_there_is_found() -> None:
    findings = check(read({**OFFICE, "start": "begin"}), AROUND)
    assert findings[0].key == "unknown_start"


def test_who_cannot_leave_a_node_whatever_they_press_is_found() -> None:
    flow = flow_of(
        a={"verb": "menu", "prompts": ["menu"], "keys": {"1": "b", "2": "c"}, "timeout": "c"},
        b={"verb": "play", "prompts": ["welcome"], "next": "b2"},
        b2={"verb": "answer", "next": "b"},
        c=BYE,
    )
    assert wrong(flow) == [("no_way_out", "b"), ("no_way_out", "b2")]


def test_a_circle_that_only_a_key_leaves_is_found() -> None:
    """A caller who has put the telephone down on the table would be played to for ever."""
    flow = flow_of(
        a={"verb": "menu", "prompts": ["menu"], "keys": {"1": "c"}, "timeout": "b"},
        b={"verb": "play", "prompts": ["welcome"], "next": "a"},
        c=BYE,
    )
    (finding,) = check(flow, AROUND)
    assert finding.key == "silent_loop"
    assert finding.sentence(Language.EN) == "A caller who presses nothing goes round for ever: a → b → a."


def test_a_key_that_says_it_all_again_is_no_fault() -> None:
    flow = flow_of(
        a={"verb": "play", "prompts": ["welcome"], "next": "b"},
        b={"verb": "menu", "prompts": ["menu"], "keys": {"9": "a", "8": "b"}, "timeout": "c"},
        c=BYE,
    )
    assert wrong(flow) == []


def test_a_circle_through_a_line_is_no_fault() -> None:
    flow = flow_of(
        a={"verb": "enqueue", "line": "700", "unanswered": "b"},
        b={"verb": "play", "prompts": ["welcome"], "next": "a"},
    )
    assert wrong(flow) == []


def test_a_variable_is_known_when_any_node_sets_it() -> None:
    flow = read(
        {
            "start": "a",
            "variables": {"vip": "no"},
            "nodes": {
                "a": {"verb": "gather", "prompts": ["pin"], "into": "pin", "next": "b", "timeout": "b"},
                "b": {"verb": "webhook", "url": "https://a/", "send": ["pin", "caller"], "into": {"debt": "sum"},
                      "next": "c", "failed": "c"},
                "c": {"verb": "set", "variable": "all", "value": "{pin}{debt}{vip}{dialled}{key}", "next": "d"},
                "d": {"verb": "say", "what": "digits", "value": "{all}", "next": "e"},
                "e": {"verb": "hangup"},
            },
        }
    )  # fmt: skip
    assert check(flow, AROUND) == []


def test_a_flow_of_five_hundred_nodes_in_a_row_is_walked() -> None:
    nodes = {f"n{index}": {"verb": "answer", "next": f"n{index + 1}"} for index in range(499)}
    assert wrong(flow_of("n0", **nodes, n499=BYE)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"start": "a", "nodes": {}}',
        b'{"start": "a", "nodes": {"a": {"verb": "dance"}}}',
        b'{"start": "a", "nodes": {"a": {"verb": "play", "prompts": ["../../etc/passwd"]}}}',
        b'{"start": "a", "nodes": {"a": {"verb": "hangup", "typo": 1}}}',
        b'{"start": "a", "nodes": {"a": {"verb": "webhook", "url": "file:///etc/passwd"}}}',
        b"[" * 200_000,
        b" " * (model.LARGEST + 1),
    ],
)
def test_what_is_not_of_the_shape_is_refused_with_the_reason(data: bytes) -> None:
    with pytest.raises(BadFlow, match=r".+"):
        model.read(data)


def test_a_flow_that_is_written_and_read_is_the_same() -> None:
    assert model.read(model.write(office())) == office()


@pytest.mark.parametrize("key", SENTENCES)
def test_every_finding_has_a_sentence_in_each_language_with_the_same_parameters(key: str) -> None:
    fields = [
        {name for _, name, _, _ in Formatter().parse(SENTENCES[key][language]) if name is not None}
        for language in Language
    ]
    assert fields[0] == fields[1] == fields[2]
    parameters = dict.fromkeys(fields[0] - {"node"}, "x")
    assert len({found(key, "a", **parameters).sentence(language) for language in Language}) == 3
