"""The flows that callers meet: those that are published, by number, as the core keeps them in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol
from zoneinfo import ZoneInfo

from callflow.flows.model import Flow
from callflow.flows.runner import run
from callflow.flows.visit import FlowFunction, Visit
from callflow.saying import Language


class NoSuchFunction(Exception):
    """`module:function` names nothing that a flow could be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """`version` 0: from the configuration."""

    flow: Flow
    version: int = 0

    @property
    def language(self) -> Language:
        return self.flow.language

    async def run(self, visit: Visit) -> None:
        await run(self.flow, visit)


@dataclass(frozen=True, slots=True, kw_only=True)
class InPython:
    function: FlowFunction
    language: Language
    version: int = 0

    async def run(self, visit: Visit) -> None:
        await self.function(visit)


class AnyFlow(Protocol):
    @property
    def version(self) -> int: ...

    @property
    def language(self) -> Language: ...

    async def run(self, visit: Visit) -> None: ...


@dataclass(slots=True, kw_only=True)
class FlowBook:
    """A call that is in a flow stays in the version in which it began. `own` are the configuration's; what the data
    base has published stands above them, and stays here while it is away."""

    own: Mapping[str, AnyFlow] = field(default_factory=dict)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))  # of calendars that name none
    _published: Mapping[str, Published] = field(default_factory=dict)

    def __contains__(self, number: object) -> bool:
        return number in self._published or number in self.own

    def get(self, number: str) -> AnyFlow | None:
        return self._published.get(number) or self.own.get(number)

    def publish(self, published: Mapping[str, Published]) -> None:
        """All that are published now. Calls see either all of the change or nothing."""
        self._published = dict(published)

    def playing(self, prompt: str) -> bool:
        """Whether a flow that callers meet now names this prompt."""
        known = (*self.own.values(), *self._published.values())
        return any(isinstance(each, Published) and prompt in each.flow.prompts() for each in known)

    @property
    def versions(self) -> Mapping[str, int]:
        return {number: each.version for number, each in self._published.items()}


def function_named(name: str) -> FlowFunction:
    """Raises NoSuchFunction."""
    module, _, attribute = name.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as wrong:
        raise NoSuchFunction(f"{name}: {wrong}") from None
    if not callable(found):
        raise NoSuchFunction(f"{name}: not a function")
    function: FlowFunction = found
    return function
