# Types of voice_meter.py, applied when it is compiled.
cimport cython
from pbx.media.mailbox cimport Mailbox
from pbx.media.opus_flags cimport OpusFlags

cdef long long NONE, OPUS
cdef long long QUIET, QUIET_OVER, QUIET_TOLD, HEADER, TABLE, LAWS, SPEECH, HANGOVER_NS, MILLISECOND_NS
cdef long long LONGEST_STEP_NS, LONG_SILENCE_NS, EVENT_SPARE

cdef class VoiceMeter:
    cdef Mailbox events
    cdef OpusFlags flags
    cdef long long[::1] squares, voice_until, looked_at, quiet_since, joined, talk, overtalk, silence
    cdef signed char[::1] measured, told

    cdef long long open(self, long long leg, long long now) except -1 nogil
    cdef long long speaks(self, long long leg, long long law) except -1 nogil
    @cython.locals(table=cython.longlong, power=cython.longlong, at=cython.longlong)
    cdef long long hear(self, long long leg, unsigned char[::1] buf, long long n, long long law, long long decoded,
                        long long now) except -1 nogil
    @cython.locals(power=cython.longlong, sample=cython.longlong, i=cython.longlong)
    cdef long long hear_sound(self, long long leg, short[::1] sound, long long at, long long count, long long now) except -1 nogil
    @cython.locals(voice=cython.longlong)
    cdef long long read_flags(self, long long leg, unsigned char[::1] buf, long long n, long long codec, long long now) except -1 nogil
    @cython.locals(step=cython.longlong, speaks=cython.bint, other_speaks=cython.bint)
    cdef long long look_after(self, long long leg, long long other, long long now) except -1 nogil
    cdef long long tell_voice(self, long long leg) except -1 nogil
    cdef long long tell_quiet(self, long long leg, long long quiet) except -1 nogil
    cpdef tuple shares(self, long long leg)
