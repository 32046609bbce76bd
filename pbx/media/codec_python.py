"""The calls into the system's codec libraries by ctypes, for the interpreted engine. `codec_native.pxd` has the same
functions compiled, and says what they take and give; both must behave alike."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from ctypes import CFUNCTYPE, byref, c_char, c_int, c_short, c_void_p
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    Octets = bytearray | memoryview
    Sound = array[int] | memoryview
    Calls = array[int]

_OPUS_ENCODE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_void_p, c_int)
_OPUS_DECODE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_void_p, c_int, c_int)
_OPUS_TUNE = CFUNCTYPE(c_int, c_void_p, c_int, c_int)
_G722 = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int)
_GSM_ENCODE = CFUNCTYPE(None, c_void_p, c_void_p, c_void_p)
_GSM_DECODE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)
_SPEEX_CODE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p)
_SPEEX_RESET = CFUNCTYPE(None, c_void_p)
_SPEEX_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_SPEEX_READ = CFUNCTYPE(None, c_void_p, c_void_p, c_int)


@cache
def _call(kind: Any, address: int) -> Callable[..., Any]:
    function: Callable[..., Any] = kind(address)
    return function


def _octets(buf: Octets, at: int) -> Any:
    return byref(c_char.from_buffer(buf, at))


def _sound(sound: Sound, at: int) -> Any:
    return byref(c_short.from_buffer(sound, 2 * at))


def opus_encode(calls: Calls, at: int, state: int, sound: Sound, count: int, buf: Octets, start: int) -> int:
    if state == 0 or not 1 <= count <= len(sound) or not 0 <= start < len(buf):
        return 0
    encode = _call(_OPUS_ENCODE, calls[at])
    done: int = encode(state, _sound(sound, 0), count, _octets(buf, start), len(buf) - start)
    return max(0, done)


def opus_decode(
    calls: Calls, at: int, state: int, buf: Octets, start: int, end: int, sound: Sound, most: int, again: int
) -> int:
    if state == 0 or not 0 <= start <= end <= len(buf) or not 1 <= most <= len(sound):
        return 0
    payload = _octets(buf, start) if end > start else None
    done: int = _call(_OPUS_DECODE, calls[at])(state, payload, end - start, _sound(sound, 0), most, again)
    return max(0, done)


def opus_tune(calls: Calls, at: int, state: int, request: int, value: int) -> int:
    if state == 0:
        return 0
    done: int = _call(_OPUS_TUNE, calls[at])(state, request, value)
    return done


def g722_encode(calls: Calls, at: int, state: int, sound: Sound, count: int, buf: Octets, start: int) -> int:
    if state == 0 or not 2 <= count <= len(sound) or start < 0 or start + (count >> 1) > len(buf):
        return 0
    done: int = _call(_G722, calls[at])(state, _octets(buf, start), _sound(sound, 0), count & ~1)
    return done


def g722_decode(calls: Calls, at: int, state: int, buf: Octets, start: int, end: int, sound: Sound) -> int:
    if state == 0 or not 0 <= start < end <= len(buf) or 2 * (end - start) > len(sound):
        return 0
    done: int = _call(_G722, calls[at])(state, _sound(sound, 0), _octets(buf, start), end - start)
    return done


def gsm_encode(calls: Calls, at: int, state: int, sound: Sound, first: int, buf: Octets, start: int) -> int:
    if state == 0 or not 0 <= first <= len(sound) - 160 or not 0 <= start <= len(buf) - 33:
        return 0
    _call(_GSM_ENCODE, calls[at])(state, _sound(sound, first), _octets(buf, start))
    return 33


def gsm_decode(calls: Calls, at: int, state: int, buf: Octets, start: int, sound: Sound, first: int) -> int:
    if state == 0 or not 0 <= start <= len(buf) - 33 or not 0 <= first <= len(sound) - 160:
        return 0
    return 0 if _call(_GSM_DECODE, calls[at])(state, _octets(buf, start), _sound(sound, first)) < 0 else 160


def speex_encode(
    calls: Calls, at: int, state: int, bits: int, sound: Sound, count: int, buf: Octets, start: int
) -> int:
    if state == 0 or bits == 0 or not 1 <= count <= len(sound) or not 0 <= start < len(buf):
        return 0
    _call(_SPEEX_RESET, calls[at + 2])(bits)
    _call(_SPEEX_CODE, calls[at])(state, _sound(sound, 0), bits)
    done: int = _call(_SPEEX_WRITE, calls[at + 3])(bits, _octets(buf, start), len(buf) - start)
    return done


def speex_decode(
    calls: Calls, at: int, state: int, bits: int, buf: Octets, start: int, end: int, sound: Sound, count: int
) -> int:
    if state == 0 or bits == 0 or not 0 <= start <= end <= len(buf) or not 1 <= count <= len(sound):
        return 0
    decode = _call(_SPEEX_CODE, calls[at + 1])
    if end == start:
        return count if decode(state, None, _sound(sound, 0)) == 0 else 0
    _call(_SPEEX_READ, calls[at + 4])(bits, _octets(buf, start), end - start)
    done = 0
    while done + count <= len(sound) and decode(state, bits, _sound(sound, done)) == 0:
        done += count
    return done
