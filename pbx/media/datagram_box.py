"""Datagrams that are no RTP, handed from the engine's thread to the control thread: STUN, DTLS, RTCP beside RTP.

A ring, like a `Mailbox`: whoever takes one was told of it by an event, and the kernel orders the two. Runs compiled
(types in `datagram_box.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

SLOTS = 128
LONGEST = 2048
SHARE = 16  # datagrams that one leg may hand up between two housekeepings: a stranger's flood goes no further


class DatagramBox:
    """Holds SLOTS datagrams; one too many is refused, and its sender sends it again (STUN, DTLS) or not (RTCP)."""

    def __init__(self, legs: int) -> None:
        self.handed = array("i", bytes(4 * legs))
        self.octets = bytearray(SLOTS * LONGEST)
        self.written = 0
        self.taken = 0

    def refill(self, leg: int) -> int:
        """The leg's share is there again."""
        self.handed[leg] = 0
        return 0

    def put(self, leg: int, buf: bytearray, n: int) -> int:
        """From the engine: keep the first n octets. Announce it afterwards, or take it back. 0 when it was refused."""
        if self.handed[leg] >= SHARE or self.written - self.taken >= SLOTS:
            return 0
        self.handed[leg] += 1
        at = self.written % SLOTS * LONGEST
        for i in range(n):
            self.octets[at + i] = buf[i]
        self.written += 1
        return 1

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
