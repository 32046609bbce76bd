"""Who hears whom in a call: those who talk with each other, and supervisors beside them.

The stages say who talks (`between`), supervisors come and go (`callflow.supervision`); neither knows of the other. What
follows from both is carried out by `pbx.gathering`: two alone are a bridge, everything else is a room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callflow.part import PartOfCall
from callflow.room_facts import SupervisionMode
from callflow.side import Side
from pbx.gathering import Gathering
from pbx.leg import Leg

if TYPE_CHECKING:
    from callflow.call import Call


@dataclass(slots=True, eq=False)
class Listener:
    """A supervisor's end, who hears all who talk. `agent`: the extension that a whisper is for."""

    side: Side
    mode: SupervisionMode
    agent: str


class Hearing(PartOfCall):
    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._gathering = Gathering()
        self._talkers: tuple[Side, ...] = ()
        self._listeners: list[Listener] = []

    @property
    def talkers(self) -> tuple[Side, ...]:
        return self._talkers

    async def prepare(self, near: Leg) -> None:
        """For a third one, whose coming follows at once. Raises NoMedia."""
        await self._gathering.prepare(near)

    def between(self, *sides: Side) -> None:
        """Those hear each other from now on, and nobody else: two, or more after `prepare`."""
        self._talkers = sides
        self.changed()

    def nobody(self) -> None:
        """Nobody talks with anybody now; supervisors wait."""
        self.between()

    def end(self) -> None:
        """With the call."""
        self._talkers, self._listeners = (), []
        self._gathering.close()

    def listens(self, listener: Listener) -> None:
        """After `prepare`."""
        self._listeners.append(listener)
        self.changed()

    def leaves(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
            self.changed()

    def changed(self) -> None:
        """Somebody's mode, or hold in a room, has changed."""
        hears = self._among_talkers()
        for listener in self._listeners:
            hears[listener.side.leg] = {side.leg for side in self._talkers}
        for listener in self._listeners:
            for leg in self._hearers_of(listener) if not listener.side.leg.held else ():
                hears[leg].add(listener.side.leg)
        self._gathering.arrange(hears, beside=[listener.side.leg for listener in self._listeners])
        self._call.recording.beside(*self._recorded())

    def _among_talkers(self) -> dict[Leg, set[Leg]]:
        """Of two the one who holds has the other hear music, which is the stages' business. Of more, who holds is
        apart: and not heard, since a phone that holds may send music."""
        talkers = self._talkers
        alone = [side for side in talkers if len(talkers) > 2 and side.on_hold]
        audible = [side for side in talkers if side not in alone and not (len(talkers) > 2 and side.leg.held)]
        return {
            side.leg: {other.leg for other in audible if other is not side and side not in alone} for side in talkers
        }

    def _hearers_of(self, listener: Listener) -> Sequence[Leg]:
        match listener.mode:
            case SupervisionMode.LISTEN:
                return ()
            case SupervisionMode.WHISPER:
                advised = self.advised(listener)
                return () if advised is None else (advised.leg,)
            case SupervisionMode.BARGE:
                others = (each.side.leg for each in self._listeners if each is not listener)
                return (*(side.leg for side in self._talkers), *others)

    def advised(self, listener: Listener) -> Side | None:
        """Whom a whisper is for: the agent that was named; when that one has left, the agent of the segment."""
        named = next((side for side in self._talkers if side.extension == listener.agent), None)
        agent = self._call.agent
        return named or (agent if agent in self._talkers else None)

    def _recorded(self) -> list[Side]:
        """Whoever the customer hears is in the recording: a whisper is not."""
        barging = [each.side for each in self._listeners if each.mode is SupervisionMode.BARGE]
        return [*self._talkers, *barging]
