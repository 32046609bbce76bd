"""Whether a flow makes sense, and if not, why: everything that is wrong with it, not only the first thing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from callflow.flows import model
from callflow.flows.calendar import is_zone
from callflow.flows.findings import Finding, found
from callflow.flows.model import GIVEN, NAMED, AnyNode, Flow, Spoken, reads
from callflow.flows.speech import spoken
from callflow.saying import Language

Edges: TypeAlias = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a flow may name."""

    prompt: Callable[[str], float | None]  # its length in seconds; None: there is none
    line: Callable[[str], float | None]  # for how many seconds one waits there at most; None: there is none
    is_flow: Callable[[str], bool]
    is_dialled: Callable[[str], bool]  # an extension, or an outside number for which there is a trunk
    is_taken: Callable[[str], bool] = lambda number: False  # it is something else than a flow already


NOWHERE = Surroundings(
    prompt=lambda name: None, line=lambda number: None, is_flow=lambda number: False, is_dialled=lambda number: False
)


def check(flow: Flow, around: Surroundings) -> list[Finding]:
    """In the order of the nodes; none: it may be published, if the simulator finds nothing either."""
    findings = list(_whole(flow))
    readable = GIVEN | set(flow.variables) | set(_written(flow.nodes.values()))
    for name, node in flow.nodes.items():
        findings += _exits(name, node, flow)
        findings += _prompts(name, node, around)
        findings += _targets(name, node, around)
        findings += _variables(name, node, readable)
        findings += _values(name, node)
    return findings + list(_paths(flow))


def _whole(flow: Flow) -> Iterator[Finding]:
    if flow.start not in flow.nodes:
        yield found("unknown_start", target=flow.start)
    if flow.time_zone and not is_zone(flow.time_zone):
        yield found("bad_zone", value=flow.time_zone)


def _exits(name: str, node: AnyNode, flow: Flow) -> Iterator[Finding]:
    for exit_name, target in node.exits():
        if target and target not in flow.nodes:
            yield found("unknown_node", name, exit=exit_name, target=target)
        elif not target and exit_name not in node.OPTIONAL:
            is_menu = isinstance(node, model.Menu)
            yield found("menu_without_timeout", name) if is_menu else found("missing_exit", name, exit=exit_name)
    if isinstance(node, model.Menu) and not node.keys:
        yield found("menu_without_keys", name)


def _prompts(name: str, node: AnyNode, around: Surroundings) -> Iterator[Finding]:
    if not isinstance(node, model.Play | model.Menu | model.Gather | model.Voicemail | model.Callback):
        return
    if not node.prompts:
        yield found("no_prompt", name)
    for prompt in node.prompts:
        if around.prompt(prompt) is None:
            yield found("missing_prompt", name, prompt=prompt)


def _targets(name: str, node: AnyNode, around: Surroundings) -> Iterator[Finding]:
    match node:
        case model.Enqueue(line=target):
            known = around.line(target) is not None
        case model.Callback(line=target):
            known = not target or around.line(target) is not None
        case model.Dial(number=target):
            known = around.is_dialled(target)
        case model.Transfer(flow=target):
            known = around.is_flow(target)
        case _:
            return
    if not known:
        yield found("unknown_target", name, target=target)


def _written(nodes: Iterable[AnyNode]) -> Iterator[str]:
    for node in nodes:
        match node:
            case model.Gather(into=variable) | model.Set(variable=variable):
                yield variable
            case model.Webhook():
                yield from node.into


def _variables(name: str, node: AnyNode, readable: set[str] | frozenset[str]) -> Iterator[Finding]:
    for variable in dict.fromkeys(reads(node)):
        if variable not in readable:
            yield found("unknown_variable", name, variable=variable)


def _values(name: str, node: AnyNode) -> Iterator[Finding]:
    match node:
        case model.Hours():
            faults = list(node.calendar.faults())
            yield from (found("bad_hours", name, value=fault) for fault in faults)
            if not faults and not node.calendar.opens:
                yield found("never_open", name)
        case model.Gather() if node.least > node.most:
            yield found("bad_lengths", name, least=node.least, most=node.most)
        case model.Say() if not NAMED.search(node.value) and not (node.what is Spoken.TIME and not node.value):
            if not spoken(node.what, node.value, node.currency, Language.EN):
                yield found("bad_value", name, value=node.value)


# ---- paths -------------------------------------------------------------------------------------------------------


def _paths(flow: Flow) -> Iterator[Finding]:
    edges = {name: [to for _, to in node.exits() if to in flow.nodes] for name, node in flow.nodes.items()}
    reached = _reached([flow.start], edges) if flow.start in flow.nodes else set()
    yield from (found("unreachable", name) for name in flow.nodes if name not in reached)
    backwards: dict[str, list[str]] = {name: [] for name in flow.nodes}
    for name, targets in edges.items():
        for target in targets:
            backwards[target].append(name)
    ends = [name for name, node in flow.nodes.items() if _may_end(node, flow)]
    leaving = _reached(ends, backwards)
    stuck = [name for name in flow.nodes if name in reached and name not in leaving]
    yield from (found("no_way_out", name) for name in stuck)
    silent = {name: [to for to in _silent(node) if to in flow.nodes] for name, node in flow.nodes.items()}
    if not stuck and (circle := _circle(silent)):
        yield found("silent_loop", circle[0], path=" → ".join([*circle, circle[0]]))


def _may_end(node: AnyNode, flow: Flow) -> bool:
    """Here, or at an exit that leads nowhere: that is told elsewhere."""
    endings = model.Hangup | model.Transfer | model.Enqueue | model.Dial
    return isinstance(node, endings) or any(to not in flow.nodes for _, to in node.exits())


def _silent(node: AnyNode) -> list[str]:
    """Where somebody may come who presses nothing. Waiting in a line and ringing take their time and may end well: a
    circle through one of them is no fault."""
    match node:
        case model.Menu(timeout=to) | model.Gather(timeout=to) | model.Callback(declined=to):
            return [to]
        case model.Enqueue() | model.Dial():
            return []
        case _:
            return [to for _, to in node.exits()]


def _reached(start: Iterable[str], edges: Edges) -> set[str]:
    reached, ahead = set(start), list(start)
    while ahead:
        for target in edges[ahead.pop()]:
            if target not in reached:
                reached.add(target)
                ahead.append(target)
    return reached


def _circle(edges: Edges) -> list[str]:
    """One that exists; [] when there is none. Without recursion: a flow may be 500 nodes deep."""
    done: set[str] = set()
    for root in edges:
        path, left = [root], [iter(edges[root])]
        while path and root not in done:
            target = next(left[-1], None)
            if target is None:
                done.add(path.pop())
                left.pop()
            elif target in path:
                return path[path.index(target) :]
            elif target not in done:
                path.append(target)
                left.append(iter(edges[target]))
    return []
