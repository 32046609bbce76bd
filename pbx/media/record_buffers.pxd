# Types of record_buffers.py, applied when it is compiled.
cimport cython

cdef long long NONE, RING, SAMPLE_NS, LATENESS, REORDERING, EARLINESS, STRAYS, IDLE, AHEAD_AFTER_IDLE, WINDOW, DEAD_BAND
cdef long long LARGEST_SLIP, KNOWN, HEADER, MASK16, HALF16, MASK32, HALF32, MASK_KNOWN, TABLE, ENCODINGS, LOUDEST

cdef class RecordBuffers:
    cdef long long slots
    cdef long long[::1] started, floor, end, opened, overrun, newest, speakers
    cdef long long[::1] ssrc, anchor_started, anchor_timestamp, anchor_position, heard_at, strays, sequence, came, least, counted, slip
    cdef signed char[::1] law, paused, anchored
    cdef int[::1] channel
    cdef short[::1] decoding
    cdef unsigned char[::1] translation, encoding, ring
    cdef object memory

    @cython.locals(channel=cython.longlong)
    cdef long long begin(self, long long slot, long long now) except -1 nogil
    cdef long long finish(self, long long slot, long long now) except -1 nogil
    cdef long long put(self, long long leg, long long channel) except -1 nogil
    cdef long long forget(self, long long leg) except -1 nogil
    cdef long long pause(self, long long slot, long long on, long long now) except -1 nogil
    @cython.locals(channel=cython.longlong, slot=cython.longlong, here=cython.longlong,
                   ahead=cython.longlong, position=cython.longlong, moved=cython.longlong)
    cdef long long place(self, long long leg, unsigned char[::1] buf, long long n, long long sequence,
                         long long timestamp, long long ssrc, long long law, long long now) except -1 nogil
    cdef long long has_room(self, long long slot, long long position, long long count) except -1 nogil
    cdef long long begin_source(self, long long leg, long long ssrc, long long sequence) except -1 nogil
    cdef long long is_out_of_place(self, long long leg, long long slot, long long position, long long here) except -1 nogil
    @cython.locals(ahead=cython.longlong, bit=cython.longlong)
    cdef long long is_double(self, long long leg, long long sequence) except -1 nogil
    @cython.locals(moved=cython.longlong)
    cdef long long follow_clock(self, long long leg, long long delay) except? -1 nogil
    cdef long long write(self, long long channel, unsigned char[::1] buf, long long n, long long position, long long law,
                         long long moved) except -1 nogil
    @cython.locals(base=cython.longlong, at=cython.longlong, table=cython.longlong, i=cython.longlong, first=cython.longlong)
    cdef long long copy(self, long long channel, unsigned char[::1] buf, long long n, long long position, long long law) except -1 nogil
    @cython.locals(base=cython.longlong, i=cython.longlong, last=cython.uchar)
    cdef long long bridge_slip(self, long long channel, long long position, long long count) except -1 nogil
    @cython.locals(base=cython.longlong, mine=cython.longlong, theirs=cython.longlong, encoding=cython.longlong,
                   i=cython.longlong, at=cython.longlong, total=cython.longlong)
    cdef long long add(self, long long channel, unsigned char[::1] buf, long long n, long long position, long long law) except -1 nogil
    @cython.locals(here=cython.longlong, left=cython.longlong, slower=cython.longlong, limit=cython.longlong)
    cpdef long long ripe(self, long long slot, long long now) except? -1
    cpdef bytes take(self, long long channel, long long start, long long count)
