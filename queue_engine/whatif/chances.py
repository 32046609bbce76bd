"""What people and agents do in a simulated day: as they did where that is known, else drawn from what others did.

Each draw has a name, such as whose talk it is, and the same name gives the same draw. So two simulations of a day
differ by what was changed, and not by luck.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import TypeVar

from queue_engine.draw import Draw
from queue_engine.reasons import RefusalCause
from queue_engine.whatif.day import Caller, Day, Ring
from queue_engine.whatif.patience import GaveUp, Patience

ENOUGH_GAVE_UP = 30
"""People who gave up in a line: with fewer, all lines are looked at together."""
ENOUGH = 10
"""Talks of a line, offers to an agent: likewise."""
ANSWERS_AFTER = 5.0
"""Seconds, if nobody was ever rung that day."""
USUAL = 10
"""Talks of usual length that are put beside those of an agent."""
TALKS = 180.0
"""Seconds, if nobody ever talked that day."""

T = TypeVar("T")


class Chances:
    """`as_it_was` False: nothing of the real day is taken for a caller, all is drawn."""

    def __init__(self, day: Day, seed: int, *, as_it_was: bool = True) -> None:
        self._day, self._seed, self._as_it_was = day, seed, as_it_was
        self._patience = _Pooled(day.callers)
        self._paces = _paces(day.callers)
        self._talks = _grouped(
            (caller.item.line, (caller.talk / self._pace(caller.served_by), caller.wrap_up))
            for caller in day.callers
            if caller.talk is not None
        )
        self._rings = _grouped(
            (extension, ring)
            for caller in day.callers
            for extension, rings in caller.rings.items()
            for ring in rings
            if not ring.cut
        )

    def gives_up(self, caller: Caller) -> GaveUp | None:
        """How long the caller would wait; None: for ever, as does whom we are to call."""
        known = self._as_it_was
        if caller.item.is_absent or (known and caller.gave_up is not None):
            return caller.gave_up
        patience = self._patience.of(caller.item.line)
        return patience.draw(self._chance("patience", caller), caller.endured if known else 0.0)

    def talks(self, caller: Caller, extension: str) -> tuple[float, float | None]:
        """Seconds of talk with that agent; of wrap-up, None: as long as the line says. With another agent than in truth
        it takes longer or shorter, as far as that one's talks do."""
        if self._as_it_was and caller.talk is not None:
            if extension == caller.served_by:
                return caller.talk, caller.wrap_up
            return caller.talk * self._pace(extension) / self._pace(caller.served_by), caller.wrap_up
        found = _enough(self._talks, caller.item.line)
        if not found:
            return TALKS, None
        talk, wrap_up = self._one(found, "talk", caller)
        return talk * self._pace(extension), wrap_up

    def _pace(self, extension: str) -> float:
        return self._paces.get(extension, 1.0)

    def rings(self, caller: Caller, extension: str, before: int) -> Ring:
        """How an offer to that agent ends; `before`: how many there were of the same caller."""
        known = caller.rings.get(extension, ()) if self._as_it_was else ()
        since = known[before].seconds if before < len(known) else 0.0
        if before < len(known) and not known[before].cut:
            return known[before]
        found = [ring for ring in _enough(self._rings, extension) if ring.seconds > since]
        if not found:
            return Ring(ANSWERS_AFTER, None) if since == 0.0 else Ring(since + ANSWERS_AFTER, RefusalCause.NO_ANSWER)
        return self._one(found, f"ring {extension} {before}", caller)

    def pauses(self, extension: str, before: int) -> float | None:
        """How long a pause lasts that the engine made; None: nobody knows, until the agent says something else."""
        if not self._day.pauses:
            return None
        return self._day.pauses[int(self._named(f"pause {extension} {before}") * len(self._day.pauses))]

    def _one(self, found: Sequence[T], what: str, caller: Caller) -> T:
        return found[int(self._chance(what, caller) * len(found))]

    def _chance(self, what: str, caller: Caller) -> float:
        return self._named(f"{what} of {caller.item.item_id.int}")

    def _named(self, name: str) -> float:
        digest = hashlib.blake2b(f"{self._seed} {name}".encode(), digest_size=8).digest()
        return Draw(int.from_bytes(digest)).next()


def _paces(callers: Sequence[Caller]) -> Mapping[str, float]:
    """How long each agent's talks take, by the mean of their lines; beside a few of an agent stand usual ones."""
    talks = [(caller.served_by, caller.item.line, caller.talk) for caller in callers if caller.talk is not None]
    usual = {line: fmean(found) for line, found in _grouped((line, talk) for _, line, talk in talks).items() if found}
    shares = _grouped((agent, talk / usual[line] if usual[line] else 1.0) for agent, line, talk in talks)
    return {agent: (sum(found) + USUAL) / (len(found) + USUAL) for agent, found in shares.items() if agent}


class _Pooled:
    """The patience of each line's people, or of all people."""

    def __init__(self, callers: Iterable[Caller]) -> None:
        self._callers: dict[str, list[Caller]] = {}
        for caller in callers:
            if caller.item.is_absent:
                continue
            self._callers.setdefault(caller.item.line, []).append(caller)
        self._of = {line: _patience(found) for line, found in self._callers.items()}
        self._all = _patience([caller for found in self._callers.values() for caller in found])

    def of(self, line: str) -> Patience:
        own = self._of.get(line)
        return own if own is not None and len(own) >= ENOUGH_GAVE_UP else self._all


def _patience(callers: Sequence[Caller]) -> Patience:
    return Patience(
        [caller.gave_up for caller in callers if caller.gave_up is not None],
        [caller.endured for caller in callers if caller.gave_up is None],
    )


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    """By the first of each; all of them under ""."""
    found: dict[str, list[T]] = {"": []}
    for group, value in pairs:
        found.setdefault(group, []).append(value)
        found[""].append(value)
    return found


def _enough(found: Mapping[str, list[T]], group: str) -> list[T]:
    own = found.get(group, [])
    return own if len(own) >= ENOUGH else found[""]
