"""The system's codec libraries: what loads, and the state that each keeps of one stream.

libopus, libgsm, libspeex and libspandsp (for G.722) are found at run time, so that neither building nor installing
needs them; what does not load is not offered. The engine is given addresses: of the functions once, of states with a
leg. States are made and freed here, in the control thread, so that no packet allocates memory. The one module that
calls a C library's set-up functions by their headers: opus.h, gsm.h, speex.h, spandsp/g722.h.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable
from ctypes import CDLL, c_char, c_int, c_void_p
from dataclasses import dataclass
from functools import cache

from pbx.media.engine_numbers import CALLS, CODECS, G722, GSM, OPUS, SPEEX, SPEEX_WIDE
from pbx.media.messages import OpusWishes

OPUS_RATE = 16000  # hertz of our sound in Opus: speech of a telephone has nothing above 8 kHz
OPUS_BITRATE = 24000
OPUS_COMPLEXITY = 5
OPUS_APPLICATION_VOIP = 2048
OPUS_SET_BITRATE, OPUS_SET_MAX_BANDWIDTH, OPUS_SET_COMPLEXITY = 4002, 4004, 4010
OPUS_SET_INBAND_FEC, OPUS_SET_PACKET_LOSS, OPUS_SET_DTX = 4012, 4014, 4016
OPUS_WIDE = 1103
OPUS_WIDTHS = ((8000, 1101), (12000, 1102), (16000, OPUS_WIDE))  # by the receiver's sampling rate
G722_BITRATE = 64000
SPEEX_QUALITY = 8
SPEEX_SET_ENHANCEMENT, SPEEX_SET_QUALITY, SPEEX_SET_COMPLEXITY = 0, 4, 16
SPEEX_COMPLEXITY = 3
SPEEX_BITS = 64  # octets of a SpeexBits, and some to spare


class LibraryMissing(Exception):
    """The codec cannot be had on this machine; the text says why."""


@dataclass(frozen=True, slots=True)
class States:
    """Addresses. `monitor`: a second decoder, for the recording of a leg that is relayed."""

    encoder: int
    decoder: int
    monitor: int


NO_STATES = States(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Library:
    """One codec of one library. `calls`: the functions that the engine calls, in the order that it knows."""

    soname: str
    package: str  # of Debian
    calls: tuple[str, ...]
    new_encoder: Callable[[CDLL], int]
    new_decoder: Callable[[CDLL], int]
    free_encoder: str
    free_decoder: str


def _opus_encoder(library: CDLL) -> int:
    error = c_int()
    state = _pointer(library, "opus_encoder_create", OPUS_RATE, 1, OPUS_APPLICATION_VOIP, ctypes.byref(error))
    for request, value in ((OPUS_SET_BITRATE, OPUS_BITRATE), (OPUS_SET_COMPLEXITY, OPUS_COMPLEXITY)):
        library.opus_encoder_ctl(c_void_p(state), c_int(request), c_int(value))
    return state


def opus_settings(wishes: OpusWishes) -> tuple[tuple[int, int], ...]:
    """Requests to an encoder, and their values, so that it obeys what a far end wants to receive."""
    widest = next((width for rate, width in OPUS_WIDTHS if wishes.rate <= rate), OPUS_WIDE)
    return (
        (OPUS_SET_BITRATE, min(OPUS_BITRATE, wishes.bitrate or OPUS_BITRATE)),
        (OPUS_SET_MAX_BANDWIDTH, widest),
        (OPUS_SET_INBAND_FEC, int(wishes.repeats)),
        (OPUS_SET_DTX, int(wishes.pauses)),
    )


def _opus_decoder(library: CDLL) -> int:
    error = c_int()
    return _pointer(library, "opus_decoder_create", OPUS_RATE, 1, ctypes.byref(error))


def _speex(kind: str, mode: str) -> Callable[[CDLL], int]:
    def make(library: CDLL) -> int:
        address = ctypes.addressof(c_char.in_dll(library, mode))
        state = _pointer(library, f"speex_{kind}_init", c_void_p(address))
        settings = ((SPEEX_SET_QUALITY, SPEEX_QUALITY), (SPEEX_SET_COMPLEXITY, SPEEX_COMPLEXITY))
        for request, value in settings if kind == "encoder" else ((SPEEX_SET_ENHANCEMENT, 1),):
            library[f"speex_{kind}_ctl"](c_void_p(state), c_int(request), ctypes.byref(c_int(value)))
        return state

    return make


def _speex_of(mode: str) -> Library:
    return Library(
        soname="libspeex.so.1",
        package="libspeex1",
        calls=("speex_encode_int", "speex_decode_int", "speex_bits_reset", "speex_bits_write", "speex_bits_read_from"),
        new_encoder=_speex("encoder", mode),
        new_decoder=_speex("decoder", mode),
        free_encoder="speex_encoder_destroy",
        free_decoder="speex_decoder_destroy",
    )


LIBRARIES = {
    OPUS: Library(
        soname="libopus.so.0",
        package="libopus0",
        calls=("opus_encode", "opus_decode", "opus_encoder_ctl"),
        new_encoder=_opus_encoder,
        new_decoder=_opus_decoder,
        free_encoder="opus_encoder_destroy",
        free_decoder="opus_decoder_destroy",
    ),
    G722: Library(
        soname="libspandsp.so.2",
        package="libspandsp2",
        calls=("g722_encode", "g722_decode"),
        new_encoder=lambda library: _pointer(library, "g722_encode_init", None, G722_BITRATE, 0),
        new_decoder=lambda library: _pointer(library, "g722_decode_init", None, G722_BITRATE, 0),
        free_encoder="g722_encode_free",
        free_decoder="g722_decode_free",
    ),
    GSM: Library(
        soname="libgsm.so.1",
        package="libgsm1",
        calls=("gsm_encode", "gsm_decode"),
        new_encoder=lambda library: _pointer(library, "gsm_create"),
        new_decoder=lambda library: _pointer(library, "gsm_create"),
        free_encoder="gsm_destroy",
        free_decoder="gsm_destroy",
    ),
    SPEEX: _speex_of("speex_nb_mode"),
    SPEEX_WIDE: _speex_of("speex_wb_mode"),
}


def _pointer(library: CDLL, name: str, *arguments: object) -> int:
    function = library[name]
    function.restype = c_void_p
    state: int | None = function(*arguments)
    if not state:
        raise MemoryError(f"{name} gave nothing")
    return state


@cache
def loaded(codec: int) -> CDLL:
    """The library of this codec, with every function that we use. Raises LibraryMissing."""
    wanted = LIBRARIES[codec]
    try:
        library = CDLL(wanted.soname)
        for name in (*wanted.calls, wanted.free_encoder, wanted.free_decoder):
            library[name]
    except (OSError, AttributeError) as error:
        raise LibraryMissing(f"{error}; on Debian: apt-get install {wanted.package}") from None
    return library


def why_not(codec: int) -> str | None:
    """Why this codec cannot be had; None when it can."""
    if codec not in LIBRARIES:
        return None
    try:
        loaded(codec)
    except LibraryMissing as missing:
        return str(missing)
    return None


def call_table() -> array[int]:
    """The addresses of all functions, CALLS a codec, and of the bit packer that all Speex streams of the one engine
    thread share; 0 where there is none."""
    table = array("q", bytes(8 * (CALLS * CODECS + 1)))
    for codec, wanted in LIBRARIES.items():
        if why_not(codec) is None:
            for number, name in enumerate(wanted.calls):
                table[codec * CALLS + number] = ctypes.cast(loaded(codec)[name], c_void_p).value or 0
    table[CALLS * CODECS] = _speex_bits()
    return table


@cache
def _speex_bits() -> int:
    if why_not(SPEEX) is not None:
        return 0
    bits = ctypes.create_string_buffer(SPEEX_BITS)
    loaded(SPEEX).speex_bits_init(ctypes.byref(bits))
    _kept.append(bits)
    return ctypes.addressof(bits)


_kept: list[object] = []  # memory that the library holds on to


def new_states(codec: int) -> States:
    """Raises LibraryMissing."""
    library, wanted = loaded(codec), LIBRARIES[codec]
    return States(wanted.new_encoder(library), wanted.new_decoder(library), wanted.new_decoder(library))


def free_states(codec: int, states: States) -> None:
    library, wanted = loaded(codec), LIBRARIES[codec]
    library[wanted.free_encoder](c_void_p(states.encoder))
    library[wanted.free_decoder](c_void_p(states.decoder))
    library[wanted.free_decoder](c_void_p(states.monitor))
