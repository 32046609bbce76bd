"""What happened to calls in flows. The rules of `callflow.facts` hold here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from callflow.facts import CallFact, Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowEntered(CallFact):
    """`version`: of the flow that is published then; 0: it is Python, or the configuration's."""

    flow: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowNodePassed(CallFact):
    """The call goes on from `node` by its `exit`. Of one call the first hundred are told."""

    flow: str
    node: str
    exit: str


KINDS: Mapping[str, type[Fact]] = MappingProxyType({kind.__name__: kind for kind in (FlowEntered, FlowNodePassed)})
