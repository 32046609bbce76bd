"""How a call sounds while two people talk: what their legs tell, made into one word for people and one fact for each
change.

Nobody is judged while somebody is on hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from callflow.facts import LegMeasured, SoundChanged, SoundTrouble
from callflow.part import PartOfCall
from callflow.side import Side
from pbx.media.client import LegStatistics

if TYPE_CHECKING:
    from callflow.call import Call

log = structlog.get_logger("callflow.sounding")


class Sounding(PartOfCall):
    """`begin` and `end` frame the time in which people hear each other: two, or more."""

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self._sides: tuple[Side, ...] = ()
        self._told: tuple[str | None, SoundTrouble | None, str | None] = None, None, None

    def begin(self, *sides: Side) -> None:
        for side in self._sides:
            side.leg.sound.on_change = None
        self._sides = sides
        for side in sides:
            side.leg.sound.on_change = self.changed

    def end(self) -> None:
        if not self._sides:
            return
        for side in self._sides:
            side.leg.sound.on_change = None
        self._sides = ()
        if self._told[1] is not None:  # whoever looks must not believe in a trouble that is over
            self._call.tell(SoundChanged)
        self._told = None, None, None

    def changed(self) -> None:
        """Something is known of a leg that was not known before, or a hold began or ended."""
        if not self._sides:
            return
        trouble, culprit = self._trouble(self._sides)
        judged = [(side.leg.sound.quality, side) for side in self._sides]
        grades = [(quality.mos, quality.grade, side) for quality, side in judged if quality is not None]
        mos, grade, worst = min(grades, key=lambda each: each[0], default=(None, None, None))
        worst = culprit or worst
        now = grade.value if grade else None, trouble, worst.extension if worst else None
        if now == self._told:
            return
        self._told = now
        self._call.tell(SoundChanged, grade=now[0], mos=mos, trouble=trouble, worst=now[2])
        if trouble is not None:
            log.warning("call sounds wrong", call_id=str(self._call.call_id), trouble=trouble.value, leg=now[2])

    def _trouble(self, sides: Sequence[Side]) -> tuple[SoundTrouble | None, Side | None]:
        if any(side.holds for side in sides):
            return None, None
        mute = [side for side in sides if side.leg.sound.silent]
        if len(mute) == len(sides):
            return SoundTrouble.NO_SOUND, None
        if mute:
            return SoundTrouble.ONE_WAY, mute[0]
        if all(side.leg.sound.quiet for side in sides):
            return SoundTrouble.LONG_SILENCE, None
        return None, None


def tell_measured(call: Call, leg: UUID, extension: str | None, figures: LegStatistics) -> None:
    """The last figures of a leg of that call. One that only rang has none."""
    if not figures.received and not figures.sent:
        return
    call.tell(
        LegMeasured,
        leg=leg,
        extension=extension,
        codec=figures.codec,
        received=figures.received,
        lost=figures.lost,
        jitter_ms=figures.jitter_ms,
        round_trip_ms=figures.round_trip_ms,
        remote_lost=figures.remote_lost,
        mos=figures.mos,
        remote_mos=figures.remote_mos,
        worst_mos=figures.worst_mos,
        joined_seconds=figures.joined_seconds,
        talk_seconds=figures.talk_seconds,
        overtalk_seconds=figures.overtalk_seconds,
        silence_seconds=figures.silence_seconds,
    )
