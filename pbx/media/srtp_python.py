"""libsrtp's functions for the interpreted engine. `srtp_native.pxd` has the same one compiled; both behave alike."""

from __future__ import annotations

from pylibsrtp._binding import ffi


def srtp_call(function: int, session: int, buffer: bytearray, n: int, spare: int) -> int:
    """Protect or unprotect `buffer[:n]` in place. The new length, or less than 0: libsrtp's error."""
    if n < 12 or n + spare > len(buffer):
        return -1
    length = ffi.new("int *", n)
    call = ffi.cast("int (*)(void *, void *, int *)", function)
    status = int(call(ffi.cast("void *", session), ffi.from_buffer(buffer), length))
    return -status if status else int(length[0])
