"""Datagrams that are no RTP, handed from the engine's thread to the control thread: STUN, DTLS, RTCP beside RTP.

A ring, like a `Mailbox`: whoever takes one was told of it by an event, and the kernel orders the two. Runs compiled
(types in `datagram_box.pxd`) and interpreted.
"""

from __future__ import annotations

import cython  # noqa: F401  # the compiler wants it beside the .pxd

SLOTS = 128
LONGEST = 2048


class DatagramBox:
    """Holds SLOTS datagrams; one too many is refused, and its sender sends it again (STUN, DTLS) or not (RTCP)."""

    def __init__(self) -> None:
        self.octets = bytearray(SLOTS * LONGEST)
        self.written = 0
        self.taken = 0

    def is_full(self) -> int:
        return self.written - self.taken >= SLOTS

    def put(self, buf: bytearray, n: int) -> int:
        """From the engine, when it is not full: keep the first n octets. Announce it afterwards, or take it back."""
        at = self.written % SLOTS * LONGEST
        for i in range(n):
            self.octets[at + i] = buf[i]
        self.written += 1
        return 0

    def take_back(self) -> int:
        """The one put last could not be announced."""
        self.written -= 1
        return 0

    def take(self, n: int) -> bytes:
        """To Python: the oldest one, whose length the event told."""
        at = self.taken % SLOTS * LONGEST
        data = bytes(self.octets[at : at + n])
        self.taken += 1
        return data
