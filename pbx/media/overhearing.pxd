# Types of overhearing.py, applied when it is compiled.
cimport cython
from pbx.media.inlet cimport Inlet
from pbx.media.mailbox cimport Mailbox
from pbx.media.record_buffers cimport RecordBuffers
from pbx.media.sound_codecs cimport SoundCodecs
from pbx.media.tone_detector cimport ToneDetector
from pbx.media.voice_meter cimport VoiceMeter

cdef long long ALAW, KEEP_SECRET, NONE, PAUSE_RECORD, RECORD, RECORD_ENDED, RECORD_LEG, STOP_RECORD, HEADER, BUFFER, ULAW_SILENCE, ALAW_SILENCE

cdef class Overhearing:
    cdef RecordBuffers recorder
    cdef SoundCodecs codecs
    cdef Inlet inlet
    cdef VoiceMeter voice
    cdef Mailbox events
    cdef long long legs
    cdef ToneDetector ears
    cdef signed char[::1] is_open, inband, secret
    cdef unsigned char[::1] said
    cdef long long[::1] spoken

    cdef long long update(self, long long leg, long long codec, long long inband) except -1 nogil

    cdef long long open(self, long long leg) except -1 nogil
    cdef long long close(self, long long leg) except -1 nogil
    cdef long long obey(self, long long what, long long number, long long value, long long now) except -1 nogil
    @cython.locals(leg=cython.longlong)
    cdef long long stop_recording(self, long long slot, long long now) except -1 nogil
    cdef long long listen_for_keys(self, long long leg, long long on) except -1 nogil
    @cython.locals(codec=cython.longlong, plain=cython.longlong, end=cython.longlong)
    cdef long long hear(self, long long leg, unsigned char[::1] buf, long long n, long long sequence, long long stamp,
                        long long ssrc, long long now) except -1 nogil
    cdef long long decodes(self, long long leg) except -1 nogil
    @cython.locals(count=cython.longlong, silence=cython.longlong, i=cython.longlong)
    cdef long long take_keys(self, long long leg, long long law, unsigned char[::1] buf, long long n, long long now) except -1 nogil
