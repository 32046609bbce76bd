# Types of jitter_buffer.py, applied when it is compiled.
cimport cython
from pbx.media.comfort_noise cimport ComfortNoise
from pbx.media.sound_codecs cimport SoundCodecs

cdef long long HEADER, FRAMES_A_SECOND, PACKETS, PAYLOAD, SAMPLES, FRAME_NS, SMALLEST, LARGEST, WINDOW, FADING, FAINT, PAUSE, LONGEST, KEPT, DRY, STRAYS, JUMP, NONE, OWN, ANNOUNCED, RESTS, MASK16, MASK32, HALF32

cdef class JitterBuffer:
    cdef SoundCodecs codecs
    cdef ComfortNoise noise
    cdef object packet_memory, sample_memory
    cdef unsigned char[::1] packets
    cdef short[::1] samples
    cdef long long[::1] length, stamp, sequence, waiting, ssrc, since, position, newest, first, decoded, dry, late
    cdef long long[::1] fill, least, most, taken, longer, shorter, loudness
    cdef signed char[::1] playing, quiet, pausing
    cdef long long[::1] paused_at, rests, played
    cdef long long released_sequence, released_stamp

    @cython.locals(place=cython.longlong)
    cdef long long clear(self, long long leg) except -1 nogil
    @cython.locals(ahead=cython.longlong, place=cython.longlong, at=cython.longlong)
    cdef long long put(self, long long leg, unsigned char[::1] buf, long long n, long long sequence, long long stamp,
                       long long ssrc, long long now) except -1 nogil
    cdef long long pause(self, long long leg, long long stamp) except -1 nogil
    cdef long long is_heard_pausing(self, long long leg) except -1 nogil
    @cython.locals(i=cython.longlong)
    cdef long long rest(self, long long leg, short[::1] out, long long at, long long count, long long rate) except -1 nogil
    @cython.locals(free=cython.longlong, place=cython.longlong)
    cdef long long place_for(self, long long leg, long long stamp) except? -1 nogil
    cdef long long distance(self, long long stamp, long long other) except? -1 nogil
    @cython.locals(found=cython.longlong, place=cython.longlong)
    cdef long long oldest(self, long long leg) except? -1 nogil
    cdef long long start(self, long long leg, long long ssrc, long long calm) except -1 nogil
    cdef long long measure_anew(self, long long leg) except -1 nogil
    @cython.locals(sounds=cython.longlong)
    cdef long long next_frame(self, long long leg, long long count, long long rate) except -1 nogil
    @cython.locals(base=cython.longlong, level=cython.longlong, sample=cython.longlong, i=cython.longlong)
    cdef long long is_quiet(self, long long leg, long long count) except -1 nogil
    cdef long long frames_waiting(self, long long leg) except? -1 nogil
    @cython.locals(waiting=cython.longlong, spare=cython.longlong)
    cdef long long watch(self, long long leg) except -1 nogil
    @cython.locals(count=cython.longlong, sounds=cython.longlong, base=cython.longlong, i=cython.longlong)
    cdef long long take(self, long long leg, long long rate, short[::1] out, long long at, long long now) except -1 nogil
    cdef long long begin(self, long long leg, long long now) except -1 nogil
    @cython.locals(ticks=cython.longlong, place=cython.longlong)
    cdef long long shorten(self, long long leg) except -1 nogil
    @cython.locals(base=cython.longlong, sounds=cython.longlong, place=cython.longlong, got=cython.longlong, i=cython.longlong)
    cdef long long refill(self, long long leg, long long count, long long rate) except -1 nogil
    @cython.locals(place=cython.longlong, played=cython.longlong, follows=cython.bint, start=cython.longlong, end=cython.longlong)
    cdef long long fill_gap(self, long long leg, long long at, long long count, long long rate) except -1 nogil
    @cython.locals(place=cython.longlong, ticks=cython.longlong)
    cdef long long next_due(self, long long leg) except? -1 nogil
    @cython.locals(at=cython.longlong, start=cython.longlong, got=cython.longlong, span=cython.longlong)
    cdef long long decode(self, long long leg, long long place, long long rate) except -1 nogil
    cdef long long free(self, long long leg, long long place) except -1 nogil
    @cython.locals(place=cython.longlong, end=cython.longlong, at=cython.longlong)
    cdef long long release(self, long long leg, unsigned char[::1] buf) except -1 nogil
