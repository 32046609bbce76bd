"""Legs that hear each other: two as a bridge, more as a room, and back again without anybody being asked anew.

Two who hear each other are relayed on arrival, whatever was before. Everything else (a third one, one who only listens)
is a room of their media worker. Nothing of it is negotiated: a member keeps its session and its codec.

    gathering = Gathering()
    gathering.arrange({customer: {agent}, agent: {customer}})  # a bridge
    await gathering.prepare(customer)
    gathering.arrange({customer: {agent}, agent: {customer}, listener: {customer, agent}})  # a room
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pbx.leg import Leg
from pbx.media.client import MediaLeg, Room


class Gathering:
    """All legs must be in one media worker. A room goes when it is not needed any more, or with its last leg."""

    def __init__(self) -> None:
        self._hears: dict[Leg, frozenset[Leg]] = {}
        self._room: Room | None = None
        self._joined_at: dict[MediaLeg, float] = {}  # the gain with which each joined the room
        self._gains: dict[tuple[MediaLeg, MediaLeg], float] = {}  # by listener and talker

    async def prepare(self, near: Leg) -> None:
        """Have a room in the worker of `near`, for the `arrange` that follows at once. Raises NoMedia."""
        if self._room is not None and not self._room.is_closed:
            return
        assert near.media is not None
        # Digits go over in the core, which knows in what way each member takes them, and whose are nobody's business.
        room = await near.endpoint.media.open_room(near=near.media)
        if self._room is not None and not self._room.is_closed:
            room.close()  # somebody else was faster
        else:
            self._forget_room()
            self._room = room

    def arrange(self, hears: Mapping[Leg, Collection[Leg]], *, beside: Collection[Leg] = ()) -> None:
        """From now on each of these hears exactly those. Who is not named hears nobody, and is heard by nobody. Legs
        without media, or that are over, are left out. `beside`: of these, who are no part of the talk: as long as one
        is here it stays a room, and what they press goes to nobody."""
        alive = {leg for leg in hears if leg.media is not None and not leg.is_over}
        wanted = {leg: frozenset(hears[leg]) & alive for leg in hears if leg in alive}
        if wanted == self._hears:
            return
        before, self._hears = self._hears, wanted
        for leg in before:
            if leg not in wanted:
                self._let_go(leg)
        if len(wanted) > 2 or any(leg in beside for leg in wanted):
            self._mix(wanted)
            for leg in wanted:
                hearers = [] if leg in beside else [each for each, talkers in wanted.items() if leg in talkers]
                leg.path.reach(*(hearer.path for hearer in hearers))
        else:
            self._relay(wanted)

    def close(self) -> None:
        """Give the room back; the legs are ended by whoever owns them."""
        if self._room is not None:
            self._room.close()
            self._forget_room()
        self._hears = {}

    def _let_go(self, leg: Leg) -> None:
        if leg.media is not None and self._room is not None and leg.media in self._joined_at:
            self._room.leave(leg.media)
            self._strike(leg.media)
        leg.part()

    def _relay(self, wanted: Mapping[Leg, frozenset[Leg]]) -> None:
        if _is_pair(wanted):
            one, other = wanted
            one.join(other)
        else:
            for leg in wanted:
                leg.part()
        if self._room is not None:
            self._room.close()
            self._forget_room()

    def _mix(self, wanted: Mapping[Leg, frozenset[Leg]]) -> None:
        room = self._room
        if room is None or room.is_closed:
            return  # its worker is lost, and all these legs with it
        for leg in wanted:
            assert leg.media is not None
            if leg.media not in self._joined_at:
                self._join(room, leg, wanted)
        for listener, talkers in wanted.items():
            for talker in wanted:
                if talker is not listener:
                    self._set_gain(room, listener, talker, 1.0 if talker in talkers else 0.0)

    def _join(self, room: Room, leg: Leg, wanted: Mapping[Leg, frozenset[Leg]]) -> None:
        """Two who were bridged meet in the room as they were: it relays them until the next one comes."""
        assert leg.media is not None
        there = [other for other in wanted if other.media in self._joined_at]
        plain = all(other in wanted[leg] and leg in wanted[other] for other in there)
        gain = 1.0 if plain else 0.0
        room.join(leg.media, hears=gain, heard=gain)
        for other in there:
            assert other.media is not None
            product = gain * self._joined_at[other.media]
            self._gains[leg.media, other.media] = self._gains[other.media, leg.media] = product
        self._joined_at[leg.media] = gain

    def _set_gain(self, room: Room, listener: Leg, talker: Leg, gain: float) -> None:
        assert listener.media is not None
        assert talker.media is not None
        if self._gains[listener.media, talker.media] != gain:
            self._gains[listener.media, talker.media] = gain
            room.set_gain(gain, listener=listener.media, talker=talker.media)

    def _strike(self, media: MediaLeg) -> None:
        self._joined_at.pop(media, None)
        self._gains = {pair: gain for pair, gain in self._gains.items() if media not in pair}

    def _forget_room(self) -> None:
        self._room = None
        self._joined_at.clear()
        self._gains.clear()


def _is_pair(hears: Mapping[Leg, frozenset[Leg]]) -> bool:
    """Two who hear each other."""
    return len(hears) == 2 and all(len(talkers) == 1 for talkers in hears.values())
