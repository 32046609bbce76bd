# Types of record_buffers.py, applied when it is compiled.
cimport cython

cdef long long RING, SAMPLE_NS, LATENESS, REORDERING, EARLINESS, STRAYS, MASK32, HALF32, TABLE

cdef class RecordBuffers:
    cdef long long slots
    cdef long long[::1] started, floor, end, ssrc, anchor_timestamp, anchor_position, newest, strays, overrun
    cdef signed char[::1] law, anchored
    cdef unsigned char[::1] translation, ring
    cdef object memory

    @cython.locals(channel=cython.longlong)
    cdef long long begin(self, long long slot, long long now) except -1 nogil
    cdef long long finish(self, long long slot, long long now) except -1 nogil
    @cython.locals(slot=cython.longlong, count=cython.longlong, here=cython.longlong, ahead=cython.longlong, position=cython.longlong)
    cdef long long place(self, long long channel, unsigned char[::1] buf, long long n, long long timestamp, long long ssrc,
                         long long law, long long now) except -1 nogil
    @cython.locals(base=cython.longlong, at=cython.longlong, table=cython.longlong, i=cython.longlong, first=cython.longlong)
    cdef long long write(self, long long channel, unsigned char[::1] buf, long long n, long long position, long long law) except -1 nogil
    @cython.locals(here=cython.longlong, slower=cython.longlong, limit=cython.longlong)
    cpdef long long ripe(self, long long slot, long long now) except? -1
    cpdef bytes take(self, long long channel, long long start, long long count)
