# Types of resampling.py, applied when it is compiled.
cimport cython

cdef long long REACH, NARROW_TAIL, WIDE_TAIL, LONGEST, LOUDEST

cdef class Resampler:
    cdef long long[::1] taps
    cdef short[::1] narrow, wide, work

    @cython.locals(i=cython.longlong)
    cdef long long clear(self, long long lane) except -1 nogil
    @cython.locals(tail=cython.longlong, work="short[::1]", n=cython.longlong, i=cython.longlong, middle=cython.longlong,
                   total=cython.longlong)
    cdef long long widen(self, long long lane, short[::1] source, long long at, long long count, short[::1] out,
                         long long to) except -1 nogil
    @cython.locals(tail=cython.longlong, work="short[::1]", n=cython.longlong, i=cython.longlong, middle=cython.longlong,
                   total=cython.longlong)
    cdef long long narrow_down(self, long long lane, short[::1] source, long long at, long long count, short[::1] out,
                               long long to) except -1 nogil
    cdef long long clipped(self, long long value) except? -1 nogil
