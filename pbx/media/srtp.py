"""Secure RTP (RFC 3711) of all legs: what a leg hears is opened, what it says is sealed, in the engine's thread.

Keys come from the control thread as numbers of libsrtp's sessions. A leg that was made secure once stays so: without
keys it neither speaks nor hears. Runs compiled (types in `srtp.pxd`) and interpreted.
"""

from __future__ import annotations

from array import array

import cython

from pbx.media.engine_numbers import REPLAYED, UNAUTHENTICATED, UNKEYED
from pbx.media.srtp_library import PROTECT, TRAILER, UNPROTECT

if not cython.compiled:
    from pbx.media.srtp_python import srtp_call

BUFFER = 2048
REPLAY_FAIL = -9  # libsrtp's srtp_err_status_replay_fail, _old
REPLAY_OLD = -10
MAX_STREAMS = 1000  # libsrtp keeps memory for each SSRC that it has heard


def zeros(code: str, count: int) -> array[int]:
    return array(code, bytes(array(code).itemsize * count))


class Srtp:
    """Only the engine's thread may call it."""

    def __init__(self, legs: int) -> None:
        self.secured = zeros("b", legs)
        self.hears = zeros("q", legs)  # libsrtp's session; 0: none yet
        self.speaks = zeros("q", legs)
        self.ssrc = zeros("q", legs)  # heard last
        self.streams = zeros("q", legs)
        self.ice = zeros("b", legs)  # who has the keys may speak from anywhere
        self.nominated_address = zeros("q", legs)
        self.nominated_port = zeros("q", legs)
        self.sealed = bytearray(BUFFER + TRAILER)

    def open(self, leg: int) -> int:
        self.secured[leg] = 0
        self.hears[leg] = 0
        self.speaks[leg] = 0
        self.ice[leg] = 0
        self.nominated_address[leg] = 0
        self.nominated_port[leg] = 0
        return 0

    def secure(self, leg: int, hears: int, speaks: int, ice: int) -> int:
        if hears != self.hears[leg]:
            self.streams[leg] = 0
        self.secured[leg] = 1
        self.hears[leg] = hears
        self.speaks[leg] = speaks
        self.ice[leg] = ice
        return 0

    def nominate(self, leg: int, address: int, port: int) -> int:
        self.nominated_address[leg] = address
        self.nominated_port[leg] = port
        return 0

    def is_nominated(self, leg: int, address: int, port: int) -> int:
        return address == self.nominated_address[leg] and port == self.nominated_port[leg]

    def unprotect(self, leg: int, buf: bytearray, n: int) -> int:
        """Open `buf[:n]` in place: the new length, or less than 0: the cause of its drop, less one."""
        session = self.hears[leg]
        if session == 0:
            return -1 - UNKEYED
        if n < 12:
            return -1 - UNAUTHENTICATED
        ssrc = (buf[8] << 8 | buf[9]) * 65536 + (buf[10] << 8 | buf[11])
        if self.streams[leg] > MAX_STREAMS and ssrc != self.ssrc[leg]:
            return -1 - UNAUTHENTICATED
        got = srtp_call(UNPROTECT, session, buf, n, 0)
        if REPLAY_OLD <= got <= REPLAY_FAIL:
            return -1 - REPLAYED
        if got < 0:
            return -1 - UNAUTHENTICATED
        if ssrc != self.ssrc[leg] or self.streams[leg] == 0:
            self.ssrc[leg] = ssrc
            self.streams[leg] += 1
        return got

    def protect(self, leg: int, buf: bytearray | memoryview, n: int) -> int:
        """A sealed copy of `buf[:n]` in `sealed`: its length, or less than 0 when there is none."""
        session = self.speaks[leg]
        if session == 0 or n > BUFFER:
            return -1
        sealed = self.sealed
        for i in range(n):
            sealed[i] = buf[i]
        return srtp_call(PROTECT, session, sealed, n, TRAILER)
