# Types of concealment.py, applied when it is compiled.
cimport cython

cdef long long NARROW, SHORTEST_PITCH, LONGEST_PITCH, WINDOW, KEPT, FULL, SILENT, RETURN, ONE

cdef class Concealment:
    cdef short[::1] past
    cdef long long[::1] rate, lost, pitch

    cdef long long clear(self, long long leg) except -1 nogil
    @cython.locals(past=cython.longlong, i=cython.longlong)
    cdef long long hear(self, long long leg, short[::1] out, long long at, long long count, long long rate) except -1 nogil
    @cython.locals(scale=cython.longlong, i=cython.longlong)
    cdef long long conceal(self, long long leg, short[::1] out, long long at, long long count, long long rate) except -1 nogil
    @cython.locals(length=cython.longlong, i=cython.longlong, old=cython.longlong)
    cdef long long fade_in(self, long long leg, short[::1] out, long long at, long long count) except -1 nogil
    @cython.locals(scale=cython.longlong, pitch=cython.longlong, end=cython.longlong, place=cython.longlong,
                   value=cython.longlong, quarter=cython.longlong, into=cython.longlong, before=cython.longlong)
    cdef long long said_again(self, long long leg, long long number) except? -1 nogil
    @cython.locals(step=cython.longlong, best=cython.longlong, first=cython.longlong, last=cython.longlong)
    cdef long long find_pitch(self, long long leg, long long scale) except -1 nogil
    @cython.locals(found=cython.longlong, best=cython.longlong, n=cython.longlong, lag=cython.longlong, score=cython.longlong)
    cdef long long best_lag(self, long long leg, long long first, long long last, long long step, long long scale) except -1 nogil
    @cython.locals(end=cython.longlong, product=cython.longlong, energy=cython.longlong, n=cython.longlong, i=cython.longlong, older=cython.longlong)
    cdef long long likeness(self, long long leg, long long lag, long long scale) except -1 nogil
