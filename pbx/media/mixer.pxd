# Types of mixer.py, applied when it is compiled.
cimport cython
from pbx.media.jitter_buffer cimport JitterBuffer
from pbx.media.outlet cimport Outlet
from pbx.media.players cimport Players
from pbx.media.resampling cimport Resampler
from pbx.media.rooms cimport Rooms
from pbx.media.sound_codecs cimport SoundCodecs
from pbx.media.voice_meter cimport VoiceMeter

cdef long long FRAME, MEMBERS, NONE, PLAY_DONE, PLAY_FAILED, UNITY, VOICES, MIXED, NARROW, TALKERS, SOURCES, WIDEST, FRAMES_A_SECOND
cdef long long QUIET, MEMORY, SHARED_CODECS, HIGHEST, LOWEST, HEADER

cdef class Mixer:
    cdef Rooms rooms
    cdef SoundCodecs codecs
    cdef JitterBuffer jitter
    cdef Players players
    cdef Outlet outlet
    cdef VoiceMeter voice
    cdef signed char[::1] broken, sounds, chosen
    cdef long long[::1] loudness, source, gain_before, gain_after, coded_octets
    cdef int[::1] total
    cdef short[::1] frames, mixed, narrow
    cdef Resampler resampler
    cdef unsigned char[::1] coded, prompt
    cdef long long begun, finished, sources, mixes

    cpdef long long faults(self)
    @cython.locals(other=cython.longlong, rate=cython.longlong, n=cython.longlong, sounds=cython.longlong)
    cdef void translate(self, long long leg, long long due) noexcept nogil
    cdef void step(self, long long room, long long due) noexcept nogil
    @cython.locals(base=cython.longlong, place=cython.longlong, leg=cython.longlong, number=cython.longlong, player=cython.longlong)
    cdef long long turn(self, long long room, long long rate, long long due) except -1 nogil
    @cython.locals(base=cython.longlong, count=cython.longlong, place=cython.longlong, leg=cython.longlong, at=cython.longlong,
                   level=cython.longlong, sample=cython.longlong, i=cython.longlong, faded=cython.longlong)
    cdef long long listen(self, long long room, long long rate, long long due) except -1 nogil
    @cython.locals(sounds=cython.longlong)
    cdef long long take(self, long long leg, long long rate, long long at, long long due) except -1 nogil
    @cython.locals(base=cython.longlong, top=cython.longlong, crowd=cython.longlong, candidates=cython.longlong,
                   place=cython.longlong, _=cython.longlong)
    cdef long long choose(self, long long room) except -1 nogil
    @cython.locals(found=cython.longlong, most=cython.longlong, place=cython.longlong)
    cdef long long loudest(self, long long base, long long top) except? -1 nogil
    @cython.locals(number=cython.longlong, player=cython.longlong, law=cython.longlong, at=cython.longlong)
    cdef long long add_voices(self, long long room, long long rate) except -1 nogil
    @cython.locals(row=cython.longlong, number=cython.longlong, mix=cython.longlong, codec=cython.longlong)
    cdef long long mix_for(self, long long room, long long place, long long leg, long long rate) except -1 nogil
    @cython.locals(source=cython.longlong, voice=cython.longlong, after=cython.longlong, before=cython.longlong,
                   only=cython.longlong, talker=cython.longlong, pair=cython.longlong)
    cdef long long weigh(self, long long room, long long place, long long leg, long long number, long long cell) except -1 nogil
    @cython.locals(gain=cython.longlong, other=cython.longlong)
    cdef long long voice_gain(self, long long room, long long voice) except -1 nogil
    @cython.locals(number=cython.longlong)
    cdef long long is_same(self, long long row, long long other) except -1 nogil
    @cython.locals(i=cython.longlong, number=cython.longlong, before=cython.longlong, after=cython.longlong, at=cython.longlong)
    cdef long long blend(self, long long row, long long out, long long count) except -1 nogil
    @cython.locals(codec=cython.longlong, number=cython.longlong, at=cython.longlong, octets=cython.longlong)
    cdef long long send(self, long long leg, long long mix, long long rate, long long due) except -1 nogil
    @cython.locals(number=cython.longlong, base=cython.longlong, place=cython.longlong, row=cython.longlong, talker=cython.longlong,
                   muted=cython.longlong)
    cdef long long finish_fading(self, long long room) except -1 nogil
