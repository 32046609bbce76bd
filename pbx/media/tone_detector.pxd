# Types of tone_detector.py, applied when it is compiled.
cimport cython

cdef long long BLOCK, DOUBLES, ROWS, QUIETEST, TWIST, REVERSE_TWIST, PEAK, HARMONIC, PURE, NONE, BLOCK_US

cdef class ToneDetector:
    cdef long long[::1] coefficients, keys, filled, last, digit, blocks, power
    cdef short[::1] block
    cdef long long ended, ended_ms

    cdef long long clear(self, long long leg) except -1 nogil
    @cython.locals(found=cython.longlong, i=cython.longlong)
    cdef long long hear(self, long long leg, short[::1] samples, long long count) except -1 nogil
    cdef long long sounds(self, long long leg) except -1 nogil
    @cython.locals(ended=cython.longlong)
    cdef long long judge(self, long long leg, long long key) except -1 nogil
    @cython.locals(base=cython.longlong, total=cython.longlong, i=cython.longlong, number=cython.longlong, row=cython.longlong,
                   column=cython.longlong, low=cython.longlong, high=cython.longlong, beside=cython.longlong, clear=cython.bint)
    cdef long long classify(self, long long leg) except? -1 nogil
    @cython.locals(found=cython.longlong, number=cython.longlong)
    cdef long long loudest(self, long long first) except -1 nogil
    @cython.locals(number=cython.longlong)
    cdef long long stands_out(self, long long first, long long found) except -1 nogil
    @cython.locals(before=cython.longlong, now=cython.longlong, after=cython.longlong, i=cython.longlong)
    cdef long long power_of(self, long long base, long long coefficient) except? -1 nogil
