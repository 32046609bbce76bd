"""Codes that people dial to tell the switchboard something. Pure.

Forwarding follows ETSI and GSM: `*21*NUMBER#` sets, `#21#` ends; `**21*…#` and `##21#` are understood too, and `##002#`
ends every forwarding. Phones that keep `#` for themselves may leave the last one out.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from callflow.control import Order
from callflow.facts import ForwardKind


class Feature(StrEnum):
    PICK_UP = "pick_up"  # argument: the extension, "" = any of the group
    PARK = "park"  # argument: the orbit, "" = the first that is free
    FORWARD = "forward"  # kind and argument: the number, "" = no longer
    FORWARD_NOTHING = "forward_nothing"
    DO_NOT_DISTURB = "do_not_disturb"  # argument: "on" or ""
    SUPERVISE = "supervise"  # argument: the agent's extension


class Together(Enum):
    """What is pressed about who talks, rather than about the recording."""

    CONFERENCE = auto()


@dataclass(frozen=True, slots=True)
class ToFeature:
    feature: Feature
    argument: str = ""
    kind: ForwardKind | None = None


_FORWARD = re.compile(r"\*{1,2}([0-9]{2,3})\*([^#]{1,40})#?")
_ERASE = re.compile(r"#{1,2}([0-9]{2,3})#?")
ALL_FORWARDING = "002"
"""In place of one kind's code, for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCodes:
    """An empty code switches its feature off."""

    pick_up: str = "*8"  # and *8 with an extension behind it
    park: str = "*70"  # and the orbits *701 to *709
    orbits: int = 9
    forward_always: str = "21"
    forward_busy: str = "67"
    forward_no_answer: str = "61"
    do_not_disturb_on: str = "*78"
    do_not_disturb_off: str = "*79"
    record: str = "*1"  # pressed during a call, as the next one
    pause_recording: str = "*2"
    secure_entry: str = "*3"
    mute: str = "*6"  # pressed in a conference: nobody hears me, or all do again
    conference: str = "*5"
    supervise: str = "*55"  # and an extension behind it

    def pressed(self) -> dict[str, Order | Together]:
        """What is pressed while one talks, and not dialled."""
        codes: dict[str, Order | Together] = {
            self.record: Order.TOGGLE,
            self.pause_recording: Order.TOGGLE_PAUSE,
            self.secure_entry: Order.TOGGLE_HIDING,
            self.conference: Together.CONFERENCE,
        }
        return {code: order for code, order in codes.items() if code}

    def orbit_numbers(self) -> tuple[str, ...]:
        return tuple(f"{self.park}{number}" for number in range(1, self.orbits + 1)) if self.park else ()

    def read(self, dialled: str, extensions: Container[str]) -> ToFeature | None:
        """What that code asks for; None: it is none of ours."""
        if dialled and dialled == self.do_not_disturb_on:
            return ToFeature(Feature.DO_NOT_DISTURB, "on")
        if dialled and dialled == self.do_not_disturb_off:
            return ToFeature(Feature.DO_NOT_DISTURB)
        if self.park and dialled == self.park:
            return ToFeature(Feature.PARK)
        if dialled in self.orbit_numbers():
            return ToFeature(Feature.PARK, dialled)
        if self.pick_up and dialled.startswith(self.pick_up):
            extension = dialled.removeprefix(self.pick_up)
            return ToFeature(Feature.PICK_UP, extension) if not extension or extension in extensions else None
        if self.supervise and dialled.startswith(self.supervise):
            extension = dialled.removeprefix(self.supervise)
            return ToFeature(Feature.SUPERVISE, extension) if extension in extensions else None
        return self._forwarding(dialled)

    def _forwarding(self, dialled: str) -> ToFeature | None:
        if found := _FORWARD.fullmatch(dialled):
            kind = self._kind(found[1])
            return ToFeature(Feature.FORWARD, found[2], kind) if kind else None
        if found := _ERASE.fullmatch(dialled):
            if found[1] == ALL_FORWARDING:
                return ToFeature(Feature.FORWARD_NOTHING)
            kind = self._kind(found[1])
            return ToFeature(Feature.FORWARD, "", kind) if kind else None
        return None

    def _kind(self, code: str) -> ForwardKind | None:
        return {
            self.forward_always: ForwardKind.ALWAYS,
            self.forward_busy: ForwardKind.BUSY,
            self.forward_no_answer: ForwardKind.NO_ANSWER,
        }.get(code)
