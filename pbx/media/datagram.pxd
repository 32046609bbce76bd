# Types of datagram.py, applied when it is compiled.
cimport cython

cdef long long HEADER, MASK16

cdef class Datagram:
    cdef unsigned char[::1] buf

    @cython.locals(high=cython.longlong, low=cython.longlong)
    cdef long long get32(self, long long at) except -1 nogil
    @cython.locals(start=cython.longlong, padding=cython.longlong)
    cdef long long payload_start(self, long long n) except -1 nogil
    @cython.locals(i=cython.longlong)
    cdef long long strip(self, long long start, long long n) except -1 nogil
