# Types of outlet.py, applied when it is compiled.
cimport cython
from pbx.media.mailbox cimport Mailbox
from pbx.media.srtp cimport Srtp
from pbx.media.udp_native cimport udp_send

cdef long long SLOTS, SLOT_NS, STALL_NS, SAMPLE_NS, FRAME, SEGMENTS, DIGITS, ENDS, GAP_FRAMES, MAX_JUMP, HEADER, MARKER
cdef long long MASK16, HALF16, MASK32, TABLE, NONE, PLAYBACK_ENDED, PLAY_DONE, PLAY_FAILED

cdef class Outlet:
    cdef Mailbox events
    cdef Srtp srtp
    cdef int[::1] fd, after, before, slot_first
    cdef signed char[::1] sending, loop, clocked, broken
    cdef long long[::1] address, port, payload_type, event_type, law, ssrc, sequence, stamp, stamp_time, feed
    cdef long long[::1] sequence_shift, stamp_shift, sent, octets, failed
    cdef long long[::1] playback, segment_at, segment_length, segments, segment, offset, prompt_law
    cdef long long[::1] digit_code, digit_samples, digit_first, digits, digit_frame, digit_stamp, slot_legs, slot_of
    cdef long long clocked_legs, slot, due, begun, finished
    cdef unsigned char[::1] frame, prompts, translation
    cdef object memory

    cdef long long open(self, long long leg, int fd, long long ssrc, long long sequence, long long stamp, long long now) except -1 nogil
    cdef long long close(self, long long leg, long long reason) except -1 nogil
    cdef long long update(self, long long leg, long long payload_type, long long event_type, long long law, long long sending) except -1 nogil
    cdef long long begin_anew(self, long long leg) except -1 nogil
    cdef long long send_to(self, long long leg, long long address, long long port) except -1 nogil
    cpdef tuple emission(self, long long leg)
    @cython.locals(elapsed=cython.longlong)
    cdef long long stamp_at(self, long long leg, long long now) except -1 nogil
    @cython.locals(ssrc=cython.longlong)
    cdef long long write_header(self, long long leg, unsigned char[::1] buf, long long kind, long long sequence, long long stamp) except -1 nogil
    @cython.locals(sent=cython.longlong)
    cdef long long send(self, long long leg, unsigned char[::1] buf, long long n) except -1 nogil
    cdef long long is_free(self, long long leg) except -1 nogil
    cdef long long kind_of(self, long long leg, long long event) except? -1 nogil
    @cython.locals(ahead=cython.longlong, number=cython.longlong, time=cython.longlong, table=cython.longlong, i=cython.longlong)
    cdef long long forward(self, long long leg, unsigned char[::1] buf, long long n, long long source, long long kind,
                           long long sequence, long long stamp, long long law, long long now) except -1 nogil
    cdef long long skip(self, long long leg, long long source, long long sequence) except -1 nogil
    cdef long long add_segment(self, long long leg, long long number, long long at, long long length) except -1 nogil
    cdef long long play(self, long long leg, long long playback, long long count, long long loop, long long law, long long now) except -1 nogil
    cdef long long stop(self, long long leg, long long reason) except -1 nogil
    @cython.locals(number=cython.longlong, at=cython.longlong, first=cython.longlong)
    cdef long long play_frame(self, long long leg, long long due) except -1 nogil
    @cython.locals(kind=cython.longlong, table=cython.longlong, i=cython.longlong, stamp=cython.longlong)
    cdef long long send_frame(self, long long leg, long long first, long long due) except -1 nogil
    cdef long long add_digit(self, long long leg, long long code, long long samples, long long now) except -1 nogil
    @cython.locals(at=cython.longlong, frame=cython.longlong, frames=cython.longlong, kind=cython.longlong, duration=cython.longlong)
    cdef long long digit_step(self, long long leg, long long due) except -1 nogil
    @cython.locals(best=cython.longlong, slot=cython.longlong, first=cython.int)
    cdef long long clock(self, long long leg, long long now) except -1 nogil
    @cython.locals(before=cython.int, after=cython.int)
    cdef long long unclock(self, long long leg) except -1 nogil
    cdef long long next_due(self, long long otherwise) except -1 nogil
    @cython.locals(leg=cython.int, after=cython.int)
    cdef long long run_clock(self, long long now) except -1 nogil
    cdef void step(self, long long leg) noexcept nogil
    cpdef long long faults(self)
