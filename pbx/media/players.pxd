# Types of players.py, applied when it is compiled.
cimport cython
from pbx.media.mailbox cimport Mailbox

cdef long long FRAME, PLAYBACK_ENDED, ROOM_PLAYBACK_ENDED, SEGMENTS, VOICES, HEADER

cdef class Players:
    cdef Mailbox events
    cdef long long legs
    cdef long long[::1] playback, segment_at, segment_length, segments, segment, offset, law
    cdef signed char[::1] loop
    cdef object memory
    cdef unsigned char[::1] prompts

    cdef long long voice(self, long long room, long long number) except -1 nogil
    cdef long long add_segment(self, long long player, long long number, long long at, long long length) except -1 nogil
    cdef long long start(self, long long player, long long playback, long long count, long long loop, long long law) except -1 nogil
    @cython.locals(playback=cython.longlong)
    cdef long long stop(self, long long player, long long reason) except -1 nogil
    @cython.locals(number=cython.longlong, at=cython.longlong)
    cdef long long read(self, long long player, unsigned char[::1] frame) except -1 nogil
    cdef long long is_done(self, long long player) except -1 nogil
