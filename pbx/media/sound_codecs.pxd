# Types of sound_codecs.py, applied when it is compiled.
cimport cython

cdef long long ULAW, ALAW, HEADER, FRAMES_A_SECOND, G711_CLOCK, DECODINGS, ENCODINGS, MASK16

cdef class SoundCodecs:
    cdef long long[::1] codec
    cdef short[::1] decoding
    cdef unsigned char[::1] encoding

    cdef long long choose(self, long long leg, long long codec) except -1 nogil
    cdef long long ticks(self, long long leg) except -1 nogil
    cdef long long is_shared(self, long long codec) except -1 nogil
    @cython.locals(table=cython.longlong, i=cython.longlong)
    cdef long long decode(self, long long leg, unsigned char[::1] buf, long long start, long long end, short[::1] out,
                          long long at, long long rate) except -1 nogil
    @cython.locals(i=cython.longlong)
    cdef long long conceal(self, long long leg, short[::1] out, long long at, long long count, long long rate) except -1 nogil
    @cython.locals(table=cython.longlong, count=cython.longlong, i=cython.longlong)
    cdef long long encode(self, long long leg, short[::1] frame, long long at, long long rate, unsigned char[::1] buf) except -1 nogil
