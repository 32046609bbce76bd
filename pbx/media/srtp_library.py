"""libsrtp, as the wheel `pylibsrtp` brings it: sessions, and the two functions that the engine calls without the GIL.

A session is not safe for two threads: what is made here for the engine is used by nobody else, and freed only when the
engine has said that it is done with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pylibsrtp import Policy
from pylibsrtp._binding import ffi, lib

TRAILER = 144  # octets that protection may add: SRTP_MAX_TAG_LEN + SRTP_MAX_MKI_LEN
REPLAY_WINDOW = 1024  # packets; RFC 3711 §3.3.2 asks for 64
AUTHENTICATION_FAILED: Final = 7  # srtp_err_status_auth_fail
REPLAYED: Final = (9, 10)  # srtp_err_status_replay_fail, _old

PROTECT: Final = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_protect")))
UNPROTECT: Final = int(ffi.cast("uintptr_t", ffi.addressof(lib, "srtp_unprotect")))


class BadKeys(ValueError):
    """Keys that libsrtp does not take."""


@dataclass(frozen=True, slots=True)
class Suite:
    """`name`: of RFC 4568 and RFC 7714; `dtls_name`: OpenSSL's; lengths in octets."""

    name: str
    dtls_name: bytes
    profile: int
    key: int
    salt: int

    @property
    def length(self) -> int:
        return self.key + self.salt


SUITES: Final = (  # preferred first: GCM costs a third of the other
    Suite("AEAD_AES_128_GCM", b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    Suite("AES_CM_128_HMAC_SHA1_80", b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)
SUITE_NAMED: Final = {suite.name: suite for suite in SUITES}


@dataclass(frozen=True, slots=True)
class Keys:
    """Master key and salt, one after the other, of each direction: `ours` protects what we send."""

    suite: Suite
    ours: bytes
    theirs: bytes

    def __repr__(self) -> str:
        return f"Keys({self.suite.name})"  # no log may show them


def policy(suite: Suite, key: bytes, *, inbound: bool) -> Policy:
    """For any SSRC of one direction. Raises BadKeys."""
    if len(key) != suite.length:
        raise BadKeys(f"{suite.name} with {len(key)} octets")
    kind = Policy.SSRC_ANY_INBOUND if inbound else Policy.SSRC_ANY_OUTBOUND
    made = Policy(key=key, ssrc_type=kind, srtp_profile=suite.profile)
    made.window_size = REPLAY_WINDOW
    return made


def new_session(suite: Suite, key: bytes, *, inbound: bool) -> int:
    """A session for the engine, as a number; `free_session` gives it back. Raises BadKeys."""
    made = policy(suite, key, inbound=inbound)
    holder = ffi.new("srtp_t *")
    if lib.srtp_create(holder, made._policy) != lib.srtp_err_status_ok:
        raise BadKeys(suite.name)
    return int(ffi.cast("uintptr_t", holder[0]))


def free_session(session: int) -> None:
    """`session` is of `new_session`; 0 is none."""
    if session:
        lib.srtp_dealloc(ffi.cast("srtp_t", session))
