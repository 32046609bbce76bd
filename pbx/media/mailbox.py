"""A ring of rows of numbers between the engine's thread and the control thread: one writes, the other reads.

Why it needs no lock: a row is announced through an eventfd after it is written, and the reader takes exactly as many
rows as were announced. The kernel orders the two. Runs compiled (types in `mailbox.pxd`) and interpreted.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence

import cython

if not cython.compiled:
    from pbx.media.udp_python import signal_add, signal_take

CELLS = 16  # numbers in a row


class Mailbox:
    """Holds `rows` rows; a row too many is refused, counted, and the writer's to deal with."""

    def __init__(self, rows: int) -> None:
        self.cells = array("q", bytes(8 * CELLS * rows))
        self.rows = rows
        self.written = 0
        self.taken = 0
        self.refused = 0
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def descriptor(self) -> int:
        """Readable while rows wait."""
        return self.fd

    def refusals(self) -> int:
        return self.refused

    def close(self) -> None:
        os.close(self.fd)

    def put(self, spare: int, kind: int, a: int, b: int, c: int) -> int:
        """From the engine: write a short row, unless fewer than `spare` rows would stay free. 0 when it was refused."""
        if self.written - self.taken >= self.rows - spare:
            self.refused += 1
            return 0
        at = self.written % self.rows * CELLS
        self.cells[at] = kind
        self.cells[at + 1] = a
        self.cells[at + 2] = b
        self.cells[at + 3] = c
        self.written += 1
        signal_add(self.fd)
        return 1

    def post(self, row: Sequence[int]) -> bool:
        """From Python: write a row. False when there is no room."""
        if self.written - self.taken >= self.rows:
            return False
        at = self.written % self.rows * CELLS
        for number, value in enumerate(row):
            self.cells[at + number] = value
        self.written += 1
        signal_add(self.fd)
        return True

    def announced(self) -> int:
        """Rows that may be read now; read them all, each with `first` and then `next`."""
        return signal_take(self.fd)

    def first(self) -> int:
        """Where the oldest row begins in `cells`."""
        return self.taken % self.rows * CELLS

    def next(self) -> int:
        """The oldest row is read."""
        self.taken += 1
        return 0

    def take_all(self) -> list[tuple[int, int, int, int]]:
        """To Python: all announced short rows."""
        rows = []
        for _ in range(self.announced()):
            at = self.first()
            rows.append((self.cells[at], self.cells[at + 1], self.cells[at + 2], self.cells[at + 3]))
            self.next()
        return rows
