# Types of outlet.py, applied when it is compiled.
cimport cython
from pbx.media.comfort_noise cimport ComfortNoise
from pbx.media.players cimport Players
from pbx.media.slot_clock cimport SlotClock
from pbx.media.sound_codecs cimport SoundCodecs
from pbx.media.srtp cimport Srtp
from pbx.media.touch_tones cimport TouchTones
from pbx.media.udp_native cimport udp_send

cdef long long TURN_NS, PROMPT_RATE, MILLISECONDS, USUAL_CLOCK, PLAYED, NOISE, HUSH, TOUCH, FRAME, DIGITS, ENDS, GAP_FRAMES, MAX_JUMP, HEADER, PAYLOAD, MARKER
cdef long long MASK16, HALF16, MASK32, TABLE, NONE, PLAY_DONE, PLAY_FAILED

cdef class Outlet:
    cdef SoundCodecs codecs
    cdef Players players
    cdef SlotClock slot_clock
    cdef Srtp srtp
    cdef ComfortNoise noise
    cdef TouchTones tones
    cdef int[::1] fd
    cdef signed char[::1] sending, broken, inband, clocked
    cdef long long[::1] address, port, payload_type, event_type, event_clock, law, ticks, ssrc, sequence, stamp, stamp_time, feed
    cdef long long[::1] sequence_shift, stamp_shift, event_source, event_heard, event_stamp, sent, octets, failed
    cdef long long[::1] digit_code, digit_samples, digit_first, digits, digit_frame, digit_stamp
    cdef long long begun, finished
    cdef unsigned char[::1] frame, translation
    cdef short[::1] linear

    cdef long long open(self, long long leg, int fd, long long ssrc, long long sequence, long long stamp, long long now) except -1 nogil
    cdef long long close(self, long long leg, long long reason) except -1 nogil
    cdef long long update(self, long long leg, long long payload_type, long long event_type, long long law, long long sending) except -1 nogil
    cdef long long set_digits(self, long long leg, long long event_clock, long long inband) except -1 nogil
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
    cdef long long is_alike(self, long long leg, long long other) except -1 nogil
    cdef long long use_of(self, long long leg, long long kind) except? -1 nogil
    cdef long long kind_of(self, long long leg, long long event) except? -1 nogil
    @cython.locals(ahead=cython.longlong, number=cython.longlong, time=cython.longlong, table=cython.longlong, i=cython.longlong)
    cdef long long forward(self, long long leg, unsigned char[::1] buf, long long n, long long source, long long kind,
                           long long sequence, long long stamp, long long law, long long now) except -1 nogil
    cdef long long skip(self, long long leg, long long source, long long sequence) except -1 nogil
    @cython.locals(duration=cython.longlong, clock=cython.longlong, fitted=cython.longlong)
    cdef long long fit_event(self, long long leg, unsigned char[::1] buf, long long source) except -1 nogil
    @cython.locals(duration=cython.longlong, sent=cython.longlong)
    cdef long long forward_event(self, long long leg, unsigned char[::1] buf, long long n, long long source, long long stamp,
                                 long long marker, long long now) except -1 nogil
    @cython.locals(kind=cython.longlong, stamp=cython.longlong)
    cdef long long send_sound(self, long long leg, long long n, long long feed, long long due) except -1 nogil
    cdef long long play(self, long long leg, long long playback, long long count, long long loop, long long law, long long now) except -1 nogil
    cdef long long stop(self, long long leg, long long reason) except -1 nogil
    cdef long long play_frame(self, long long leg, long long due) except -1 nogil
    @cython.locals(law=cython.longlong, table=cython.longlong, i=cython.longlong)
    cdef long long translated(self, long long leg) except -1 nogil
    cdef long long say_noise(self, long long leg, long long source, long long now) except -1 nogil
    cdef long long hush(self, long long leg) except -1 nogil
    cdef long long noise_step(self, long long leg, long long due) except -1 nogil
    cdef long long has_turns(self, long long leg) except -1 nogil
    cdef long long add_digit(self, long long leg, long long code, long long samples, long long now) except -1 nogil
    @cython.locals(at=cython.longlong, frame=cython.longlong, frames=cython.longlong, kind=cython.longlong, duration=cython.longlong)
    cdef long long digit_step(self, long long leg, long long due) except -1 nogil
    @cython.locals(i=cython.longlong)
    cdef long long tone_step(self, long long leg, long long code, long long frame, long long frames, long long due) except -1 nogil
    cdef void step(self, long long leg, long long due) noexcept nogil
    cpdef long long faults(self)
