# Types of comfort_noise.py, applied when it is compiled.
cimport cython

cdef long long NONE, MULTIPLIER, INCREMENT, HALF, MASK32

cdef class ComfortNoise:
    cdef long long[::1] peaks, kind, peak, began, seed

    cdef long long open(self, long long leg) except -1 nogil
    cdef long long hear(self, long long leg, long long level, long long now) except -1 nogil
    cdef long long is_last(self, long long leg, long long heard_at) except -1 nogil
    cdef long long copy(self, long long leg, long long to) except -1 nogil
    @cython.locals(peak=cython.longlong, seed=cython.longlong, i=cython.longlong)
    cdef long long say(self, long long leg, short[::1] out, long long at, long long count) except -1 nogil
