"""What the settings of a line may be together: who and what they name has to be there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module

from callflow.line_settings import Callback, LineSettings
from queue_engine.strategy import STRATEGIES

Path = tuple[str | int, ...]
Breach = tuple[Path, str]
"""The path of a key that is wrong, and what is expected there (English)."""

KEY = re.compile(r"[0-9*#]")
CALLER = re.compile(r"\+?[0-9]{2,15}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a line may name. `strategy`: why it cannot be had; "": it can."""

    is_extension: Callable[[str], bool]
    is_target: Callable[[str], bool]
    strategy: Callable[[str], str]
    is_free: Callable[[str], bool] = lambda _: True  # a number for a new line


def loadable(name: str) -> str:
    """Why that strategy cannot be had: one of the engine's own, or "module:function". It is loaded for that."""
    if name in STRATEGIES:
        return ""
    module, colon, function = name.partition(":")
    if not colon:
        return f'expected one of {", ".join(STRATEGIES)} or "module:function", got "{name}"'
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError) as wrong:
        return f'"{name}" cannot be loaded: {wrong}'
    return "" if callable(found) else f'"{name}" is no function'


def line_breaches(line: LineSettings, around: Around) -> Iterator[Breach]:
    yield from _agents(line, around)
    yield from _skills(line)
    if reason := around.strategy(line.strategy):
        yield ("strategy",), reason
    if line.overflow and not around.is_target(line.overflow):
        yield ("overflow",), f'the line overflows into "{line.overflow}": no such number'
    for key, target in line.exit_keys.items():
        if not KEY.fullmatch(key):
            yield ("exit_keys", key), f'expected a key of 0 to 9, * or #, got "{key}"'
        if not around.is_target(target):
            yield ("exit_keys", key), f'key {key} leads to "{target}": no such number'
    if line.callback is not None:
        yield from _callback(line.callback, line)
    for caller in line.priorities:
        if not CALLER.fullmatch(caller):
            yield ("priorities", caller), f'expected a number such as "+380441234567", got "{caller}"'
    if line.sticky_patience and not line.sticky:
        yield ("sticky",), "nobody is named for whom callers are kept"


def _callback(callback: Callback, line: LineSettings) -> Iterator[Breach]:
    if callback.key in line.exit_keys:
        yield ("callback", "key"), f"key {callback.key} is an exit key already"
    if callback.hours is None:
        return
    faults = list(callback.hours.faults())
    for fault in faults:
        yield ("callback", "hours"), f'"{fault}" is no time, date or zone, or is said twice'
    if not faults and not callback.hours.opens:
        yield ("callback", "hours"), "nobody would ever be called back"


def _agents(line: LineSettings, around: Around) -> Iterator[Breach]:
    for agent in line.agents:
        if not around.is_extension(agent):
            yield ("agents",), f'no extension "{agent}"'
    if len(set(line.agents)) < len(line.agents):
        yield ("agents",), "an agent is named twice"
    for agent in line.penalties:
        if agent not in line.agents:
            yield ("penalties", agent), f'"{agent}" is no agent of the line'
    placed: set[str] = set()
    for index, tier in enumerate(line.tiers):
        for agent in tier.agents:
            if agent not in line.agents:
                yield ("tiers", index, "agents"), f'"{agent}" is no agent of the line'
            if agent in placed:
                yield ("tiers", index, "agents"), f'"{agent}" is in two tiers'
            placed.add(agent)


def _skills(line: LineSettings) -> Iterator[Breach]:
    """A relaxation that asks for more than the line, or than an earlier one, would change nothing."""
    levels = dict(line.skills)
    for index, step in sorted(enumerate(line.relaxations), key=lambda each: each[1].after):
        for name, level in step.skills.items():
            if name not in levels:
                yield ("relaxations", index, "skills"), f'the line does not ask for "{name}"'
            elif level >= levels[name]:
                yield ("relaxations", index, "skills"), f'"{name}" = {level} asks for no less than {levels[name]}'
            levels[name] = level
