"""The two tones of each key (ITU-T Q.23), for trunks that know no telephone events. Runs compiled (types in
`touch_tones.pxd`) and interpreted."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Samples = array[int] | memoryview

RATE = 8000
ROWS = (697, 770, 852, 941)  # hertz
COLUMNS = (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
EVENTS = "0123456789*#ABCD"  # RFC 4733 §3.2: events 0 to 15
LOW_LEVEL, HIGH_LEVEL = 8100, 10200  # -9 and -7 dBm0
STEPS = 1024  # of one period
WHOLE = 4294967296  # 2^32: a period
FINE = 4194304  # 2^22: one step


class TouchTones:
    """Samples of keys at 8 kHz."""

    def __init__(self) -> None:
        sine = [math.sin(2 * math.pi * step / STEPS) for step in range(STEPS)]
        self.low = array("q", [round(LOW_LEVEL * value) for value in sine])
        self.high = array("q", [round(HIGH_LEVEL * value) for value in sine])
        places = [KEYS.index(event) for event in EVENTS]
        self.row = array("q", [round(ROWS[place // 4] * WHOLE / RATE) for place in places])  # phase of one sample
        self.column = array("q", [round(COLUMNS[place % 4] * WHOLE / RATE) for place in places])

    def sound(self, code: int, first: int, count: int, out: Samples) -> int:
        """`count` samples of that event's key into `out[0:]`, from its sample number `first` on."""
        for i in range(count):
            low = self.row[code] * (first + i) % WHOLE // FINE
            high = self.column[code] * (first + i) % WHOLE // FINE
            out[i] = self.low[low] + self.high[high]
        return 0
