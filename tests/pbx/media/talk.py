"""Phones in a room, a tone for each, and whose tones somebody hears.

Settling takes a few frames (a jitter buffer of 40 ms, one frame of fading); what is looked at begins after it.
"""

from __future__ import annotations

from pbx.rtp.g711 import Law
from tests.pbx.media.rig import Phone, Rig
from tests.pbx.media.tones import level, tone

LOUD = 4000
# Of whole periods in 100 ms; and what G.711 makes of the agent's tone (multiples of 1000 Hz) is not the supervisor's.
TONES = (800, 1000, 470, 590, 830, 1270, 1510, 1810)
FRAME = 320  # octets of 20 ms of samples
WINDOW = 5 * FRAME
SETTLED = 5  # frames


def room_of(engine: Rig, count: int, *, passes_events: bool = False) -> list[Phone]:
    """That many phones in room 0."""
    engine.control.open_room(0, passes_events=passes_events)
    phones = [engine.join(leg) for leg in range(count)]
    for leg in range(count):
        engine.control.join(0, leg)
    engine.advance()
    return phones


class Talk:
    """Phones that send a tone each, which goes on in phase from one `speak` to the next."""

    def __init__(self, engine: Rig, phones: list[Phone]) -> None:
        self.engine = engine
        self.phones = phones
        self.frames = 0

    def speak(self, *legs: int, frames: int = 10 + SETTLED) -> None:
        start, self.frames = self.frames, self.frames + frames
        octets = {leg: tone(TONES[leg], 0.02 * self.frames, amplitude=LOUD)[160 * start :] for leg in legs}
        self.engine.talk([(self.phones[leg], octets[leg]) for leg in legs])

    def heard(self, *, skip: int = SETTLED) -> list[set[int]]:
        """Of each phone: whose tones it heard since the last call, the first frames left out. A tone is there in full,
        or lost in what G.711 makes of the others; between them lies a fault."""
        return [self.tones(hear(phone)[FRAME * skip :]) for phone in self.phones]

    def tones(self, sound: bytes) -> set[int]:
        found = set()
        sound = sound[: len(sound) // WINDOW * WINDOW]
        for leg in range(len(self.phones)):
            loud = level(sound, TONES[leg])
            assert loud < LOUD / 150 or loud > LOUD * 0.95, f"the tone of {leg} at {loud}"
            if loud > LOUD * 0.95:
                found.add(leg)
        return found


def hear(phone: Phone) -> bytes:
    """The samples that came since the last call."""
    phone.heard.clear()
    return phone.sound()


def prompt(
    engine: Rig,
    frequency: int,
    *,
    voice: int = 0,
    seconds: float = 0.2,
    loop: bool = False,
    only: int | None = None,
    duck: float = 1.0,
) -> None:
    at = voice * 16000
    sound = tone(frequency, seconds, amplitude=LOUD)
    engine.control.store_prompt(at, sound)
    engine.control.play_to_room(0, voice, 70 + voice, [(at, len(sound))], loop=loop, law=Law.ULAW, only=only, duck=duck)
