# Types of datagram_box.py, applied when it is compiled.
cimport cython

cdef long long SLOTS, LONGEST, SHARE

cdef class DatagramBox:
    cdef unsigned char[::1] octets
    cdef int[::1] handed
    cdef long long written, taken

    cdef long long refill(self, long long leg) except -1 nogil
    @cython.locals(at=cython.longlong, i=cython.longlong)
    cdef long long put(self, long long leg, unsigned char[::1] buf, long long n) except -1 nogil
    cdef long long take_back(self) except -1 nogil
    @cython.locals(at=cython.longlong)
    cpdef bytes take(self, long long n)
