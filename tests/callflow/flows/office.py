"""A flow that is right, and the surroundings in which it is."""

from __future__ import annotations

from typing import Any

import msgspec

from callflow.flows import model
from callflow.flows.checking import Surroundings, check
from callflow.flows.findings import Finding
from callflow.flows.model import Flow

PROMPTS = {"welcome": 2.0, "menu": 4.0, "closed": 3.0, "goodbye": 1.0, "pin": 2.0}
OFFICE: dict[str, Any] = {
    "start": "hours",
    "nodes": {
        "hours": {
            "verb": "hours",
            "calendar": {
                "time_zone": "Europe/Kyiv",
                "week": {"mon": ["09:00-13:00", "14:00-18:00"], "sat": ["10:00-24:00"]},
                "holidays": ["01-01", "2026-04-13"],
                "days": {"2026-12-31": ["09:00-12:00"], "2026-01-01": ["12:00-13:00"]},
            },
            "open": "welcome",
            "closed": "closed",
        },
        "welcome": {"verb": "play", "prompts": ["welcome"], "next": "menu"},
        "menu": {
            "verb": "menu",
            "prompts": ["menu"],
            "keys": {"1": "line", "2": "boss"},
            "seconds": 5,
            "attempts": 2,
            "timeout": "line",
        },
        "line": {"verb": "enqueue", "line": "700", "unanswered": "bye"},
        "boss": {"verb": "dial", "number": "101", "seconds": 20, "unanswered": "line"},
        "closed": {"verb": "play", "prompts": ["closed"], "next": "mail"},
        "mail": {"verb": "voicemail", "prompts": ["goodbye"], "seconds": 60, "next": "bye"},
        "bye": {"verb": "hangup"},
    },
}
AROUND = Surroundings(
    prompt=lambda name: 0.4 if "/say/" in name else PROMPTS.get(name),
    line={"700": 300.0}.get,
    is_flow={"800", "801"}.__contains__,
    is_dialled={"101", "+380441234567"}.__contains__,
)


def office(**nodes: dict[str, Any] | None) -> Flow:
    """The right flow with other nodes; None: without that one."""
    changed = {**OFFICE["nodes"], **nodes}
    return read({**OFFICE, "nodes": {name: node for name, node in changed.items() if node is not None}})


def read(flow: dict[str, Any]) -> Flow:
    return model.read(msgspec.json.encode(flow))


def flow_of(start: str = "a", **nodes: dict[str, Any]) -> Flow:
    return read({"start": start, "nodes": nodes})


def wrong(flow: Flow) -> list[tuple[str, str]]:
    """Key and node of what the check finds."""
    return [(each.key, each.node) for each in check(flow, AROUND)]


def keys(findings: list[Finding] | tuple[Finding, ...]) -> list[str]:
    return [each.key for each in findings]
