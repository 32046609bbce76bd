# Types of inlet.py, applied when it is compiled.
cimport cython
from pbx.media.mailbox cimport Mailbox

cdef long long DIGIT_HEARD, STARTED, SILENT, SOURCES, NONE, UNLATCHED, NAMED, LEARNT
cdef long long NOTHING_HEARD, HEARD, SILENCE_TOLD, LOSS_TOLD, USUAL_CLOCK, MILLISECOND_NS, PRESS_OVER_NS, PAUSES, PRESS_SPACING_NS
cdef long long EVENT_SPARE, MAX_DROPOUT, MISORDER, MASK16, MASK32, HALF32

cdef class Inlet:
    cdef Mailbox events
    cdef long long silent_ns, lost_ns, learn_ns
    cdef long long[::1] sdp_address, sdp_port, sources, learn_port, learn_until, latch, address, port, expecting
    cdef long long[::1] heard_at, told, received, octets, ssrc, base, highest, expected_before, jitter16, transit
    cdef long long[::1] clock, event_clock, presses
    cdef signed char[::1] anew
    cdef long long[::1] event_stamp, event_code, event_duration, event_time, event_told, press_time

    @cython.locals(number=cython.longlong)
    cdef long long open(self, long long leg, long long now) except -1 nogil
    cdef long long set_clocks(self, long long leg, long long clock, long long event_clock) except -1 nogil
    cdef long long expect(self, long long leg, long long expecting, long long now) except -1 nogil
    cdef long long forget_source(self, long long leg) except -1 nogil
    cdef long long name_source(self, long long leg, long long address, long long port, long long learn_port) except -1 nogil
    cdef long long vouch(self, long long leg, long long number, long long address) except -1 nogil
    cdef long long open_window(self, long long leg, long long now) except -1 nogil
    cdef long long is_latched(self, long long leg, long long address, long long port) except -1 nogil
    @cython.locals(number=cython.longlong)
    cdef long long may_latch(self, long long leg, long long address, long long port, long long now) except -1 nogil
    @cython.locals(named=cython.longlong)
    cdef long long latch_to(self, long long leg, long long address, long long port) except -1 nogil
    @cython.locals(begins=cython.longlong, transit=cython.longlong, ahead=cython.longlong, difference=cython.longlong)
    cdef long long count(self, long long leg, long long sequence, long long stamp, long long ssrc, long long octets,
                         long long event, long long now) except -1 nogil
    cpdef tuple reception(self, long long leg)
    @cython.locals(ahead=cython.longlong)
    cdef long long hear_event(self, long long leg, long long stamp, long long code, long long end, long long duration,
                              long long now) except -1 nogil
    @cython.locals(milliseconds=cython.longlong)
    cdef long long tell_press(self, long long leg, long long now) except -1 nogil
    cdef long long tell_key(self, long long leg, long long code, long long milliseconds, long long now) except -1 nogil
    @cython.locals(silence=cython.longlong, level=cython.longlong)
    cdef long long look_after(self, long long leg, long long pausing, long long now) except -1 nogil
