# Types of rooms.py, applied when it is compiled.
cimport cython
from pbx.media.inlet cimport Inlet
from pbx.media.jitter_buffer cimport JitterBuffer
from pbx.media.mailbox cimport Mailbox
from pbx.media.outlet cimport Outlet
from pbx.media.players cimport Players
from pbx.media.slot_clock cimport SlotClock
from pbx.media.sound_codecs cimport SoundCodecs

cdef long long GAIN, JOIN, LEAVE, MUTE, ROOM_CLOSE, ROOM_OPEN, ROOM_PLAY, ROOM_STOP_PLAY
cdef long long LOUDEST, MEMBERS, NONE, PLAY_CLOSED, ROOM_CLOSED, UNITY, VOICES, BUFFER, KNOWN, CALM_MS, HEADER, NARROW, WIDE, MASK32

cdef class Rooms:
    cdef long long legs
    cdef Inlet inlet
    cdef Mailbox events
    cdef SoundCodecs codecs
    cdef JitterBuffer jitter
    cdef Players players
    cdef Outlet outlet
    cdef SlotClock slot_clock
    cdef int[::1] peer, room, member
    cdef signed char[::1] present, mixed, translated, is_open, passes_events, mixing, fading, muted
    cdef long long[::1] place, rate, size, top, hears, heard, voice_gain, voice_applied, voice_duck, voice_only
    cdef object gain_memory, applied_memory
    cdef short[::1] gain, applied
    cdef unsigned char[::1] buf

    cdef long long obey(self, long long what, long long room, long long at, long long[::1] cells, long long now) except -1 nogil
    cdef long long open(self, long long room, long long rate, long long passes_events) except -1 nogil
    @cython.locals(number=cython.longlong)
    cdef long long close(self, long long room, long long now) except -1 nogil
    @cython.locals(place=cython.longlong, base=cython.longlong, other=cython.longlong, mine=cython.longlong, theirs=cython.longlong)
    cdef long long join(self, long long room, long long leg, long long hears, long long heard, long long now) except -1 nogil
    @cython.locals(place=cython.longlong)
    cdef long long free_place(self, long long room) except? -1 nogil
    cdef long long bounded(self, long long gain) except -1 nogil
    cdef long long product(self, long long one, long long other) except -1 nogil
    @cython.locals(room=cython.longlong, base=cython.longlong, number=cython.longlong)
    cdef long long leave(self, long long leg, long long now) except -1 nogil
    cdef long long bridge(self, long long leg, long long other, long long now) except -1 nogil
    @cython.locals(other=cython.longlong)
    cdef long long part(self, long long leg) except -1 nogil
    @cython.locals(room=cython.longlong, row=cython.longlong, place=cython.longlong)
    cdef long long partner(self, long long leg) except? -1 nogil
    cdef long long look_again(self, long long leg, long long now) except -1 nogil
    @cython.locals(other=cython.longlong, unlike=cython.longlong)
    cdef long long settle_bridge(self, long long leg, long long now) except -1 nogil
    cdef long long translate(self, long long leg, long long on, long long now) except -1 nogil
    @cython.locals(jitter=cython.longlong, calm=cython.bint)
    cdef long long begin_buffering(self, long long leg) except -1 nogil
    @cython.locals(plain=cython.longlong, mixing=cython.longlong, number=cython.longlong, leg=cython.longlong)
    cdef long long settle(self, long long room, long long now) except -1 nogil
    @cython.locals(number=cython.longlong, base=cython.longlong, first=cython.longlong, second=cython.longlong)
    cdef long long is_plain(self, long long room) except -1 nogil
    @cython.locals(number=cython.longlong)
    cdef long long next_member(self, long long room, long long place) except? -1 nogil
    @cython.locals(first=cython.longlong, second=cython.longlong)
    cdef long long relay(self, long long room, long long now) except -1 nogil
    @cython.locals(source=cython.longlong, end=cython.longlong, sequence=cython.longlong, stamp=cython.longlong, kind=cython.longlong)
    cdef long long release(self, long long leg, long long out, long long now) except -1 nogil
    @cython.locals(base=cython.longlong, place=cython.longlong, leg=cython.longlong, other=cython.longlong, speaker=cython.longlong)
    cdef long long set_gain(self, long long room, long long listener, long long talker, long long gain, long long now) except -1 nogil
    cdef long long mute(self, long long room, long long leg, long long muted, long long now) except -1 nogil
    cdef long long keeps_events(self, long long leg) except -1 nogil
    @cython.locals(room=cython.longlong, passed=cython.longlong, base=cython.longlong, source=cython.longlong,
                   place=cython.longlong, out=cython.longlong)
    cdef long long pass_event(self, long long leg, unsigned char[::1] buf, long long n, long long stamp, long long ssrc,
                              long long marker, long long now) except -1 nogil
    @cython.locals(out=cython.longlong, source=cython.longlong, kind=cython.longlong)
    cdef long long pass_noise(self, long long leg, unsigned char[::1] buf, long long n, long long sequence, long long stamp,
                              long long ssrc, long long marker, long long now) except -1 nogil
    cdef long long pass_event_to(self, long long out, unsigned char[::1] buf, long long n, long long source, long long stamp,
                                 long long marker, long long now) except -1 nogil
    @cython.locals(player=cython.longlong, voice=cython.longlong)
    cdef long long play(self, long long room, long long number, long long at, long long[::1] cells, long long now) except -1 nogil
    cdef long long stop_voice(self, long long room, long long number, long long reason, long long now) except -1 nogil
    @cython.locals(number=cython.longlong)
    cdef long long stop_voices(self, long long room, long long reason, long long now) except -1 nogil
