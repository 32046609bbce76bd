# Types of touch_tones.py, applied when it is compiled.
cimport cython

cdef long long WHOLE, FINE

cdef class TouchTones:
    cdef long long[::1] low, high, row, column

    @cython.locals(i=cython.longlong, low=cython.longlong, high=cython.longlong)
    cdef long long sound(self, long long code, long long first, long long count, short[::1] out) except -1 nogil
